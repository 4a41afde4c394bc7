#include "ingress/pending.h"

#include "common/shares.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define NOTHING UINT32_MAX

struct slot {
    struct waiter waiter;
    int64_t due_us; /* the heap's order */
    uint32_t
        generation; /* counts the waiters of this slot, so that a late report finds nobody; never 0 in use */
    uint32_t next;  /* in its bucket, or in the list of free slots */
    uint32_t heap_at; /* NOTHING: nobody waits (any more) */
    bool is_queued;   /* its command's report has not come: place and bytes are taken, whoever waits */
};

struct pending {
    pthread_mutex_t mutex;
    size_t max;
    size_t n_buckets; /* a power of two */
    uint32_t *buckets;
    uint32_t *heap; /* slots, the earliest due first */
    size_t n;
    uint32_t free;
    struct slot *slots;
    struct shares places;
    struct shares bytes; /* of commands whose report has not come */
    struct partitions partitions;
};

struct pending *pending_new(size_t max, size_t max_bytes)
{
    struct pending *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;

    p->max = max;
    p->places.max = max;
    p->bytes.max = max_bytes;
    p->n_buckets = 16;
    while (p->n_buckets < max)
        p->n_buckets *= 2;
    p->buckets = malloc(p->n_buckets * sizeof *p->buckets);
    p->heap = malloc(max * sizeof *p->heap);
    p->slots = calloc(max, sizeof *p->slots);
    if (!p->buckets || !p->heap || !p->slots) {
        free(p->buckets);
        free(p->heap);
        free(p->slots);
        free(p);
        return NULL;
    }
    (void)pthread_mutex_init(&p->mutex, NULL);
    memset(p->buckets, 0xff, p->n_buckets * sizeof *p->buckets);
    p->free = 0;
    for (uint32_t i = 0; i < max; i++) {
        p->slots[i].heap_at = NOTHING;
        p->slots[i].next = i + 1 < max ? i + 1 : NOTHING;
    }
    return p;
}

void pending_free(struct pending *p)
{
    if (!p)
        return;
    (void)pthread_mutex_destroy(&p->mutex);
    free(p->buckets);
    free(p->heap);
    free(p->slots);
    free(p);
}

/* ---- the heap of deadlines ---- */

static void heap_put(struct pending *p, size_t at, uint32_t slot)
{
    p->heap[at] = slot;
    p->slots[slot].heap_at = (uint32_t)at;
}

static int64_t due_at(const struct pending *p, size_t at)
{
    return p->slots[p->heap[at]].due_us;
}

static void heap_swap(struct pending *p, size_t a, size_t b)
{
    uint32_t slot = p->heap[a];
    heap_put(p, a, p->heap[b]);
    heap_put(p, b, slot);
}

static void heap_settle(struct pending *p, size_t at)
{
    while (at > 0 && due_at(p, at) < due_at(p, (at - 1) / 2)) {
        heap_swap(p, at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < p->n; child++)
            if (due_at(p, child) < due_at(p, least))
                least = child;
        if (least == at)
            return;
        heap_swap(p, at, least);
        at = least;
    }
}

/* ---- the table of correlation ids; they are random, so their first bytes are a hash ---- */

static uint32_t *bucket_of(const struct pending *p, const uint8_t *correlation)
{
    uint64_t hash;
    memcpy(&hash, correlation, sizeof hash);
    return &p->buckets[hash & (p->n_buckets - 1)];
}

static uint32_t find(const struct pending *p, const uint8_t *correlation)
{
    uint32_t slot = *bucket_of(p, correlation);
    while (slot != NOTHING &&
           memcmp(p->slots[slot].waiter.correlation, correlation, PENDING_CORRELATION_LEN) != 0)
        slot = p->slots[slot].next;
    return slot;
}

static void unlink_slot(struct pending *p, uint32_t slot)
{
    uint32_t *link = bucket_of(p, p->slots[slot].waiter.correlation);
    while (*link != slot)
        link = &p->slots[*link].next;
    *link = p->slots[slot].next;
}

