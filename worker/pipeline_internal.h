/* What the pipeline_*.c files share. */
#pragma once
#include "worker/answers.h"
#include "worker/batch.h"
#include "worker/intake.h"
#include "worker/pipeline.h"

/* One batch collects, one is stored, the others wait for acknowledgements. */
enum { RING = 4 };

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
    atomic_bool stopping;
};

struct pipeline {
    struct pipeline_options o;
    enum pipeline_phase phase;
    int64_t drain_by_us;
    status failed; /* found in a callback; ends the run */

    int event_fd; /* both Kafka handles write to it */
    struct kafka_consumer *consumer;
    struct kafka_producer *producer;
    struct store *store;
    struct avro_codec *codec;
    struct token_verifier *verifier;
    struct intake *intake;
    struct answers *answers;

    /* ring[first] is the oldest; `used` of them are out of stage BATCH_COLLECTING, the next one collects. */
    struct batch *ring[RING];
    size_t first, used;
    struct batch *storing; /* what the store has; NULL */
    bool consumer_dry;     /* the last poll found nothing: wait for the event */
    bool paused;
    int64_t full_since_us; /* since when nothing could be collected; -1 */

    unsigned generation;         /* counts assignments: offsets of an older one are not ours to commit */
    struct offset_list finished; /* answered, not yet committed */
    int64_t committed_at_us;
    int64_t resend_at_us; /* answers that were not delivered wait until then */
    unsigned resend_attempts;
    int64_t probe_at_us; /* when the results topic is looked at again */

    struct pipeline_health health;
    struct counter *rows, *batches, *commits;
    struct gauge *in_hand;
    struct histogram *store_time;
    int64_t store_began_us;
};

/* ---- pipeline_flow.c: the way of the batches. None of these waits. ---- */

struct batch *pipeline_collecting(const struct pipeline *p); /* NULL when the ring is full */
bool pipeline_has_room(const struct pipeline *p);
/* Takes what the consumer has. */
status pipeline_collect(struct pipeline *p) must_check;
/* Hands batches on: to the store, from the store to their answers, from their answers to the offsets. */
status pipeline_move(struct pipeline *p) must_check;
/* Commits what is finished, when it is time to (`now`: at once, waiting for the answer). */
status pipeline_commit(struct pipeline *p, bool now) must_check;
/* The producer's report on an answer. */
void pipeline_delivered(void *ctx, void *opaque, enum kafka_delivery delivery, bool retriable,
                        const char *error);
/* Forgets the commands that are only collected: somebody else will read them. */
void pipeline_drop_collected(struct pipeline *p);
/* Whether anything is in hand beyond collecting. */
bool pipeline_is_busy(const struct pipeline *p);
