/* The memory of all answers to reads that are being read or sent. Large answers leave some of it to the others, so that a client that is
 * slow to take one does not keep everybody from reading. Any thread. */
#pragma once
#include "common/metrics.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    READ_MEMORY_ORDINARY = 1024 * 1024,   /* a larger answer … */
    READ_MEMORY_SPARED = 4 * 1024 * 1024, /* … cannot have the last of the memory */
};

struct read_memory {
    size_t max; /* above READ_MEMORY_SPARED */
    _Atomic size_t used;
    struct gauge *gauge;
};

static inline void read_memory_give_back(struct read_memory *m, size_t bytes)
{
    (void)atomic_fetch_sub(&m->used, bytes);
    gauge_add(m->gauge, -(int64_t)bytes);
}

/* The most that an answer of so many bytes can find. */
static inline size_t read_memory_for(const struct read_memory *m, size_t bytes)
{
    return bytes > READ_MEMORY_ORDINARY ? m->max - READ_MEMORY_SPARED : m->max;
}

static inline bool read_memory_take(struct read_memory *m, size_t bytes)
{
    size_t most = read_memory_for(m, bytes);
    size_t before = atomic_fetch_add(&m->used, bytes);

    gauge_add(m->gauge, (int64_t)bytes);
    if (before <= most && bytes <= most - before)
        return true;
    read_memory_give_back(m, bytes);
    return false;
}
