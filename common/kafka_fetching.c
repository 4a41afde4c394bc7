#include "common/kafka_internal.h"

#include "common/clock.h"
#include "common/log.h"

enum { QUIET_US = 5000, QUIET_MAX_US = 1000000, WAKE_TIMEOUT_MS = 20 };

/* Of the assigned partitions those whose leader is known to have more than was read. NULL when there is none. */
static rd_kafka_topic_partition_list_t *partitions_behind(struct kafka_consumer *c)
{
    rd_kafka_topic_partition_list_t *assigned = NULL;
    if (rd_kafka_assignment(c->rk, &assigned))
        return NULL;

    rd_kafka_topic_partition_list_t *behind = rd_kafka_topic_partition_list_new(assigned->cnt);
    if (rd_kafka_position(c->rk, assigned) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        for (int i = 0; i < assigned->cnt; i++) {
            const rd_kafka_topic_partition_t *at = &assigned->elems[i];
            int64_t low = 0;
            int64_t high = 0;
            if (at->offset >= 0 &&
                rd_kafka_get_watermark_offsets(c->rk, at->topic, at->partition, &low, &high) ==
                    RD_KAFKA_RESP_ERR_NO_ERROR &&
                high > at->offset)
                rd_kafka_topic_partition_list_add(behind, at->topic, at->partition)->offset =
                    RD_KAFKA_OFFSET_END;
        }
    }
    rd_kafka_topic_partition_list_destroy(assigned);
    if (behind->cnt > 0)
        return behind;
    rd_kafka_topic_partition_list_destroy(behind);
    return NULL;
}

/* A broker's thread that has found its fetch queue full sleeps for up to a second, however soon the queue is empty
 * (librdkafka 2.0.2). Any request to that broker wakes it, and then it fetches. A request waits behind a fetch that is under
 * way: so it is sent only when nothing has come for a while although there is more. */
void kafka_watch_fetching(struct kafka_consumer *c)
{
    int64_t now = clock_monotonic_us(clock_system());

    if (c->fresh) {
        c->fresh = false;
        c->quiet_us = QUIET_US;
        c->look_at_us = now + c->quiet_us;
        return;
    }
    if (c->look_at_us < 0 || now < c->look_at_us)
        return;
    c->look_at_us = -1;

    rd_kafka_topic_partition_list_t *behind = c->paused ? NULL : partitions_behind(c);
    if (!behind)
        return;
    c->quiet_us = c->quiet_us * 2 < QUIET_MAX_US ? c->quiet_us * 2 : QUIET_MAX_US;
    c->look_at_us = now + c->quiet_us;
    rd_kafka_resp_err_t err = rd_kafka_offsets_for_times(c->rk, behind, WAKE_TIMEOUT_MS);
    if (err)
        log_debug("fetching not woken", LOG_STR("error", rd_kafka_err2str(err)));
    rd_kafka_topic_partition_list_destroy(behind);
}

int64_t kafka_consumer_deadline_us(const struct kafka_consumer *c)
{
    return c->look_at_us;
}
