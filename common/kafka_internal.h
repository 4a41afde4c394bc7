/* What the kafka_*.c files share. Not for others: this is the one header that shows librdkafka. */
#pragma once
#include "common/kafka.h"
#include <librdkafka/rdkafka.h>
#include <stdatomic.h>

/* One librdkafka property that this module sets. */
struct kafka_default {
    const char *name;
    const char *value;
};

/* A configuration of `defaults`, then the user's properties. NULL on a fault. */
rd_kafka_conf_t *kafka_conf_new(const char *client_id, const char *brokers,
                                const struct kafka_default *defaults, size_t n_defaults,
                                const struct config_properties *properties, struct fault *f);
/* That of a consumer. Likewise. */
rd_kafka_conf_t *kafka_consumer_conf(const struct kafka_consumer_options *o, struct fault *f);
/* Sets one property; false (with the fault) when librdkafka refuses it. */
bool kafka_conf_text(rd_kafka_conf_t *conf, const char *name, const char *value, struct fault *f);
bool kafka_conf_number(rd_kafka_conf_t *conf, const char *name, int64_t value, struct fault *f);
/* What a number has come to from our settings, the user's properties and librdkafka's default; `otherwise` where it is not known. */
int64_t kafka_conf_number_of(const rd_kafka_conf_t *conf, const char *name, int64_t otherwise);

/* A queue that writes to `event_fd` whenever it stops being empty. Free with rd_kafka_queue_destroy() before the handle. */
void kafka_queue_notify(rd_kafka_queue_t *queue, int event_fd);

/* What a broker said when it was asked for `what` of `topic`, and of which partition (KAFKA_NO_PARTITION: of none in particular).
 * Errors: STATUS_NOT_FOUND (no such topic or partition), STATUS_RETRY. */
enum { KAFKA_NO_PARTITION = -1 };
status kafka_status(rd_kafka_resp_err_t err, const char *what, const char *topic, int32_t partition,
                    struct fault *f);

/* ---- kafka_log.c ---- */

/* For rd_kafka_conf_set_log_cb(): librdkafka's lines among ours. */
void kafka_log(const rd_kafka_t *rk, int level, const char *facility, const char *text);

/* The group of a consumer that has none: librdkafka wants one even from a reader that never joins it. */
#define KAFKA_NO_GROUP "gold-label-no-group"

/* A broker that has just started has no producer ids for a moment, and is asked again every half second. */
struct kafka_loading {
    int64_t since_us; /* monotonic clock, as the next one */
    int64_t last_us;  /* 0: never */
};

/* Whether a line says that, and the broker has not been saying it for five seconds: no fault yet. Only librdkafka's main thread logs it. */
bool kafka_is_still_loading(struct kafka_loading *l, const char *facility, const char *text, int64_t now_us);

/* ---- kafka_topic.c: what a broker says of a topic ---- */

/* What a handle knows of its looks at topics, of which one is made at a time. */
struct kafka_looks {
    atomic_bool reachable; /* becomes true when a broker has answered */
    /* When it was last logged that one did not say anything of a topic, by the topic's hash. */
    int64_t told_us[16];
};

/* As kafka_producer_probe(). `topic` may be NULL: it is made for the purpose. */
struct kafka_topic_view kafka_look_at_topic(rd_kafka_t *rk, rd_kafka_topic_t *topic, const char *name,
                                            int timeout_ms, struct kafka_looks *looks);
/* `min_in_sync` of kafka_topic_view. */
int32_t kafka_ask_min_in_sync(rd_kafka_t *rk, const char *topic, int timeout_ms);

/* ---- kafka_reports.c: what becomes of produced messages ---- */

struct kafka_reports {
    const struct kafka_producer_options *o;
    struct kafka_looks *looks;
    atomic_bool
        silent; /* the handle is being replaced, or at its end: its reports are of no interest any more */
    atomic_int served;  /* callbacks of the poll under way */
    atomic_int calling; /* threads that are in `acknowledged` */
};

/* Has the options' `acknowledged`, where it is set, called by the handle that is made of `conf`. `r` must outlive that. False (with the fault) when
 * librdkafka refuses. */
bool kafka_reports_configure(struct kafka_reports *r, rd_kafka_conf_t *conf, struct fault *f);
/* For rd_kafka_conf_set_dr_msg_cb(). */
void kafka_reports_take(struct kafka_reports *r, const rd_kafka_message_t *m);
/* Neither of the two is called any more, nor is one under way, when it returns. By the thread that polls, or after that has ended. */
void kafka_reports_silence(struct kafka_reports *r);

