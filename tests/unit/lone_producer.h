/* A producer whose broker is not there. */
#pragma once
#include "common/kafka.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* `transactional_id` may be NULL. Free with kafka_producer_free(). */
static inline struct kafka_producer *lone_producer(const char *transactional_id)
{
    const struct kafka_producer_options options = {
        .client_id = "test",
        .brokers = "127.0.0.1:1",
        .queue_messages = 10,
        .queue_bytes = 1024 * 1024,
        .in_flight = 1,
        .transactional_id = transactional_id,
    };
    struct kafka_producer *p = NULL;
    struct fault fault = {0};
    assert_int_equal(kafka_producer_new(&options, &p, &fault), STATUS_OK);
    return p;
}
