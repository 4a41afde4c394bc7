#include "worker/pipeline_internal.h"

#include "common/log.h"

/* A full ring is ordinary for as long as a batch takes, not longer. */
enum { PAUSE_AFTER_US = 500 * 1000 };

size_t pipeline_ring(const struct pipeline *p)
{
    return p->o.settings->delivery == WORKER_EXACTLY_ONCE ? RING_EXACTLY_ONCE : RING_AT_LEAST_ONCE;
}

struct batch *pipeline_batch(const struct pipeline *p, size_t i)
{
    return p->ring[(p->first + i) % pipeline_ring(p)];
}

struct batch *pipeline_collecting(const struct pipeline *p)
{
    return p->used < pipeline_ring(p) ? pipeline_batch(p, p->used) : NULL;
}

bool pipeline_is_busy(const struct pipeline *p)
{
    return p->used > 0;
}

void pipeline_drop_collected(struct pipeline *p)
{
    struct batch *b = pipeline_collecting(p);
    if (b)
        batch_reset(b);
    linger_stop(&p->linger);
}

/* ---- collecting ---- */

bool pipeline_has_room(const struct pipeline *p)
{
    const struct batch *b = pipeline_collecting(p);
    return b && !pipeline_is_full(p, b);
}

bool pipeline_is_full(const struct pipeline *p, const struct batch *b)
{
    return b->n >= (size_t)p->o.settings->max_rows || b->bytes >= (size_t)p->o.settings->max_bytes;
}

/* A consumer that is not polled is thrown out of its group, and a poll may return a command: so fetching is paused where
 * there has been no room for a while, and taken up again as soon as there is. */
static status switch_fetching(struct pipeline *p, bool room)
{
    int64_t now = clock_monotonic_us(p->o.clock);
    if (room) {
        p->full_since_us = -1;
        if (!p->paused)
            return STATUS_OK;
        p->paused = false;
        log_info("fetching again");
        return kafka_consumer_resume(p->consumer);
    }
    if (p->full_since_us < 0)
        p->full_since_us = now;
    if (p->paused || now - p->full_since_us < PAUSE_AFTER_US)
        return STATUS_OK;
    p->paused = true;
    log_warning("fetching paused: what is in hand must be finished first");
    return kafka_consumer_pause(p->consumer);
}

static status take(struct pipeline *p, struct kafka_message *m)
{
    struct batch *b = pipeline_collecting(p);
    struct entry *e = b && b->n < b->capacity ? batch_add(b, m) : NULL;
    if (!e) {
        /* Only a broken promise of the consumer leads here: paused partitions have delivered. The command is not
         * committed, so the next process reads it. */
        kafka_message_free(m);
        log_error("no room for a command");
        return STATUS_FATAL;
    }
    b->generation = p->generation;
    return intake_judge(p->intake, e);
}

status pipeline_collect(struct pipeline *p)
{
    bool may_take = p->phase == PIPELINE_RUNNING;
    bool room = pipeline_has_room(p);
    status st = may_take ? switch_fetching(p, room) : STATUS_OK;

    /* What comes while nothing is taken is announced once only. */
    p->consumer_dry = false;
    if (st != STATUS_OK || !(room || p->paused) || !may_take)
        return st;
    while (st == STATUS_OK && p->failed == STATUS_OK) {
        struct kafka_message *m = kafka_consumer_poll(p->consumer, 0);
        if (!m) {
            p->consumer_dry = true;
            break;
        }
        st = take(p, m);
        if (!p->paused && !pipeline_has_room(p))
            break;
    }
    return st == STATUS_OK && kafka_consumer_is_broken(p->consumer) ? STATUS_FATAL : st;
}

/* ---- storing ---- */

static struct batch *oldest_storing(const struct pipeline *p)
{
    for (size_t i = 0; i < p->used; i++) {
        if (pipeline_batch(p, i)->stage == BATCH_STORING)
            return pipeline_batch(p, i);
    }
    return NULL;
}

bool pipeline_is_storing(const struct pipeline *p)
{
    return oldest_storing(p) != NULL;
}

static status begin_storing(struct pipeline *p, struct batch *b)
{
    p->used++;
    batch_make_rows(b);
    counter_add(p->batches, 1);
    if (b->n_rows == 0) {
        b->stage = BATCH_ANSWERING;
        return STATUS_OK;
    }
    b->stage = BATCH_STORING;
    b->storing_since_us = clock_monotonic_us(p->o.clock);
    status st = store_begin(p->store, b->rows, b->n_rows, b->arena);
    return st == STATUS_OK ? store_advance(p->store) : st;
}

static void end_storing(struct pipeline *p, struct batch *b)
{
    int64_t now = clock_monotonic_us(p->o.clock);
    int64_t took_us = now - b->storing_since_us;
    counter_add(p->rows, b->n_rows);
    histogram_observe(p->store_time, took_us);
    linger_stored(&p->linger, b->n, took_us, now);
    store_end(p->store);
    b->stage = BATCH_ANSWERING;
}

/* An idle database gets what there is, at once or after a moment. One that works gets the next batch ahead when it is full: less would
 * only make its batches smaller. */
static bool may_store(struct pipeline *p, const struct batch *next)
{
    if (!next || next->n == 0 || !store_has_room(p->store)) {
        linger_stop(&p->linger);
        return false;
    }
    if (pipeline_is_full(p, next)) {
        linger_filled(&p->linger);
        return true;
    }
    return !pipeline_is_storing(p) && !linger_waits(&p->linger, next->n, clock_monotonic_us(p->o.clock));
}

static status advance_store(struct pipeline *p)
{
    status st = store_advance(p->store);

    while (st == STATUS_OK && store_state(p->store) == STORE_ANSWERED)
        end_storing(p, oldest_storing(p));
    if (st == STATUS_OK && may_store(p, pipeline_collecting(p)))
        st = begin_storing(p, pipeline_collecting(p));
    return st;
}

/* ---- answering ---- */

void pipeline_retire(struct pipeline *p)
{
    batch_reset(pipeline_batch(p, 0));
    p->first = (p->first + 1) % pipeline_ring(p);
    p->used--;
}

status pipeline_move(struct pipeline *p)
{
    status st = advance_store(p);
    if (st == STATUS_OK)
        st = p->transactor ? pipeline_transact(p) : pipeline_answer(p);
    gauge_set(p->in_hand, (int64_t)p->used);
    return st;
}
