/* From an entry whose fate is known to its event: a result, or a dead letter. */
#pragma once
#include "common/avro_codec.h"
#include "common/clock.h"
#include "common/kafka.h"
#include "common/metrics.h"
#include "worker/batch.h"

struct answers;

struct answers_options {
    struct avro_codec *codec;
    const char *results_topic;
    const char *dlq_topic;
    const struct clock *clock;
    struct metrics *metrics;
};

/* Borrows what the options point to. NULL when memory is short. */
struct answers *answers_new(const struct answers_options *options);
void answers_free(struct answers *a);

/* Produces the event of `e` with `producer`; its delivery report carries `e`.
 * Errors: STATUS_FULL, STATUS_RETRY (nothing was queued, try again), STATUS_TOO_LARGE (the broker would never take it),
 * STATUS_FATAL, STATUS_NO_MEMORY. */
status answers_send(struct answers *a, struct kafka_producer *producer, struct entry *e) must_check;
