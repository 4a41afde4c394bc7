/* Commands that wait a moment for others, where several requests are under way. A request to the broker costs it as much as some twenty
 * commands, and the worker's fetch of them as much again: under load this is what the processors have no time for.
 *
 * A command of a quiet ingress never waits: as long as fewer than GATHER_FROM requests wait for their outcomes, each is emitted at once.
 * With more it waits until the commands of all these requests are together (never so where one has gone already), or GATHER_MOST are, or
 * `linger_us` have passed since the first came. Where most such waits bring nothing, as with a few clients that all wait for their answers,
 * one is made in GATHER_PROBE times that time only, to see whether it is still so.
 *
 * gather_add() belongs to one thread, for the order is that of its calls; gather_serve() and gather_release() to any. */
#pragma once
#include "common/kafka.h"
#include <stddef.h>
#include <stdint.h>

enum {
    GATHER_FROM = 3,
    GATHER_MOST = 256,
    GATHER_PROBE = 16,
    GATHER_HEADERS = 4,
    GATHER_LARGE_BYTES = 16 * 1024, /* such a command does not wait, and what waits goes before it */
};

/* A command as it is produced. */
struct gathered {
    struct slice key;
    struct slice value;
    struct kafka_header headers[GATHER_HEADERS]; /* names are literals */
    size_t n_headers;
    void *ticket;
};

struct gather;

/* `n` commands, in the order in which they were added. Called by the functions below, one call at a time; it must not call them. */
typedef void (*gather_emit_fn)(void *ctx, const struct gathered *commands, size_t n);

/* `linger_us` 0: nothing ever waits. NULL when memory or descriptors are short. */
struct gather *gather_new(int64_t linger_us, gather_emit_fn emit, void *ctx);
/* What still waits is dropped: release it before. */
void gather_free(struct gather *g);

/* Emits `m`, behind what waits, or keeps a copy of it. `waiting` requests wait for their outcomes, its own among them. `now_us` is of a
 * monotonic clock. */
void gather_add(struct gather *g, const struct gathered *m, size_t waiting, int64_t now_us);
/* Becomes readable when what waits is due, also for nothing where it has gone before its time: then call gather_serve(). */
int gather_fd(const struct gather *g);
/* Emits what waits, if it is due. */
void gather_serve(struct gather *g);
/* Emits what waits. */
void gather_release(struct gather *g);
