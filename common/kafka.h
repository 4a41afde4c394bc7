/* Kafka: producer, group consumer, tail reader. The only module that includes librdkafka.
 *
 * Every handle is polled by one thread; produce may be called from any. `kafka_*_notify()` makes a handle write to an
 * eventfd when it has something, so that one poll(2) can wait for several things. */
#pragma once
#include "common/buffer.h"
#include "common/config.h"
#include "common/slice.h"
#include "common/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KAFKA_PARTITION_BY_KEY = -1 };

/* For config_program.check_property: NULL, or what is wrong. Refuses unknown names, bad values, and the properties that the
 * promises depend on and this module sets itself (enable.auto.commit …). */
const char *kafka_check_property(const char *name, const char *value, char *text, size_t size);

/* ---- messages ---- */

struct kafka_message; /* as fetched; free with kafka_message_free() before its consumer is closed */

/* A view into a message. */
struct kafka_record {
    const char *topic;
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms; /* -1: none */
    bool broker_time;     /* the timestamp is the broker's (LogAppendTime), not the sender's */
    struct slice key;     /* absent = null */
    struct slice value;   /* absent = null */
};

struct kafka_header {
    const char *name;
    struct slice value; /* absent = null */
};

struct kafka_record kafka_view(const struct kafka_message *m);
/* The last header of that name; absent when there is none. */
struct slice kafka_header_find(const struct kafka_message *m, const char *name);
/* The i-th header, in order; false behind the last. */
bool kafka_header_at(const struct kafka_message *m, size_t i, struct kafka_header *out);
void kafka_message_free(struct kafka_message *m);

/* ---- producer ---- */

struct kafka_producer;

/* What is known of one produced message. */
enum kafka_delivery {
    KAFKA_DELIVERED,     /* acknowledged by all in-sync replicas */
    KAFKA_NOT_DELIVERED, /* certainly not on the topic */
    KAFKA_UNKNOWN,       /* possibly on the topic */
};

/* Called from kafka_producer_poll() (and flush), once for every message that kafka_produce() took. `error` is NULL when
 * delivered; `retriable` false means that the same message will fail again: it is too large, malformed, or for a partition that
 * does not exist. Not authorised is retriable: an operator can mend it. */
typedef void (*kafka_delivered_fn)(void *ctx, void *opaque, enum kafka_delivery delivery, bool retriable,
                                   const char *error);

/* Where it is set, a message that was acknowledged goes here and not to the above, so that nobody has to be woken for it: it is called
 * at that moment, on a thread of librdkafka, possibly before kafka_produce() has returned. It must neither wait nor use the producer. */
typedef void (*kafka_acknowledged_fn)(void *ctx, void *opaque);

/* Whether a message may go to that partition; not where it `must`: there is no other. Called by kafka_produce(), or later on a thread of
 * librdkafka where the topic was not known yet, with librdkafka's locks held: it must neither wait nor use the producer. */
typedef bool (*kafka_place_fn)(void *ctx, void *opaque, int32_t partition, bool must);

struct kafka_producer_options {
    const char *client_id;
    const char *brokers;
    const struct config_properties *properties; /* of the [kafka] section; may be NULL */
    int64_t
        message_timeout_ms; /* after this a message is reported as not delivered or unknown; in transactions: with them */
    int64_t queue_messages; /* bound of messages not yet acknowledged */
    int64_t queue_bytes;    /* bound of their bytes, rounded up to KiB */
    int64_t in_flight;      /* produce requests on their way per broker; 1 batches by itself under load */
    int64_t linger_ms;      /* a message waits so long for others; in transactions: as long as suits them */
    /* 0: a key's partition follows from it (murmur2, as Java clients do). Otherwise keys choose nothing: all messages go to one
     * partition, until kafka_producer_turn() is called after so many of them or more, and then to the next, past those without a leader (compare
     * KIP-480). librdkafka makes one request for each partition that something waits for, so that under load many small ones become few. */
    unsigned stick_for;
    kafka_place_fn place;         /* asked before a partition is taken for a message; NULL: all will do */
    bool idempotent;              /* no duplicate and no reordering by the producer's own retries */
    const char *transactional_id; /* NULL, or what kafka_transactor_new() makes transactions under */
    kafka_delivered_fn delivered;
    kafka_acknowledged_fn acknowledged; /* NULL: `delivered` says it */
    /* Milliseconds after which a message for this topic is reported, where others wait longer; -1: it waits as they do. In transactions
     * half their timeout at most, so that the report comes before they end. NULL: all are alike. Any thread that produces. */
    int64_t (*timeout_of)(void *ctx, const char *topic);
    void *ctx;
};

