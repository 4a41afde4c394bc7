/* raw: librdkafka's own rate. Reads messages from a topic into memory, then produces them to another one, again and again, until
 * there are as many as wanted: the same keys, values and headers as whoever wrote the first topic has sent, without the work of
 * making them. The promises are the producer tool's (acknowledged by all, idempotent), the batching is librdkafka's default. */
#include "common/arena.h"
#include "common/clock.h"
#include "common/log.h"
#include "tests/bench/program.h"
#include <stdio.h>
#include <stdlib.h>

enum {
    MADE_MAX = 20000, /* held in memory */
    HEADERS_MAX = 8,
    BURST = 256, /* messages between two looks at what was delivered */
    QUEUE_MESSAGES = 100000,
    QUEUE_BYTES = 1024 * 1024 * 1024,
    LINGER_MS = 5,
    FLUSH_MS = 60 * 1000,
    WAIT_MS = 1,
    ARENA_BLOCK = 1024 * 1024,
};

struct settings {
    const char *brokers;
    const char *from;
    const char *to;
    int64_t commands;
};

#define AT(member) .offset = offsetof(struct settings, member)

static const struct config_option OPTIONS[] = {
    BENCH_BROKERS_OPTION(offsetof(struct settings, brokers)),
    {"bench", "from", CONFIG_TEXT, AT(from), .required = true, .max = 249,
     .help = "topic with messages to copy"},
    {"bench", "to", CONFIG_TEXT, AT(to), .required = true, .max = 249, .help = "topic they are sent to"},
    {"bench", "commands", CONFIG_INTEGER, AT(commands), .required = true, .min = 1, .max = INT32_MAX,
     .help = "how many"},
};

struct message {
    struct slice key, value;
    struct kafka_header headers[HEADERS_MAX];
    size_t n_headers;
};

struct raw {
    const struct settings *settings;
    struct arena *arena;
    struct message *made;
    size_t n_made;
    struct kafka_producer *producer;
    uint64_t delivered, failed;
};

static void on_delivered(void *ctx, void *opaque, enum kafka_delivery delivery, bool retriable,
                         const char *error)
{
    struct raw *r = ctx;
    (void)opaque;
    (void)retriable;
    if (delivery == KAFKA_DELIVERED)
        r->delivered++;
    else if (r->failed++ == 0)
        log_error("message not delivered", LOG_STR("error", error));
}

/* ---- before the clock starts ---- */

static status copy(struct raw *r, const struct kafka_message *from, struct fault *f)
{
    struct message *m = &r->made[r->n_made++];
    struct kafka_record record = kafka_view(from);
    struct kafka_header h;

    m->key = arena_copy(r->arena, record.key);
    m->value = arena_copy(r->arena, record.value);
    for (size_t i = 0; kafka_header_at(from, i, &h); i++) {
        if (i == HEADERS_MAX)
            return fault_set(f, STATUS_INVALID, "headers", "a message has more than %d headers", HEADERS_MAX);
        struct slice name = arena_copy(r->arena, slice_make(h.name, strlen(h.name) + 1));
        m->headers[m->n_headers++] = (struct kafka_header){name.at, arena_copy(r->arena, h.value)};
        if (!name.at)
            return STATUS_NO_MEMORY;
    }
    return m->key.at && m->value.at ? STATUS_OK : STATUS_NO_MEMORY;
}

static status read_made(struct raw *r, struct fault *f)
{
    size_t wanted = r->settings->commands < MADE_MAX ? (size_t)r->settings->commands : MADE_MAX;
    struct kafka_consumer *reader = NULL;
    const struct kafka_consumer_options options = {
        .client_id = "bench-raw", .brokers = r->settings->brokers, .read_committed = true};

    r->arena = arena_new(ARENA_BLOCK);
    r->made = calloc(wanted, sizeof *r->made);
    if (!r->arena || !r->made)
        return STATUS_NO_MEMORY;
    status st = bench_reader_new(&options, r->settings->from, &reader, f);
    while (st == STATUS_OK && r->n_made < wanted) {
        struct kafka_message *m = NULL;
        st = bench_read(reader, &m, f);
        if (st == STATUS_OK)
            st = copy(r, m, f);
        kafka_message_free(m);
    }
    kafka_consumer_close(reader);
    return st;
}

/* ---- while it runs ---- */

static status send(struct raw *r, const struct message *m)
{
    status st;
    while ((st = kafka_produce(r->producer, r->settings->to, KAFKA_PARTITION_BY_KEY, m->key, m->value,
                               m->headers, m->n_headers, NULL)) == STATUS_FULL &&
           r->failed == 0)
        kafka_producer_poll(r->producer, WAIT_MS);
    return st;
}

static status send_all(struct raw *r, struct fault *f)
{
    uint64_t n = (uint64_t)r->settings->commands;
    uint64_t bytes = 0;
    double cpu = bench_cpu_seconds();
    int64_t began_us = clock_monotonic_us(clock_system());

    for (uint64_t i = 0; i < n && r->failed == 0; i++) {
        const struct message *m = &r->made[i % r->n_made];
        status st = send(r, m);
        if (st != STATUS_OK)
            return st;
        bytes += m->value.len;
        if (i % BURST == 0)
            kafka_producer_poll(r->producer, 0);
    }
    if (kafka_producer_flush(r->producer, FLUSH_MS) > 0 || r->delivered != n)
        return fault_set(f, STATUS_TIMEOUT, "delivered", "%llu of %llu messages were delivered",
                         (unsigned long long)r->delivered, (unsigned long long)n);
    double seconds = (double)(clock_monotonic_us(clock_system()) - began_us) / 1e6;
    printf("{\"sent\": %llu, \"seconds\": %.3f, \"rate\": %.1f, \"value_bytes\": %.1f, \"cpu_us\": %.2f}\n",
           (unsigned long long)n, seconds, (double)n / seconds, (double)bytes / (double)n,
           (bench_cpu_seconds() - cpu) * 1e6 / (double)n);
    return STATUS_OK;
}

static status run(const void *settings, struct fault *f)
{
    struct raw r = {.settings = settings};
    const struct kafka_producer_options producer = {
        .client_id = "bench-raw",
        .brokers = r.settings->brokers,
        .message_timeout_ms = FLUSH_MS,
        .queue_messages = QUEUE_MESSAGES,
        .queue_bytes = QUEUE_BYTES,
        .in_flight = 5, /* what an idempotent producer may have */
        .linger_ms = LINGER_MS,
        .idempotent = true,
        .delivered = on_delivered,
        .ctx = &r,
    };
    status st = read_made(&r, f);
    if (st == STATUS_OK)
        st = bench_producer_new(&producer, r.settings->to, &r.producer, f);
    if (st == STATUS_OK)
        st = send_all(&r, f);
    kafka_producer_free(r.producer);
    arena_free(r.arena);
    free(r.made);
    return st;
}

static const struct bench_program PROGRAM = {
    .config = {.name = "raw",
               .summary = "Sends messages of one topic to another from memory and prints the rate as JSON.",
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
