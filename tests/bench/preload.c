/* preload: puts a stream of commands on a topic, as fast as the broker takes them or at a steady rate. */
#include "common/clock.h"
#include "common/log.h"
#include "tests/bench/program.h"
#include <stdio.h>

enum {
    QUEUE_MESSAGES = 100000,
    QUEUE_BYTES = 128 * 1024 * 1024,
    FLUSH_MS = 60 * 1000,
    WAIT_MS = 1,
    US_PER_S = 1000000,
};

struct settings {
    const char *brokers;
    const char *topic;
    int64_t commands;
    int64_t rate;
    struct stream_options stream;
};

#define AT(member) .offset = offsetof(struct settings, member)

static const struct config_option OPTIONS[] = {
    BENCH_BROKERS_OPTION(offsetof(struct settings, brokers)),
    {"kafka", "commands_topic", CONFIG_TEXT, AT(topic), .required = true, .max = 249,
     .help = "where they go"},
    {"bench", "commands", CONFIG_INTEGER, AT(commands), .required = true, .min = 1, .max = INT32_MAX,
     .help = "how many"},
    {"bench", "rate", CONFIG_INTEGER, AT(rate), .fallback = "0", .min = 0, .max = 1000000,
     .unit = "commands/s", .help = "steady rate; 0: as fast as can be"},
    BENCH_STREAM_OPTIONS(offsetof(struct settings, stream)),
    {"bench", "messy", CONFIG_BOOL, AT(stream.messy), .fallback = "false",
     .help = "with rule breakers, missing runs and unreadable ones"},
};

struct load {
    const struct settings *settings;
    struct kafka_producer *producer;
    struct stream *stream;
    uint64_t delivered, failed;
    uint64_t kinds[STREAM_KINDS];
};

static void on_delivered(void *ctx, void *opaque, enum kafka_delivery delivery, bool retriable,
                         const char *error)
{
    struct load *l = ctx;
    (void)opaque;
    (void)retriable;
    if (delivery == KAFKA_DELIVERED) {
        l->delivered++;
        return;
    }
    if (l->failed++ == 0)
        log_error("command not delivered", LOG_STR("error", error));
}

static status send(struct load *l, uint64_t n)
{
    struct stream_command c;
    status st = stream_make(l->stream, n, &c);
    if (st != STATUS_OK)
        return st;
    const struct kafka_header headers[] = {{"authorization", c.authorization}, {"correlation-id", c.id}};
    do {
        kafka_producer_poll(l->producer, st == STATUS_OK ? 0 : WAIT_MS);
        st = kafka_produce(l->producer, l->settings->topic, KAFKA_PARTITION_BY_KEY, c.key, c.value, headers,
                           sizeof headers / sizeof *headers, NULL);
    } while ((st == STATUS_FULL || st == STATUS_RETRY) && l->failed == 0);
    l->kinds[c.kind]++;
    return st;
}

/* Waits until command number `n` is due. */
static void keep_pace(struct load *l, int64_t began_us, uint64_t n)
{
    int64_t due_us = began_us + (int64_t)(n * US_PER_S / (uint64_t)l->settings->rate);
    while (clock_monotonic_us(clock_system()) < due_us)
        kafka_producer_poll(l->producer, WAIT_MS);
}

static status send_all(struct load *l)
{
    uint64_t n = (uint64_t)l->settings->commands;
    int64_t began_us = clock_monotonic_us(clock_system());

    for (uint64_t i = 0; i < n && l->failed == 0; i++) {
        if (l->settings->rate > 0)
            keep_pace(l, began_us, i);
        status st = send(l, i);
        if (st != STATUS_OK)
            return st;
    }
    if (kafka_producer_flush(l->producer, FLUSH_MS) > 0 || l->delivered != n)
        return STATUS_TIMEOUT;
    double seconds = (double)(clock_monotonic_us(clock_system()) - began_us) / US_PER_S;
    printf("{\"sent\": %llu, \"seconds\": %.3f, \"good\": %llu, \"invalid_value\": %llu, \"run_not_found\": "
           "%llu, "
           "\"dead_letter\": %llu}\n",
           (unsigned long long)n, seconds, (unsigned long long)l->kinds[STREAM_GOOD],
           (unsigned long long)l->kinds[STREAM_RULE_BREAKER],
           (unsigned long long)l->kinds[STREAM_MISSING_RUN], (unsigned long long)l->kinds[STREAM_UNREADABLE]);
    return STATUS_OK;
}

static status run(const void *settings, struct fault *f)
{
    const struct settings *s = settings;
    struct load l = {.settings = s};
    const struct kafka_producer_options producer = {
        .client_id = "bench-preload",
        .brokers = s->brokers,
        .message_timeout_ms = FLUSH_MS,
        .queue_messages = QUEUE_MESSAGES,
        .queue_bytes = QUEUE_BYTES,
        .in_flight = 1,
        .delivered = on_delivered,
        .ctx = &l,
    };
    status st = stream_new(&s->stream, &l.stream, f);
    if (st == STATUS_OK)
        st = bench_producer_new(&producer, s->topic, &l.producer, f);
    if (st == STATUS_OK)
        st = send_all(&l);
    kafka_producer_free(l.producer);
    stream_free(l.stream);
    return st;
}

static const struct bench_program PROGRAM = {
    .config = {.name = "preload",
               .summary = "Puts a stream of commands on a topic and prints what is in it as JSON.",
               .options = OPTIONS,
               .n_options = sizeof OPTIONS / sizeof *OPTIONS},
    .failure = "not all was sent",
    .run = run,
};

int main(int argc, char **argv)
{
    struct settings settings = {0};
    return bench_main(&PROGRAM, argc, argv, &settings);
}
