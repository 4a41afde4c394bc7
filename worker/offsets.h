/* The next offset to read, per partition. */
#pragma once
#include "common/kafka.h"
#include <stdbool.h>
#include <stddef.h>

/* Zero-initialised is empty. */
struct offset_list {
    struct kafka_offset *at;
    size_t n, capacity;
    size_t last; /* where the last one was noted: the next is probably of the same partition */
};

/* Notes that everything before `next` is done with. False when memory is short. */
bool offsets_note(struct offset_list *list, int32_t partition, int64_t next);
/* Notes all of `from`. */
bool offsets_merge(struct offset_list *list, const struct offset_list *from);
void offsets_clear(struct offset_list *list);
void offsets_dispose(struct offset_list *list);
