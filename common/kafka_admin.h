/* Looking at a cluster: where topics begin and end, how far a group has come, who is in it. All of it waits for answers. */
#pragma once
#include "common/kafka.h"

/* From `low` up to but not including `high`. */
struct kafka_range {
    int64_t low;
    int64_t high;
};

/* Of `n` partitions, 0 … n-1. Errors: STATUS_RETRY (no answer in time), STATUS_NOT_FOUND. */
status kafka_ranges(struct kafka_consumer *c, const char *topic, size_t n, int timeout_ms,
                    struct kafka_range *out, struct fault *f) must_check;

/* Of partitions 0 … n-1 the first offset whose message is of `unix_ms` or later; behind the last message where none is.
 * Errors: as kafka_ranges(). */
status kafka_offsets_at(struct kafka_consumer *c, const char *topic, size_t n, int64_t unix_ms,
                        int timeout_ms, int64_t *out, struct fault *f) must_check;

/* What the consumer's own group has committed for partitions 0 … n-1; -1 where nothing is. The group is not joined.
 * Errors: as kafka_ranges(). */
status kafka_committed(struct kafka_consumer *c, const char *topic, size_t n, int timeout_ms, int64_t *out,
                       struct fault *f) must_check;

/* Reads those partitions from those offsets on, without a group; instead of what was assigned before. Errors: STATUS_FATAL. */
status kafka_consumer_assign_offsets(struct kafka_consumer *c, const char *topic,
                                     const struct kafka_offset *offsets, size_t n, struct fault *f)
    must_check;

/* Called for each member of a group. */
struct kafka_member {
    const char *client_id;
    const char *host;
    size_t partitions; /* of the topic that was asked about */
};
typedef void (*kafka_member_fn)(void *ctx, const struct kafka_member *m);

/* The members of `group`, and its state ("Stable", "Empty", "Dead" …) in `state`. Errors: STATUS_RETRY. */
status kafka_group_members(struct kafka_consumer *c, const char *group, const char *topic, int timeout_ms,
                           char state[32], kafka_member_fn fn, void *ctx, struct fault *f) must_check;

/* Like kafka_consumer_poll(), for a consumer with the property of kafka_tell_ends(): `*ended` is the partition whose end was reached,
 * -1: none. The end of a partition may lie behind its last message (markers of transactions). */
struct kafka_message *kafka_read_next(struct kafka_consumer *c, int timeout_ms, int32_t *ended);
/* The properties of a consumer for kafka_read_next(): `more` (may be NULL) and one of ours. `at` must have room for all. */
void kafka_tell_ends(const struct config_properties *more, struct config_property *at,
                     struct config_properties *out);
