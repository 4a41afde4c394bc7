/* What the bench's programs have in common: main(), rows of their option tables, a producer on a topic that is there, a reader from
 * a topic's beginning. */
#pragma once
#include "common/config.h"
#include "common/kafka.h"
#include "common/status.h"
#include "tests/bench/stream.h"

struct bench_program {
    struct config_program config;
    const char *failure; /* the log line when `run` fails */
    /* Measures and prints one line of JSON. `settings` is what the option table fills. */
    status (*run)(const void *settings, struct fault *f);
};

/* All of main(). `settings` is zeroed, and as large as the option table wants. Returns the exit code. */
int bench_main(const struct bench_program *program, int argc, char **argv, void *settings);

/* Rows of option tables; `at` is the offset of the member they fill: a text, a struct stream_options. */
/* clang-format off */
#define BENCH_BROKERS_OPTION(at) \
    {"kafka", "brokers", CONFIG_TEXT, (at), .required = true, .max = 4096, .help = "Kafka brokers"}

#define BENCH_STREAM_OPTIONS(at) \
    {"bench", "tokens_file", CONFIG_TEXT, (at) + offsetof(struct stream_options, tokens_file), \
     .required = true, .max = 4096, .help = "worker tokens, one per line"}, \
    {"bench", "runs", CONFIG_INTEGER, (at) + offsetof(struct stream_options, runs), \
     .required = true, .min = 1, .max = INT32_MAX, .help = "runs that take turns"}, \
    {"bench", "accounts", CONFIG_INTEGER, (at) + offsetof(struct stream_options, accounts), \
     .required = true, .min = 1, .max = 64, .help = "accounts that the runs belong to"}, \
    {"bench", "seed", CONFIG_INTEGER, (at) + offsetof(struct stream_options, seed), .fallback = "1", \
     .min = 0, .max = INT32_MAX, .help = "streams of different seeds have no id in common"}
/* clang-format on */

/* A producer that knows `topic` already. Errors: STATUS_NOT_FOUND (no such topic, no broker) and kafka_producer_new()'s; there is
 * nothing to free then. */
status bench_producer_new(const struct kafka_producer_options *options, const char *topic,
                          struct kafka_producer **out, struct fault *f) must_check;

/* Reads all partitions of `topic` from their beginning. Errors likewise. */
status bench_reader_new(const struct kafka_consumer_options *options, const char *topic,
                        struct kafka_consumer **out, struct fault *f) must_check;
/* The next message, to be freed by the caller. Errors: STATUS_NOT_FOUND when none comes for ten seconds. */
status bench_read(struct kafka_consumer *reader, struct kafka_message **out, struct fault *f) must_check;

/* User and system time of this process. */
double bench_cpu_seconds(void);
