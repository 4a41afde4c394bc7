/* What the pipeline_*.c files share. */
#pragma once
#include "common/kafka_transaction.h"
#include "worker/answers.h"
#include "worker/batch.h"
#include "worker/intake.h"
#include "worker/linger.h"
#include "worker/pipeline.h"

/* One batch collects, the store has some, the others wait for acknowledgements: two at least once, and two transactions of two. */
enum {
    RING_AT_LEAST_ONCE = 1 + STORE_BATCHES + 2,
    TRANSACTION_BATCHES = 2,
    RING_EXACTLY_ONCE = 1 + STORE_BATCHES + 2 * TRANSACTION_BATCHES,
    RING_MAX = RING_EXACTLY_ONCE
};

enum pipeline_phase {
    PIPELINE_RUNNING,
    PIPELINE_DRAINING, /* a signal came: nothing more is fetched, what is in hand is finished until `drain_by_us` */
    PIPELINE_CLOSING, /* parts are being freed: a revocation has nothing left to finish */
};

/* What the admin listener's thread may read. */
struct pipeline_health {
    atomic_bool database;
    atomic_bool broker;
    atomic_bool assigned;
    atomic_bool placed; /* … and it is known where to begin with what is assigned */
    atomic_bool transactions;
    atomic_bool stopping;
};

struct pipeline {
    struct pipeline_options o;
    enum pipeline_phase phase;
    int64_t drain_by_us;
    status failed; /* the first of pipeline_fail(); ends the run */

    int event_fd;        /* all Kafka handles write to it */
    int acknowledged_fd; /* at least once: is written to when a batch's answers are acknowledged */
    struct kafka_consumer *consumer;
    struct kafka_producer *producer; /* sends at once */
    struct kafka_producer
        *bulk; /* waits until a batch's answers are complete, and needs few requests; NULL in transactions */
    char transactional_id[512];
    struct kafka_transactor *transactor; /* NULL: at least once */
    struct store *store;
    struct linger linger; /* of the batch that collects, before an idle store */
    struct avro_codec *codec;
    struct token_verifier *verifier;
    struct reply_topics *reply_topics;
    struct intake *intake;
    struct answers *answers;

    /* ring[first] is the oldest; `used` of them are out of stage BATCH_COLLECTING, the next one collects. */
    struct batch *ring[RING_MAX];
    size_t first, used;
    bool consumer_dry; /* the last poll found nothing: wait for the event */
    bool paused;
    int64_t full_since_us; /* since when nothing could be collected; -1 */

    /* Exactly once: the oldest batches that are in the transaction. */
    size_t in_transaction;
    struct offset_list transaction;    /* the offsets behind it */
    int64_t gather_until_us;           /* until when a transaction waits for more batches; -1: it does not */
    int64_t transaction_busy_since_us; /* -1: it is not */
    int64_t fencing_since_us;          /* since when `fenced_before` is kept */
    unsigned fenced_before;
    unsigned fenced_at_commit;

    size_t partitions;           /* assigned */
    unsigned generation;         /* counts assignments: offsets of an older one are not ours to commit */
    struct offset_list finished; /* answered, not yet committed */
    int64_t commit_at_us;        /* not before that */
    bool is_committing;          /* a commit is on its way: */
    struct offset_list committing;
    unsigned committing_generation;
    int64_t resend_at_us; /* answers that were not delivered wait until then */
    unsigned resend_attempts;
    atomic_bool acknowledged; /* something was, since the last attempt */
    bool queue_is_full;       /* of the producer: an answer could not be sent */
    int64_t full_retry_at_us; /* … when it is tried again */
    int64_t full_wait_us;     /* … grows while nothing can be sent */
    int64_t sent_since_us; /* since when all answers of the oldest batch are on their way; 0: they are not */
    int64_t too_large_told_us; /* when it was last logged that one is too large */
    size_t probe_next;         /* which of the topics that answers go to is looked at next */
    int64_t probe_at_us;       /* when */
    int64_t probed_us;         /* when one was */
    int64_t beyond_at_us; /* from when on one may be, because a partition is asked for that is not known */
    bool probe_failed;    /* without an answer */
    bool probe_again;     /* one of this round did not answer, or is missing and needed */
    /* When it was last logged that the i-th is not there; 0: it is. */
    int64_t missing_told_us[REPLY_TOPICS_MAX + 2];

    struct pipeline_health health;
    struct counter *rows, *batches, *commits;
    struct gauge *in_hand;
    struct histogram *store_time;
};

/* ---- pipeline.c: the loop ---- */

/* Waits for the next event, at most until then (monotonic clock; -1: for the next tick). */
void pipeline_wait(struct pipeline *p, int64_t until_us);
void pipeline_read_signals(struct pipeline *p);
/* Hands the batches on and commits what is finished. */
status pipeline_advance(struct pipeline *p) must_check;
/* Ends the run, unless `st` is STATUS_OK; what failed first is what it ends with. Also for callbacks within the two above. */
static inline void pipeline_fail(struct pipeline *p, status st)
{
    if (p->failed == STATUS_OK)
        p->failed = st;
}