/* Errors: STATUS_CONFIG with librdkafka's reason, STATUS_NO_MEMORY. Connects in the background. What the options point to is
 * borrowed. */
status kafka_producer_new(const struct kafka_producer_options *options, struct kafka_producer **out,
                          struct fault *f) must_check;
/* Drops what is still queued (each is reported as not delivered or unknown) and frees. */
void kafka_producer_free(struct kafka_producer *p);

/* Queues one message; key, value and headers are copied. `partition` is a number or KAFKA_PARTITION_BY_KEY (but see `stick_for`).
 * Never blocks. Errors: STATUS_FULL (the bounds above: poll, where there is no `acknowledged`, and try again),
 * STATUS_TOO_LARGE, STATUS_NOT_FOUND (no such topic or partition, where that is already known), STATUS_FATAL (build a new
 * producer), STATUS_RETRY. After an error nothing was queued and there will be no report. */
status kafka_produce(struct kafka_producer *p, const char *topic, int32_t partition, struct slice key,
                     struct slice value, const struct kafka_header *headers, size_t n_headers, void *opaque)
    must_check;
/* With `stick_for`: messages may go to another partition from here on. What is produced until the next call stays together,
 * as long as that partition has a leader and `place` takes it. */
void kafka_producer_turn(struct kafka_producer *p);
/* Serves delivery reports and events, waits up to `timeout_ms` for the first; returns how many were served. */
int kafka_producer_poll(struct kafka_producer *p, int timeout_ms);
void kafka_producer_notify(struct kafka_producer *p, int event_fd);
/* Ends all reports: none is under way when it returns, and none will come. By the thread that polls, or after that has ended; not from
 * a report. */
void kafka_producer_silence(struct kafka_producer *p);
/* Waits up to `timeout_ms` until everything is reported; returns how many messages are left. */
size_t kafka_producer_flush(struct kafka_producer *p, int timeout_ms);
/* Messages that are queued or on their way. */
size_t kafka_producer_backlog(const struct kafka_producer *p);
/* Reports everything that was never sent as KAFKA_NOT_DELIVERED at the next poll. */
void kafka_producer_purge(struct kafka_producer *p);
/* False from the moment all brokers are lost until kafka_producer_probe() has reached one again. Any thread. */
bool kafka_producer_reachable(const struct kafka_producer *p);

/* What a broker says of a topic. */
struct kafka_topic_view {
    bool answered; /* a broker did, whatever it said of the topic */
    /* 0: it does not exist; -1: no broker answered, or one did not say (it is logged why, every ten seconds). */
    int32_t partitions;
    bool leaderless; /* a partition has no leader: nothing can be written to it */
    /* The fewest replicas in sync of a partition that has a leader but not all replicas in sync; 0: all are. */
    int32_t in_sync;
    /* How many there have to be of each partition, unless it has fewer replicas and all of them are in sync, for it to be written to
     * (`min.insync.replicas`); 0: not asked, or no answer; -1: this may not be known. */
    int32_t min_in_sync;
};

/* Asks a broker for the topic's metadata, waiting up to `timeout_ms`. Also fetches the topic into the producer's cache, so that the
 * first produce is fast. */
struct kafka_topic_view kafka_producer_probe(struct kafka_producer *p, const char *topic, int timeout_ms);
/* Likewise, and asks then, waiting as long again, for `min_in_sync`. */
struct kafka_topic_view kafka_producer_probe_closely(struct kafka_producer *p, const char *topic,
                                                     int timeout_ms);

/* ---- consumer ---- */

struct kafka_consumer;

struct kafka_offset {
    int32_t partition;
    int64_t offset; /* the next one to read */
};

/* Called from kafka_consumer_poll() and kafka_consumer_close(). When partitions are revoked the callee must drop or finish
 * their messages and may still commit; `lost` says that somebody else may have them already: committing would fail. */
