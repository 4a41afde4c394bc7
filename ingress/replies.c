#include "ingress/replies.h"

#include "common/log.h"
#include "common/text.h"
#include "ingress/outcome.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    SLEEP_MAX_MS =
        500, /* or [ingress] wait_ms: a deadline that was added meanwhile is at least that far away … */
    PROBE_EVERY_US = 250000, /* … and an outage is noticed to be over within about this */
    PROBE_MS = 100,
    START_MS = 1000, /* for one question to a broker, while there is no listener to serve */
    BURST = 256,     /* results in a row before reports and deadlines have their turn */
    /* librdkafka gives room back later than the table of those who wait, which is to be the one that is full: by a response. */
    QUEUE_SLACK_BYTES = 1024 * 1024,
    RESULTS_BYTES = 8 * 1024 * 1024,
    QUEUE_MESSAGES = 100000,
    /* Commands: what 64 connections send at once is one request to the broker; a partition is left between two groups only. */
    STICK_FOR = 64,
};

struct replies {
    struct ingress *in;
    struct kafka_consumer *consumer;
    struct outcomes *outcomes;
    const char *name;
    int event_fd;
    int ready_fd;
    _Atomic bool stop;
    bool is_closed;                  /* the thread has ended */
    _Atomic(const char *) waits_for; /* while starting; a static text */
    int64_t probed_us;
    pthread_t thread;
};

int32_t replies_partition_of(const char *name, int32_t n_partitions)
{
    return (int32_t)(text_hash(name) % (uint32_t)n_partitions);
}

static int64_t now_us(const struct replies *r)
{
    return clock_monotonic_us(r->in->clock);
}

/* ---- starting ---- */

/* NULL when the reply partition is assigned and the topic of the commands known; otherwise what is missing. */
static const char *assign(struct replies *r)
{
    const struct ingress_settings *s = &r->in->settings;
    struct fault fault = {0};
    int32_t n = kafka_consumer_partitions(r->consumer, s->results_topic, START_MS);

    if (n < 0)
        return "no Kafka broker says what partitions the topic of the results has";
    if (n == 0)
        return "the topic of the results does not exist";
    if (s->reply_partition >= n)
        return "the topic of the results has no partition of the number that reply_partition sets";

    int32_t partition =
        s->reply_partition >= 0 ? (int32_t)s->reply_partition : replies_partition_of(r->name, n);
    if (kafka_producer_probe(r->in->producer, s->commands_topic, START_MS).partitions <= 0)
        return "the topic of the commands does not exist, or no Kafka broker says what partitions it has";
    if (kafka_consumer_assign(r->consumer, s->results_topic, &partition, 1, KAFKA_START_END, START_MS,
                              &fault) != STATUS_OK)
        return "the end of the reply partition cannot be found out";

    log_info("reply partition assigned", LOG_STR("topic", s->results_topic), LOG_INT("partition", partition));
    atomic_store(&r->in->reply_partition, partition);
    return NULL;
}

static void wait_for_events(struct replies *r, int64_t timeout_ms)
{
    struct pollfd fds[] = {{.fd = r->event_fd, .events = POLLIN},
                           {.fd = gather_fd(r->in->gather), .events = POLLIN}};
    uint64_t count;

    if (poll(fds, 2, (int)timeout_ms) <= 0)
        return;
    if (fds[1].revents)
        gather_serve(r->in->gather);
    if (fds[0].revents && read(r->event_fd, &count, sizeof count) < 0 && errno != EAGAIN)
        log_error("eventfd", LOG_INT("errno", errno));
}

