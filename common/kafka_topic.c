#include "common/kafka_internal.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/text.h"
#include <string.h>

static bool lacks_leader(const struct rd_kafka_metadata_topic *topic)
{
    for (int i = 0; i < topic->partition_cnt; i++) {
        if (topic->partitions[i].leader < 0)
            return true;
    }
    return false;
}

/* A partition needs no more replicas than it has (KIP-966), so one that has all is never short of them. */
static int32_t fewest_in_sync(const struct rd_kafka_metadata_topic *topic)
{
    int fewest = 0;
    for (int i = 0; i < topic->partition_cnt; i++) {
        const struct rd_kafka_metadata_partition *p = &topic->partitions[i];
        if (p->leader >= 0 && p->isr_cnt < p->replica_cnt && (fewest == 0 || p->isr_cnt < fewest))
            fewest = p->isr_cnt;
    }
    return fewest;
}

/* Of topics that share a place one is told of. */
static int64_t *told_of(struct kafka_looks *looks, const char *topic)
{
    return &looks->told_us[text_hash(topic) % (sizeof looks->told_us / sizeof *looks->told_us)];
}

/* Only a broker that says so makes a topic one that does not exist: what may not be seen, or has no leader for a moment, may well be
 * there. */
static struct kafka_topic_view view_of(const struct rd_kafka_metadata *metadata, const char *name,
                                       struct kafka_looks *looks)
{
    const struct rd_kafka_metadata_topic *topic = metadata->topic_cnt == 1 ? &metadata->topics[0] : NULL;
    rd_kafka_resp_err_t err = topic ? topic->err : RD_KAFKA_RESP_ERR__BAD_MSG;

    switch (err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return (struct kafka_topic_view){.partitions = topic->partition_cnt,
                                         .leaderless = lacks_leader(topic),
                                         .in_sync = fewest_in_sync(topic)};
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
        return (struct kafka_topic_view){.partitions = 0};
    default:
        if (log_is_due(told_of(looks, name), clock_monotonic_us(clock_system())))
            log_error("a broker does not say what partitions a topic has", LOG_STR("topic", name),
                      LOG_STR("error", rd_kafka_err2str(err)));
        return (struct kafka_topic_view){
            .partitions = -1,
            .leaderless = err == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
        };
    }
}

struct kafka_topic_view kafka_look_at_topic(rd_kafka_t *rk, rd_kafka_topic_t *topic, const char *name,
                                            int timeout_ms, struct kafka_looks *looks)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *own = topic ? NULL : rd_kafka_topic_new(rk, name, NULL);
    struct kafka_topic_view view = {.partitions = -1};

    if (rd_kafka_metadata(rk, 0, topic ? topic : own, &metadata, timeout_ms) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        atomic_store(&looks->reachable, true);
        view = view_of(metadata, name, looks);
        view.answered = true;
        rd_kafka_metadata_destroy(metadata);
    }
    if (own)
        rd_kafka_topic_destroy(own);
    return view;
}

/* ---- its configuration ---- */

static const char MIN_IN_SYNC[] = "min.insync.replicas";

/* A broker that has no such setting (not every one that speaks Kafka has) needs the leader alone. */
static int32_t number_of(const rd_kafka_ConfigResource_t *resource)
{
    size_t n = 0;
    uint64_t number = 0;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &n);

    for (size_t i = 0; i < n; i++) {
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);
        if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), MIN_IN_SYNC) == 0 && value &&
            text_to_u64(slice_of(value), INT32_MAX, &number))
            return (int32_t)number;
    }
    return 1;
}

static int32_t read_answer(rd_kafka_event_t *event)
{
    size_t n = 0;
    if (rd_kafka_event_error(event))
        return 0;
    const rd_kafka_ConfigResource_t **resources =
        rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &n);
    if (n != 1)
        return 0;
    switch (rd_kafka_ConfigResource_error(resources[0])) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return number_of(resources[0]);
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        return -1;
    default:
        return 0;
    }
}

int32_t kafka_ask_min_in_sync(rd_kafka_t *rk, const char *topic, int timeout_ms)
{
    char reason[192];
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    int32_t min_in_sync = 0;

    (void)rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, reason, sizeof reason);
    (void)rd_kafka_ConfigResource_set_config(resource, MIN_IN_SYNC, NULL); /* only this one */
    rd_kafka_DescribeConfigs(rk, &resource, 1, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms);
    if (event) {
        min_in_sync = read_answer(event);
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue); /* an answer that is late goes with it */
    rd_kafka_ConfigResource_destroy(resource);
    rd_kafka_AdminOptions_destroy(options);
    return min_in_sync;
}
