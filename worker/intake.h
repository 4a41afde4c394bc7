/* From a Kafka message to an entry of a batch: headers, token, Avro, rules. */
#pragma once
#include "common/avro_codec.h"
#include "common/clock.h"
#include "common/metrics.h"
#include "common/token.h"
#include "worker/batch.h"
#include "worker/reply_to.h"

struct intake;

struct intake_options {
    struct avro_codec *codec;
    struct token_verifier *verifier; /* NULL: auth = trusted, account and user come from the record */
    struct reply_topics *reply_topics;
    const struct clock *clock;
    struct metrics *metrics;
    int64_t unreadable_percent; /* of the last 1,000 commands; 100: any share is taken */
};

/* Borrows what the options point to. NULL when memory is short. */
struct intake *intake_new(const struct intake_options *options);
void intake_free(struct intake *in);

/* Judges `e`, whose message is set: fills its command, reply address and fate. Errors: STATUS_NO_MEMORY; STATUS_CONFIG when too
 * many commands cannot be read: that is a wrong deployment, not bad data, and the process must stop before it fills the dead-letter
 * topic. */
status intake_judge(struct intake *in, struct entry *e) must_check;
