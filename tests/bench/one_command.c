/* one_command: sends one command, waits for its result, sends the next. Prints the times in between as a histogram in Prometheus'
 * text form and, in the last line, as JSON. Where both topics are one with a single partition, nobody has to answer: the command
 * itself comes back, and what is measured is Kafka's part, produce to consume. */
#include "common/clock.h"
#include "common/metrics.h"
#include "tests/bench/client.h"
#include "tests/bench/program.h"
#include "tests/bench/times.h"
#include <stdio.h>
#include <stdlib.h>

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

struct asker {
    const struct settings *settings;
    struct stream *stream;
    struct client client;
    struct metrics *metrics;
    struct histogram *histogram;
    int64_t *times_us;
};

static status ask(struct asker *a, uint64_t n, int64_t *took_us, struct fault *f)
{
    char partition[12];
    struct stream_command command;
    status st = stream_make(a->stream, n, &command);
    if (st != STATUS_OK)
        return st;
    (void)snprintf(partition, sizeof partition, "%d", CLIENT_PARTITION);
    const struct kafka_header headers[] = {{"authorization", command.authorization},
                                           {"correlation-id", command.id},
                                           {"reply-partition", slice_of(partition)}};

    int64_t began_us = clock_monotonic_us(clock_system());
    st = client_ask(&a->client, n, command.id, command.key, command.value, headers,
                    sizeof headers / sizeof *headers, f);
    *took_us = clock_monotonic_us(clock_system()) - began_us;
    return st;
}

static void print_times(struct asker *a)
{
    size_t n = (size_t)a->settings->commands;
    struct buffer text = {0};

    metrics_write(a->metrics, &text);
    buffer_printf(&text, "{\"commands\": %zu, ", n);
    times_write(a->times_us, n, &text);
    buffer_add_text(&text, "}\n");
    fwrite(text.at, 1, text.len, stdout);
    buffer_dispose(&text);
}

static status ask_all(struct asker *a, struct fault *f)
{
    uint64_t n = (uint64_t)a->settings->commands;
    int64_t unused_us = 0;

    for (uint64_t i = 0; i < CLIENT_WARM_UP + n; i++) {
        bool counts = i >= CLIENT_WARM_UP;
        int64_t *took_us = counts ? &a->times_us[i - CLIENT_WARM_UP] : &unused_us;
        status st = ask(a, i, took_us, f);
        if (st != STATUS_OK)
            return st;
        if (counts)
            histogram_observe(a->histogram, *took_us);
    }
    print_times(a);
    return STATUS_OK;
}

static status open_all(struct asker *a, struct fault *f)
{
    const struct settings *s = a->settings;

    a->metrics = metrics_new();
    a->histogram = metrics_histogram(a->metrics, "one_command_seconds", NULL, "Produce to result read.");
    a->times_us = calloc((size_t)s->commands, sizeof *a->times_us);
    if (!a->histogram || !a->times_us)
        return STATUS_NO_MEMORY;
    status st = stream_new(&s->stream, &a->stream, f);
    if (st == STATUS_OK)
        st = client_open(&a->client, "bench-one-command", s->brokers, s->commands_topic, s->results_topic, f);
    return st;
}

static status run(const void *settings, struct fault *f)
{
    struct asker asker = {.settings = settings};
    status st = open_all(&asker, f);
    if (st == STATUS_OK)
        st = ask_all(&asker, f);
    client_close(&asker.client);
    stream_free(asker.stream);
    metrics_free(asker.metrics);
    free(asker.times_us);
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
