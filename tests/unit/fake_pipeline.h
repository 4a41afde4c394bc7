/* For tests of pipeline_answers.c: a pipeline of two batches, with producers and a consumer that only note what they are given. */
#pragma once
#include "worker/pipeline_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROWS = 4, BATCHES = 2, SENT_MAX = 64 };

static struct kafka_producer {
    char name;
} single = {'s'}, bulk = {'b'};

static struct {
    int64_t now_us;
    char sent[SENT_MAX]; /* one letter per answer: the command's */
    char with[SENT_MAX]; /* one letter per answer: the producer's */
    size_t n_sent, room;
    bool outage;
    int commits;
    int64_t committed; /* offset of the last commit */
    status commit_status;
} fake;

/* ---- what the file under test calls ---- */

status answers_send(struct answers *a, struct kafka_producer *producer, struct entry *e)
{
    (void)a;
    if (fake.n_sent == fake.room)
        return STATUS_FULL;
    fake.sent[fake.n_sent] = (char)('a' + (int)e->reason.len);
    fake.with[fake.n_sent++] = producer->name;
    return STATUS_OK;
}

status kafka_consumer_commit(struct kafka_consumer *c, const char *topic, const struct kafka_offset *offsets,
                             size_t n, bool wait)
{
    (void)c;
    (void)topic;
    (void)wait;
    assert_int_equal(n, 1);
    fake.commits++;
    fake.committed = offsets[0].offset;
    return fake.commit_status;
}

/* Weak: test_pipeline_topics.c has the real one. */
__attribute__((weak)) void pipeline_settle_reply(struct pipeline *p, struct reply_to *to)
{
    (void)p;
    to->beyond = false;
}

bool kafka_producer_reachable(const struct kafka_producer *p)
{
    (void)p;
    return !fake.outage;
}

struct kafka_record kafka_view(const struct kafka_message *m)
{
    (void)m;
    return (struct kafka_record){.topic = "commands"};
}

void kafka_message_free(struct kafka_message *m)
{
    (void)m;
}

struct batch *pipeline_batch(const struct pipeline *p, size_t i)
{
    return p->ring[i];
}

struct batch *pipeline_collecting(const struct pipeline *p)
{
    return p->used < BATCHES ? p->ring[p->used] : NULL;
}

bool pipeline_is_full(const struct pipeline *p, const struct batch *b)
{
    (void)p;
    return b->n >= ROWS;
}

void pipeline_retire(struct pipeline *p)
{
    struct batch *oldest = p->ring[0];
    batch_reset(oldest);
    p->ring[0] = p->ring[1];
    p->ring[1] = oldest;
    p->used--;
}

/* ---- the pipeline ---- */

static inline int64_t now(const struct clock *c)
{
    (void)c;
    return fake.now_us;
}

struct fixture {
    struct pipeline p;
    struct worker_settings settings;
    struct clock clock;
    struct metrics *metrics;
    size_t commands; /* so far, each a letter */
};

static inline int make(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    memset(&fake, 0, sizeof fake);
    fake.now_us = 1000 * 1000;
    fake.room = SENT_MAX - 1;
    f->clock = (struct clock){.monotonic_us = now, .unix_us = now};
    f->metrics = metrics_new();
    f->settings = (struct worker_settings){.commands_topic = "commands", .commit_interval_ms = 100};
    f->p.o = (struct pipeline_options){.settings = &f->settings, .clock = &f->clock, .metrics = f->metrics};
    f->p.acknowledged_fd = eventfd(0, EFD_NONBLOCK);
    f->p.partitions = 1;
    f->p.producer = &single;
    f->p.bulk = &bulk;
    f->p.reply_topics = reply_topics_new("results", "bills", false, f->metrics);
    f->p.commits = metrics_counter(f->metrics, "commits", NULL, "");
    for (size_t i = 0; i < BATCHES; i++)
        f->p.ring[i] = batch_new(ROWS);
    *state = f;
    return 0;
}

static inline int dispose(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < BATCHES; i++)
        batch_free(f->p.ring[i]);
    reply_topics_free(f->p.reply_topics);
    offsets_dispose(&f->p.finished);
    offsets_dispose(&f->p.committing);
    metrics_free(f->metrics);
    close(f->p.acknowledged_fd);
    free(f);
    return 0;
}

/* Adds commands to the batch that collects. */
static inline struct batch *collect(struct fixture *f, size_t n)
{
    struct batch *b = f->p.ring[f->p.used];
    for (size_t i = 0; i < n; i++)
        batch_add(b, NULL)->reason = slice_make("", f->commands++);
    return b;
}

/* A batch of commands whose verdicts are known. */
static inline struct batch *add(struct fixture *f, size_t n)
{
    struct batch *b = collect(f, n);
    b->stage = BATCH_ANSWERING;
    f->p.used++;
    return b;
}

static inline void answer(struct fixture *f)
{
    assert_int_equal(pipeline_answer(&f->p), STATUS_OK);
}

static inline void report(struct fixture *f, struct batch *b, size_t i, bool delivered)
{
    pipeline_delivered(&f->p, &b->entries[i], delivered ? KAFKA_DELIVERED : KAFKA_NOT_DELIVERED, true,
                       delivered ? NULL : "no");
}

static inline void let_time_pass(struct fixture *f)
{
    fake.now_us += 10 * 1000 * 1000;
    answer(f);
}

#define WITH_PIPELINE(test) cmocka_unit_test_setup_teardown(test, make, dispose)
