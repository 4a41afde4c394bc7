#include "producer-tool/reader.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/signals.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    ANSWER_MS = 1000, /* one attempt; a signal is seen between two */
    PAUSE_MS = 200,   /* between two: a broker may answer at once that it will not say */
    QUEUE_BYTES = 8 * 1024 * 1024,
    MAX_PROPERTIES = 256,
    LOOK_US = 5000000, /* between two looks at the partitions of a topic that is followed */
    PATIENCE_US =
        10000000, /* with a topic that is not there, or not to be read: it may be moving, or being made anew */
};

static int64_t now_us(void)
{
    return clock_monotonic_us(clock_system());
}

static status open_consumer(struct reader *r, const struct reader_options *o, struct fault *f)
{
    struct config_property at[MAX_PROPERTIES + 1];
    struct config_properties properties;
    if (o->properties && o->properties->n > MAX_PROPERTIES)
        return fault_set(f, STATUS_CONFIG, "kafka", "more than %d Kafka properties", MAX_PROPERTIES);
    kafka_tell_ends(o->properties, at, &properties);

    const struct kafka_consumer_options consumer = {
        .client_id = "gold-label",
        .brokers = o->settings->brokers,
        .group = o->group,
        .properties = &properties,
        .queue_bytes = QUEUE_BYTES,
        .read_committed = true,
    };
    status st = kafka_consumer_new(&consumer, &r->consumer, f);
    if (st == STATUS_OK)
        kafka_consumer_notify(r->consumer, r->event_fd);
    return st;
}

static status find_partitions(struct reader *r, const struct reader_options *o, struct fault *f)
{
    int32_t n = kafka_consumer_partitions(r->consumer, o->topic, ANSWER_MS);
    status there = tool_need_topic(n, o->topic, f);
    if (there)
        return there;
    if (o->partition >= n)
        return fault_set(f, STATUS_NOT_FOUND, "kafka", "topic %s has partitions 0 to %d: there is no %lld",
                         o->topic, n - 1, (long long)o->partition);
    r->partitions = (size_t)n;
    free(r->from);
    free(r->to);
    r->from = calloc(r->partitions, sizeof *r->from);
    r->to = calloc(r->partitions, sizeof *r->to);
    return r->from && r->to ? STATUS_OK
                            : fault_set(f, STATUS_NO_MEMORY, "no_memory", "no memory for %d partitions", n);
}

static status find_offsets(struct reader *r, const struct reader_options *o, struct fault *f)
{
    status st = place_find(r->consumer, o->topic, r->partitions, &o->from, ANSWER_MS, r->from, f);
    if (st == STATUS_OK && !o->follow)
        st = place_find(r->consumer, o->topic, r->partitions, &o->to, ANSWER_MS, r->to, f);
    for (size_t i = 0; st == STATUS_OK && i < r->partitions; i++) {
        if (o->follow)
            r->to[i] = INT64_MAX;
        if (o->partition != READER_ALL && (size_t)o->partition != i)
            r->to[i] = r->from[i];
    }
    return st;
}

static status assign(struct reader *r, struct fault *f)
{
    struct kafka_offset *offsets = calloc(r->partitions, sizeof *offsets);
    if (!offsets)
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "no memory for %zu partitions", r->partitions);
    r->n_open = 0;
    for (size_t i = 0; i < r->partitions; i++) {
        if (r->from[i] < r->to[i])
            offsets[r->n_open++] = (struct kafka_offset){(int32_t)i, r->from[i]};
    }
    status st = STATUS_OK;
    if (r->n_open > 0)
        st = kafka_consumer_assign_offsets(r->consumer, r->topic, offsets, r->n_open, f);
    free(offsets);
    return st;
}

status reader_open(struct reader *r, const struct reader_options *options, struct fault *f)
{
    r->signal_fd = signals_open();
    r->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (r->signal_fd < 0 || r->event_fd < 0)
        return fault_set(f, STATUS_FATAL, "descriptors", "no file descriptors: %s", strerror(errno));
    status st = open_consumer(r, options, f);
    r->topic = options->topic;
    r->follows = options->follow;
    r->grows = options->follow && options->partition == READER_ALL;
    r->look_us = now_us() + LOOK_US;

    int64_t deadline = now_us() + options->connect_s * 1000000;
    while (st == STATUS_OK) {
        st = find_partitions(r, options, f);
        if (st == STATUS_OK)
            st = find_offsets(r, options, f);
        if (st != STATUS_RETRY)
            break;
        if (signals_wait(r->signal_fd, PAUSE_MS) != SIGNAL_NONE)
            return fault_set(f, STATUS_TIMEOUT, "interrupted", "interrupted before anything was read");
        if (now_us() <= deadline)
            st = STATUS_OK;
    }
    r->moved_us = now_us();
    return st == STATUS_OK ? assign(r, f) : st;
}

