#include "worker/pipeline_internal.h"

#include "common/log.h"
#include <errno.h>
#include <sys/eventfd.h>

enum {
    RESEND_BASE_US = 50 * 1000,
    RESEND_MAX_US = 2 * 1000000,
    GIVEN_UP_US = 60 * 1000000, /* finding out again costs all commands the timeout of a reply topic */
    ACKNOWLEDGED_US = 20 * 1000,
    QUEUE_FULL_US = 1000,
    QUEUE_FULL_MAX_US = 50 * 1000,
    COMMIT_RETRY_US = 500 * 1000,
};

void pipeline_back_off(struct pipeline *p, const char *topic, const char *error)
{
    if (atomic_exchange(&p->acknowledged, false))
        p->resend_attempts = 0;
    int64_t wait = clock_backoff(RESEND_BASE_US, RESEND_MAX_US, p->resend_attempts++);
    p->resend_at_us = clock_monotonic_us(p->o.clock) + wait;
    const struct log_field named = LOG_STR("topic", topic ? topic : "");
    const struct log_field nothing = {.kind = LOG_FIELD_NONE};
    log_error("answers not delivered; they are sent again", topic ? named : nothing, LOG_STR("error", error),
              LOG_INT("retry_in_ms", wait / 1000));
}

void pipeline_give_up(struct pipeline *p, struct reply_to *to)
{
    reply_topics_give_up(p->reply_topics, to, clock_monotonic_us(p->o.clock) + GIVEN_UP_US);
}

/* Where it was sent. */
static const char *topic_of(const struct pipeline *p, struct entry *e)
{
    if (e->fate == ENTRY_DEAD)
        return p->o.settings->dlq_topic;
    const char *asked_for = reply_to_topic(&e->reply);
    return asked_for ? asked_for : p->o.settings->results_topic;
}

/* Whether it is the topic's fault that it was not delivered: that nobody can be reached says nothing of one topic. */
static bool is_refused(const struct entry *e)
{
    return e->reply.topic && kafka_producer_reachable(e->batch->producer);
}

/* The same again would fail again: one step towards the results topic. */
static void widen(struct entry *e, const char *error)
{
    if (!reply_to_widen(&e->reply))
        return;
    struct kafka_record command = kafka_view(e->message);
    log_warning("a result was not taken where it was asked for", LOG_STR("error", error),
                LOG_INT("partition", command.partition), LOG_INT("offset", command.offset));
}

void pipeline_acknowledged(void *ctx, void *opaque)
{
    struct pipeline *p = ctx;
    const struct entry *e = opaque;

    atomic_store_explicit(&p->acknowledged, true, memory_order_relaxed);
    /* The entry may be gone from here on. */
    if (atomic_fetch_sub(&e->batch->unanswered, 1) == 1 && eventfd_write(p->acknowledged_fd, 1) < 0)
        log_error("eventfd", LOG_INT("errno", errno));
}

void pipeline_delivered(void *ctx, void *opaque, enum kafka_delivery delivery, bool retriable,
                        const char *error)
{
    struct pipeline *p = ctx;
    struct entry *e = opaque;
    struct batch *b = e->batch;

    if (p->transactor) {
        /* Possibly on its thread, so only the entry is touched. The rest is said by the transaction as a whole. */
        if (delivery != KAFKA_DELIVERED && !retriable)
            widen(e, error);
        e->refused = delivery != KAFKA_DELIVERED && retriable && is_refused(e);
        return;
    }
    if (p->phase == PIPELINE_CLOSING) /* what is dropped is no news */
        return;
    if (delivery == KAFKA_DELIVERED) {
        pipeline_acknowledged(p, e);
        return;
    }
    atomic_fetch_sub(&b->unanswered, 1);
    /* Never given up: an answer that the broker does not take today must be taken when an operator has mended it. But one that a topic
     * of the sender's choice does not take goes to the results topic. */
    const char *topic = topic_of(p, e);
    if (!retriable)
        widen(e, error);
    else if (is_refused(e))
        pipeline_give_up(p, &e->reply);
    if (b->n_resend == 0)
        pipeline_back_off(p, topic, error);
    batch_put_back(b, e);
}

