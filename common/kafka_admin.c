#include "common/kafka_admin.h"

#include "common/kafka_internal.h"
#include "common/log.h"
#include <stdio.h>
#include <string.h>

status kafka_ranges(struct kafka_consumer *c, const char *topic, size_t n, int timeout_ms,
                    struct kafka_range *out, struct fault *f)
{
    for (size_t i = 0; i < n; i++) {
        rd_kafka_resp_err_t err =
            rd_kafka_query_watermark_offsets(c->rk, topic, (int32_t)i, &out[i].low, &out[i].high, timeout_ms);
        if (err)
            return kafka_status(err, "beginning and end", topic, (int32_t)i, f);
    }
    return STATUS_OK;
}

/* Partitions 0 … n-1. */
static rd_kafka_topic_partition_list_t *all_partitions(const char *topic, size_t n, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
    for (size_t i = 0; i < n; i++)
        rd_kafka_topic_partition_list_add(list, topic, (int32_t)i)->offset = offset;
    return list;
}

/* `err` is of the whole question; without one, the first partition that has one says it. */
static status status_of_list(rd_kafka_resp_err_t err, const rd_kafka_topic_partition_list_t *list,
                             const char *what, const char *topic, struct fault *f)
{
    int32_t partition = KAFKA_NO_PARTITION;
    for (int i = 0; !err && i < list->cnt; i++) {
        err = list->elems[i].err;
        partition = err ? list->elems[i].partition : KAFKA_NO_PARTITION;
    }
    return kafka_status(err, what, topic, partition, f);
}

static void take_offsets(const rd_kafka_topic_partition_list_t *list, int64_t *out)
{
    for (int i = 0; i < list->cnt; i++)
        out[list->elems[i].partition] = list->elems[i].offset;
}

status kafka_offsets_at(struct kafka_consumer *c, const char *topic, size_t n, int64_t unix_ms,
                        int timeout_ms, int64_t *out, struct fault *f)
{
    rd_kafka_topic_partition_list_t *list = all_partitions(topic, n, unix_ms);
    rd_kafka_resp_err_t err = rd_kafka_offsets_for_times(c->rk, list, timeout_ms);
    status st = status_of_list(err, list, "offsets by time", topic, f);
    if (st == STATUS_OK)
        take_offsets(list, out);
    rd_kafka_topic_partition_list_destroy(list);

    for (size_t i = 0; st == STATUS_OK && i < n; i++) {
        int64_t low = 0;
        if (out[i] < 0)
            st = kafka_status(
                rd_kafka_query_watermark_offsets(c->rk, topic, (int32_t)i, &low, &out[i], timeout_ms),
                "the end", topic, (int32_t)i, f);
    }
    return st;
}

status kafka_committed(struct kafka_consumer *c, const char *topic, size_t n, int timeout_ms, int64_t *out,
                       struct fault *f)
{
    rd_kafka_topic_partition_list_t *list = all_partitions(topic, n, RD_KAFKA_OFFSET_INVALID);
    rd_kafka_resp_err_t err = rd_kafka_committed(c->rk, list, timeout_ms);
    status st = status_of_list(err, list, "committed offsets", topic, f);
    if (st == STATUS_OK)
        take_offsets(list, out);
    rd_kafka_topic_partition_list_destroy(list);
    for (size_t i = 0; st == STATUS_OK && i < n; i++)
        out[i] = out[i] < 0 ? -1 : out[i];
    return st;
}