/* ---- tickets: slot and generation in one pointer that is never followed ---- */

static void *ticket_of(const struct pending *p, uint32_t slot)
{
    return (void *)(uintptr_t)((uint64_t)p->slots[slot].generation << 32 | slot);
}

static uint32_t slot_of(const struct pending *p, const void *ticket)
{
    uint32_t slot = (uint32_t)((uintptr_t)ticket & UINT32_MAX);
    uint32_t generation = (uint32_t)((uint64_t)(uintptr_t)ticket >> 32);
    bool is_there = slot < p->max && p->slots[slot].generation == generation &&
                    (p->slots[slot].heap_at != NOTHING || p->slots[slot].is_queued);
    return is_there ? slot : NOTHING;
}

_Static_assert(sizeof(void *) == 8, "a ticket needs 64 bits");

/* ---- the whole ---- */

static bool take_shares(struct pending *p, const struct waiter *w)
{
    if (!shares_take(&p->places, w->party, 1))
        return false;
    if (shares_take(&p->bytes, w->party, w->bytes))
        return true;
    shares_give_back(&p->places, w->party, 1);
    return false;
}

status pending_add(struct pending *p, const struct waiter *w, void **ticket)
{
    (void)pthread_mutex_lock(&p->mutex);
    uint32_t i = take_shares(p, w) ? p->free : NOTHING;
    if (i != NOTHING) {
        struct slot *slot = &p->slots[i];
        uint32_t *bucket = bucket_of(p, w->correlation);

        p->free = slot->next;
        slot->waiter = *w;
        slot->waiter.partition = PARTITIONS_NONE;
        slot->is_queued = true;
        slot->due_us = w->deadline_us;
        if (++slot->generation == 0)
            slot->generation = 1;
        slot->next = *bucket;
        *bucket = i;
        heap_put(p, p->n, i);
        heap_settle(p, p->n++);
        *ticket = ticket_of(p, i);
    }
    (void)pthread_mutex_unlock(&p->mutex);
    return i != NOTHING ? STATUS_OK : STATUS_FULL;
}

/* A slot is free again when its command has left the queue and nobody waits for it. */
static void free_if_over(struct pending *p, uint32_t i)
{
    struct slot *slot = &p->slots[i];

    if (slot->is_queued || slot->heap_at != NOTHING)
        return;
    shares_give_back(&p->places, slot->waiter.party, 1);
    slot->next = p->free;
    p->free = i;
}

static void leave_queue(struct pending *p, struct slot *slot)
{
    if (slot->is_queued)
        shares_give_back(&p->bytes, slot->waiter.party, slot->waiter.bytes);
    slot->is_queued = false;
}

static void stop_waiting(struct pending *p, uint32_t i, enum partitions_end end, int64_t now_us,
                         struct waiter *out)
{
    size_t at = p->slots[i].heap_at;

    *out = p->slots[i].waiter;
    partitions_remove(&p->partitions, out->partition, end, out->produced_us, now_us);
    unlink_slot(p, i);
    p->n--;
    if (at != p->n) {
        heap_put(p, at, p->heap[p->n]);
        heap_settle(p, at);
    }
    p->slots[i].heap_at = NOTHING;
    free_if_over(p, i);
}

bool pending_place(struct pending *p, const void *ticket, int32_t partition, bool must, int64_t now_us)
{
    bool placed = true;

    (void)pthread_mutex_lock(&p->mutex);
    uint32_t i = slot_of(p, ticket);
    bool waits_for_result = i != NOTHING && p->slots[i].heap_at != NOTHING &&
                            !prefer_is_immediate(&p->slots[i].waiter.preference);
    if (waits_for_result) {
        struct waiter *w = &p->slots[i].waiter;
        partitions_remove(&p->partitions, w->partition, PARTITIONS_LEFT, 0, 0); /* it was given up */
        w->partition = PARTITIONS_NONE;
        placed = partitions_add(&p->partitions, partition, must, now_us);
        if (placed)
            w->partition = partition;
    }
    (void)pthread_mutex_unlock(&p->mutex);
    return placed;
}

