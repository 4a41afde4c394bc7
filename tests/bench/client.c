#include "tests/bench/client.h"

#include "common/clock.h"
#include "common/log.h"
#include "tests/bench/program.h"

enum {
    ANSWER_US = 30 * 1000000,
    TOPIC_MS = 10 * 1000, /* to say what is in the topic */
    DELIVERY_MS = 10 * 1000,
    QUEUE_MESSAGES = 1000,
    QUEUE_BYTES = 8 * 1024 * 1024,
};

static void on_delivered(void *ctx, void *opaque, enum kafka_delivery delivery, bool retriable,
                         const char *error)
{
    struct client *c = ctx;
    (void)opaque;
    (void)retriable;
    if (delivery == KAFKA_DELIVERED)
        return;
    c->failed = true;
    log_error("message not delivered", LOG_STR("error", error));
}

status client_open(struct client *c, const char *name, const char *brokers, const char *topic,
                   const char *answers_topic, struct fault *f)
{
    const int32_t partition = CLIENT_PARTITION;
    const struct kafka_producer_options producer = {
        .client_id = name,
        .brokers = brokers,
        .message_timeout_ms = DELIVERY_MS,
        .queue_messages = QUEUE_MESSAGES,
        .queue_bytes = QUEUE_BYTES,
        .in_flight = 1,
        .delivered = on_delivered,
        .ctx = c,
    };
    const struct kafka_consumer_options consumer = {
        .client_id = name, .brokers = brokers, .read_committed = true};

    c->topic = topic;
    status st = bench_producer_new(&producer, topic, &c->producer, f);
    if (st == STATUS_OK)
        st = kafka_consumer_new(&consumer, &c->consumer, f);
    if (st == STATUS_OK)
        st = kafka_consumer_assign(c->consumer, answers_topic, &partition, 1, KAFKA_START_END, TOPIC_MS, f);
    return st;
}

void client_close(struct client *c)
{
    kafka_producer_free(c->producer);
    kafka_consumer_close(c->consumer);
}

/* Whether the answer to `id` has come before the deadline; it stops where a message was not delivered. */
static bool await_answer(struct client *c, struct slice id, int64_t deadline_us)
{
    bool found = false;
    while (!found && !c->failed && clock_monotonic_us(clock_system()) < deadline_us) {
        kafka_producer_poll(c->producer, 0);
        struct kafka_message *m = kafka_consumer_poll(c->consumer, 1000);
        if (!m)
            continue;
        found = slice_equal(kafka_header_find(m, "correlation-id"), id);
        kafka_message_free(m);
    }
    return found;
}

status client_ask(struct client *c, uint64_t n, struct slice id, struct slice key, struct slice value,
                  const struct kafka_header *headers, size_t n_headers, struct fault *f)
{
    int64_t deadline_us = clock_monotonic_us(clock_system()) + ANSWER_US;
    status st =
        kafka_produce(c->producer, c->topic, KAFKA_PARTITION_BY_KEY, key, value, headers, n_headers, NULL);
    if (st != STATUS_OK)
        return fault_set(f, st, "produce", "message %llu was not taken", (unsigned long long)n);
    bool answered = await_answer(c, id, deadline_us);
    if (c->failed)
        return fault_set(f, STATUS_FATAL, "not_delivered", "message %llu was not delivered",
                         (unsigned long long)n);
    if (!answered)
        return fault_set(f, STATUS_TIMEOUT, "no_answer", "no answer to message %llu within %d s",
                         (unsigned long long)n, ANSWER_US / 1000000);
    return STATUS_OK;
}
