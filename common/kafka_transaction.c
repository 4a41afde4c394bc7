#include "common/kafka_transaction.h"

#include "common/clock.h"
#include "common/kafka_internal.h"
#include "common/log.h"
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    CALL_TIMEOUT_MS = 5000,
    RETRY_BASE_US = 50 * 1000,
    RETRY_MAX_US = 2 * 1000000,
};

/* What the thread is asked for. */
enum job {
    JOB_NONE,
    JOB_INIT, /* the first producer */
    JOB_BEGIN,
    JOB_COMMIT,  /* `offsets` and `membership` */
    JOB_ABANDON, /* a new producer */
};

struct kafka_transactor {
    struct kafka_producer *producer;
    struct kafka_consumer *consumer;
    const char *topic;
    int event_fd;

    pthread_t thread;
    pthread_mutex_t lock; /* for all below */
    pthread_cond_t changed;
    enum kafka_transaction state;
    enum job job;
    bool stopping;
    unsigned fenced;
    /* Belong to whoever's turn it is: the thread's while the state is KAFKA_TX_BUSY. */
    rd_kafka_topic_partition_list_t *offsets;
    rd_kafka_consumer_group_metadata_t *membership;
    rd_kafka_resp_err_t last_error; /* of a step */
};

static bool is_stopping(struct kafka_transactor *t)
{
    pthread_mutex_lock(&t->lock);
    bool stopping = t->stopping;
    pthread_mutex_unlock(&t->lock);
    return stopping;
}

/* Waits before trying again; not when the transactor is being freed. */
static void back_off(struct kafka_transactor *t, unsigned attempt)
{
    int64_t wait_us = clock_backoff(RETRY_BASE_US, RETRY_MAX_US, attempt);
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + wait_us * 1000;
    until.tv_sec += (time_t)(ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);

    pthread_mutex_lock(&t->lock);
    int res = 0;
    while (!t->stopping && res == 0)
        res = pthread_cond_timedwait(&t->changed, &t->lock, &until);
    pthread_mutex_unlock(&t->lock);
}