/* Whether more commands follow behind the i-th batch. */
static bool more_follow(const struct pipeline *p, size_t i)
{
    const struct batch *collecting = pipeline_collecting(p);
    return i + 1 < p->used || (collecting && collecting->n > 0);
}

/* The answers of a full batch that others follow may wait for each other. All others go at once. The choice stands once the first
 * is sent. */
static struct kafka_producer *producer_for(const struct pipeline *p, size_t i)
{
    const struct batch *b = pipeline_batch(p, i);
    if (b->producer)
        return b->producer;
    return p->bulk && pipeline_is_full(p, b) && more_follow(p, i) ? p->bulk : p->producer;
}

/* Two producers do not know each other's order: the second begins when the first has nothing on its way. */
static bool must_wait(const struct pipeline *p, size_t i)
{
    return i > 0 && pipeline_batch(p, i - 1)->producer != producer_for(p, i);
}

/* Its acknowledgement may come before this returns. */
static status send(struct pipeline *p, struct batch *b, struct entry *e)
{
    if (e->reply.beyond)
        pipeline_settle_reply(p, &e->reply);
    if (!p->transactor)
        atomic_fetch_add(&b->unanswered, 1);
    status st = answers_send(p->answers, b->producer, e);
    if (st != STATUS_OK && !p->transactor)
        atomic_fetch_sub(&b->unanswered, 1);
    if (st == STATUS_TOO_LARGE) {
        if (log_is_due(&p->too_large_told_us, clock_monotonic_us(p->o.clock)))
            log_error("an answer is larger than the producer's message.max.bytes; it is tried again");
        return STATUS_RETRY;
    }
    if (st == STATUS_OK)
        p->full_wait_us = p->full_retry_at_us = 0;
    return st;
}

static status send_again(struct pipeline *p, struct batch *b)
{
    status st = STATUS_OK;

    while (b->n_resend > 0 && clock_monotonic_us(p->o.clock) >= p->resend_at_us && st == STATUS_OK) {
        st = send(p, b, batch_to_send_again(b));
        if (st == STATUS_OK)
            batch_sent_again(b);
    }
    return st;
}

status pipeline_send(struct pipeline *p, size_t i)
{
    struct batch *b = pipeline_batch(p, i);
    b->producer = producer_for(p, i);
    status st = send_again(p, b);

    while (b->sent < b->n && b->n_resend == 0 && st == STATUS_OK) {
        st = send(p, b, &b->entries[b->sent]);
        if (st == STATUS_OK)
            b->sent++;
    }
    p->queue_is_full = st == STATUS_FULL;
    if (!p->queue_is_full)
        return st;
    int64_t now = clock_monotonic_us(p->o.clock);
    if (now >= p->full_retry_at_us) {
        int64_t wait = p->full_wait_us ? 2 * p->full_wait_us : QUEUE_FULL_US;
        p->full_wait_us = wait < QUEUE_FULL_MAX_US ? wait : QUEUE_FULL_MAX_US;
        p->full_retry_at_us = now + p->full_wait_us;
    }
    return STATUS_OK;
}

static status finish_oldest(struct pipeline *p)
{
    struct batch *b = pipeline_batch(p, 0);
    if (b->generation == p->generation && !offsets_merge(&p->finished, &b->offsets))
        return STATUS_NO_MEMORY;
    pipeline_retire(p);
    p->sent_since_us = 0;
    return STATUS_OK;
}

/* All of it, and nothing has to be sent again. */
static bool is_on_its_way(const struct batch *b)
{
    return b->stage == BATCH_ANSWERING && b->sent == b->n && b->n_resend == 0;
}

static status finish_answered(struct pipeline *p)
{
    status st = STATUS_OK;
    while (st == STATUS_OK && p->used > 0) {
        struct batch *b = pipeline_batch(p, 0);
        if (!is_on_its_way(b) || atomic_load(&b->unanswered) > 0)
            break;
        st = finish_oldest(p);
    }
    return st;
}

