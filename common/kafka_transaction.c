#include "common/kafka_transaction.h"

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
    LOOK_EVERY_US = 100 * 1000,
    /* A call into librdkafka that lasts so long, and so many times the time that a transaction may take, never ends: it should take that
     * of the transaction at most, and the last of its requests another (socket.timeout.ms is no longer). */
    STUCK_MS = 60 * 1000,
    STUCK_TRANSACTIONS = 3,
    FROZEN_US = 10 * 1000000, /* who has not looked for so long was frozen, and so was the thread */
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
    struct kafka_transactor_options o;
    int64_t timeout_ms; /* of a transaction */
    int64_t stuck_us;   /* so long lasts a call that never ends */

    pthread_t thread;
    pthread_mutex_t lock; /* for all below */
    pthread_cond_t changed;
    enum kafka_transaction state;
    enum job job;
    bool stopping;
    bool ended; /* the thread */
    unsigned fenced;
    const char *step; /* the call into librdkafka that the thread is in; NULL: none */
    int64_t called_us, looked_us;
    bool is_told; /* that it is stuck */
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

/* Waits a while for one of ours to become true. Whether it has. */
static bool wait_for(struct kafka_transactor *t, const bool *flag, int64_t wait_us)
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

/* Waits before trying again; not when the transactor is being freed. */
static void back_off(struct kafka_transactor *t, unsigned attempt)
{
    (void)wait_for(t, &t->stopping, clock_backoff(RETRY_BASE_US, RETRY_MAX_US, attempt));
}

/* Notes that a call into librdkafka begins, or (NULL) that it has ended. Gives the producer's handle. */
static rd_kafka_t *call(struct kafka_transactor *t, const char *step)
{
    pthread_mutex_lock(&t->lock);
    t->step = step;
    t->called_us = clock_monotonic_us(t->o.clock);
    pthread_mutex_unlock(&t->lock);
    return kafka_producer_handle(t->o.producer);
}

static bool is_fencing(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR__FENCED || err == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
           err == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

/* Whether the call that has ended went well; logs and frees its error. */
static bool went_well(struct kafka_transactor *t, rd_kafka_error_t *error)
{
    const char *step = t->step;
    const rd_kafka_t *rk = call(t, NULL);
    if (!error)
        return true;
    log_warning("transaction step failed", LOG_STR("client", rd_kafka_name(rk)), LOG_STR("step", step),
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
    rd_kafka_t *old = call(t, "renew");
    bool fenced =
        is_fencing(t->last_error) || (old && is_fencing(rd_kafka_fatal_error(old, text, sizeof text)));

    t->last_error = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (fenced) {
        pthread_mutex_lock(&t->lock);
        t->fenced++;
        pthread_mutex_unlock(&t->lock);
    }
    status st = kafka_producer_renew(t->o.producer, &fault);
    (void)call(t, NULL);
    if (st == STATUS_OK)
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
        if (((is_new && attempt == 0) || renew(t)) &&
            went_well(t, rd_kafka_init_transactions(call(t, "init"), CALL_TIMEOUT_MS)))
            return;
    }
}

/* Whether the group has these offsets: they are as atomic as the transaction. */
static bool are_committed(const rd_kafka_topic_partition_list_t *wanted,
                          const rd_kafka_topic_partition_list_t *found)
{
    for (int i = 0; i < wanted->cnt; i++) {
        if (found->elems[i].offset < wanted->elems[i].offset)
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
        (void)call(t, "read offsets");
        rd_kafka_resp_err_t err =
            kafka_read_offsets(kafka_consumer_handle(t->o.consumer), found, CALL_TIMEOUT_MS);
        (void)call(t, NULL);
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

static enum kafka_transaction commit(struct kafka_transactor *t)
{
    bool ambiguous = false;

    if (!t->membership) {
        log_warning("transaction given up: the partitions are no longer ours");
    } else if (went_well(t, rd_kafka_send_offsets_to_transaction(call(t, "send offsets"), t->offsets,
                                                                 t->membership, CALL_TIMEOUT_MS))) {
        /* It may take as long as the transaction: what is left of it after that is ended by the broker. Without a bound librdkafka
         * (2.0.2) would ask again for as long as no broker answers, and nobody could stop it. */
        if (went_well(t, rd_kafka_commit_transaction(call(t, "commit"), (int)t->timeout_ms)))
            return KAFKA_TX_COMMITTED;
        ambiguous = true;
    }
    make_usable(t, false);
    return ambiguous && was_committed(t) ? KAFKA_TX_COMMITTED : KAFKA_TX_LOST;
}

static enum kafka_transaction begin(struct kafka_transactor *t)
{
    if (went_well(t, rd_kafka_begin_transaction(call(t, "begin"))))
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
        (void)!write(t->o.event_fd, &one, sizeof one);
    }
    bool is_open = t->state == KAFKA_TX_OPEN;
    pthread_mutex_unlock(&t->lock);

    if (is_open)
        (void)went_well(t, rd_kafka_abort_transaction(call(t, "abort"), CALL_TIMEOUT_MS));
    pthread_mutex_lock(&t->lock);
    t->ended = true;
    pthread_cond_signal(&t->changed);
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

static void set_bounds(struct kafka_transactor *t)
{
    t->timeout_ms = kafka_conf_number_of(rd_kafka_conf(kafka_producer_handle(t->o.producer)),
                                         "transaction.timeout.ms", CALL_TIMEOUT_MS);
    int64_t transactions_ms = STUCK_TRANSACTIONS * t->timeout_ms;
    t->stuck_us = 1000 * (transactions_ms > STUCK_MS ? transactions_ms : STUCK_MS);
}

status kafka_transactor_new(const struct kafka_transactor_options *options, struct kafka_transactor **out)
{
    struct kafka_transactor *t = calloc(1, sizeof *t);
    pthread_condattr_t attributes;
    if (!t)
        return STATUS_NO_MEMORY;
    t->o = *options;
    set_bounds(t);
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

bool kafka_transactor_free(struct kafka_transactor *t)
{
    if (!t)
        return true;
    pthread_mutex_lock(&t->lock);
    t->stopping = true;
    pthread_cond_signal(&t->changed);
    pthread_mutex_unlock(&t->lock);
    while (!wait_for(t, &t->ended, LOOK_EVERY_US)) {
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

bool kafka_transaction_is_stuck(struct kafka_transactor *t)
{
    pthread_mutex_lock(&t->lock);
    int64_t now = clock_monotonic_us(t->o.clock);
    if (now - t->looked_us > FROZEN_US)
        t->called_us = now;
    t->looked_us = now;
    const char *step = t->step;
    int64_t lasts_us = now - t->called_us;
    bool stuck = step && lasts_us >= t->stuck_us;
    bool tell = stuck && !t->is_told;
    t->is_told = t->is_told || stuck;
    pthread_mutex_unlock(&t->lock);

    if (tell)
        log_error("a step of a transaction never ends: only the end of this process helps",
                  LOG_STR("step", step), LOG_INT("seconds", lasts_us / 1000000));
    return stuck;
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
    t->offsets = kafka_offsets_list(t->o.topic, offsets, n);
    t->membership = kafka_consumer_membership(t->o.consumer);
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
