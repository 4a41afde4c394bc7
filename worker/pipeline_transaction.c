#include "worker/pipeline_internal.h"

#include "common/log.h"
#include <stdio.h>
#include <unistd.h>

enum {
    GATHER_US = 50 * 1000,
    /* So often in so short a time no transaction runs into its timeout: somebody else uses our name, and taking it back each time
     * helps nobody. */
    MAX_FENCED = 8,
    FENCED_WITHIN_US = 60 * 1000000,
    MAX_FENCED_IN_A_ROW = 5, /* without one that was committed */
    MAX_LOST_IN_A_ROW = 3,   /* without a report that says why, before all reply topics are suspected */
    HOST_LEN = 256,
};

/* The name has to outlive the process: its successor ends what it left open (KIP-98). */
static void name_transactions(struct pipeline *p)
{
    const struct worker_settings *s = p->o.settings;
    char host[HOST_LEN] = "";

    if (s->instance) {
        (void)snprintf(p->transactional_id, sizeof p->transactional_id, "%s/%s", s->group, s->instance);
        return;
    }
    /* No two processes of a host have the same admin port. */
    (void)gethostname(host, sizeof host - 1);
    (void)snprintf(p->transactional_id, sizeof p->transactional_id, "%s/%s:%lld", s->group, host,
                   (long long)s->admin_port);
}

const char *pipeline_transactional_id(struct pipeline *p)
{
    if (p->o.settings->delivery != WORKER_EXACTLY_ONCE)
        return NULL;
    name_transactions(p);
    return p->transactional_id;
}

status pipeline_begin_transactions(struct pipeline *p, struct fault *f)
{
    const struct kafka_transactor_options options = {
        .producer = p->producer,
        .consumer = p->consumer,
        .topic = p->o.settings->commands_topic,
        .event_fd = p->event_fd,
        .clock = p->o.clock,
    };
    status st = kafka_transactor_new(&options, &p->transactor);
    if (st != STATUS_OK)
        return fault_set(f, st, "no_memory", "no memory for transactions");
    log_info("exactly once", LOG_STR("transactional_id", p->transactional_id));
    return STATUS_OK;
}

bool pipeline_owns_producer(const struct pipeline *p)
{
    return !p->transactor || kafka_transaction_state(p->transactor) != KAFKA_TX_BUSY;
}

/* Whether the partitions of a batch have been ours ever since it was fetched. Where not, somebody else answers its commands. */
static bool is_ours(const struct pipeline *p, const struct batch *b)
{
    return b->generation == p->generation;
}

/* Gives up the reply topics that did not take a result; or all, where a transaction is lost again and again and nothing says why (it
 * can be ended before any report comes): one that is never committed holds everything up. */
static bool give_up_topics(struct pipeline *p, bool all)
{
    bool any = false;
    for (size_t i = 0; i < p->in_transaction; i++) {
        struct batch *b = pipeline_batch(p, i);
        for (size_t k = 0; k < b->n; k++) {
            struct entry *e = &b->entries[k];
            if ((all && e->reply.topic) || e->refused) {
                pipeline_give_up(p, &e->reply);
                any = true;
            }
            e->refused = false;
        }
    }
    return any;
}

static void send_again(struct pipeline *p)
{
    for (size_t i = 0; i < p->in_transaction; i++)
        pipeline_batch(p, i)->sent = 0;
    if (!give_up_topics(p, false) && p->resend_attempts >= MAX_LOST_IN_A_ROW)
        (void)give_up_topics(p, true);
    pipeline_back_off(p, NULL, "the transaction is lost");
    p->probe_next = 0;
    p->probe_at_us = 0; /* did one of the topics go? */
}

static void end_transaction(struct pipeline *p, bool committed)
{
    if (committed) {
        for (size_t i = 0; i < p->in_transaction; i++)
            pipeline_retire(p);
        p->resend_attempts = 0;
        p->fenced_at_commit = kafka_transaction_fenced(p->transactor);
        counter_add(p->commits, 1);
    } else {
        send_again(p);
    }
    p->in_transaction = 0;
    offsets_clear(&p->transaction);
    kafka_transaction_end(p->transactor);
}

/* A transaction costs much the same however much is in it (librdkafka 2.0.2 alone spins for 2 ms). Where batch follows batch, a few
 * share one: it waits for the verdicts that come next, a moment. */
