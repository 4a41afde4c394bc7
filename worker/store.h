/* Gold labels in PostgreSQL: stores batches of commands and says what became of each command.
 *
 * One store holds one connection, never blocks, and keeps a batch until it has an answer for every row: what PostgreSQL refuses is
 * narrowed down to the row that is to blame, and an outage is waited out (reconnect, repeat; rows are idempotent by id). It takes two
 * batches: PostgreSQL has the second before it has answered the first, and never waits for us in between. Each is a transaction.
 * Not thread-safe; the worker's loop owns it. */
#pragma once
#include "common/arena.h"
#include "common/clock.h"
#include "common/label.h"
#include "common/metrics.h"
#include "common/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

/* That are under way at a time. */
enum { STORE_BATCHES = 2 };

/* The number in `schema_version` that this program was written for. */
enum { STORE_SCHEMA_VERSION = 1 };

/* What became of one command. */
enum store_verdict {
    STORE_PENDING,       /* not known yet */
    STORE_CREATED,       /* the row is committed */
    STORE_REPLAYED,      /* the same label was there before */
    STORE_RUN_NOT_FOUND, /* no such run in the command's account */
    STORE_ID_CONFLICT,   /* the id belongs to another label */
    STORE_INVALID,       /* PostgreSQL refused the values; `message` says which rule */
};

/* One row of a batch: the command goes in, the rest comes out. */
struct store_row {
    const struct label_command *command;
    enum store_verdict verdict;
    int64_t created_at_us; /* STORE_CREATED, STORE_REPLAYED */
    const struct label_result
        *found; /* the row that is there; NULL where it equals the command and nobody has changed it */
    struct slice message; /* STORE_INVALID */
    unsigned gone;        /* rounds in which it was neither stored nor found */
};

enum store_state {
    STORE_AWAY,     /* no connection; trying */
    STORE_IDLE,     /* connected, nothing to do */
    STORE_WORKING,  /* batches are under way, with or without a connection */
    STORE_ANSWERED, /* every row of the oldest batch has its verdict */
};

struct store_options {
    const char *conninfo; /* a libpq connection string or URI */
    /* A statement that takes longer is given up: by PostgreSQL itself, and by us some seconds later where it does not say so. More than
     * one row is then tried in halves; one row is tried again. */
    int64_t statement_timeout_ms;
    const struct clock *clock;
    struct metrics *metrics;
};

/* Opens nothing yet. What the options point to must outlive it. NULL when memory is short. */
struct store *store_new(const struct store_options *options);
void store_free(struct store *s);

/* Whether another batch can be taken. */
bool store_has_room(const struct store *s);
/* Takes a batch, sorted by command id, when there is room. Rows and arena (for `found` and `message`) must stay until its
 * store_end(). Batches are stored in their order, but for rows that need more than one statement. Errors: STATUS_NO_MEMORY. */
status store_begin(struct store *s, struct store_row *rows, size_t n, struct arena *arena) must_check;

/* Lets go of the oldest batch in state STORE_ANSWERED. */
void store_end(struct store *s);

/* Does whatever can be done without waiting. Errors, after which the process must stop: STATUS_CONFIG (the database has another
 * schema version, is not UTF-8), STATUS_NO_MEMORY. */
status store_advance(struct store *s) must_check;
enum store_state store_state(const struct store *s);
/* Whether PostgreSQL can be used as far as is known: after a failure of a statement not before one has succeeded. Where it
 * cannot, the last error. */
bool store_is_connected(const struct store *s, const char **why);

/* What to wait for: a descriptor (-1: none) with poll(2) events, and a point in time on the monotonic clock (-1: none). */
int store_fd(const struct store *s, short *events);
int64_t store_deadline_us(const struct store *s);
