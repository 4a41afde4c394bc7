#include "worker/reply_to.h"

#include "common/log.h"
#include "common/text.h"
#include <stdlib.h>

enum { PARTITION_BYTES = 4 };

/* Why nothing is written to a topic that is there. */
enum lack { LACKS_NOTHING, LACKS_LEADER, LACKS_REPLICAS };

struct reply_topic {
    char *name; /* NULL: the results topic */
    size_t len;
    int32_t partitions;        /* -1: unknown */
    bool only_known;           /* nothing is written to it while that is unknown */
    int64_t seen_us;           /* when a broker answered last; -1: never */
    enum lack lacks;           /* as was seen then */
    int32_t min_in_sync;       /* 0: nobody has answered; -1: we may not know */
    int64_t given_up_until_us; /* 0: it is not */
};

struct reply_topics {
    const char *results;
    struct reply_topic at[1 + REPLY_TOPICS_MAX]; /* the results topic first */
    size_t n;
    struct counter *refused;
};

static bool takes_nothing(const struct reply_topic *topic)
{
    return topic->partitions == 0 || topic->lacks != LACKS_NOTHING || topic->given_up_until_us > 0;
}

/* What is only resolved may wait for the first look. */
static bool is_written_to(const struct reply_topic *topic)
{
    return !takes_nothing(topic) && (topic->partitions >= 0 || !topic->only_known);
}

void reply_to_reset(struct reply_to *to)
{
    to->diverted = to->diverted || to->topic;
    to->topic = NULL;
    to->partition = KAFKA_PARTITION_BY_KEY;
    to->beyond = false;
}

const char *reply_to_topic(struct reply_to *to)
{
    if (to->topic && !is_written_to(to->topic))
        reply_to_reset(to);
    return to->topic ? to->topic->name : NULL;
}

bool reply_to_widen(struct reply_to *to)
{
    if (to->partition != KAFKA_PARTITION_BY_KEY) {
        to->partition = KAFKA_PARTITION_BY_KEY;
        return true;
    }
    if (to->topic) {
        reply_to_reset(to);
        return true;
    }
    return false;
}

/* ---- the list ---- */

/* The next name of the list, without the white space around it. False behind the last. */
static bool next_name(const char **list, struct slice *name)
{
    if (!*list)
        return false;
    size_t len = strcspn(*list, ",");
    const char *at = *list;
    *list = at[len] ? at + len + 1 : NULL;
    while (len > 0 && (*at == ' ' || *at == '\t')) {
        at++;
        len--;
    }
    while (len > 0 && (at[len - 1] == ' ' || at[len - 1] == '\t'))
        len--;
    *name = slice_make(at, len);
    return true;
}

static void fault(struct buffer *faults, struct slice name, const char *what)
{
    buffer_add_text(faults, "[worker] reply_topics: \"");
    buffer_add_slice(faults, name);
    buffer_add_text(faults, what);
}

void reply_topics_check(const char *list, const char *const *not_these, size_t n, struct buffer *faults)
{
    struct slice name;
    size_t count = 0;

    while (next_name(&list, &name)) {
        count++;
        if (!text_is_topic_name(name))
            fault(faults, name,
                  "\" is no topic's name: 1 to 249 letters, digits, dots, dashes and underscores "
                  "(GOLD_LABEL_WORKER_REPLY_TOPICS)\n");
        for (size_t i = 0; i < n; i++) {
            if (not_these[i] && slice_is(name, not_these[i]))
                fault(faults, name,
                      "\" is not for results: it is the topic of the commands or of the dead letters "
                      "(GOLD_LABEL_WORKER_REPLY_TOPICS)\n");
        }
    }
    if (count > REPLY_TOPICS_MAX)
        buffer_add_text(faults,
                        "[worker] reply_topics: at most 16 topics (GOLD_LABEL_WORKER_REPLY_TOPICS)\n");
}

struct reply_topics *reply_topics_new(const char *results, const char *list, bool only_known,
                                      struct metrics *metrics)
{
    struct slice name;
    struct reply_topics *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->results = results;
    t->at[t->n++] = (struct reply_topic){.len = strlen(results), .partitions = -1};
    t->refused = metrics_counter(metrics, "gold_label_worker_reply_topics_refused_total", NULL,
                                 "Commands whose kafka_replyTopic was not written to: it is not on the list, "
                                 "not there, or took nothing. Their results went to the results topic.");

