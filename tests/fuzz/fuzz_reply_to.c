/* The headers of a command, one `name: value` a line, and where its result goes: never to a topic that is not listed, never to a
 * partition that is not there. The same bytes as a list of topics: one without a fault is made. */
#include "common/text.h"
#include "worker/reply_to.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RESULTS_PARTITIONS = 8, LISTED_PARTITIONS = 3 };

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void take_line(struct command_headers *h, char *line, size_t len)
{
    char *colon = memmem(line, len, ": ", 2);
    if (!colon)
        return;
    *colon = '\0';
    command_headers_take(
        h, &(struct kafka_header){line, slice_make(colon + 2, len - (size_t)(colon + 2 - line))});
}

static struct command_headers headers_of(char *text, size_t len)
{
    struct command_headers h = {0};
    size_t at = 0;
    while (at < len) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t n = end ? (size_t)(end - (text + at)) : len - at;
        take_line(&h, text + at, n);
        at += n + 1;
    }
    return h;
}

static void check_echo(const struct reply_echo *echo)
{
    if (!echo)
        return;
    require(echo->correlation_id.len <= REPLY_CORRELATION_MAX);
    require(echo->topic.len <= TEXT_TOPIC_NAME_MAX);
    require(!echo->partition.at || echo->partition.len == 4);
}

static void check_address(struct command_headers *h, struct metrics *metrics)
{
    struct reply_topics *topics = reply_topics_new("results", "listed,missing", false, metrics);
    struct arena *arena = arena_new(1024);
    struct reply_to to;
    require(topics && arena);
    reply_topics_looked_at(topics, 0, (struct kafka_topic_view){.partitions = RESULTS_PARTITIONS}, 0);
    reply_topics_looked_at(topics, 1, (struct kafka_topic_view){.partitions = LISTED_PARTITIONS}, 0);
    reply_topics_looked_at(topics, 2, (struct kafka_topic_view){.partitions = 0}, 0);

    require(reply_topics_resolve(topics, h, arena, &to) == STATUS_OK);
    reply_topics_settle(topics, &to);
    require(!to.beyond);
    const char *topic = reply_to_topic(&to);
    require(!topic || (strcmp(topic, "listed") == 0 && slice_is(h->spring_reply_topic, topic)));
    require(to.partition >= KAFKA_PARTITION_BY_KEY);
    require(to.partition < (topic ? LISTED_PARTITIONS : RESULTS_PARTITIONS));
    check_echo(to.echo);
    unsigned steps = 0;
    while (reply_to_widen(&to))
        steps++;
    require(steps <= 2 && !reply_to_topic(&to) && to.partition == KAFKA_PARTITION_BY_KEY);

    arena_free(arena);
    reply_topics_free(topics);
}

static void check_list(const char *list, struct metrics *metrics)
{
    static const char *const ours[] = {"commands"};
    struct buffer faults = {0};

    reply_topics_check(list, ours, 1, &faults);
    if (faults.len == 0) {
        struct reply_topics *topics = reply_topics_new("results", list, false, metrics);
        require(topics && reply_topics_name(topics, 1));
        for (size_t i = 1; reply_topics_name(topics, i); i++)
            require(strcmp(reply_topics_name(topics, i), "commands") != 0 && i <= REPLY_TOPICS_MAX);
        reply_topics_free(topics);
    }
    buffer_dispose(&faults);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct metrics *metrics = metrics_new();
    char *text = malloc(size + 1);
    require(metrics && text);
    memcpy(text, data, size);
    text[size] = '\0';

    check_list(text, metrics);
    struct command_headers h = headers_of(text, size);
    check_address(&h, metrics);

    free(text);
    metrics_free(metrics);
    return 0;
}