bool pending_take(struct pending *p, const uint8_t correlation[PENDING_CORRELATION_LEN], int64_t now_us,
                  struct waiter *out)
{
    (void)pthread_mutex_lock(&p->mutex);
    uint32_t i = find(p, correlation);
    if (i != NOTHING) {
        leave_queue(p, &p->slots[i]); /* a result says so as well; the report may be late */
        stop_waiting(p, i, PARTITIONS_ANSWERED, now_us, out);
    }
    (void)pthread_mutex_unlock(&p->mutex);
    return i != NOTHING;
}

bool pending_take_ticket(struct pending *p, const void *ticket, struct waiter *out)
{
    bool taken = false;

    (void)pthread_mutex_lock(&p->mutex);
    uint32_t i = slot_of(p, ticket);
    if (i != NOTHING) {
        leave_queue(p, &p->slots[i]);
        taken = p->slots[i].heap_at != NOTHING;
        if (taken)
            stop_waiting(p, i, PARTITIONS_LEFT, 0, out);
        else
            free_if_over(p, i);
    }
    (void)pthread_mutex_unlock(&p->mutex);
    return taken;
}

static enum pending_report report_to(struct pending *p, uint32_t i, int64_t now_us, struct waiter *out)
{
    struct waiter *w = &p->slots[i].waiter;

    w->published = true;
    *out = *w;
    if (p->slots[i].heap_at == NOTHING) {
        free_if_over(p, i);
        return PENDING_ANSWERED;
    }
    bool is_immediate = prefer_is_immediate(&w->preference);
    if (!is_immediate && now_us < w->deadline_us)
        return PENDING_WAITS;
    stop_waiting(p, i, is_immediate ? PARTITIONS_LEFT : PARTITIONS_IN_VAIN, now_us, out);
    return PENDING_TAKEN;
}

enum pending_report pending_published(struct pending *p, const void *ticket, int64_t now_us,
                                      struct waiter *out)
{
    enum pending_report report = PENDING_GONE;

    (void)pthread_mutex_lock(&p->mutex);
    uint32_t i = slot_of(p, ticket);
    if (i != NOTHING) {
        leave_queue(p, &p->slots[i]);
        report = report_to(p, i, now_us, out);
    }
    (void)pthread_mutex_unlock(&p->mutex);
    return report;
}

bool pending_expire(struct pending *p, int64_t now_us, struct waiter *out)
{
    bool taken = false;

    (void)pthread_mutex_lock(&p->mutex);
    while (p->n > 0 && due_at(p, 0) <= now_us && !taken) {
        struct slot *slot = &p->slots[p->heap[0]];
        if (slot->waiter.published || slot->waiter.give_up_us <= now_us) {
            stop_waiting(p, p->heap[0], PARTITIONS_IN_VAIN, now_us, out);
            taken = true;
        } else {
            slot->due_us = slot->waiter.give_up_us;
            heap_settle(p, 0);
        }
    }
    (void)pthread_mutex_unlock(&p->mutex);
    return taken;
}

bool pending_take_any(struct pending *p, struct waiter *out)
{
    (void)pthread_mutex_lock(&p->mutex);
    bool taken = p->n > 0;
    if (taken)
        stop_waiting(p, p->heap[0], PARTITIONS_LEFT, 0, out);
    (void)pthread_mutex_unlock(&p->mutex);
    return taken;
}

int64_t pending_next_us(struct pending *p)
{
    (void)pthread_mutex_lock(&p->mutex);
    int64_t next_us = p->n > 0 ? due_at(p, 0) : INT64_MAX;
    (void)pthread_mutex_unlock(&p->mutex);
    return next_us;
}

size_t pending_count(struct pending *p)
{
    (void)pthread_mutex_lock(&p->mutex);
    size_t n = p->n;
    (void)pthread_mutex_unlock(&p->mutex);
    return n;
}
