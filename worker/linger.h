/* Whether an idle database waits for more commands. A statement and its commit cost as much as some twenty of its rows, and each
 * batch its requests to the broker: where commands stream in, a moment's wait makes all of it cheaper. A lone command after a pause does not wait.
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
    size_t commands;            /* waiting: those that were there when it was last asked … */
    int64_t grown_us;           /* … and since when there are so many */
    size_t last_commands;       /* of the last batch that was stored … */
    int64_t last_us;            /* … how long the database had it … */
    int64_t stored_us;          /* … and when it was through */
    unsigned vain;              /* waits in a row that were */
    unsigned skip;              /* batches that do not wait, for that */
};

/* The database is idle, and there are `commands` > 0. Asked until it says no; they are stored then. Waits at most as long as the
 * last batch took, if that had more than one command and was stored a moment ago: within ten such waits. Where nothing came in the
 * second half of a wait, as from clients that all wait for their answers, the next batch does not wait, after another such wait the
 * next two do not, then four, up to 64. */
bool linger_waits(struct linger *l, size_t commands, int64_t now_us);
/* The batch is full: it is stored without being asked about, and to wait was right. */
void linger_filled(struct linger *l);
/* There is nothing to wait with. */
void linger_stop(struct linger *l);
/* When to ask again, if nothing comes before (monotonic clock); -1: it does not wait. */
int64_t linger_until_us(const struct linger *l);
/* The database has answered a batch, just now, after `took_us`. */
void linger_stored(struct linger *l, size_t commands, int64_t took_us, int64_t now_us);
