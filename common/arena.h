/* Memory that is freed all at once: one arena per batch or request, no allocation per row. */
#pragma once
#include "common/slice.h"
#include <stddef.h>

struct arena;

/* `block` is the size in bytes of the blocks taken from malloc. NULL when memory is short. */
struct arena *arena_new(size_t block);
void arena_free(struct arena *a);
/* Forgets every allocation; keeps one block, gives back what a large batch had taken beyond it. */
void arena_reset(struct arena *a);
/* Aligned for any type, not zeroed. NULL when memory is short. */
void *arena_alloc(struct arena *a, size_t size) __attribute__((malloc, alloc_size(2)));
/* A copy of `s` in the arena; absent stays absent. `at == NULL` for a present `s` means memory is short. */
struct slice arena_copy(struct arena *a, struct slice s);
/* Bytes in use since the last reset. */
size_t arena_used(const struct arena *a);
