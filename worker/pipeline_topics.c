#include "worker/pipeline_internal.h"

#include "common/log.h"

enum {
    PROBE_EVERY_US = 60 * 1000000,  /* partitions can be added to the results topic */
    PROBE_LACKING_US = 5 * 1000000, /* where one has no leader, or too few replicas */
    PROBE_AWAY_US = 500 * 1000,
    PROBE_TIMEOUT_MS = 100,
    BEFORE_TIMEOUT_MS = 1000,  /* before a transaction, which goes nowhere without a broker, either */
    BEYOND_EVERY_US = 1000000, /* for results that ask for partitions that are not known */
    FRESH_US = 100 * 1000,     /* a look at a topic that is believed before a transaction */
    FIRST_LISTED = 2, /* of the topics that answers go to: behind the dead letters and the results topic */
};

/* The i-th topic that answers go to: that of the dead letters, then those of results. NULL behind the last. */
static const char *topic_at(const struct pipeline *p, size_t i)
{
    return i == 0 ? p->o.settings->dlq_topic : reply_topics_name(p->reply_topics, i - 1);
}

static void tell_missing(struct pipeline *p, size_t i, int64_t now)
{
    if (log_is_due(&p->missing_told_us[i], now))
        log_error(i == 0 ? "a topic for dead letters does not exist" : "a topic for results does not exist",
                  LOG_STR("topic", topic_at(p, i)));
}

static struct kafka_topic_view look_at_topic(struct pipeline *p, size_t i, bool closely, int timeout_ms)
{
    struct kafka_topic_view view = pipeline_probe(p, topic_at(p, i), closely, timeout_ms);
    int64_t now = clock_monotonic_us(p->o.clock);
    if (i > 0)
        reply_topics_looked_at(p->reply_topics, i - 1, view, now);
    if (view.partitions == 0)
        tell_missing(p, i, now);
    else if (view.partitions > 0)
        p->missing_told_us[i] = 0;
    return view;
}

int64_t pipeline_look_due_us(const struct pipeline *p)
{
    int64_t soon = p->probed_us + PROBE_AWAY_US;
    if (p->probe_failed)
        return soon;
    return kafka_producer_reachable(p->producer) || p->probe_at_us < soon ? p->probe_at_us : soon;
}

static void end_round(struct pipeline *p)
{
    int64_t pause = reply_topics_lack(p->reply_topics) ? PROBE_LACKING_US : PROBE_EVERY_US;

    p->probe_next = 0;
    p->probe_at_us = p->probed_us + (p->probe_again ? PROBE_AWAY_US : pause);
    p->probe_again = false;
}

void pipeline_look_at_topics(struct pipeline *p)
{
    if (!pipeline_owns_producer(p) || clock_monotonic_us(p->o.clock) < pipeline_look_due_us(p))
        return;

    bool is_listed = p->probe_next >= FIRST_LISTED;
    struct kafka_topic_view view = look_at_topic(p, p->probe_next, is_listed, PROBE_TIMEOUT_MS);
    p->probed_us = clock_monotonic_us(p->o.clock);
    p->probe_failed = view.partitions < 0 || (is_listed && view.partitions > 0 && view.min_in_sync == 0);
    /* Others than the dead letters and the results topic can be done without. */
    p->probe_again = p->probe_again || p->probe_failed || (view.partitions == 0 && !is_listed);
    p->probe_next++;
    p->probe_at_us = 0;
    if (!topic_at(p, p->probe_next))
        end_round(p);
}

/* A topic may have got partitions since it was looked at: who asks for one of them waits there. But not everybody who asks for what
 * is not there makes us ask. */
void pipeline_settle_reply(struct pipeline *p, struct reply_to *to)
{
    int64_t now = clock_monotonic_us(p->o.clock);
    size_t i;

    if (now >= p->beyond_at_us && reply_topics_is_exceeded(p->reply_topics, to, &i)) {
        p->beyond_at_us = now + BEYOND_EVERY_US;
        (void)look_at_topic(p, i + 1, false, PROBE_TIMEOUT_MS);
    }
    reply_topics_settle(p->reply_topics, to);
}

/* No result is sent to a topic that lacks something, so only a round looks at it again. */
static void begin_round_soon(struct pipeline *p)
{
    int64_t soon = clock_monotonic_us(p->o.clock) + PROBE_LACKING_US;
    if (p->probe_at_us > soon)
        p->probe_at_us = soon;
}

bool pipeline_look_at_topics_of(struct pipeline *p, const struct batch *b)
{
    int64_t since = clock_monotonic_us(p->o.clock) - FRESH_US;
    size_t i;

    for (size_t k = 0; k < b->n; k++) {
        if (!reply_topics_is_stale(p->reply_topics, &b->entries[k].reply, since, &i))
            continue;
        bool closely = !reply_topics_knows_need(p->reply_topics, i);
        struct kafka_topic_view view = look_at_topic(p, i + 1, closely, BEFORE_TIMEOUT_MS);
        if (reply_topics_lack(p->reply_topics))
            begin_round_soon(p);
        if (!view.answered)
            return false;
    }
    return true;
}
