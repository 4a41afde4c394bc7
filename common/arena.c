#include "common/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

struct block {
    struct block *next;
    size_t size;
    alignas(max_align_t) char bytes[];
};

struct arena {
    struct block *blocks; /* the newest first; allocations come from it */
    size_t filled;        /* of the newest block */
    size_t block_size;
    size_t used; /* in all blocks */
};

static struct block *block_new(size_t size)
{
    if (size > SIZE_MAX - sizeof(struct block))
        return NULL;
    struct block *b = malloc(sizeof *b + size);
    if (!b)
        return NULL;
    b->next = NULL;
    b->size = size;
    return b;
}

struct arena *arena_new(size_t block)
{
    struct arena *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->block_size = block;
    a->blocks = block_new(block);
    if (!a->blocks) {
        free(a);
        return NULL;
    }
    return a;
}

static void free_blocks(struct block *b)
{
    while (b) {
        struct block *next = b->next;
        free(b);
        b = next;
    }
}

void arena_free(struct arena *a)
{
    if (!a)
        return;
    free_blocks(a->blocks);
    free(a);
}

void arena_reset(struct arena *a)
{
    /* The oldest block has the ordinary size: it is the one to keep. */
    while (a->blocks->next) {
        struct block *next = a->blocks->next;
        free(a->blocks);
        a->blocks = next;
    }
    a->filled = 0;
    a->used = 0;
}

void *arena_alloc(struct arena *a, size_t size)
{
    const size_t align = alignof(max_align_t);
    if (size > SIZE_MAX - align)
        return NULL;
    size = (size + align - 1) / align * align;

    if (a->blocks->size - a->filled < size) {
        struct block *b = block_new(size > a->block_size ? size : a->block_size);
        if (!b)
            return NULL;
        b->next = a->blocks;
        a->blocks = b;
        a->filled = 0;
    }
    void *at = a->blocks->bytes + a->filled;
    a->filled += size;
    a->used += size;
    return at;
}

struct slice arena_copy(struct arena *a, struct slice s)
{
    if (!s.at)
        return SLICE_NONE;
    char *at = arena_alloc(a, s.len ? s.len : 1);
    if (!at)
        return SLICE_NONE;
    if (s.len > 0)
        memcpy(at, s.at, s.len);
    return (struct slice){at, s.len};
}

size_t arena_used(const struct arena *a)
{
    return a->used;
}
