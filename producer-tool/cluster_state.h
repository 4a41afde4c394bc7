/* How the topics and the workers' group stand: what `gold-label status` prints. */
#pragma once
#include "common/buffer.h"
#include "common/kafka_admin.h"
#include <stdint.h>

struct state_topic {
    const char *name;
    int32_t partitions; /* 0: there is none of that name */
    int64_t messages;
};

struct state_partition {
    struct kafka_range range;
    int64_t committed; /* -1: nothing yet */
    int64_t first;     /* where the first command behind that is, or the end; 0: not looked for */
    int64_t lag;
    int64_t age_ms; /* of the oldest command that is not done; -1: there is none, or not known */
};

struct state_member {
    char client_id[64];
    char host[64];
    size_t partitions;
};

enum { STATE_TOPICS = 3, STATE_MEMBERS_MAX = 256 };

struct cluster_state {
    struct state_topic topics[STATE_TOPICS];
    const char *group;
    char group_state[32];
    struct state_partition *partitions; /* of the command topic */
    size_t n_partitions;
    int64_t lag;
    int64_t oldest_ms; /* the greatest age; -1 */
    struct state_member members[STATE_MEMBERS_MAX];
    size_t n_members; /* may be more than are kept */
};

/* From the ranges, commits, first commands and ages of the partitions: their lag, the whole lag, the greatest age. Pure. */
void cluster_state_sum(struct cluster_state *s);
/* One JSON object and a line feed; a table. */
void cluster_state_json(const struct cluster_state *s, struct buffer *to);
void cluster_state_table(const struct cluster_state *s, struct buffer *to);
