#include "common/kafka_internal.h"

#include "common/log.h"

static bool lacks_leader(const struct rd_kafka_metadata_topic *topic)
{
    for (int i = 0; i < topic->partition_cnt; i++) {
        if (topic->partitions[i].leader < 0)
            return true;
    }
    return false;
}

/* Only a broker that says so makes a topic one that does not exist: what may not be seen, or has no leader for a moment, may well be
 * there. */
static struct kafka_topic_view view_of(const struct rd_kafka_metadata *metadata, const char *name)
{
    const struct rd_kafka_metadata_topic *topic = metadata->topic_cnt == 1 ? &metadata->topics[0] : NULL;
    rd_kafka_resp_err_t err = topic ? topic->err : RD_KAFKA_RESP_ERR__BAD_MSG;

    switch (err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return (struct kafka_topic_view){.partitions = topic->partition_cnt,
                                         .leaderless = lacks_leader(topic)};
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
        return (struct kafka_topic_view){.partitions = 0};
    default:
        log_error("a broker does not say what partitions a topic has", LOG_STR("topic", name),
                  LOG_STR("error", rd_kafka_err2str(err)));
        return (struct kafka_topic_view){
            .partitions = -1,
            .leaderless = err == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
        };
    }
}

struct kafka_topic_view kafka_look_at_topic(rd_kafka_t *rk, rd_kafka_topic_t *topic, const char *name,
                                            int timeout_ms, atomic_bool *reachable)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *own = topic ? NULL : rd_kafka_topic_new(rk, name, NULL);
    struct kafka_topic_view view = {.partitions = -1};

    if (rd_kafka_metadata(rk, 0, topic ? topic : own, &metadata, timeout_ms) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        atomic_store(reachable, true);
        view = view_of(metadata, name);
        rd_kafka_metadata_destroy(metadata);
    }
    if (own)
        rd_kafka_topic_destroy(own);
    return view;
}
