#include "common/kafka_transaction_internal.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_EVERY_US = 100 * 1000 };

/* ---- the thread ---- */

bool kafka_transactor_wait(struct kafka_transactor *t, const bool *flag, int64_t wait_us)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + wait_us * 1000;
    until.tv_sec += (time_t)(ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);

    pthread_mutex_lock(&t->lock);
    int res = 0;
    while (!*flag && res == 0)
        res = pthread_cond_timedwait(&t->changed, &t->lock, &until);
    bool is_true = *flag;
    pthread_mutex_unlock(&t->lock);
    return is_true;
}

static void *work(void *arg)
{
    struct kafka_transactor *t = arg;
    const uint64_t one = 1;

    pthread_mutex_lock(&t->lock);
    while (!t->stopping) {
        if (t->job == KAFKA_JOB_NONE) {
            pthread_cond_wait(&t->changed, &t->lock);
            continue;
        }
        enum kafka_job job = t->job;
        pthread_mutex_unlock(&t->lock);
        enum kafka_transaction outcome = kafka_transaction_perform(t, job);
        pthread_mutex_lock(&t->lock);
        t->job = KAFKA_JOB_NONE;
        t->state = outcome;
        (void)!write(t->o.event_fd, &one, sizeof one);
    }
    bool is_open = t->state == KAFKA_TX_OPEN;
    pthread_mutex_unlock(&t->lock);

    if (is_open)
        (void)kafka_transaction_perform(t, KAFKA_JOB_ABORT);
    pthread_mutex_lock(&t->lock);
    t->ended = true;
    pthread_cond_signal(&t->changed);
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

static void ask_for(struct kafka_transactor *t, enum kafka_job job)
{
    pthread_mutex_lock(&t->lock);
    t->state = KAFKA_TX_BUSY;
    t->job = job;
    pthread_cond_signal(&t->changed);
    pthread_mutex_unlock(&t->lock);
}

/* ---- the caller's side ---- */

status kafka_transactor_new(const struct kafka_transactor_options *options, struct kafka_transactor **out)
{
    struct kafka_transactor *t = calloc(1, sizeof *t);
    pthread_condattr_t attributes;
    if (!t)
        return STATUS_NO_MEMORY;
    t->o = *options;
    kafka_transaction_set_bounds(t);
    t->job = KAFKA_JOB_INIT;
    pthread_mutex_init(&t->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&t->changed, &attributes);
    pthread_condattr_destroy(&attributes);

    if (pthread_create(&t->thread, NULL, work, t) == 0) {
        *out = t;
        return STATUS_OK;
    }
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->lock);
    free(t);
    return STATUS_NO_MEMORY;
}

static void forget_offsets(struct kafka_transactor *t)
{
    if (t->offsets)
        rd_kafka_topic_partition_list_destroy(t->offsets);
    if (t->membership)
        rd_kafka_consumer_group_metadata_destroy(t->membership);
    t->offsets = NULL;
    t->membership = NULL;
}

bool kafka_transactor_free(struct kafka_transactor *t)
{
    if (!t)
        return true;
    pthread_mutex_lock(&t->lock);
    t->stopping = true;
    pthread_cond_signal(&t->changed);
    pthread_mutex_unlock(&t->lock);
    while (!kafka_transactor_wait(t, &t->ended, LOOK_EVERY_US)) {
        if (kafka_transaction_is_stuck(t))
            return false;
    }
    pthread_join(t->thread, NULL);
    forget_offsets(t);
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->lock);
    free(t);
    return true;
}

enum kafka_transaction kafka_transaction_state(struct kafka_transactor *t)
{
    pthread_mutex_lock(&t->lock);
    enum kafka_transaction state = t->state;
    pthread_mutex_unlock(&t->lock);
    return state;
}

unsigned kafka_transaction_fenced(struct kafka_transactor *t)
{
    pthread_mutex_lock(&t->lock);
    unsigned fenced = t->fenced;
    pthread_mutex_unlock(&t->lock);
    return fenced;
}

static void set_state(struct kafka_transactor *t, enum kafka_transaction state)
{
    pthread_mutex_lock(&t->lock);
    t->state = state;
    pthread_mutex_unlock(&t->lock);
}

void kafka_transaction_begin(struct kafka_transactor *t)
{
    ask_for(t, KAFKA_JOB_BEGIN);
}

void kafka_transaction_commit(struct kafka_transactor *t, const struct kafka_offset *offsets, size_t n)
{
    forget_offsets(t);
    t->offsets = kafka_offsets_list(t->o.topic, offsets, n);
    t->membership = kafka_consumer_membership(t->o.consumer);
    ask_for(t, KAFKA_JOB_COMMIT);
}

void kafka_transaction_abandon(struct kafka_transactor *t)
{
    ask_for(t, KAFKA_JOB_ABANDON);
}

void kafka_transaction_end(struct kafka_transactor *t)
{
    set_state(t, KAFKA_TX_NONE);
}
