/* What the store_*.c files share. */
#pragma once
#include "common/buffer.h"
#include "common/postgres.h"
#include "worker/store.h"

/* Names of the prepared statements; their texts are worker/sql/NAME.sql. */
#define STORE_INSERT "insert_labels"
#define STORE_LOOKUP "lookup_labels"

enum { STORE_PLANS_LAST_US = 10 * 1000000 };

enum store_phase {
    PHASE_DISCONNECTED, /* waiting for `retry_at_us` */
    PHASE_CONNECTING,   /* PQconnectPoll() */
    PHASE_SETTING_UP,   /* checks and prepared statements, one after the other: `setup_step` */
    PHASE_CONNECTED,    /* in libpq's pipeline mode: statements are sent before earlier ones are answered */
};

/* The statement of a batch that is under way. */
enum store_asking {
    ASKING_NOTHING,
    ASKING_INSERT,  /* of ranges[n_ranges - 1] */
    ASKING_LOOK_UP, /* of the last `asked` of `taken` */
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

/* A batch, and what is left to be done for it. `round` holds rows with different ids; rows that repeat an id wait in `again`; rows
 * whose id was taken wait in `taken` for the look-up, and so do those that are refused (which their verdict says already): they may have
 * been stored before. */
struct store_batch {
    struct arena *arena;
    struct store_row **round, **again, **taken;
    size_t n_round, n_again, n_taken, capacity;
    struct store_range ranges[STORE_MAX_RANGES];
    size_t n_ranges;
    enum store_asking asking;
    size_t asked;        /* rows in the statement under way */
    size_t look_up_most; /* rows of `taken` in one statement */
    bool has_hidden;     /* a row is neither stored nor found again and again, and a policy may hide it */
    bool has_refused;    /* a refusal of this batch was logged */
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
    int64_t plans_until_us; /* when PostgreSQL shall plan the statements anew */
    int64_t answer_by_us;   /* where an answer of the server is awaited: when it is given up */
    char error[512];        /* the last failure, for readiness; empty when all is well again */
    char *generated;        /* columns of gold_label that PostgreSQL computes: "\nNAME\n…\n", or NULL */

    /* batches[first] is the oldest of `n`. */
    struct store_batch batches[STORE_BATCHES];
    size_t first, n;
    /* Those with a statement under way, in the order in which PostgreSQL answers. Each has at most one. */
    struct store_batch *sent[STORE_BATCHES];
    size_t n_sent;
    PGresult *answer; /* to the first of them: its result, or the first error, seen before it is finished */

    struct store_params params;
};

/* ---- store_batch.c: what is to be asked next, without a connection ---- */

/* Makes a batch of rows that are sorted by id. Errors: STATUS_NO_MEMORY. */
status store_batch_begin(struct store_batch *b, struct store_row *rows, size_t n, struct arena *arena)
    must_check;
void store_batch_dispose(struct store_batch *b);
bool store_batch_is_answered(const struct store_batch *b);
/* The rows of the next statement, and which of the two it is. False when none is needed (any more). */
bool store_batch_next(struct store_batch *b, enum store_asking *asking, struct store_row ***rows, size_t *n);
/* The statement under way was too much, or holds a row that is to blame: the next one has half of it. False when its row is alone. */
bool store_batch_halve(struct store_batch *b);

/* ---- store_answer.c: what the answer to a statement means ---- */

/* The answer to the statement under way of `b` is there (`r`): verdicts, or whose fault it is. Errors: those of store_read_…. */
status store_finish_statement(struct store *s, struct store_batch *b, PGresult *r) must_check;

/* ---- store_connect.c ---- */

/* Ends the connection without waiting for anything; tries again after a back-off. */
void store_disconnect(struct store *s, const char *why);
/* From now on an answer is due within statement_timeout_ms and a grace: PostgreSQL gives up first, where it still can. */
void store_expect_answer(struct store *s);
/* Whether it has not come in time. */
bool store_is_overdue(const struct store *s);
/* Phases before PHASE_CONNECTED. */
status store_connect_advance(struct store *s) must_check;
/* Reads what has come for the statement that is answered next. True when it is finished: `*out` is its result (to be cleared by the
 * caller) or NULL when the connection is lost. The result is an error if anything failed up to and with the commit. */
bool store_take_result(struct store *s, PGresult **out);
/* Pushes out what libpq still holds; false when the connection is lost. */
bool store_flush(struct store *s);

/* ---- store_verdicts.c ---- */

/* Read the answers of the two statements into the rows' verdicts. Errors: STATUS_FATAL (an answer that cannot be),
 * STATUS_NO_MEMORY; of the first also STATUS_RETRY (a policy hides all runs; no row has a verdict). */
status store_read_inserted(struct store_batch *b, const PGresult *r) must_check;
status store_read_found(struct store_batch *b, const PGresult *r) must_check;
/* The row was looked up, and what refuses it is its verdict. */
void store_refusal_stands(struct store_batch *b, const struct store_row *row);

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
enum store_blame store_blame_of(const PGresult *error, const char *generated);
/* The column of gold_label that must not be null and that the worker does not fill, whatever a label holds; NULL where that is not
 * the error. What is in a column of `generated` (as in struct store) follows from the label. */
const char *store_unfilled_column(const PGresult *error, const char *generated);
/* The table is partitioned, and has no partition for a row. */
bool store_has_no_partition(const PGresult *error);
/* What PostgreSQL refused, without the value: SQLSTATE and constraint, or that a trigger has changed it. */
struct slice store_refusal(const PGresult *error, struct arena *arena);