status pipeline_answer(struct pipeline *p)
{
    p->queue_is_full = false;
    /* First: the next one may only wait for it. */
    status st = finish_answered(p);

    /* In order, so that results of one partition keep the order of their commands; only what was on its way already can overtake one
     * that has to be sent again. */
    for (size_t i = 0; i < p->used && st == STATUS_OK; i++) {
        const struct batch *b = pipeline_batch(p, i);
        if (b->stage != BATCH_ANSWERING || must_wait(p, i))
            break;
        st = pipeline_send(p, i);
        if (!is_on_its_way(b))
            break;
    }
    if (st == STATUS_RETRY)
        st = STATUS_OK;
    if (st == STATUS_OK)
        st = finish_answered(p);
    if (p->used == 0 || !is_on_its_way(pipeline_batch(p, 0)))
        p->sent_since_us = 0;
    else if (!p->sent_since_us)
        p->sent_since_us = clock_monotonic_us(p->o.clock);
    return st;
}

static bool is_slow(const struct pipeline *p)
{
    return p->sent_since_us && clock_monotonic_us(p->o.clock) >= p->sent_since_us + ACKNOWLEDGED_US;
}

int64_t pipeline_untold_us(const struct pipeline *p)
{
    if (p->transactor || p->used == 0)
        return -1;
    if (p->queue_is_full)
        return p->full_retry_at_us;
    return p->sent_since_us && !is_slow(p) ? p->sent_since_us + ACKNOWLEDGED_US : -1;
}

bool pipeline_needs_acknowledgements(const struct pipeline *p)
{
    if (p->transactor || p->used == 0)
        return false;
    for (size_t i = 0; i < p->used; i++) {
        const struct batch *b = pipeline_batch(p, i);
        if (b->stage == BATCH_ANSWERING && !is_on_its_way(b))
            return true;
    }
    return p->phase != PIPELINE_RUNNING || p->partitions == 0 || !pipeline_collecting(p) || is_slow(p);
}

void pipeline_committed(void *ctx, bool committed)
{
    struct pipeline *p = ctx;

    p->is_committing = false;
    /* Offsets of an older assignment are another worker's to commit, who may be further by now. */
    if (!committed && p->committing_generation == p->generation) {
        if (!offsets_merge(&p->finished, &p->committing))
            pipeline_fail(p, STATUS_NO_MEMORY);
        p->commit_at_us = clock_monotonic_us(p->o.clock) + COMMIT_RETRY_US;
    }
    offsets_clear(&p->committing);
}

/* In the background; what becomes of it is reported. */
static status commit_later(struct pipeline *p)
{
    status st = kafka_consumer_commit(p->consumer, p->o.settings->commands_topic, p->finished.at,
                                      p->finished.n, false);
    if (st != STATUS_OK)
        return st;
    struct offset_list empty = p->committing;
    p->committing = p->finished;
    p->committing_generation = p->generation;
    p->finished = empty;
    counter_add(p->commits, 1);
    p->is_committing = true;
    return STATUS_OK;
}

/* And waits for the answer, also to what was on its way: nobody will be here to take its report. */
static status commit_now(struct pipeline *p)
{
    if (p->is_committing && p->committing_generation == p->generation &&
        !offsets_merge(&p->finished, &p->committing))
        return STATUS_NO_MEMORY;
    if (p->finished.n == 0)
        return STATUS_OK;
    status st = kafka_consumer_commit(p->consumer, p->o.settings->commands_topic, p->finished.at,
                                      p->finished.n, true);
    /* A commit that failed loses nothing: the commands are read again and answered as replays. */
    offsets_clear(&p->finished);
    counter_add(p->commits, 1);
    return st;
}

status pipeline_commit(struct pipeline *p, bool now)
{
    int64_t at = clock_monotonic_us(p->o.clock);
    if (p->finished.n == 0 && !now)
        return STATUS_OK;
    if (!now && (p->is_committing || at < p->commit_at_us))
        return STATUS_OK;

    p->commit_at_us = at + p->o.settings->commit_interval_ms * 1000;
    status st = now ? commit_now(p) : commit_later(p);
    return status_class(st) == STATUS_CLASS_RETRY ? STATUS_OK : st;
}
