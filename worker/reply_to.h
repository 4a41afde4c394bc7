/* Where a command's result goes: which topic and partition, and what of the request is echoed.
 *
 * A sender may ask for a partition of the results topic (`reply-partition`), or, as Spring's ReplyingKafkaTemplate does, for a
 * partition (`kafka_replyPartition`) and another topic (`kafka_replyTopic`). Only topics that the operator has listed are
 * written to: a sender must not make the worker write wherever it likes. Whatever cannot be honoured is ignored, and the result
 * comes where it comes by default: on the results topic, partitioned by its key. */
#pragma once
#include "common/arena.h"
#include "common/buffer.h"
#include "common/metrics.h"
#include "common/status.h"
#include "worker/command_headers.h"

enum {
    REPLY_TOPICS_MAX = 16,       /* topics of the list */
    REPLY_CORRELATION_MAX = 255, /* bytes of a kafka_correlationId */
};

/* What is echoed of Spring's headers: each as it came, or absent. */
struct reply_echo {
    struct slice correlation_id;
    struct slice partition;
    struct slice topic;
};

struct reply_topic;

struct reply_to {
    const struct reply_topic *topic; /* of the list; NULL: the results topic */
    int32_t partition;               /* or KAFKA_PARTITION_BY_KEY */
    bool beyond;                     /* than its topic was known to have: to be settled before it is used */
    bool diverted;                   /* had a topic of the list, which did not take it; not counted as yet */
    const struct reply_echo *echo;   /* NULL: nothing, the command had none of Spring's headers */
};

#define REPLY_TO_DEFAULT ((struct reply_to){.partition = KAFKA_PARTITION_BY_KEY})

/* The name of the topic to write to, NULL: the results topic. One that was given up, or that went, after `to` was resolved is
 * replaced by the default. */
const char *reply_to_topic(struct reply_to *to);
/* Makes it the default but for what is echoed: the results topic, by key. */
void reply_to_reset(struct reply_to *to);
/* One step towards the default after Kafka knows no such topic or partition: another partition, then the results topic. False when
 * it is the default already. */
bool reply_to_widen(struct reply_to *to);

/* ---- the topics ---- */

struct reply_topics;

/* Appends a line per fault of `list` (comma-separated, NULL: empty): names that Kafka does not take, too many, and one of the
 * `n` topics `not_these`, which only the worker itself may write to or read. */
void reply_topics_check(const char *list, const char *const *not_these, size_t n, struct buffer *faults);

/* `list` has been checked; `results` is borrowed. `only_known`: a topic of the list that nothing is known of when a result
 * is sent is not written to. NULL when memory is short. */
struct reply_topics *reply_topics_new(const char *results, const char *list, bool only_known,
                                      struct metrics *metrics);
void reply_topics_free(struct reply_topics *t);

/* The i-th topic that results can go to, the results topic first; NULL behind the last. */
const char *reply_topics_name(const struct reply_topics *t, size_t i);
/* Whether it is one of the list, and not the results topic. */
bool reply_topics_lists(const struct reply_topics *t, const char *name);
/* What a broker says of the i-th; where none did, what was known of it stays. Nothing is sent to a topic of the list that does not
 * exist, or as long as one of its partitions has no leader or too few replicas in sync. How many it needs has to be told only now
 * and then; where that may not be known, it is taken to have enough. */
void reply_topics_looked_at(struct reply_topics *t, size_t i, struct kafka_topic_view view, int64_t now_us);
/* Whether one of the list is not written to for want of a leader or of replicas. */
bool reply_topics_lack(const struct reply_topics *t);
/* Whether it has been said how many replicas in sync the i-th needs, or that this may not be known. */
bool reply_topics_knows_need(const struct reply_topics *t, size_t i);
/* Whether `to`'s topic is one of the list that a broker answered for last before then, or never; `*i` is its number. */
bool reply_topics_is_stale(const struct reply_topics *t, const struct reply_to *to, int64_t since_us,
                           size_t *i);
/* Whether `to` asks for a partition beyond those that its topic is known to have (it may have got more since); `*i` is its number. */
bool reply_topics_is_exceeded(const struct reply_topics *t, const struct reply_to *to, size_t *i);
/* By what is known now: where the topic has no such partition, the result goes by key. */
void reply_topics_settle(const struct reply_topics *t, struct reply_to *to);
/* Nothing more goes to `to`'s topic, also of what is resolved already, until it is looked at then or later: that it has partitions
 * does not mean that it takes anything. `to` becomes the default. */
void reply_topics_give_up(struct reply_topics *t, struct reply_to *to, int64_t until_us);

/* Resolves what a command asks for. Errors: STATUS_NO_MEMORY. */
status reply_topics_resolve(struct reply_topics *t, const struct command_headers *h, struct arena *arena,
                            struct reply_to *out) must_check;
