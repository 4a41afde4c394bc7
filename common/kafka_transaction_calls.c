#include "common/kafka_transaction_internal.h"

#include "common/log.h"

enum {
    CALL_TIMEOUT_MS = 5000,
    RETRY_BASE_US = 50 * 1000,
    RETRY_MAX_US = 2 * 1000000,
    /* A call into librdkafka that lasts so long, and so many times the time that a transaction may take, never ends: it should take that
     * of the transaction at most, and the last of its requests another (socket.timeout.ms is no longer). */
    STUCK_MS = 60 * 1000,
    STUCK_TRANSACTIONS = 3,
    FROZEN_US = 10 * 1000000, /* who has not looked for so long was frozen, and so was the thread */
};

/* ---- calls, each watched ---- */

/* Notes that a call into librdkafka begins, or (NULL) that it has ended. Gives the producer's handle. */
static rd_kafka_t *call(struct kafka_transactor *t, const char *step)
{
    pthread_mutex_lock(&t->lock);
    t->step = step;
    t->called_us = clock_monotonic_us(t->o.clock);
    pthread_mutex_unlock(&t->lock);
    return kafka_producer_handle(t->o.producer);
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

void kafka_transaction_set_bounds(struct kafka_transactor *t)
{
    t->timeout_ms = kafka_conf_number_of(rd_kafka_conf(kafka_producer_handle(t->o.producer)),
                                         "transaction.timeout.ms", CALL_TIMEOUT_MS);
    int64_t transactions_ms = STUCK_TRANSACTIONS * t->timeout_ms;
    t->stuck_us = 1000 * (transactions_ms > STUCK_MS ? transactions_ms : STUCK_MS);
}

/* ---- jobs, made of calls ---- */

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
    (void)kafka_transactor_wait(t, &t->stopping, clock_backoff(RETRY_BASE_US, RETRY_MAX_US, attempt));
}

static bool is_fencing(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR__FENCED || err == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
           err == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
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

enum kafka_transaction kafka_transaction_perform(struct kafka_transactor *t, enum kafka_job job)
{
    switch (job) {
    case KAFKA_JOB_BEGIN:
        return begin(t);
    case KAFKA_JOB_COMMIT:
        return commit(t);
    case KAFKA_JOB_ABANDON:
        make_usable(t, false);
        return KAFKA_TX_LOST;
    case KAFKA_JOB_ABORT:
        (void)went_well(t, rd_kafka_abort_transaction(call(t, "abort"), CALL_TIMEOUT_MS));
        return KAFKA_TX_LOST;
    default:
        make_usable(t, true);
        return KAFKA_TX_NONE;
    }
}
