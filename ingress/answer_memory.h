/* A bound of the memory that answers take until they are sent: a client that is slow to take one keeps it there. Large ones may have to
 * leave some of it to the others. Any thread. */
#pragma once
#include "common/metrics.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    ANSWER_MEMORY_SMALL = 16 * 1024,        /* is not worth counting: there is one for each connection */
    ANSWER_MEMORY_ORDINARY = 1024 * 1024,   /* a larger answer cannot have what is spared */
    ANSWER_MEMORY_SPARED = 4 * 1024 * 1024, /* where answers may be larger */
};

struct answer_memory {
    size_t max;
    size_t spared; /* at the end, for ordinary ones; below `max` */
    _Atomic size_t used;
    struct gauge *gauge;
};

static inline void answer_memory_give_back(struct answer_memory *m, size_t bytes)
{
    (void)atomic_fetch_sub(&m->used, bytes);
    gauge_add(m->gauge, -(int64_t)bytes);
}

/* The most that an answer of so many bytes can find. */
static inline size_t answer_memory_for(const struct answer_memory *m, size_t bytes)
{
    return bytes > ANSWER_MEMORY_ORDINARY ? m->max - m->spared : m->max;
}

static inline bool answer_memory_take(struct answer_memory *m, size_t bytes)
{
    size_t most = answer_memory_for(m, bytes);
    size_t before = atomic_fetch_add(&m->used, bytes);

    gauge_add(m->gauge, (int64_t)bytes);
    if (before <= most && bytes <= most - before)
        return true;
    answer_memory_give_back(m, bytes);
    return false;
}
