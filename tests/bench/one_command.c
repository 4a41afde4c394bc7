/* one_command: sends one command, waits for its result, sends the next. Prints the times in between as a histogram in Prometheus'
 * text form and, in the last line, as JSON. Where both topics are one with a single partition, nobody has to answer: the command
 * itself comes back, and what is measured is Kafka's part, produce to consume. */
#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "tests/bench/program.h"
#include "tests/bench/times.h"
#include <stdio.h>
#include <stdlib.h>

enum {
    PARTITION = 0, /* of the results topic: the one that is followed */
    WARM_UP = 100, /* connections, caches, prepared statements */
    ANSWER_US = 30 * 1000000,
    TOPIC_MS = 10 * 1000,
    QUEUE_MESSAGES = 1000,
    QUEUE_BYTES = 8 * 1024 * 1024,
};

struct settings {
    const char *brokers;
    const char *commands_topic;
    const char *results_topic;
    int64_t commands;
    struct stream_options stream;
};

#define AT(member) .offset = offsetof(struct settings, member)

static const struct config_option OPTIONS[] = {
    BENCH_BROKERS_OPTION(offsetof(struct settings, brokers)),
    {"kafka", "commands_topic", CONFIG_TEXT, AT(commands_topic), .required = true, .max = 249,
     .help = "where they go"},
    {"kafka", "results_topic", CONFIG_TEXT, AT(results_topic), .required = true, .max = 249,
     .help = "where the results come"},
    {"bench", "commands", CONFIG_INTEGER, AT(commands), .required = true, .min = 1, .max = 10000000,
     .help = "how many, after 100 that are not counted"},
    BENCH_STREAM_OPTIONS(offsetof(struct settings, stream)),
};

struct client {
    const struct settings *settings;
    struct stream *stream;
    struct kafka_producer *producer;
    struct kafka_consumer *consumer;
    struct metrics *metrics;
    struct histogram *histogram;
    int64_t *times_us;
    bool failed;
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
    log_error("command not delivered", LOG_STR("error", error));
}

static int64_t now_us(void)
{
    return clock_monotonic_us(clock_system());
}

/* Whether the result of `id` has come before the deadline. */
static bool await_result(struct client *c, struct slice id, int64_t deadline_us)
{
    bool found = false;
    while (!found && now_us() < deadline_us) {
        struct kafka_message *m = kafka_consumer_poll(c->consumer, 1000);
        if (!m)
            continue;
        found = slice_equal(kafka_header_find(m, "correlation-id"), id);
        kafka_message_free(m);
    }
    return found;
}

static status ask(struct client *c, uint64_t n, int64_t *took_us, struct fault *f)
{
    char partition[12];
    struct stream_command command;
    status st = stream_make(c->stream, n, &command);
    if (st != STATUS_OK)
        return st;
    (void)snprintf(partition, sizeof partition, "%d", PARTITION);
    const struct kafka_header headers[] = {{"authorization", command.authorization},
                                           {"correlation-id", command.id},
                                           {"reply-partition", slice_of(partition)}};

    int64_t began_us = now_us();
    st = kafka_produce(c->producer, c->settings->commands_topic, KAFKA_PARTITION_BY_KEY, command.key,
                       command.value, headers, sizeof headers / sizeof *headers, NULL);
    if (st != STATUS_OK)
        return fault_set(f, st, "produce", "command %llu was not taken", (unsigned long long)n);
    if (!await_result(c, command.id, began_us + ANSWER_US))
        return fault_set(f, STATUS_TIMEOUT, "no_result", "no result for command %llu within %d s",
                         (unsigned long long)n, ANSWER_US / 1000000);
    *took_us = now_us() - began_us;
    kafka_producer_poll(c->producer, 0);
    return c->failed ? STATUS_FATAL : STATUS_OK;
}

static void print_times(struct client *c)
{
    size_t n = (size_t)c->settings->commands;
    struct buffer text = {0};

    metrics_write(c->metrics, &text);
    buffer_printf(&text, "{\"commands\": %zu, ", n);
    times_write(c->times_us, n, &text);
    buffer_add_text(&text, "}\n");
    fwrite(text.at, 1, text.len, stdout);
    buffer_dispose(&text);
}

static status ask_all(struct client *c, struct fault *f)
{
    uint64_t n = (uint64_t)c->settings->commands;
    int64_t unused_us = 0;

    for (uint64_t i = 0; i < WARM_UP + n; i++) {
        bool counts = i >= WARM_UP;
        int64_t *took_us = counts ? &c->times_us[i - WARM_UP] : &unused_us;
        status st = ask(c, i, took_us, f);
        if (st != STATUS_OK)
            return st;
        if (counts)
            histogram_observe(c->histogram, *took_us);
    }
    print_times(c);
    return STATUS_OK;
}

static status open_client(struct client *c, struct fault *f)
{
    const struct settings *s = c->settings;
    const int32_t partition = PARTITION;
    const struct kafka_producer_options producer = {
        .client_id = "bench-one-command",
        .brokers = s->brokers,
        .message_timeout_ms = TOPIC_MS,
        .queue_messages = QUEUE_MESSAGES,
        .queue_bytes = QUEUE_BYTES,
        .in_flight = 1,
        .delivered = on_delivered,
        .ctx = c,
    };
    const struct kafka_consumer_options consumer = {
        .client_id = "bench-one-command", .brokers = s->brokers, .read_committed = true};

    c->metrics = metrics_new();
    c->histogram = metrics_histogram(c->metrics, "one_command_seconds", NULL, "Produce to result read.");
    c->times_us = calloc((size_t)s->commands, sizeof *c->times_us);
    if (!c->histogram || !c->times_us)
        return STATUS_NO_MEMORY;
    status st = stream_new(&s->stream, &c->stream, f);
    if (st == STATUS_OK)
        st = bench_producer_new(&producer, s->commands_topic, &c->producer, f);
    if (st == STATUS_OK)
        st = kafka_consumer_new(&consumer, &c->consumer, f);
    if (st == STATUS_OK)
        st =
            kafka_consumer_assign(c->consumer, s->results_topic, &partition, 1, KAFKA_START_END, TOPIC_MS, f);
    return st;
}

static status run(const void *settings, struct fault *f)
{
    struct client client = {.settings = settings};
    status st = open_client(&client, f);
    if (st == STATUS_OK)
        st = ask_all(&client, f);
    kafka_producer_free(client.producer);
    kafka_consumer_close(client.consumer);
    stream_free(client.stream);
    metrics_free(client.metrics);
    free(client.times_us);
    return st;
}

static const struct bench_program PROGRAM = {
    .config = {.name = "one_command",
               .summary = "Sends one command, waits for its result, sends the next, and prints the times.",
               .options = OPTIONS,
               .n_options = sizeof OPTIONS / sizeof *OPTIONS},
    .failure = "not measured",
    .run = run,
};

int main(int argc, char **argv)
{
    struct settings settings = {0};
    return bench_main(&PROGRAM, argc, argv, &settings);
}
