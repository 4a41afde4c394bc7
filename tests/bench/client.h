/* A client that sends a message and waits until its answer is there, then sends the next. Where both topics are one with a single
 * partition, nobody has to answer: the message itself comes back. */
#pragma once
#include "common/kafka.h"
#include "common/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CLIENT_PARTITION = 0, /* of the answers' topic: the one that is followed */
    CLIENT_WARM_UP = 100, /* messages before what is measured: connections, caches, prepared statements */
};

struct client {
    const char *topic; /* messages go there */
    struct kafka_producer *producer;
    struct kafka_consumer *consumer;
    bool failed; /* a message was not delivered */
};

/* The client must stay where it is. Errors: those of bench_producer_new(), kafka_consumer_new() and kafka_consumer_assign(). What was
 * made before is the caller's to close. */
status client_open(struct client *c, const char *name, const char *brokers, const char *topic,
                   const char *answers_topic, struct fault *f) must_check;
void client_close(struct client *c);

/* Sends message number `n` and waits for the answer whose header correlation-id is `id`. Errors: kafka_produce()'s, STATUS_TIMEOUT after
 * 30 s, STATUS_FATAL where it was not delivered. */
status client_ask(struct client *c, uint64_t n, struct slice id, struct slice key, struct slice value,
                  const struct kafka_header *headers, size_t n_headers, struct fault *f) must_check;