    while (t->n <= REPLY_TOPICS_MAX && next_name(&list, &name)) {
        struct reply_topic *topic = &t->at[t->n];
        *topic = (struct reply_topic){.name = strndup(name.at, name.len),
                                      .len = name.len,
                                      .partitions = -1,
                                      .only_known = only_known,
                                      .seen_us = -1};
        if (!topic->name) {
            reply_topics_free(t);
            return NULL;
        }
        t->n++;
    }
    return t;
}

void reply_topics_free(struct reply_topics *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n; i++)
        free(t->at[i].name);
    free(t);
}

static const char *name_of(const struct reply_topics *t, const struct reply_topic *topic)
{
    return topic->name ? topic->name : t->results;
}

const char *reply_topics_name(const struct reply_topics *t, size_t i)
{
    return i < t->n ? name_of(t, &t->at[i]) : NULL;
}

/* The results topic has to be waited for. */
static void set_lack(struct reply_topic *topic, enum lack lacks)
{
    if (!topic->name || topic->lacks == lacks)
        return;
    topic->lacks = lacks;
    switch (lacks) {
    case LACKS_NOTHING:
        if (topic->partitions != 0) /* it did not go */
            log_info("this topic takes results again", LOG_STR("topic", topic->name));
        break;
    case LACKS_LEADER:
        log_error("results for this topic go to the results topic: a partition of it has no leader",
                  LOG_STR("topic", topic->name));
        break;
    case LACKS_REPLICAS:
        log_error(
            "results for this topic go to the results topic: a partition of it has too few replicas in sync",
            LOG_STR("topic", topic->name), LOG_INT("min_insync_replicas", topic->min_in_sync));
        break;
    }
}

static void set_need(struct reply_topic *topic, int32_t min_in_sync)
{
    if (min_in_sync < 0 && topic->min_in_sync >= 0)
        log_warning(
            "how many replicas in sync this topic needs may not be known: DescribeConfigs is not allowed",
            LOG_STR("topic", topic->name));
    topic->min_in_sync = min_in_sync;
}

static enum lack lack_of(const struct reply_topic *topic, struct kafka_topic_view view)
{
    if (view.leaderless)
        return LACKS_LEADER;
    return view.in_sync > 0 && view.in_sync < topic->min_in_sync ? LACKS_REPLICAS : LACKS_NOTHING;
}

void reply_topics_looked_at(struct reply_topics *t, size_t i, struct kafka_topic_view view, int64_t now_us)
{
    struct reply_topic *topic = &t->at[i];

    if (view.min_in_sync != 0)
        set_need(topic, view.min_in_sync);
    if (view.answered)
        topic->seen_us = now_us;
    if (view.partitions < 0 && !view.leaderless)
        return;
    if (view.partitions >= 0)
        topic->partitions = view.partitions;
    set_lack(topic, lack_of(topic, view));
    if (view.partitions < 0)
        return;
    if (now_us >= topic->given_up_until_us)
        topic->given_up_until_us = 0;
}

bool reply_topics_lack(const struct reply_topics *t)
{
    for (size_t i = 1; i < t->n; i++) {
        if (t->at[i].lacks != LACKS_NOTHING)
            return true;
    }
    return false;
}

bool reply_topics_knows_need(const struct reply_topics *t, size_t i)
{
    return t->at[i].min_in_sync != 0;
}

bool reply_topics_is_stale(const struct reply_topics *t, const struct reply_to *to, int64_t since_us,
                           size_t *i)
{
    if (!to->topic || to->topic->seen_us >= since_us)
        return false;
    *i = (size_t)(to->topic - t->at);
    return true;
}

void reply_topics_give_up(struct reply_topics *t, struct reply_to *to, int64_t until_us)
{
    for (size_t i = 1; i < t->n; i++) {
        if (&t->at[i] != to->topic || takes_nothing(&t->at[i]))
            continue;
        log_error("results for this topic go to the results topic for a while: it does not take them",
                  LOG_STR("topic", t->at[i].name));
        t->at[i].given_up_until_us = until_us;
    }
    reply_to_reset(to);
}

/* ---- resolving ---- */

static const struct reply_topic *topic_of(const struct reply_topics *t, struct slice name)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct reply_topic *topic = &t->at[i];
        if (topic->len == name.len && memcmp(name_of(t, topic), name.at, name.len) == 0)
            return topic;
    }
    return NULL;
}

