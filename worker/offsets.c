#include "worker/offsets.h"

#include <stdlib.h>

static struct kafka_offset *find(struct offset_list *list, int32_t partition)
{
    if (list->last < list->n && list->at[list->last].partition == partition)
        return &list->at[list->last];
    for (size_t i = 0; i < list->n; i++) {
        if (list->at[i].partition == partition) {
            list->last = i;
            return &list->at[i];
        }
    }
    return NULL;
}

bool offsets_note(struct offset_list *list, int32_t partition, int64_t next)
{
    struct kafka_offset *o = find(list, partition);
    if (o) {
        if (next > o->offset)
            o->offset = next;
        return true;
    }
    if (list->n == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 16;
        struct kafka_offset *at = realloc(list->at, capacity * sizeof *at);
        if (!at)
            return false;
        list->at = at;
        list->capacity = capacity;
    }
    list->last = list->n;
    list->at[list->n++] = (struct kafka_offset){.partition = partition, .offset = next};
    return true;
}

bool offsets_merge(struct offset_list *list, const struct offset_list *from)
{
    bool ok = true;
    for (size_t i = 0; i < from->n; i++)
        ok = offsets_note(list, from->at[i].partition, from->at[i].offset) && ok;
    return ok;
}

void offsets_clear(struct offset_list *list)
{
    list->n = 0;
}

void offsets_dispose(struct offset_list *list)
{
    free(list->at);
    *list = (struct offset_list){0};
}