static bool make_room(int64_t **at, size_t n)
{
    int64_t *more = realloc(*at, n * sizeof *more);
    if (!more)
        return false;
    *at = more;
    return true;
}

status reader_grow(struct reader *r, struct fault *f)
{
    if (!r->grows || now_us() < r->look_us)
        return STATUS_OK;
    int32_t n = kafka_consumer_partitions(r->consumer, r->topic, ANSWER_MS);
    r->look_us = now_us() + LOOK_US;
    if (n < 0 || (size_t)n <= r->partitions)
        return STATUS_OK;
    if (!make_room(&r->from, (size_t)n) || !make_room(&r->to, (size_t)n))
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "no memory for %d partitions", n);
    for (; r->partitions < (size_t)n; r->partitions++) {
        r->from[r->partitions] = 0;
        r->to[r->partitions] = INT64_MAX;
    }
    log_info("the topic has more partitions now: they are read, too", LOG_STR("topic", r->topic),
             LOG_INT("partitions", n));
    return assign(r, f);
}

void reader_dispose(struct reader *r)
{
    kafka_consumer_close(r->consumer);
    free(r->from);
    free(r->to);
    if (r->event_fd >= 0)
        close(r->event_fd);
    if (r->signal_fd >= 0)
        close(r->signal_fd);
}

/* The end of a partition, once. */
static void end_partition(struct reader *r, size_t partition)
{
    if (r->to[partition] == INT64_MAX || r->from[partition] >= r->to[partition])
        return;
    r->from[partition] = r->to[partition];
    r->n_open--;
}

/* Of the last message that is, too: then the partition has ended. */
static bool is_before_end(struct reader *r, struct kafka_record record)
{
    int64_t to = r->to[record.partition];
    if (to == INT64_MAX)
        r->from[record.partition] = record.offset + 1;
    if (record.offset + 1 >= to)
        end_partition(r, (size_t)record.partition);
    return record.offset < to;
}

/* Nothing has come. Who follows waits, for it may be mended. */
static void look_for_loss(struct reader *r)
{
    if (!r->follows && kafka_consumer_is_out_of_sight(r->consumer) && now_us() - r->moved_us > PATIENCE_US)
        r->lost = true;
}

struct kafka_message *reader_next(struct reader *r, int timeout_ms)
{
    /* What lies behind the end of a partition, or behind a message that is passed over, would not be announced again: a partition may
     * be written while others are still read. */
    for (; !reader_is_done(r); timeout_ms = 0) {
        int32_t ended = -1;
        struct kafka_message *m = kafka_read_next(r->consumer, timeout_ms, &ended);
        if (!m && ended < 0) {
            look_for_loss(r);
            return NULL;
        }
        r->moved_us = now_us();
        if (m && is_before_end(r, kafka_view(m)))
            return m;
        if (!m)
            end_partition(r, (size_t)ended);
        kafka_message_free(m);
    }
    return NULL;
}

bool reader_is_done(struct reader *r)
{
    r->stopped = r->stopped || signals_read(r->signal_fd) != SIGNAL_NONE;
    return r->stopped || r->lost || r->n_open == 0;
}

status reader_end(const struct reader *r, struct fault *f)
{
    if (!r->lost)
        return STATUS_OK;
    return fault_set(f, STATUS_FATAL, "lost",
                     "topic %s is not there any more, or may not be read: %zu of its %zu "
                     "partitions were not read to their end",
                     r->topic, r->n_open, r->partitions);
}

int reader_exit_code(status st)
{
    switch (st) {
    case STATUS_CONFIG:
    case STATUS_NOT_FOUND:
        return 2;
    case STATUS_TIMEOUT:
        return 130;
    default:
        return 3;
    }
}