typedef void (*kafka_assigned_fn)(void *ctx, const int32_t *partitions, size_t n);
typedef void (*kafka_revoked_fn)(void *ctx, const int32_t *partitions, size_t n, bool lost);
/* What became of a commit in the background, once for each. Called from kafka_consumer_poll() and kafka_consumer_close(). */
typedef void (*kafka_committed_fn)(void *ctx, bool committed);

struct kafka_consumer_options {
    const char *client_id;
    const char *brokers;
    const char *group;                          /* NULL: no group (kafka_consumer_assign_end() only) */
    const struct config_properties *properties; /* may be NULL */
    int64_t queue_bytes;          /* memory for prefetched messages, rounded up to KiB; 0: default */
    bool read_committed;          /* leave out what was written by aborted transactions */
    kafka_assigned_fn assigned;   /* may be NULL */
    kafka_revoked_fn revoked;     /* may be NULL */
    kafka_committed_fn committed; /* may be NULL */
    void *ctx;
};

/* A group starts at the oldest command where it has no offset yet. Errors: STATUS_CONFIG, STATUS_NO_MEMORY. */
status kafka_consumer_new(const struct kafka_consumer_options *options, struct kafka_consumer **out,
                          struct fault *f) must_check;
status kafka_consumer_subscribe(struct kafka_consumer *c, const char *topic, struct fault *f) must_check;

/* Where a reader without a group begins. */
enum kafka_start { KAFKA_START_OLDEST, KAFKA_START_END };

/* Number of partitions; 0: no such topic; -1: no broker answered in `timeout_ms`, or one did not say (it is logged why, every ten seconds). */
int32_t kafka_consumer_partitions(struct kafka_consumer *c, const char *topic, int timeout_ms);
/* Reads `n` partitions (NULL: 0 … n-1) of one topic without a group. On KAFKA_START_END the end is asked for now, so every
 * message produced after the return is seen. Errors: STATUS_RETRY (no answer in time), STATUS_NOT_FOUND, STATUS_FATAL. */
status kafka_consumer_assign(struct kafka_consumer *c, const char *topic, const int32_t *partitions, size_t n,
                             enum kafka_start from, int timeout_ms, struct fault *f) must_check;

/* The next message, or NULL after `timeout_ms` or when an event was served. The caller frees it. A member of a group that does not
 * know yet where to begin asks for that here, unless it is paused, and waits for the answer whatever the timeout: one second at first,
 * then two, from then on five, with a pause of a quarter between two polls that wait. That is so while the coordinator is away or slow,
 * or a dead worker's transaction is open. librdkafka keeps the group's heartbeats up meanwhile. */
struct kafka_message *kafka_consumer_poll(struct kafka_consumer *c, int timeout_ms);
/* False from the moment partitions are assigned until it is known where to begin with them: before that nothing is read. */
bool kafka_consumer_is_placed(const struct kafka_consumer *c);
/* When to poll again though nothing is announced (monotonic clock); -1: not at all. */
int64_t kafka_consumer_deadline_us(const struct kafka_consumer *c);
void kafka_consumer_notify(struct kafka_consumer *c, int event_fd);
/* True once it will never have a partition again: another has taken its `group.instance.id`, for example. Only a new one helps. */
bool kafka_consumer_is_broken(const struct kafka_consumer *c);
/* A broker has said that something it reads is not there, or not for it to be read. It says so once, and nothing comes from there for as
 * long as that is true. */
bool kafka_consumer_is_out_of_sight(const struct kafka_consumer *c);
/* False while no broker is reachable. */
bool kafka_consumer_reachable(const struct kafka_consumer *c);

/* Stop and go on fetching from everything assigned; the consumer stays in its group as long as it is polled. */
status kafka_consumer_pause(struct kafka_consumer *c) must_check;
status kafka_consumer_resume(struct kafka_consumer *c) must_check;

/* Commits for `topic`, waiting for the answer (two seconds at most) or in the background: a failure is then logged, and reported to
 * `committed`. librdkafka repeats a commit that fails, so one that is overtaken by the next could end up behind it: have one on its way at
 * a time. Errors: STATUS_RETRY (also: the partition is no longer ours), STATUS_FATAL; after either there is no report. */
status kafka_consumer_commit(struct kafka_consumer *c, const char *topic, const struct kafka_offset *offsets,
                             size_t n, bool wait) must_check;

/* Leaves the group (calling `revoked`) and frees. Every message must have been freed. */
void kafka_consumer_close(struct kafka_consumer *c);
