/* Exactly-once: results and the offsets of their commands become visible together, or not at all (KIP-98, KIP-447).
 *
 * One transactor makes one transaction after the other, of a producer of its own. What librdkafka does for them runs on a thread of
 * the transactor, so that the caller goes on with other work: while it is busy the caller must not touch the producer, and delivery
 * reports come on that thread. Not every call ends (librdkafka 2.0.2 asks for a coordinator without a bound, and may stop asking): the
 * caller looks at kafka_transaction_is_stuck().
 * A transaction that is ambiguous or broken is answered by a new producer, which fences the old one; whether the transaction had been
 * committed is then read from the group's offsets. Not thread-safe: one thread calls. */
#pragma once
#include "common/clock.h"
#include "common/kafka.h"

struct kafka_transactor;

/* All are borrowed. */
struct kafka_transactor_options {
    struct kafka_producer *producer; /* has a transactional id */
    struct kafka_consumer *consumer; /* has a group */
    const char *topic;               /* that it reads */
    int event_fd;                    /* is written to whenever the transactor stops being busy */
    const struct clock *clock;
};

enum kafka_transaction {
    KAFKA_TX_BUSY,      /* being made, committed or given up */
    KAFKA_TX_NONE,      /* kafka_transaction_begin() can be called */
    KAFKA_TX_OPEN,      /* what is produced belongs to it */
    KAFKA_TX_COMMITTED, /* messages and offsets are visible; kafka_transaction_end() lets go of it */
    KAFKA_TX_LOST,      /* neither is nor will be visible; kafka_transaction_end() lets go of it */
};

/* Is busy at first. Errors: STATUS_NO_MEMORY. */
status kafka_transactor_new(const struct kafka_transactor_options *options, struct kafka_transactor **out)
    must_check;
/* Waits for the call that is under way, and aborts what is open. Before the producer and the consumer are freed. False where the call
 * is stuck: nothing is freed then, and nothing that the transactor uses may be. */
bool kafka_transactor_free(struct kafka_transactor *t) must_check;
/* Whether a call into librdkafka has lasted for a minute, or for three times transaction.timeout.ms where that is longer: it never
 * ends (it logs which, once), and its thread cannot be ended either. To be asked every few seconds while it is busy. */
bool kafka_transaction_is_stuck(struct kafka_transactor *t);

enum kafka_transaction kafka_transaction_state(struct kafka_transactor *t);
/* How often ours was fenced: by another producer of its transactional id, or by the broker when a transaction timed out. */
unsigned kafka_transaction_fenced(struct kafka_transactor *t);

/* From KAFKA_TX_NONE to KAFKA_TX_BUSY, then KAFKA_TX_OPEN or KAFKA_TX_LOST. */
void kafka_transaction_begin(struct kafka_transactor *t);
/* Waits (busy) until every message is delivered, then commits: from KAFKA_TX_OPEN to KAFKA_TX_COMMITTED or KAFKA_TX_LOST.
 * `offsets` are copied. It is fenced where the group has another owner of the partitions by now. */
void kafka_transaction_commit(struct kafka_transactor *t, const struct kafka_offset *offsets, size_t n);
/* From KAFKA_TX_OPEN to KAFKA_TX_BUSY, then KAFKA_TX_LOST. */
void kafka_transaction_abandon(struct kafka_transactor *t);
/* From KAFKA_TX_COMMITTED or KAFKA_TX_LOST to KAFKA_TX_NONE. */
void kafka_transaction_end(struct kafka_transactor *t);
