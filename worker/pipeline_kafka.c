#include "worker/pipeline_internal.h"

#include "common/log.h"

enum {
    QUEUE_MESSAGES = 200000,
    QUEUE_BYTES = 8 * 1024 * 1024,
    BULK_LINGER_MS = 5, /* longer than a full batch's answers take to be made */
    REPLY_TIMEOUT_MS = 10 * 1000,
};

/* ---- rebalance ---- */

/* Finishes what is in hand, for at most drain_ms, without reading anything new. */
static void finish_in_hand(struct pipeline *p)
{
    int64_t by = clock_monotonic_us(p->o.clock) + p->o.settings->drain_ms * 1000;

    while (p->failed == STATUS_OK && pipeline_is_busy(p) && clock_monotonic_us(p->o.clock) < by) {
        pipeline_read_signals(p);
        pipeline_serve_producers(p);
        pipeline_fail(p, pipeline_advance(p));
        if (pipeline_is_busy(p))
            pipeline_wait(p, by);
    }
}

static void on_assigned(void *ctx, const int32_t *partitions, size_t n)
{
    (void)partitions;
    struct pipeline *p = ctx;
    p->generation++;
    p->paused = false;
    p->partitions = n;
}

static void on_revoked(void *ctx, const int32_t *partitions, size_t n, bool lost)
{
    (void)partitions;
    (void)n;
    struct pipeline *p = ctx;

    p->partitions = 0;
    atomic_store(&p->health.assigned, false); /* now: what follows may take a while */
    if (p->phase == PIPELINE_CLOSING)
        return;
    pipeline_drop_collected(p);
    if (lost) {
        offsets_clear(&p->finished);
    } else {
        finish_in_hand(p);
        if (p->failed == STATUS_OK)
            pipeline_fail(p, pipeline_commit(p, true));
    }
    /* What is still in hand is answered, but its offsets belong to another worker now. */
    p->generation++;
}

/* ---- making ---- */

/* A topic of some sender's choice must not hold up all others; what it does not take goes to the results topic. */
static int64_t timeout_of(void *ctx, const char *topic)
{
    const struct pipeline *p = ctx;
    return reply_topics_lists(p->reply_topics, topic) ? REPLY_TIMEOUT_MS : -1;
}

static status make_producer(struct pipeline *p, int64_t linger_ms, struct kafka_producer **out,
                            struct fault *f)
{
    const struct kafka_producer_options options = {
        .client_id = "gold-label-worker",
        .brokers = p->o.settings->brokers,
        .properties = p->o.kafka,
        .message_timeout_ms = 0, /* never: an outage is waited out */
        .queue_messages = QUEUE_MESSAGES,
        .queue_bytes = QUEUE_BYTES,
        .in_flight = 1,
        .linger_ms = linger_ms,
        .transactional_id = pipeline_transactional_id(p),
        .delivered = pipeline_delivered,
        .acknowledged = p->o.settings->delivery == WORKER_EXACTLY_ONCE ? NULL : pipeline_acknowledged,
        .timeout_of = timeout_of,
        .ctx = p,
    };
    status st = kafka_producer_new(&options, out, f);
    if (st == STATUS_OK)
        kafka_producer_notify(*out, p->event_fd);
    return st;
}

static status make_consumer(struct pipeline *p, struct fault *f)
{
    const struct worker_settings *s = p->o.settings;
    const struct kafka_consumer_options options = {
        .client_id = "gold-label-worker",
        .brokers = s->brokers,
        .group = s->group,
        .properties = p->o.kafka,
        .queue_bytes = s->fetch_bytes,
        .read_committed = true,
        .assigned = on_assigned,
        .revoked = on_revoked,
        .committed = pipeline_committed,
        .ctx = p,
    };
    status st = kafka_consumer_new(&options, &p->consumer, f);
    if (st == STATUS_OK)
        st = kafka_consumer_subscribe(p->consumer, s->commands_topic, f);
    if (st == STATUS_OK)
        kafka_consumer_notify(p->consumer, p->event_fd);
    return st;
}

status pipeline_make_kafka(struct pipeline *p, struct fault *f)
{
    bool transactions = p->o.settings->delivery == WORKER_EXACTLY_ONCE;
    status st = make_producer(p, 0, &p->producer, f);
    if (st == STATUS_OK && !transactions)
        st = make_producer(p, BULK_LINGER_MS, &p->bulk, f);
    if (st == STATUS_OK)
        st = make_consumer(p, f);
    return st == STATUS_OK && transactions ? pipeline_begin_transactions(p, f) : st;
}

bool pipeline_free_producers(struct pipeline *p)
{
    if (!kafka_transactor_free(p->transactor))
        return false;
    kafka_producer_free(p->bulk);
    kafka_producer_free(p->producer);
    return true;
}

void pipeline_serve_producers(struct pipeline *p)
{
    if (!pipeline_owns_producer(p))
        return;
    kafka_producer_poll(p->producer, 0);
    if (p->bulk)
        kafka_producer_poll(p->bulk, 0);
}

struct kafka_topic_view pipeline_probe(struct pipeline *p, const char *topic, bool closely, int timeout_ms)
{
    struct kafka_topic_view view = closely ? kafka_producer_probe_closely(p->producer, topic, timeout_ms)
                                           : kafka_producer_probe(p->producer, topic, timeout_ms);
    if (view.partitions > 0 && p->bulk)
        (void)kafka_producer_probe(p->bulk, topic, timeout_ms);
    return view;
}