static void start(struct replies *r)
{
    const uint64_t one = 1;
    const char *told = NULL;

    while (!atomic_load(&r->stop)) {
        const char *missing = assign(r);
        if (!missing)
            break;
        if (missing != told)
            log_warning("waiting for Kafka", LOG_STR("reason", missing),
                        LOG_STR("commands_topic", r->in->settings.commands_topic),
                        LOG_STR("results_topic", r->in->settings.results_topic));
        told = missing;
        atomic_store(&r->waits_for, missing);
        (void)kafka_producer_poll(r->in->producer, 0);
        kafka_message_free(kafka_consumer_poll(r->consumer, 0));
        wait_for_events(r, PROBE_EVERY_US / 1000);
    }
    atomic_store(&r->waits_for, NULL);
    if (write(r->ready_fd, &one, sizeof one) < 0)
        log_error("eventfd", LOG_INT("errno", errno));
}

/* ---- serving ---- */

/* False when there was more than a burst. */
static bool serve_results(struct replies *r)
{
    /* An event that is no message also gives NULL: only two in a row say that nothing is left. */
    for (int n = 0, nothing = 0; nothing < 2; n++) {
        struct kafka_message *m = kafka_consumer_poll(r->consumer, 0);
        nothing = m ? 0 : nothing + 1;
        if (m)
            outcome_result(r->outcomes, m);
        kafka_message_free(m);
        if (n == BURST)
            return false;
    }
    return true;
}

static bool is_whole(const struct replies *r)
{
    return kafka_producer_reachable(r->in->producer) && kafka_consumer_reachable(r->consumer) &&
           !atomic_load(&r->in->topic_is_gone);
}

static void heal_producer(struct ingress *in)
{
    bool was_reachable = kafka_producer_reachable(in->producer);
    int32_t partitions = kafka_producer_probe(in->producer, in->settings.commands_topic, PROBE_MS).partitions;

    if (partitions < 0 && !was_reachable)
        kafka_producer_purge(in->producer);
    else if (!was_reachable)
        log_info("the producer reaches a Kafka broker again");
    if (partitions > 0 && atomic_exchange(&in->topic_is_gone, false))
        log_info("the topic of the commands exists again", LOG_STR("topic", in->settings.commands_topic));
}

/* An outage must heal by itself, and those who wait during it shall know early that nothing was published. */
static void heal(struct replies *r)
{
    struct ingress *in = r->in;

    if (is_whole(r) || now_us(r) - r->probed_us < PROBE_EVERY_US)
        return;
    if (!kafka_producer_reachable(in->producer) || atomic_load(&in->topic_is_gone))
        heal_producer(in);
    if (!kafka_consumer_reachable(r->consumer) &&
        kafka_consumer_partitions(r->consumer, in->settings.results_topic, PROBE_MS) >= 0)
        log_info("the reader of the results reaches a Kafka broker again");
    r->probed_us = now_us(r);
}

static int64_t sleep_ms(const struct replies *r)
{
    int64_t next_us = pending_next_us(r->in->pending);
    int64_t most_ms = is_whole(r) ? SLEEP_MAX_MS : PROBE_EVERY_US / 1000;
    if (r->in->settings.wait_ms < most_ms)
        most_ms = r->in->settings.wait_ms;
    if (next_us == INT64_MAX)
        return most_ms;
    int64_t wait_ms = (next_us - now_us(r) + 999) / 1000;
    return wait_ms < 0 ? 0 : wait_ms < most_ms ? wait_ms : most_ms;
}

static void *run(void *ctx)
{
    struct replies *r = ctx;
    bool is_empty = true;

    start(r);
    while (!atomic_load(&r->stop)) {
        wait_for_events(r, is_empty ? sleep_ms(r) : 0);
        while (kafka_producer_poll(r->in->producer, 0) > 0) {
        }
        is_empty = serve_results(r);
        outcome_deadlines(r->outcomes);
        heal(r);
    }
    return NULL;
}

/* ---- start and stop ---- */

