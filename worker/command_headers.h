/* The headers of a command that the worker knows, found in one pass. */
#pragma once
#include "common/kafka.h"

/* Values as they came, unchecked; absent where there is none. Of equal names the last one counts. */
struct command_headers {
    struct slice authorization;
    struct slice correlation_id;
    struct slice reply_partition;
    struct slice traceparent;
    /* The names that Spring for Apache Kafka gives them. */
    struct slice spring_correlation_id;  /* any bytes */
    struct slice spring_reply_partition; /* four bytes, big endian */
    struct slice spring_reply_topic;     /* a topic's name */
    size_t bytes;                        /* of all headers, known or not: names, values, and HEADER_COST */
};

/* What librdkafka needs for a header besides its name and value, however small they are. */
enum { HEADER_COST = 64 };

/* Keeps the value of one header if its name is known. */
void command_headers_take(struct command_headers *h, const struct kafka_header *header);
/* All headers of `m`, whose memory the slices point into. */
struct command_headers command_headers_of(const struct kafka_message *m);
