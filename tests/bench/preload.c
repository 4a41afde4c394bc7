/* preload: puts a stream of commands on a topic, as fast as the broker takes them or at a steady rate. */
#include "common/clock.h"
#include "common/config.h"
#include "common/log.h"
#include "tests/bench/stream.h"
#include <stdio.h>
#include <stdlib.h>

enum {
    QUEUE_MESSAGES = 100000,
    QUEUE_BYTES = 128 * 1024 * 1024,
    FLUSH_MS = 60 * 1000,
    PROBE_MS = 10 * 1000,
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
    {"kafka", "brokers", CONFIG_TEXT, AT(brokers), .required = true, .max = 4096, .help = "Kafka brokers"},
    {"kafka", "commands_topic", CONFIG_TEXT, AT(topic), .required = true, .max = 249,
     .help = "where they go"},
    {"bench", "commands", CONFIG_INTEGER, AT(commands), .required = true, .min = 1, .max = INT32_MAX,
     .help = "how many"},
    {"bench", "rate", CONFIG_INTEGER, AT(rate), .fallback = "0", .min = 0, .max = 1000000,
     .unit = "commands/s", .help = "steady rate; 0: as fast as can be"},
    {"bench", "tokens_file", CONFIG_TEXT, AT(stream.tokens_file), .required = true, .max = 4096,
     .help = "worker tokens, one per line"},
    {"bench", "runs", CONFIG_INTEGER, AT(stream.runs), .required = true, .min = 1, .max = INT32_MAX,
     .help = "runs that take turns"},
    {"bench", "accounts", CONFIG_INTEGER, AT(stream.accounts), .required = true, .min = 1, .max = 64,
     .help = "accounts that the runs belong to"},
    {"bench", "seed", CONFIG_INTEGER, AT(stream.seed), .fallback = "1", .min = 0, .max = INT32_MAX,
     .help = "streams of different seeds have no id in common"},
    {"bench", "messy", CONFIG_BOOL, AT(stream.messy), .fallback = "false",
     .help = "with rule breakers, missing runs and unreadable ones"},
};

static const struct config_program PROGRAM = {
    .name = "preload",
    .summary = "Puts a stream of commands on a topic and prints what is in it as JSON.",
    .options = OPTIONS,
    .n_options = sizeof OPTIONS / sizeof *OPTIONS,
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

static status run(const struct settings *s, struct fault *f)
{
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
        st = kafka_producer_new(&producer, &l.producer, f);
    if (st == STATUS_OK && kafka_producer_probe(l.producer, s->topic, PROBE_MS) <= 0)
        st = fault_set(f, STATUS_NOT_FOUND, "topic", "there is no topic %s", s->topic);
    if (st == STATUS_OK)
        st = send_all(&l);
    kafka_producer_free(l.producer);
    stream_free(l.stream);
    return st;
}

int main(int argc, char **argv)
{
    struct settings settings = {0};
    struct config *config = NULL;
    struct fault fault = {0};
    int code = EXIT_SUCCESS;

    if (config_start(&PROGRAM, argc, argv, &settings, &config, &code) == CONFIG_EXIT)
        return code;
    log_setup(LOG_LEVEL_WARNING, LOG_FORMAT_LOGFMT, PROGRAM.name);
    status st = run(&settings, &fault);
    if (st != STATUS_OK)
        log_error("not all was sent", LOG_STR("status", status_text(st)), LOG_STR("reason", fault.message));
    config_free(config);
    return st == STATUS_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
