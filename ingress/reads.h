/* Reads labels from PostgreSQL: a bounded queue, a small pool of connections, and one thread that owns them all and gives the answers.
 * The listener's thread only puts a read into the queue: it never waits for the database. */
#pragma once
#include "common/clock.h"
#include "common/status.h"
#include "ingress/read.h"
#include "ingress/stats.h"
#include <stddef.h>
#include <stdint.h>

struct reads;

struct reads_options {
    const char *conninfo;
    size_t connections;
    size_t queue;       /* reads that wait for a connection */
    size_t memory;      /* of all answers that are being read or sent */
    int64_t timeout_ms; /* of one read, from its request to its answer */
    int64_t page_bytes; /* of a list's answer, about; one label may have more */
    const struct clock *clock;
    const struct stats *stats;
};

/* Makes the connections and the thread; connecting goes on by itself, for as long as it takes. `options.conninfo` must outlive it.
 * Errors: STATUS_NO_MEMORY. */
status reads_start(const struct reads_options *options, struct reads **out, struct fault *f) must_check;
/* Refuses what comes from now on, answers all that waits with 503, and ends the thread: before the listener stops, for whoever answers
 * must not touch it afterwards. Only for the thread that has started it. NULL is fine here and below. */
void reads_close(struct reads *s);
/* Closes, if that was not done, and frees. The listener must have stopped. */
void reads_stop(struct reads *s);

/* Answers `r`, whose members but deadline and place in the queue are filled, sooner or later: from here where that is refused, else
 * from the thread. The request must not be touched afterwards. */
void reads_submit(struct reads *s, struct read *r);
/* The answer that held so many bytes has been sent, or will not be. Any thread. */
void reads_release(struct reads *s, size_t bytes);
