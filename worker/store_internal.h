/* What the store_*.c files share. */
#pragma once
#include "common/buffer.h"
#include "worker/store.h"
#include <libpq-fe.h>

/* Names of the prepared statements; their texts are worker/sql/NAME.sql. */
#define STORE_INSERT "insert_labels"
#define STORE_LOOKUP "lookup_labels"

enum store_phase {
    PHASE_DISCONNECTED, /* waiting for `retry_at_us` */
    PHASE_CONNECTING,   /* PQconnectPoll() until `connect_by_us` */
    PHASE_SETTING_UP,   /* checks and prepared statements, one after the other: `setup_step` */
    PHASE_IDLE,         /* connected; nothing sent */
    PHASE_INSERTING,    /* the insert of ranges[n_ranges - 1] is on its way */
    PHASE_LOOKING_UP,   /* the look-up of `taken` is on its way */
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
    const char *conninfo;
    const struct clock *clock;
    PGconn *conn;
    enum store_phase phase;
    int setup_step;
    short events;
    unsigned attempts; /* failures in a row */
    int64_t retry_at_us, connect_by_us;
    char error[256]; /* the last failure, for readiness; empty when connected */

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
    unsigned gone_rounds; /* rounds in a row in which a taken id was not there when looked up */

    struct store_params params;
};

/* ---- store_connect.c ---- */

/* Ends the connection; tries again after a back-off. */
void store_disconnect(struct store *s, const char *why);
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
};

enum store_blame store_blame(const char *sqlstate);
/* What PostgreSQL refused, without the value: SQLSTATE and constraint. */
struct slice store_refusal(const PGresult *error, struct arena *arena);