/* ---- pipeline_kafka.c: the clients, and what a rebalance does ---- */

status pipeline_make_kafka(struct pipeline *p, struct fault *f) must_check;
/* Reports may come until it returns; and later where it is false: nothing is freed then, as kafka_transactor_free() has it. */
bool pipeline_free_producers(struct pipeline *p) must_check;
/* Takes delivery reports; at least once, only of what was not acknowledged. */
void pipeline_serve_producers(struct pipeline *p);
/* As kafka_producer_probe(), or kafka_producer_probe_closely(), for all producers. */
struct kafka_topic_view pipeline_probe(struct pipeline *p, const char *topic, bool closely, int timeout_ms);

/* ---- pipeline_topics.c: what there is to know of the topics that answers go to ---- */

/* When it is time, looks at one of them: their partitions bound what commands may ask for, the first produce finds them known, and
 * one that is missing is told of before it is needed. One that does not answer keeps nobody from looking at the others. */
void pipeline_look_at_topics(struct pipeline *p);
/* When it is time next. Each look may block the loop, so where nobody answers they are seldom. */
int64_t pipeline_look_due_us(const struct pipeline *p);
/* Looks at the reply topics that the batch's results are to go to, but for those that were seen a moment ago. How many replicas one
 * needs in sync is asked for with each round, and here as long as nobody has answered. Blocks the loop for a second, or two, where
 * nobody answers, and returns false: the others are not asked about. */
bool pipeline_look_at_topics_of(struct pipeline *p, const struct batch *b) must_check;
/* Before a result goes to a partition that is beyond those known: looks again, or lets it go by key. */
void pipeline_settle_reply(struct pipeline *p, struct reply_to *to);

/* ---- pipeline_flow.c: the way of the batches. None of these waits. ---- */

size_t pipeline_ring(const struct pipeline *p);                   /* batches in all */
struct batch *pipeline_batch(const struct pipeline *p, size_t i); /* the i-th, counted from the oldest */
struct batch *pipeline_collecting(const struct pipeline *p);      /* NULL when the ring is full */
bool pipeline_has_room(const struct pipeline *p);
/* Whether it has reached its bound: more commands were waiting. */
bool pipeline_is_full(const struct pipeline *p, const struct batch *b);
/* Takes what the consumer has. */
status pipeline_collect(struct pipeline *p) must_check;
/* Hands batches on: to the store, from the store to their answers, from their answers to the offsets. */
status pipeline_move(struct pipeline *p) must_check;
/* Whether the store has a batch. */
bool pipeline_is_storing(const struct pipeline *p);
/* Forgets the commands that are only collected: somebody else will read them. */
void pipeline_drop_collected(struct pipeline *p);
/* Whether anything is in hand beyond collecting. */
bool pipeline_is_busy(const struct pipeline *p);
/* Lets go of the oldest batch. */
void pipeline_retire(struct pipeline *p);

/* ---- pipeline_answers.c: answers to Kafka, offsets behind them, at least once ---- */

/* Sends what can be sent now of the i-th batch. Errors: those of answers_send() but STATUS_FULL. */
status pipeline_send(struct pipeline *p, size_t i) must_check;
/* The producer's report on an answer: kafka_acknowledged_fn, at least once, and kafka_delivered_fn. */
void pipeline_acknowledged(void *ctx, void *opaque);
void pipeline_delivered(void *ctx, void *opaque, enum kafka_delivery delivery, bool retriable,
                        const char *error);
/* Sends the answers of all batches whose verdicts are known, retires those that are answered. */
status pipeline_answer(struct pipeline *p) must_check;
/* Whether anything waits for answers to be acknowledged: room for commands, answers that are not sent, an end. Otherwise that is no
 * reason to wake up: it is noticed by and by. */
bool pipeline_needs_acknowledgements(const struct pipeline *p);
/* When to look at what is not told (monotonic clock; -1: it is not needed): acknowledgements that nobody waits for, and the room that
 * librdkafka makes only after it has acknowledged. */
int64_t pipeline_untold_us(const struct pipeline *p);
/* Commits what is finished, when it is time to (`now`: at once, waiting for the answer). */
status pipeline_commit(struct pipeline *p, bool now) must_check;
/* kafka_committed_fn: what could not be committed is finished again. */
void pipeline_committed(void *ctx, bool committed);
/* Answers for `topic` (NULL: for several) were not delivered: when to try again. */
void pipeline_back_off(struct pipeline *p, const char *topic, const char *error);
/* The topic does not take results: for a while nothing more goes there. */
void pipeline_give_up(struct pipeline *p, struct reply_to *to);

/* ---- pipeline_transaction.c: the same, exactly once ---- */

/* The name that transactions are made under; NULL: none are made. */
const char *pipeline_transactional_id(struct pipeline *p);
/* Makes the transactor. */
status pipeline_begin_transactions(struct pipeline *p, struct fault *f) must_check;
status pipeline_transact(struct pipeline *p) must_check;
/* Whether the producer may be used: it may not while a transaction is being begun, committed or replaced. */
bool pipeline_owns_producer(const struct pipeline *p);
