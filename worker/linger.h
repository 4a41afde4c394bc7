/* Whether an idle database waits for more commands. A statement and its commit cost as much as some twenty of its rows, and each
 * batch its requests to the broker: where commands stream in, a moment's wait makes all of it cheaper. A lone command never waits.
 * (PostgreSQL's commit_delay with commit_siblings is the same thought.) Nothing here blocks or fails. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero: never waits. */
struct linger {
    int64_t most_us; /* of one wait; 0: never */
    bool waiting;
    int64_t since_us, until_us; /* waiting; monotonic clock */
    size_t rows;                /* waiting: those that were there when it was last asked … */
    int64_t grown_us;           /* … and since when there are so many */
    size_t last_rows;           /* of the batch before … */
    int64_t last_us;            /* … and how long the database had it */
    unsigned vain;              /* waits in a row that were */
    unsigned skip;              /* batches that do not wait, for that */
};

/* The database is idle, and there are `rows` > 0. Asked until it says no; they are stored then. Waits at most as long as the batch
 * before took, if that had more than one command. Where nothing came in the second half of a wait, as from clients that all wait for
 * their answers, the next batch does not wait, after another such wait the next two, and so on. */
bool linger_waits(struct linger *l, size_t rows, int64_t now_us);
/* There is nothing to wait with, or no reason to. */
void linger_stop(struct linger *l);
/* When to ask again, if nothing comes before (monotonic clock); -1: it does not wait. */
int64_t linger_until_us(const struct linger *l);
/* The database has answered a batch. */
void linger_stored(struct linger *l, size_t rows, int64_t took_us);
