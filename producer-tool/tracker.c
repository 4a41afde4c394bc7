#include "producer-tool/tracker.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NONCE_LEN = 32,
    NUMBER_LEN = 8, /* hexadecimal digits of a slot and of a generation */
};
_Static_assert(NONCE_LEN + 2 * NUMBER_LEN == TRACKER_CORRELATION_LEN, "the parts make up the whole");

struct tracker {
    char nonce[NONCE_LEN + 1]; /* tells our results from other producers' on the same partition */
    size_t capacity;
    size_t n_free;
    size_t n_open;
    uint32_t *free_slots; /* a stack */
    struct tracked *entries;
};

struct tracker *tracker_new(size_t capacity)
{
    struct tracker *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->capacity = t->n_free = capacity;
    t->free_slots = calloc(capacity, sizeof *t->free_slots);
    t->entries = calloc(capacity, sizeof *t->entries);
    if (!t->free_slots || !t->entries) {
        tracker_free(t);
        return NULL;
    }
    for (size_t i = 0; i < capacity; i++)
        t->free_slots[i] = (uint32_t)(capacity - 1 - i);

    uint8_t random[NONCE_LEN / 2];
    uuid_random_bytes(random);
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(t->nonce + 2 * i, 3, "%02x", random[i]);
    return t;
}

void tracker_free(struct tracker *t)
{
    if (!t)
        return;
    free(t->free_slots);
    free(t->entries);
    free(t);
}

bool tracker_is_full(const struct tracker *t)
{
    return t->n_free == 0;
}

size_t tracker_open(const struct tracker *t)
{
    return t->n_open;
}

struct tracked *tracker_add(struct tracker *t, uint64_t line, const struct uuid *command_id)
{
    struct tracked *e = &t->entries[t->free_slots[--t->n_free]];
    *e = (struct tracked){
        .line = line, .command_id = *command_id, .generation = e->generation + 1, .in_use = true};
    t->n_open++;
    return e;
}

static void release(struct tracker *t, struct tracked *e)
{
    e->in_use = false;
    t->free_slots[t->n_free++] = (uint32_t)(e - t->entries);
}

void tracker_withdraw(struct tracker *t, struct tracked *e)
{
    t->n_open--;
    release(t, e);
}

void tracker_correlation(const struct tracker *t, const struct tracked *e,
                         char out[TRACKER_CORRELATION_LEN + 1])
{
    snprintf(out, TRACKER_CORRELATION_LEN + 1, "%s%08" PRIx32 "%08" PRIx32, t->nonce,
             (uint32_t)(e - t->entries), e->generation);
}

/* Lower-case digits only, as we write them. */
static bool read_hex(const char *at, uint32_t *out)
{
    uint32_t number = 0;
    for (int i = 0; i < NUMBER_LEN; i++) {
        static const char digits[] = "0123456789abcdef";
        const char *digit = at[i] ? strchr(digits, at[i]) : NULL;
        if (!digit)
            return false;
        number = number << 4 | (uint32_t)(digit - digits);
    }
    *out = number;
    return true;
}

struct tracked *tracker_find(struct tracker *t, struct slice correlation)
{
    uint32_t slot = 0;
    uint32_t generation = 0;

    if (correlation.len != TRACKER_CORRELATION_LEN || memcmp(correlation.at, t->nonce, NONCE_LEN) != 0)
        return NULL;
    if (!read_hex(correlation.at + NONCE_LEN, &slot) ||
        !read_hex(correlation.at + NONCE_LEN + NUMBER_LEN, &generation) || slot >= t->capacity)
        return NULL;

    struct tracked *e = &t->entries[slot];
    return e->in_use && !e->settled && e->generation == generation ? e : NULL;
}

void tracker_report(struct tracker *t, struct tracked *e)
{
    e->reported = true;
    if (e->settled)
        release(t, e);
}

void tracker_settle(struct tracker *t, struct tracked *e)
{
    e->settled = true;
    t->n_open--;
    if (e->reported)
        release(t, e);
}

struct tracked *tracker_next_open(struct tracker *t, size_t *cursor)
{
    while (*cursor < t->capacity) {
        struct tracked *e = &t->entries[(*cursor)++];
        if (e->in_use && !e->settled)
            return e;
    }
    return NULL;
}
