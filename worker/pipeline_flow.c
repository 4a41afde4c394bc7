#include "worker/pipeline_internal.h"

#include "common/log.h"

enum {
    RESEND_BASE_US = 50 * 1000,
    RESEND_MAX_US = 2 * 1000000,
    PAUSE_AFTER_US = 500 * 1000, /* a full ring is ordinary for as long as a batch takes, not longer */
};

static struct batch *batch_at(const struct pipeline *p, size_t i)
{
    return p->ring[(p->first + i) % RING];
}

struct batch *pipeline_collecting(const struct pipeline *p)
{
    return p->used < RING ? batch_at(p, p->used) : NULL;
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
}

/* ---- collecting ---- */

bool pipeline_has_room(const struct pipeline *p)
{
    const struct batch *b = pipeline_collecting(p);
    return b && b->n < (size_t)p->o.settings->max_rows && b->bytes < (size_t)p->o.settings->max_bytes;
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

    if (st != STATUS_OK || !(room || p->paused) || !may_take)
        return st;
    p->consumer_dry = false;
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
    return st;
}

/* ---- storing ---- */

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
    p->storing = b;
    p->store_began_us = clock_monotonic_us(p->o.clock);
    status st = store_begin(p->store, b->rows, b->n_rows, b->arena);
    return st == STATUS_OK ? store_advance(p->store) : st;
}

static status advance_store(struct pipeline *p)
{
    status st = store_advance(p->store);
    if (st != STATUS_OK)
        return st;

    if (p->storing && store_state(p->store) == STORE_ANSWERED) {
        counter_add(p->rows, p->storing->n_rows);
        histogram_observe(p->store_time, clock_monotonic_us(p->o.clock) - p->store_began_us);
        store_end(p->store);
        p->storing->stage = BATCH_ANSWERING;
        p->storing = NULL;
    }
    struct batch *next = pipeline_collecting(p);
    if (!p->storing && next && next->n > 0)
        st = begin_storing(p, next);
    return st;
}

/* ---- answering ---- */

void pipeline_delivered(void *ctx, void *opaque, enum kafka_delivery delivery, bool retriable,
                        const char *error)
{
    struct pipeline *p = ctx;
    struct entry *e = opaque;
    struct batch *b = e->batch;

    b->unanswered--;
    if (delivery == KAFKA_DELIVERED) {
        p->resend_attempts = 0;
        return;
    }
    /* Never given up: an answer that the broker does not take today must be taken when an operator has mended it. */
    if (!retriable)
        e->reply_partition = KAFKA_PARTITION_BY_KEY;
    if (b->n_resend == 0) {
        int64_t wait = clock_backoff(RESEND_BASE_US, RESEND_MAX_US, p->resend_attempts++);
        p->resend_at_us = clock_monotonic_us(p->o.clock) + wait;
        log_error("answer not delivered; it is sent again", LOG_STR("error", error),
                  LOG_INT("retry_in_ms", wait / 1000));
    }
    b->resend[b->n_resend++] = e;
}

/* Sends what can be sent now: STATUS_FULL and STATUS_RETRY only mean later. */
static status send_answers(struct pipeline *p, struct batch *b)
{
    status st = STATUS_OK;

    while (b->n_resend > 0 && clock_monotonic_us(p->o.clock) >= p->resend_at_us && st == STATUS_OK) {
        st = answers_send(p->answers, b->resend[b->n_resend - 1]);
        if (st == STATUS_OK) {
            b->n_resend--;
            b->unanswered++;
        }
    }
    while (b->sent < b->n && st == STATUS_OK) {
        st = answers_send(p->answers, &b->entries[b->sent]);
        if (st == STATUS_OK) {
            b->sent++;
            b->unanswered++;
        } else if (st == STATUS_TOO_LARGE) {
            log_error("an answer is larger than the producer's message.max.bytes; it is tried again");
            st = STATUS_RETRY;
        }
    }
    return status_class(st) == STATUS_CLASS_RETRY ? STATUS_OK : st;
}

static status finish_oldest(struct pipeline *p)
{
    struct batch *b = batch_at(p, 0);
    if (b->generation == p->generation && !offsets_merge(&p->finished, &b->offsets))
        return STATUS_NO_MEMORY;
    batch_reset(b);
    p->first = (p->first + 1) % RING;
    p->used--;
    return STATUS_OK;
}

status pipeline_move(struct pipeline *p)
{
    status st = advance_store(p);

    /* In order, so that results of one partition keep the order of their commands. */
    for (size_t i = 0; i < p->used && st == STATUS_OK && batch_at(p, i)->stage == BATCH_ANSWERING; i++) {
        struct batch *b = batch_at(p, i);
        st = send_answers(p, b);
        if (b->sent < b->n)
            break;
    }
    while (st == STATUS_OK && p->used > 0) {
        struct batch *b = batch_at(p, 0);
        if (b->stage != BATCH_ANSWERING || b->sent < b->n || b->unanswered > 0 || b->n_resend > 0)
            break;
        st = finish_oldest(p);
    }
    gauge_set(p->in_hand, (int64_t)p->used);
    return st;
}

status pipeline_commit(struct pipeline *p, bool now)
{
    int64_t at = clock_monotonic_us(p->o.clock);
    if (p->finished.n == 0)
        return STATUS_OK;
    if (!now && at - p->committed_at_us < p->o.settings->commit_interval_ms * 1000)
        return STATUS_OK;

    p->committed_at_us = at;
    status st =
        kafka_consumer_commit(p->consumer, p->o.settings->commands_topic, p->finished.at, p->finished.n, now);
    /* A commit that failed loses nothing: the commands are read again and answered as replays. */
    offsets_clear(&p->finished);
    counter_add(p->commits, 1);
    return status_class(st) == STATUS_CLASS_RETRY ? STATUS_OK : st;
}