bool reply_topics_lists(const struct reply_topics *t, const char *name)
{
    const struct reply_topic *topic = topic_of(t, slice_of(name));
    return topic && topic != &t->at[0];
}

/* Where nothing is known of a topic every number is believed; one that does not exist is found out when it is produced to. */
static bool has_partition(const struct reply_topic *topic, uint64_t partition)
{
    return partition < (uint64_t)(topic->partitions > 0 ? topic->partitions : INT32_MAX);
}

static bool read_big_endian(struct slice bytes, uint64_t *out)
{
    if (!bytes.at || bytes.len != PARTITION_BYTES)
        return false;
    *out = 0;
    for (size_t i = 0; i < PARTITION_BYTES; i++)
        *out = *out << 8 | (uint8_t)bytes.at[i];
    return true;
}

/* `reply-partition` is one of the results topic, `kafka_replyPartition` one of the topic that was asked for. */
static void choose_partition(const struct reply_topics *t, const struct reply_topic *topic, bool as_asked,
                             const struct command_headers *h, struct reply_to *out)
{
    uint64_t wanted[2];
    size_t n = 0;

    n += topic == &t->at[0] && text_to_u64(h->reply_partition, INT32_MAX, &wanted[n]);
    n += as_asked && read_big_endian(h->spring_reply_partition, &wanted[n]) && wanted[n] < INT32_MAX;
    out->partition = n > 0 ? (int32_t)wanted[0] : KAFKA_PARTITION_BY_KEY;
    out->beyond = n > 0;
    for (size_t i = 0; i < n && out->beyond; i++) {
        if (!has_partition(topic, wanted[i]))
            continue;
        out->partition = (int32_t)wanted[i];
        out->beyond = false;
    }
}

static const struct reply_topic *topic_to(const struct reply_topics *t, const struct reply_to *to)
{
    return to->topic ? to->topic : &t->at[0];
}

bool reply_topics_is_exceeded(const struct reply_topics *t, const struct reply_to *to, size_t *i)
{
    const struct reply_topic *topic = topic_to(t, to);
    *i = (size_t)(topic - t->at);
    return to->beyond && !has_partition(topic, (uint64_t)to->partition);
}

void reply_topics_settle(const struct reply_topics *t, struct reply_to *to)
{
    if (to->beyond && !has_partition(topic_to(t, to), (uint64_t)to->partition))
        to->partition = KAFKA_PARTITION_BY_KEY;
    to->beyond = false;
}

static struct slice within(struct slice s, size_t min, size_t max)
{
    return s.at && s.len >= min && s.len <= max ? s : SLICE_NONE;
}

static bool speaks_spring(const struct command_headers *h)
{
    return h->spring_correlation_id.at || h->spring_reply_partition.at || h->spring_reply_topic.at;
}

static const struct reply_echo *echo_of(const struct command_headers *h, struct arena *arena)
{
    struct reply_echo *echo = arena_alloc(arena, sizeof *echo);
    if (echo)
        *echo = (struct reply_echo){
            .correlation_id = within(h->spring_correlation_id, 1, REPLY_CORRELATION_MAX),
            .partition = within(h->spring_reply_partition, PARTITION_BYTES, PARTITION_BYTES),
            .topic = within(h->spring_reply_topic, 1, TEXT_TOPIC_NAME_MAX),
        };
    return echo;
}

/* NULL: nothing is sent there. */
static const struct reply_topic *asked_for(const struct reply_topics *t, struct slice name)
{
    const struct reply_topic *topic = name.at ? topic_of(t, name) : &t->at[0];
    return topic && (topic == &t->at[0] || !takes_nothing(topic)) ? topic : NULL;
}

status reply_topics_resolve(struct reply_topics *t, const struct command_headers *h, struct arena *arena,
                            struct reply_to *out)
{
    const struct reply_topic *asked = asked_for(t, h->spring_reply_topic);
    const struct reply_topic *topic = asked ? asked : &t->at[0];

    if (!asked)
        counter_add(t->refused, 1);
    out->topic = topic == &t->at[0] ? NULL : topic;
    choose_partition(t, topic, asked != NULL, h, out);
    out->diverted = false;
    out->echo = speaks_spring(h) ? echo_of(h, arena) : NULL;
    return !speaks_spring(h) || out->echo ? STATUS_OK : STATUS_NO_MEMORY;
}
