/* What the store_*.c files share. */
#pragma once
#include "common/buffer.h"
#include "common/postgres.h"
#include "worker/store.h"

/* Names of the prepared statements; their texts are worker/sql/NAME.sql. */
#define STORE_INSERT "insert_labels"
#define STORE_LOOKUP "lookup_labels"

enum store_phase {
    PHASE_DISCONNECTED, /* waiting for `retry_at_us` */
    PHASE_CONNECTING,   /* PQconnectPoll() */
    PHASE_SETTING_UP,   /* checks and prepared statements, one after the other: `setup_step` */
    PHASE_IDLE,         /* connected; nothing sent */
    PHASE_INSERTING,    /* the insert of ranges[n_ranges - 1] is on its way */
    PHASE_LOOKING_UP,   /* the look-up of the last `asked` of `taken` is on its way */
};

/* Part of `round`: rows start … start + n - 1 go into one statement. */
struct store_range {
    size_t start, n;
};

/* A batch is halved at most once per bit of its size, and each halving leaves one more range waiting. */
enum { STORE_MAX_RANGES = 66 };

/* The eight array parameters that both statements take. */
enum { STORE_PARAMS = 8 };

struct store_params {
    struct buffer at[STORE_PARAMS];
};

struct store {
    struct store_options o;
    struct counter *statements, *outages;
    char statement_timeout[24]; /* in ms, as text */
    PGconn *conn;
    enum store_phase phase;
    int setup_step;
    char address[72]; /* that is being connected to */
    short events;
    unsigned attempts; /* failures in a row */
    int64_t retry_at_us;
    int64_t answer_by_us; /* phases that wait for the server: when it is given up */
    char error[256];      /* the last failure, for readiness; empty when all is well again */

    /* The statement under way: its result, or the first error, seen before it is finished. */
    PGresult *answer;

    /* The batch. `round` holds rows with different ids; rows that repeat an id wait in `again`; rows whose id was taken wait in
     * `taken` for the look-up. */
    struct arena *arena;
    bool has_batch;
    struct store_row **round, **again, **taken;
    size_t n_round, n_again, n_taken, capacity;
    struct store_range ranges[STORE_MAX_RANGES];
    size_t n_ranges;
    size_t asked;         /* rows in the statement under way */
    size_t look_up_most;  /* rows of `taken` in one statement */
    unsigned gone_rounds; /* rounds in a row in which a taken id was not there when looked up */
    bool has_refused;     /* a refusal of this batch was logged */

    struct store_params params;
};

/* ---- store_connect.c ---- */

/* Ends the connection without waiting for anything; tries again after a back-off. */
void store_disconnect(struct store *s, const char *why);
/* From now on an answer is due within statement_timeout_ms and a grace: PostgreSQL gives up first, where it still can. */
void store_expect_answer(struct store *s);
/* Whether it has not come in time. */
bool store_is_overdue(const struct store *s);
/* Phases before PHASE_IDLE. */
status store_connect_advance(struct store *s) must_check;
/* Reads what has come for the statement under way. True when it is finished: `*out` is its result (to be cleared by the caller) or
 * NULL when the connection is lost. The result is an error if anything failed up to and with the commit. */
bool store_take_result(struct store *s, PGresult **out);
/* Pushes out what libpq still holds; false when the connection is lost. */
bool store_flush(struct store *s);

/* ---- store_verdicts.c ---- */

/* Read the answers of the two statements into the rows' verdicts. Errors: STATUS_FATAL (an answer that cannot be),
 * STATUS_NO_MEMORY. */
status store_read_inserted(struct store *s, const PGresult *r) must_check;
status store_read_found(struct store *s, const PGresult *r) must_check;

/* ---- store_params.c ---- */

/* Fills the binary arrays from rows; false when memory is short. */
bool store_params_fill(struct store_params *p, struct store_row *const *rows, size_t n);
void store_params_dispose(struct store_params *p);

/* ---- store_errors.c ---- */

enum store_blame {
    BLAME_DATABASE, /* an outage: wait and repeat */
    BLAME_ROW,      /* the data's fault: halve, reject the one */
    BLAME_SIZE,     /* too much at a time: halve; the one is an outage, never rejected */
};

/* `in_function`: raised by a function of the platform, not by PostgreSQL itself. */
enum store_blame store_blame(const char *sqlstate, bool in_function);
enum store_blame store_blame_of(const PGresult *error);
/* What PostgreSQL refused, without the value: SQLSTATE and constraint. */
struct slice store_refusal(const PGresult *error, struct arena *arena);
