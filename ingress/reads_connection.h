/* One connection of the pool that labels are read over: connects by itself, again and again, and does one read at a time. Never
 * waits (but for the resolving of a host's name, which libpq cannot do in the background: a conninfo with `hostaddr` has none). Belongs to
 * the thread of reads.c. */
#pragma once
#include "common/clock.h"
#include "ingress/answer_memory.h"
#include "ingress/read.h"
#include <stdbool.h>
#include <stdint.h>

struct reads_connection;

struct reads_connection_options {
    const char *conninfo;
    int64_t timeout_ms; /* PostgreSQL ends a statement after this */
    int64_t page_bytes; /* of a list; one label may have more */
    const struct clock *clock;
    struct answer_memory *memory;
    /* The read is over; `page` is to be answered, or repeated where it is READ_UNAVAILABLE. Its text is the callee's. */
    void (*settled)(void *ctx, struct read *r, struct read_page *page);
    void *ctx;
};

/* `options` must outlive it. NULL when memory is short. */
struct reads_connection *reads_connection_new(const struct reads_connection_options *options);
/* It must have no read. */
void reads_connection_free(struct reads_connection *c);

/* Connected, and free for a read. */
bool reads_connection_is_idle(const struct reads_connection *c);
bool reads_connection_is_open(const struct reads_connection *c);
/* The last attempt to connect, or to read, has failed. */
bool reads_connection_is_failing(const struct reads_connection *c);

/* Begins a read; only when idle. It may be settled before this returns. */
void reads_connection_read(struct reads_connection *c, struct read *r);
/* Settles its read, if there is one, with `outcome`; what still comes is thrown away. */
void reads_connection_abandon(struct reads_connection *c, enum read_outcome outcome);

/* What poll(2) is to wait for (-1: nothing), and until when. */
int reads_connection_fd(const struct reads_connection *c, short *events);
int64_t reads_connection_due_us(const struct reads_connection *c);
/* Does what can be done now; `is_ready`: poll(2) has reported its descriptor. Returns whether it has begun to connect, which it does
 * only where it may. */
bool reads_connection_advance(struct reads_connection *c, bool is_ready, bool may_connect);