/* ---- kafka_consumer.c, kafka_fetching.c and kafka_placing.c ---- */

struct kafka_fetching {
    int64_t limit;      /* bytes in librdkafka's queue from which on it fetches no more */
    int64_t bytes;      /* of `messages` */
    int64_t messages;   /* taken since the last look at the queue */
    bool was_full;      /* a broker's thread may sleep since */
    bool fresh;         /* messages came since the last poll that found none */
    int fruitless;      /* how often it was woken since the last message */
    int64_t look_at_us; /* when to look; -1: after the next message */
};

struct kafka_placing {
    rd_kafka_topic_partition_list_t *list; /* what is ours and not yet read; NULL: nothing */
    unsigned in_vain;                      /* how often it was asked where to begin */
    int64_t ask_at_us;
    int64_t told_us;
    bool gone;    /* the topic is: what was read of it says nothing of one that is made in its place */
    bool rejoins; /* the group is being joined anew for that */
};

struct kafka_consumer {
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    kafka_assigned_fn assigned;
    kafka_revoked_fn revoked;
    kafka_committed_fn committed;
    void *ctx;
    struct kafka_looks looks;
    rd_kafka_consumer_group_metadata_t *membership; /* of the assignment; NULL where there is none */
    bool paused;
    bool forsaken; /* a commit got no answer in time, and nothing has come from the coordinator since */
    bool broken;   /* librdkafka has given up for good */
    /* A topic is gone, or may not be seen: librdkafka (2.0.2) would wait for its partitions for ever at its end. */
    bool out_of_sight;
    struct kafka_fetching fetching;
    struct kafka_placing placing;
};

/* See to it that fetching goes on: to be called with the bound of the queue at first, for each message that is taken, and when a
 * poll has found none. */
void kafka_fetching_start(struct kafka_consumer *c, int64_t queue_bytes);
/* What came instead of a message, `m`, or (NULL) an error of the whole: remembers what it means for the consumer's end, and logs it with the
 * topic and partition or the group that it is about. In kafka_log.c. */
void kafka_consumer_note_error(struct kafka_consumer *c, rd_kafka_t *rk, rd_kafka_resp_err_t err,
                               const char *reason, const rd_kafka_message_t *m);
void kafka_fetching_took(struct kafka_consumer *c, const rd_kafka_message_t *m);
void kafka_fetching_idles(struct kafka_consumer *c);

/* Assigns what the group has given (copied), each partition at its committed offset or else at its oldest message; what cannot be had
 * at once is asked for again by kafka_placing_serve(), at every poll. Nothing else is being placed: what was is
 * cancelled before, and when partitions are revoked. After an error nothing is assigned, and nothing asked for. */
rd_kafka_resp_err_t kafka_placing_begin(struct kafka_consumer *c,
                                        const rd_kafka_topic_partition_list_t *list);
void kafka_placing_cancel(struct kafka_consumer *c);
/* Also joins the group anew where the topic is gone. */
void kafka_placing_serve(struct kafka_consumer *c);
/* When that is to be (monotonic clock); -1: there is nothing to ask for. */
int64_t kafka_placing_at_us(const struct kafka_consumer *c);

/* Fills in the group's committed offsets (RD_KAFKA_OFFSET_INVALID: none). The first error, of the whole or of one partition: no offset
 * means anything then. */
rd_kafka_resp_err_t kafka_read_offsets(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *list, int timeout_ms);

/* ---- for transactions ---- */

rd_kafka_t *kafka_producer_handle(const struct kafka_producer *p);
/* Replaces the handle by a new one; what the old one had in hand is never reported. Nobody else may use the producer meanwhile. After
 * an error it has no handle: try again. */
status kafka_producer_renew(struct kafka_producer *p, struct fault *f) must_check;

rd_kafka_t *kafka_consumer_handle(const struct kafka_consumer *c);
/* Who this consumer was in its group when its partitions were assigned, for the caller to destroy. NULL: it is nobody. */
rd_kafka_consumer_group_metadata_t *kafka_consumer_membership(const struct kafka_consumer *c);
rd_kafka_topic_partition_list_t *kafka_offsets_list(const char *topic, const struct kafka_offset *offsets,
                                                    size_t n);
