#include "common/kafka_internal.h"

/* A message is librdkafka's own, never copied: the two types are one. */
static const rd_kafka_message_t *raw(const struct kafka_message *m)
{
    return (const rd_kafka_message_t *)(const void *)m;
}

struct kafka_record kafka_view(const struct kafka_message *m)
{
    const rd_kafka_message_t *r = raw(m);
    rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    int64_t timestamp = rd_kafka_message_timestamp(r, &type);

    return (struct kafka_record){
        .topic = rd_kafka_topic_name(r->rkt),
        .partition = r->partition,
        .offset = r->offset,
        .timestamp_ms = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : timestamp,
        .broker_time = type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME,
        .key = slice_make(r->key, r->key ? r->key_len : 0),
        .value = slice_make(r->payload, r->payload ? r->len : 0),
    };
}

struct slice kafka_header_find(const struct kafka_message *m, const char *name)
{
    rd_kafka_headers_t *headers = NULL;
    const void *value = NULL;
    size_t len = 0;

    if (rd_kafka_message_headers(raw(m), &headers) || rd_kafka_header_get_last(headers, name, &value, &len))
        return SLICE_NONE;
    return slice_make(value, value ? len : 0);
}

bool kafka_header_at(const struct kafka_message *m, size_t i, struct kafka_header *out)
{
    rd_kafka_headers_t *headers = NULL;
    const void *value = NULL;
    size_t len = 0;

    if (rd_kafka_message_headers(raw(m), &headers) ||
        rd_kafka_header_get_all(headers, i, &out->name, &value, &len))
        return false;
    out->value = slice_make(value, value ? len : 0);
    return true;
}

void kafka_message_free(struct kafka_message *m)
{
    if (m)
        rd_kafka_message_destroy((rd_kafka_message_t *)(void *)m);
}