static bool should_gather(struct pipeline *p, size_t n)
{
    const struct batch *last = pipeline_batch(p, n - 1);
    int64_t now = clock_monotonic_us(p->o.clock);

    bool more_come = pipeline_is_storing(p) || linger_until_us(&p->linger) >= 0;
    if (n >= TRANSACTION_BATCHES || !more_come || !pipeline_is_full(p, last))
        return false;
    if (p->gather_until_us < 0)
        p->gather_until_us = now + GATHER_US;
    return now < p->gather_until_us;
}

/* Takes all batches whose verdicts are known. False when there is nothing to do. */
static bool begin_transaction(struct pipeline *p)
{
    while (p->used > 0 && pipeline_batch(p, 0)->stage == BATCH_ANSWERING && !is_ours(p, pipeline_batch(p, 0)))
        pipeline_retire(p);

    size_t n = 0;
    while (n < p->used && pipeline_batch(p, n)->stage == BATCH_ANSWERING)
        n++;
    if (n > 0 && (clock_monotonic_us(p->o.clock) < p->resend_at_us || should_gather(p, n)))
        return false;
    p->gather_until_us = -1;
    if (n == 0)
        return false;
    /* With a partition that has no leader, or too few replicas in sync, it could not be ended before it has them again, not even
     * aborted. */
    bool answered = true;
    for (size_t i = 0; i < n && answered; i++)
        answered = pipeline_look_at_topics_of(p, pipeline_batch(p, i));
    p->in_transaction = n;
    kafka_transaction_begin(p->transactor);
    return true;
}

/* Puts the answers into it and commits: the commit waits for their delivery. */
static status fill_transaction(struct pipeline *p)
{
    bool complete = true;
    bool ours = true;
    status st = STATUS_OK;

    for (size_t i = 0; i < p->in_transaction && st == STATUS_OK; i++) {
        const struct batch *b = pipeline_batch(p, i);
        st = pipeline_send(p, i);
        ours = ours && is_ours(p, b);
        complete = complete && b->sent == b->n;
    }
    if (st == STATUS_NO_MEMORY)
        return st;
    if (st != STATUS_OK || !ours) {
        kafka_transaction_abandon(p->transactor);
        return STATUS_OK;
    }
    if (!complete)
        return STATUS_OK;

    for (size_t i = 0; i < p->in_transaction; i++) {
        if (!offsets_merge(&p->transaction, &pipeline_batch(p, i)->offsets))
            return STATUS_NO_MEMORY;
    }
    kafka_transaction_commit(p->transactor, p->transaction.at, p->transaction.n);
    return STATUS_OK;
}

/* Errors: STATUS_FATAL when another process makes transactions under our name. */
static status watch_fencing(struct pipeline *p)
{
    unsigned fenced = kafka_transaction_fenced(p->transactor);
    int64_t now = clock_monotonic_us(p->o.clock);

    if (now - p->fencing_since_us > FENCED_WITHIN_US) {
        p->fencing_since_us = now;
        p->fenced_before = fenced;
    }
    if (fenced - p->fenced_before < MAX_FENCED && fenced - p->fenced_at_commit < MAX_FENCED_IN_A_ROW)
        return STATUS_OK;
    log_error("another process makes transactions under this name: give each its own [worker] instance",
              LOG_STR("transactional_id", p->transactional_id));
    return STATUS_FATAL;
}

/* One step; `*again` says whether another may be possible at once. */
static status step(struct pipeline *p, bool *again)
{
    *again = false;
    switch (kafka_transaction_state(p->transactor)) {
    case KAFKA_TX_BUSY:
        /* Its partitions would be held for ever. The process that is started instead makes the answers of what is not committed. */
        return kafka_transaction_is_stuck(p->transactor) ? STATUS_FATAL : STATUS_OK;
    case KAFKA_TX_OPEN:
        return fill_transaction(p);
    case KAFKA_TX_NONE:
        *again = begin_transaction(p);
        return STATUS_OK;
    case KAFKA_TX_COMMITTED:
        end_transaction(p, true);
        break;
    case KAFKA_TX_LOST:
        end_transaction(p, false);
        break;
    }
    *again = true;
    return watch_fencing(p);
}

status pipeline_transact(struct pipeline *p)
{
    bool again = true;
    status st = STATUS_OK;

    while (again && st == STATUS_OK)
        st = step(p, &again);
    return st;
}
