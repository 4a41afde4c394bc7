#include "worker/command_headers.h"

/* Lengths are compared first: of most names that is all. */
#define NAME(text) .name = (text), .len = sizeof(text) - 1
#define AT(member) .offset = offsetof(struct command_headers, member)

static const struct {
    const char *name;
    size_t len;
    size_t offset;
} KNOWN[] = {
    {NAME("authorization"), AT(authorization)},
    {NAME("correlation-id"), AT(correlation_id)},
    {NAME("reply-partition"), AT(reply_partition)},
    {NAME("traceparent"), AT(traceparent)},
    {NAME("kafka_correlationId"), AT(spring_correlation_id)},
    {NAME("kafka_replyPartition"), AT(spring_reply_partition)},
    {NAME("kafka_replyTopic"), AT(spring_reply_topic)},
};

void command_headers_take(struct command_headers *h, const struct kafka_header *header)
{
    size_t len = strlen(header->name);

    for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++) {
        if (len != KNOWN[i].len || memcmp(header->name, KNOWN[i].name, len) != 0)
            continue;
        struct slice *value = (struct slice *)(void *)((char *)h + KNOWN[i].offset);
        *value = header->value;
        return;
    }
}

struct command_headers command_headers_of(const struct kafka_message *m)
{
    struct command_headers found = {0};
    struct kafka_header header;

    for (size_t i = 0; kafka_header_at(m, i, &header); i++) {
        command_headers_take(&found, &header);
        found.bytes += HEADER_COST + strlen(header.name) + header.value.len;
    }
    return found;
}