status kafka_consumer_assign_offsets(struct kafka_consumer *c, const char *topic,
                                     const struct kafka_offset *offsets, size_t n, struct fault *f)
{
    rd_kafka_topic_partition_list_t *list = kafka_offsets_list(topic, offsets, n);
    rd_kafka_resp_err_t err = rd_kafka_assign(c->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return err ? fault_set(f, STATUS_FATAL, "assign", "cannot read %s: %s", topic, rd_kafka_err2str(err))
               : STATUS_OK;
}

static size_t count_partitions(const rd_kafka_MemberDescription_t *member, const char *topic)
{
    const rd_kafka_MemberAssignment_t *assignment = rd_kafka_MemberDescription_assignment(member);
    const rd_kafka_topic_partition_list_t *list =
        assignment ? rd_kafka_MemberAssignment_partitions(assignment) : NULL;
    size_t n = 0;
    for (int i = 0; list && i < list->cnt; i++)
        n += strcmp(list->elems[i].topic, topic) == 0;
    return n;
}

static status take_group(rd_kafka_event_t *event, const char *group, const char *topic, char state[32],
                         kafka_member_fn fn, void *ctx, struct fault *f)
{
    size_t n = 0;
    if (rd_kafka_event_error(event))
        return kafka_status(rd_kafka_event_error(event), "the members", group, KAFKA_NO_PARTITION, f);
    const rd_kafka_DescribeConsumerGroups_result_t *result =
        rd_kafka_event_DescribeConsumerGroups_result(event);
    const rd_kafka_ConsumerGroupDescription_t **groups =
        rd_kafka_DescribeConsumerGroups_result_groups(result, &n);
    if (n != 1)
        return fault_set(f, STATUS_RETRY, "kafka", "no answer about the group %s", group);
    const rd_kafka_error_t *error = rd_kafka_ConsumerGroupDescription_error(groups[0]);
    /* A group that was never there is no fault: nobody is in it. (Brokers say so since KIP-1043.) */
    if (error && rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND)
        return fault_set(f, STATUS_RETRY, "kafka", "cannot ask for the members of %s: %s", group,
                         rd_kafka_error_string(error));
    snprintf(state, 32, "%s",
             error ? "Dead"
                   : rd_kafka_consumer_group_state_name(rd_kafka_ConsumerGroupDescription_state(groups[0])));
    size_t members = error ? 0 : rd_kafka_ConsumerGroupDescription_member_count(groups[0]);
    for (size_t i = 0; i < members; i++) {
        const rd_kafka_MemberDescription_t *member = rd_kafka_ConsumerGroupDescription_member(groups[0], i);
        const struct kafka_member m = {rd_kafka_MemberDescription_client_id(member),
                                       rd_kafka_MemberDescription_host(member),
                                       count_partitions(member, topic)};
        fn(ctx, &m);
    }
    return STATUS_OK;
}

status kafka_group_members(struct kafka_consumer *c, const char *group, const char *topic, int timeout_ms,
                           char state[32], kafka_member_fn fn, void *ctx, struct fault *f)
{
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(c->rk, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(c->rk);
    char reason[192];
    status st = STATUS_OK;

    if (rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, reason, sizeof reason))
        st = fault_set(f, STATUS_FATAL, "kafka", "%s", reason);
    rd_kafka_event_t *event = NULL;
    if (st == STATUS_OK) {
        rd_kafka_DescribeConsumerGroups(c->rk, &group, 1, options, queue);
        event = rd_kafka_queue_poll(queue, timeout_ms + 1000);
        st = event ? take_group(event, group, topic, state, fn, ctx, f)
                   : fault_set(f, STATUS_RETRY, "kafka", "no answer about the group %s", group);
    }
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_AdminOptions_destroy(options);
    return st;
}

struct kafka_message *kafka_read_next(struct kafka_consumer *c, int timeout_ms, int32_t *ended)
{
    rd_kafka_message_t *m = rd_kafka_consumer_poll(c->rk, timeout_ms);
    *ended = -1;
    if (!m) {
        kafka_fetching_idles(c);
        return NULL;
    }
    if (!m->err) {
        kafka_fetching_took(c, m);
        return (struct kafka_message *)(void *)m;
    }
    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        *ended = m->partition;
    else
        kafka_consumer_note_error(c, c->rk, m->err, rd_kafka_message_errstr(m), m);
    rd_kafka_message_destroy(m);
    return NULL;
}

void kafka_tell_ends(const struct config_properties *more, struct config_property *at,
                     struct config_properties *out)
{
    size_t n = more ? more->n : 0;
    if (n > 0)
        memcpy(at, more->at, n * sizeof *at);
    at[n++] = (struct config_property){"enable.partition.eof", "true"};
    *out = (struct config_properties){at, n};
}