static bool is_fencing(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR__FENCED || err == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
           err == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

/* Whether the step went well; logs and frees its error. */
static bool went_well(struct kafka_transactor *t, const char *step, rd_kafka_error_t *error)
{
    if (!error)
        return true;
    log_warning("transaction step failed",
                LOG_STR("client", rd_kafka_name(kafka_producer_handle(t->producer))), LOG_STR("step", step),
                LOG_STR("error", rd_kafka_error_name(error)),
                LOG_STR("reason", rd_kafka_error_string(error)));
    t->last_error = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    return false;
}

/* A new handle. Counts the old one's end where somebody else has put it. */
static bool renew(struct kafka_transactor *t)
{
    struct fault fault = {0};
    char text[1];
    rd_kafka_t *old = kafka_producer_handle(t->producer);
    bool fenced =
        is_fencing(t->last_error) || (old && is_fencing(rd_kafka_fatal_error(old, text, sizeof text)));

    t->last_error = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (fenced) {
        pthread_mutex_lock(&t->lock);
        t->fenced++;
        pthread_mutex_unlock(&t->lock);
    }
    if (kafka_producer_renew(t->producer, &fault) == STATUS_OK)
        return true;
    log_error("no new producer", LOG_STR("reason", fault.message));
    return false;
}

/* ---- the thread's jobs ---- */

/* Makes this producer the only one of its id: what an older one left open is finished by the broker first. librdkafka 2.0.2 cannot
 * go on after a call that timed out, so each attempt but the first has a new handle. */
static void make_usable(struct kafka_transactor *t, bool is_new)
{
    for (unsigned attempt = 0; !is_stopping(t); attempt++) {
        if (attempt > 0)
            back_off(t, attempt - 1);
        if ((is_new && attempt == 0) || renew(t)) {
            rd_kafka_t *rk = kafka_producer_handle(t->producer);
            if (went_well(t, "init", rd_kafka_init_transactions(rk, CALL_TIMEOUT_MS)))
                return;
        }
    }
}

/* Whether the group has these offsets: they are as atomic as the transaction. */
static bool are_committed(const rd_kafka_topic_partition_list_t *wanted,
                          const rd_kafka_topic_partition_list_t *found)
{
    for (int i = 0; i < wanted->cnt; i++) {
        if (found->elems[i].err || found->elems[i].offset < wanted->elems[i].offset)
            return false;
    }
    return true;
}

/* What became of a commit that did not answer. The new producer's init has waited for its end; and a reader of committed messages
 * gets only stable offsets (KIP-447). */
static bool was_committed(struct kafka_transactor *t)
{
    for (unsigned attempt = 0; !is_stopping(t); attempt++) {
        rd_kafka_topic_partition_list_t *found = rd_kafka_topic_partition_list_copy(t->offsets);
        rd_kafka_resp_err_t err =
            rd_kafka_committed(kafka_consumer_handle(t->consumer), found, CALL_TIMEOUT_MS);
        bool committed = !err && are_committed(t->offsets, found);
        rd_kafka_topic_partition_list_destroy(found);
        if (!err) {
            log_info("the transaction that gave no answer is decided",
                     LOG_STR("committed", committed ? "yes" : "no"));
            return committed;
        }
        log_warning("cannot read the group's offsets", LOG_STR("error", rd_kafka_err2str(err)));
        back_off(t, attempt);
    }
    return false;
}

/* A commit may take as long as the transaction: what is left of it after that is ended by the broker. Without a bound librdkafka
 * (2.0.2) would ask again for as long as no broker answers, and nobody could stop it. */
static int commit_timeout_ms(rd_kafka_t *rk)
{
    return (int)kafka_conf_number_of(rd_kafka_conf(rk), "transaction.timeout.ms", CALL_TIMEOUT_MS);
}

static enum kafka_transaction commit(struct kafka_transactor *t)
{
    rd_kafka_t *rk = kafka_producer_handle(t->producer);
    bool ambiguous = false;

    if (!t->membership) {
        log_warning("transaction given up: the partitions are no longer ours");
    } else if (went_well(
                   t, "send offsets",
                   rd_kafka_send_offsets_to_transaction(rk, t->offsets, t->membership, CALL_TIMEOUT_MS))) {
        if (went_well(t, "commit", rd_kafka_commit_transaction(rk, commit_timeout_ms(rk))))
            return KAFKA_TX_COMMITTED;
        ambiguous = true;
    }
    make_usable(t, false);
    return ambiguous && was_committed(t) ? KAFKA_TX_COMMITTED : KAFKA_TX_LOST;
}

static enum kafka_transaction begin(struct kafka_transactor *t)
{
    if (went_well(t, "begin", rd_kafka_begin_transaction(kafka_producer_handle(t->producer))))
        return KAFKA_TX_OPEN;
    make_usable(t, false);
    return KAFKA_TX_LOST;
}

static enum kafka_transaction perform(struct kafka_transactor *t, enum job job)
{
    switch (job) {
    case JOB_BEGIN:
        return begin(t);
    case JOB_COMMIT:
        return commit(t);
    case JOB_ABANDON:
        make_usable(t, false);
        return KAFKA_TX_LOST;
    default:
        make_usable(t, true);
        return KAFKA_TX_NONE;
    }
}

static void *work(void *arg)
{
    struct kafka_transactor *t = arg;
    const uint64_t one = 1;

    pthread_mutex_lock(&t->lock);
    while (!t->stopping) {
        if (t->job == JOB_NONE) {
            pthread_cond_wait(&t->changed, &t->lock);
            continue;
        }
        enum job job = t->job;
        pthread_mutex_unlock(&t->lock);
        enum kafka_transaction outcome = perform(t, job);
        pthread_mutex_lock(&t->lock);
        t->job = JOB_NONE;
        t->state = outcome;
        (void)!write(t->event_fd, &one, sizeof one);
    }
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

static void ask_for(struct kafka_transactor *t, enum job job)
{
    pthread_mutex_lock(&t->lock);
    t->state = KAFKA_TX_BUSY;
    t->job = job;
    pthread_cond_signal(&t->changed);
    pthread_mutex_unlock(&t->lock);
}

/* ---- the caller's side ---- */

status kafka_transactor_new(struct kafka_producer *producer, struct kafka_consumer *consumer,
                            const char *topic, int event_fd, struct kafka_transactor **out)
{
    struct kafka_transactor *t = calloc(1, sizeof *t);
    pthread_condattr_t attributes;
    if (!t)
        return STATUS_NO_MEMORY;
    t->producer = producer;
    t->consumer = consumer;
    t->topic = topic;
    t->event_fd = event_fd;
    t->job = JOB_INIT;
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

void kafka_transactor_free(struct kafka_transactor *t)
{
    if (!t)
        return;
    pthread_mutex_lock(&t->lock);
    t->stopping = true;
    pthread_cond_signal(&t->changed);
    pthread_mutex_unlock(&t->lock);
    pthread_join(t->thread, NULL);
    if (t->state == KAFKA_TX_OPEN)
        (void)went_well(t, "abort",
                        rd_kafka_abort_transaction(kafka_producer_handle(t->producer), CALL_TIMEOUT_MS));
    forget_offsets(t);
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->lock);
    free(t);
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
    ask_for(t, JOB_BEGIN);
}

void kafka_transaction_commit(struct kafka_transactor *t, const struct kafka_offset *offsets, size_t n)
{
    forget_offsets(t);
    t->offsets = kafka_offsets_list(t->topic, offsets, n);
    t->membership = kafka_consumer_membership(t->consumer);
    ask_for(t, JOB_COMMIT);
}

void kafka_transaction_abandon(struct kafka_transactor *t)
{
    ask_for(t, JOB_ABANDON);
}

void kafka_transaction_end(struct kafka_transactor *t)
{
    set_state(t, KAFKA_TX_NONE);
}