static status make_handles(struct replies *r, const struct config_properties *properties, struct fault *f)
{
    const struct ingress_settings *s = &r->in->settings;
    status st = kafka_producer_new(
        &(struct kafka_producer_options){.client_id = r->name,
                                         .brokers = s->brokers,
                                         .properties = properties,
                                         .message_timeout_ms = s->publish_timeout_ms,
                                         .queue_messages = QUEUE_MESSAGES,
                                         .queue_bytes = s->queue_bytes + QUEUE_SLACK_BYTES,
                                         .in_flight = 1,
                                         .stick_for = s->partitioner == INGRESS_STICKY ? STICK_FOR : 0,
                                         .place = outcome_place,
                                         .delivered = outcome_delivery,
                                         .acknowledged = outcome_acknowledged,
                                         .ctx = r->outcomes},
        &r->in->producer, f);
    if (st != STATUS_OK)
        return st;
    st = kafka_consumer_new(&(struct kafka_consumer_options){.client_id = r->name,
                                                             .brokers = s->brokers,
                                                             .properties = properties,
                                                             .queue_bytes = RESULTS_BYTES,
                                                             .read_committed = true},
                            &r->consumer, f);
    if (st != STATUS_OK)
        return st;
    kafka_producer_notify(r->in->producer, r->event_fd);
    kafka_consumer_notify(r->consumer, r->event_fd);
    return STATUS_OK;
}

static void dispose(struct replies *r)
{
    kafka_consumer_close(r->consumer);
    kafka_producer_free(r->in->producer);
    r->in->producer = NULL;
    if (r->event_fd >= 0)
        (void)close(r->event_fd);
    outcomes_free(r->outcomes);
    free(r);
}

status replies_start(struct ingress *in, const char *name, const struct config_properties *properties,
                     int ready_fd, struct replies **out, struct fault *f)
{
    struct replies *r = calloc(1, sizeof *r);
    if (!r)
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "memory is short");

    r->in = in;
    r->name = name;
    r->ready_fd = ready_fd;
    atomic_init(&r->waits_for, "the connection to Kafka");
    r->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    r->outcomes = outcomes_new(in);
    status st = r->event_fd < 0 || !r->outcomes
                    ? fault_set(f, STATUS_NO_MEMORY, "no_memory", "memory is short")
                    : make_handles(r, properties, f);
    if (st == STATUS_OK && pthread_create(&r->thread, NULL, run, r) != 0)
        st = fault_set(f, STATUS_NO_MEMORY, "no_thread", "cannot start a thread");
    if (st != STATUS_OK) {
        dispose(r);
        return st;
    }
    (void)pthread_setname_np(r->thread, "kafka");
    *out = r;
    return STATUS_OK;
}

bool replies_are_ready(const struct replies *r, struct buffer *why)
{
    const char *waits_for = atomic_load(&r->waits_for);

    if (waits_for)
        buffer_printf(why, "waiting for Kafka: %s", waits_for);
    else if (!kafka_producer_reachable(r->in->producer))
        buffer_add_text(why, "the producer reaches no Kafka broker");
    else if (!kafka_consumer_reachable(r->consumer))
        buffer_add_text(why, "the reader of the results reaches no Kafka broker");
    else if (atomic_load(&r->in->topic_is_gone))
        buffer_add_text(why, "the topic of the commands does not exist");
    else
        return true;
    return false;
}

void replies_close(struct replies *r)
{
    const uint64_t one = 1;

    if (!r || r->is_closed)
        return;
    atomic_store(&r->stop, true);
    if (write(r->event_fd, &one, sizeof one) < 0)
        log_error("eventfd", LOG_INT("errno", errno));
    (void)pthread_join(r->thread, NULL);
    gather_release(r->in->gather);
    kafka_producer_silence(r->in->producer);
    r->is_closed = true;
}

void replies_stop(struct replies *r, int flush_ms)
{
    if (!r)
        return;
    replies_close(r);
    gather_release(r->in->gather); /* again: the listener may have added one since */
    size_t left = kafka_producer_flush(r->in->producer, flush_ms);
    if (left > 0)
        log_warning("commands were not acknowledged before the end", LOG_INT("commands", left));
    dispose(r);
}
