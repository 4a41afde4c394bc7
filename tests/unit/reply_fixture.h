/* A list of reply topics that have been looked at, and what a command asks for. For the tests of worker/reply_to.h. */
#pragma once
#include "common/text.h"
#include "worker/reply_to.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { RESULTS, ORDERS, BILLS };

struct fixture {
    struct metrics *metrics;
    struct arena *arena;
    struct reply_topics *topics;
    struct command_headers headers;
    struct reply_to to;
};

/* -1: nobody answers. */
static inline void see(struct fixture *f, size_t topic, int32_t partitions, int64_t now_us)
{
    const struct kafka_topic_view view = {.answered = partitions >= 0, .partitions = partitions};
    reply_topics_looked_at(f->topics, topic, view, now_us);
}

static inline int make(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->metrics = metrics_new();
    f->arena = arena_new(1024);
    f->topics = reply_topics_new("results", " orders.replies ,bills", false, f->metrics);
    see(f, RESULTS, 8, 0);
    see(f, ORDERS, 2, 0);
    see(f, BILLS, 12, 0);
    *state = f;
    return f->topics ? 0 : -1;
}

static inline int dispose(void **state)
{
    struct fixture *f = *state;
    reply_topics_free(f->topics);
    arena_free(f->arena);
    metrics_free(f->metrics);
    free(f);
    return 0;
}

static inline void ask(struct fixture *f)
{
    assert_int_equal(reply_topics_resolve(f->topics, &f->headers, f->arena, &f->to), STATUS_OK);
}

/* Nobody looks at the topics meanwhile. */
static inline void assert_goes(struct fixture *f, const char *topic, int32_t partition)
{
    ask(f);
    reply_topics_settle(f->topics, &f->to);
    if (topic)
        assert_string_equal(reply_to_topic(&f->to), topic);
    else
        assert_null(reply_to_topic(&f->to));
    assert_int_equal(f->to.partition, partition);
}

#define WITH_TOPICS(test) cmocka_unit_test_setup_teardown(test, make, dispose)
