#include "common/kafka_internal.h"

#include "common/log.h"
#include <stdlib.h>

enum {
    MAX_PARTITIONS = 100000,
    COMMIT_WAIT_MS = 2000,
};

/* `m` is what came instead of a message; NULL: nothing came. */
static void take_error(struct kafka_consumer *c, rd_kafka_t *rk, rd_kafka_resp_err_t err, const char *reason,
                       const rd_kafka_message_t *m)
{
    /* Its reason says which one it was. */
    if (err == RD_KAFKA_RESP_ERR__FATAL) {
        c->broken = true;
        log_error("the kafka consumer is at its end", LOG_STR("client", rd_kafka_name(rk)),
                  LOG_STR("reason", reason));
        return;
    }
    if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        atomic_store(&c->looks.reachable, false);
    if (err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        c->placing.gone = true;
    kafka_consumer_note_error(c, rk, err, reason, m);
}

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    take_error(opaque, rk, (rd_kafka_resp_err_t)err, reason, NULL);
}

static void on_commit(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *offsets,
                      void *opaque)
{
    (void)offsets;
    struct kafka_consumer *c = opaque;
    bool committed = !err || err == RD_KAFKA_RESP_ERR__NO_OFFSET;

    if (committed)
        c->forsaken = false;
    else
        log_warning("offsets not committed", LOG_STR("client", rd_kafka_name(rk)),
                    LOG_STR("error", rd_kafka_err2str(err)));
    if (c->committed)
        c->committed(c->ctx, committed);
}

/* Hands the partition numbers to the program, if it wants them. */
static void tell(struct kafka_consumer *c, const rd_kafka_topic_partition_list_t *list, bool assigned,
                 bool lost)
{
    size_t n = (size_t)list->cnt;
    int32_t *partitions = calloc(n ? n : 1, sizeof *partitions);
    if (!partitions) {
        log_error("no memory for a rebalance", LOG_INT("partitions", n));
        abort(); /* going on would leave two workers with one partition */
    }
    for (size_t i = 0; i < n; i++)
        partitions[i] = list->elems[i].partition;
    if (assigned && c->assigned)
        c->assigned(c->ctx, partitions, n);
    if (!assigned && c->revoked)
        c->revoked(c->ctx, partitions, n, lost);
    free(partitions);
}

static void forget_membership(struct kafka_consumer *c)
{
    if (c->membership)
        rd_kafka_consumer_group_metadata_destroy(c->membership);
    c->membership = NULL;
}

/* Taken now and not when it is used: a consumer that has lost its group without noticing yet would then pass for one that was
 * never in it, and nobody would fence its transaction (a broker takes transactional offsets without a member, KIP-447). */
static void remember_membership(struct kafka_consumer *c)
{
    forget_membership(c);
    c->membership = rd_kafka_consumer_group_metadata(c->rk);
    char *member = rd_kafka_memberid(c->rk);
    if (!member || !*member || rd_kafka_assignment_lost(c->rk))
        forget_membership(c);
    rd_kafka_mem_free(c->rk, member);
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list,
                         void *opaque)
{
    struct kafka_consumer *c = opaque;
    bool assign = err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
    bool lost = !assign && (rd_kafka_assignment_lost(rk) != 0 || c->placing.gone);

    log_info(assign ? "partitions assigned" : "partitions revoked", LOG_STR("client", rd_kafka_name(rk)),
             LOG_INT("partitions", list->cnt), LOG_STR("lost", lost ? "yes" : "no"));
    /* What is fetched for a partition while it is being given up lies in a queue that nobody reads, until it comes back, and keeps
     * whole answers of the broker in memory (librdkafka 2.0.2: some 25 MiB). And it comes back paused where it was given up so. */
    (void)(assign ? rd_kafka_resume_partitions(rk, list) : rd_kafka_pause_partitions(rk, list));
    if (!assign)
        tell(c, list, false, lost);
    forget_membership(c);
    c->paused = false;
    kafka_placing_cancel(c);
    rd_kafka_resp_err_t res = assign ? kafka_placing_begin(c, list) : rd_kafka_assign(rk, NULL);
    if (res)
        log_error("assignment failed", LOG_STR("error", rd_kafka_err2str(res)));
    else if (assign) {
        c->forsaken = false;
        remember_membership(c);
        tell(c, list, true, false);
    }
}

status kafka_consumer_new(const struct kafka_consumer_options *options, struct kafka_consumer **out,
                          struct fault *f)
{
    struct kafka_consumer *c = calloc(1, sizeof *c);
    rd_kafka_conf_t *conf = c ? kafka_consumer_conf(options, f) : NULL;
    char reason[192];

    if (!c)
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "no memory for a Kafka consumer");
    if (!conf) {
        free(c);
        return STATUS_CONFIG;
    }
    c->assigned = options->assigned;
    c->revoked = options->revoked;
    c->committed = options->committed;
    c->ctx = options->ctx;
    kafka_fetching_start(c,
                         kafka_conf_number_of(conf, "queued.max.messages.kbytes", INT64_MAX / 1024) * 1024);
    atomic_init(&c->looks.reachable, true);
    rd_kafka_conf_set_opaque(conf, c);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);

    c->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
    if (!c->rk) {
        rd_kafka_conf_destroy(conf);
        free(c);
        return fault_set(f, STATUS_CONFIG, "kafka_consumer", "Kafka consumer: %s", reason);
    }
    rd_kafka_poll_set_consumer(c->rk);
    c->queue = rd_kafka_queue_get_consumer(c->rk);
    *out = c;
    return STATUS_OK;
}

status kafka_consumer_subscribe(struct kafka_consumer *c, const char *topic, struct fault *f)
{
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t err = rd_kafka_subscribe(c->rk, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (err)
        return fault_set(f, STATUS_FATAL, "subscribe", "cannot subscribe to %s: %s", topic,
                         rd_kafka_err2str(err));
    return STATUS_OK;
}

int32_t kafka_consumer_partitions(struct kafka_consumer *c, const char *topic, int timeout_ms)
{
    return kafka_look_at_topic(c->rk, NULL, topic, timeout_ms, &c->looks).partitions;
}

/* Where to begin with one partition: asked now, so that nothing produced from here on is missed. */
static status start_offset(struct kafka_consumer *c, const char *topic, int32_t partition,
                           enum kafka_start from, int timeout_ms, int64_t *out, struct fault *f)
{
    if (from == KAFKA_START_OLDEST) {
        *out = RD_KAFKA_OFFSET_BEGINNING;
        return STATUS_OK;
    }

    int64_t low = 0;
    rd_kafka_resp_err_t err =
        rd_kafka_query_watermark_offsets(c->rk, topic, partition, &low, out, timeout_ms);
    return kafka_status(err, "the end", topic, partition, f);
}

status kafka_consumer_assign(struct kafka_consumer *c, const char *topic, const int32_t *partitions, size_t n,
                             enum kafka_start from, int timeout_ms, struct fault *f)
{
    if (n == 0 || n > MAX_PARTITIONS)
        return fault_set(f, STATUS_INVALID, "partitions", "%zu partitions: must be 1 to %d", n,
                         MAX_PARTITIONS);

    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
    status st = STATUS_OK;
    for (size_t i = 0; i < n && st == STATUS_OK; i++) {
        int32_t partition = partitions ? partitions[i] : (int32_t)i;
        int64_t offset = 0;
        st = start_offset(c, topic, partition, from, timeout_ms, &offset, f);
        rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    }
    if (st == STATUS_OK) {
        rd_kafka_resp_err_t err = rd_kafka_assign(c->rk, list);
        if (err)
            st = fault_set(f, STATUS_FATAL, "assign", "cannot read %s: %s", topic, rd_kafka_err2str(err));
        else
            atomic_store(&c->looks.reachable, true);
    }
    rd_kafka_topic_partition_list_destroy(list);
    return st;
}

struct kafka_message *kafka_consumer_poll(struct kafka_consumer *c, int timeout_ms)
{
    kafka_placing_serve(c);
    rd_kafka_message_t *m = rd_kafka_consumer_poll(c->rk, timeout_ms);
    /* An error is not the end of the queue: what lies behind it would not be announced again. */
    while (m && m->err) {
        take_error(c, c->rk, m->err, rd_kafka_message_errstr(m), m);
        rd_kafka_message_destroy(m);
        m = rd_kafka_consumer_poll(c->rk, 0);
    }
    if (!m) {
        kafka_fetching_idles(c);
        return NULL;
    }
    atomic_store_explicit(&c->looks.reachable, true, memory_order_relaxed);
    kafka_fetching_took(c, m);
    return (struct kafka_message *)(void *)m;
}

bool kafka_consumer_is_broken(const struct kafka_consumer *c)
{
    return c->broken;
}

bool kafka_consumer_is_out_of_sight(const struct kafka_consumer *c)
{
    return c->out_of_sight;
}

bool kafka_consumer_is_placed(const struct kafka_consumer *c)
{
    return !c->placing.list;
}

int64_t kafka_consumer_deadline_us(const struct kafka_consumer *c)
{
    int64_t look = c->fetching.look_at_us;
    int64_t ask = kafka_placing_at_us(c);
    return look < 0 || (ask >= 0 && ask < look) ? ask : look;
}

void kafka_consumer_notify(struct kafka_consumer *c, int event_fd)
{
    kafka_queue_notify(c->queue, event_fd);
}

bool kafka_consumer_reachable(const struct kafka_consumer *c)
{
    return atomic_load_explicit(&c->looks.reachable, memory_order_relaxed);
}

static status switch_fetching(struct kafka_consumer *c, bool on)
{
    rd_kafka_topic_partition_list_t *list = NULL;
    rd_kafka_resp_err_t err = rd_kafka_assignment(c->rk, &list);
    if (!err) {
        err = on ? rd_kafka_resume_partitions(c->rk, list) : rd_kafka_pause_partitions(c->rk, list);
        rd_kafka_topic_partition_list_destroy(list);
    }
    if (!err) {
        c->paused = !on;
        return STATUS_OK;
    }
    log_error(on ? "cannot resume partitions" : "cannot pause partitions",
              LOG_STR("error", rd_kafka_err2str(err)));
    return STATUS_FATAL;
}

status kafka_consumer_pause(struct kafka_consumer *c)
{
    return switch_fetching(c, false);
}

status kafka_consumer_resume(struct kafka_consumer *c)
{
    return switch_fetching(c, true);
}

rd_kafka_t *kafka_consumer_handle(const struct kafka_consumer *c)
{
    return c->rk;
}

/* A copy by way of its bytes: librdkafka has no other. */
rd_kafka_consumer_group_metadata_t *kafka_consumer_membership(const struct kafka_consumer *c)
{
    rd_kafka_consumer_group_metadata_t *copy = NULL;
    void *bytes = NULL;
    size_t size = 0;
    if (!c->membership)
        return NULL;

    rd_kafka_error_t *error = rd_kafka_consumer_group_metadata_write(c->membership, &bytes, &size);
    if (!error)
        error = rd_kafka_consumer_group_metadata_read(&copy, bytes, size);
    rd_kafka_error_destroy(error);
    rd_kafka_mem_free(c->rk, bytes);
    return copy;
}

rd_kafka_topic_partition_list_t *kafka_offsets_list(const char *topic, const struct kafka_offset *offsets,
                                                    size_t n)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
    for (size_t i = 0; i < n; i++)
        rd_kafka_topic_partition_list_add(list, topic, offsets[i].partition)->offset = offsets[i].offset;
    return list;
}

/* librdkafka itself would wait for a coordinator that is away as long as the group's session lasts (45 s). */
static rd_kafka_resp_err_t commit_now(struct kafka_consumer *c, const rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_queue_t *answers = rd_kafka_queue_new(c->rk);
    rd_kafka_resp_err_t err = rd_kafka_commit_queue(c->rk, list, answers, NULL, NULL);
    if (!err) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(answers, COMMIT_WAIT_MS);
        err = event ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
        c->forsaken = !event;
        if (event)
            rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(answers);
    return err;
}

status kafka_consumer_commit(struct kafka_consumer *c, const char *topic, const struct kafka_offset *offsets,
                             size_t n, bool wait)
{
    rd_kafka_topic_partition_list_t *list = kafka_offsets_list(topic, offsets, n);
    rd_kafka_resp_err_t err =
        wait ? commit_now(c, list) : rd_kafka_commit_queue(c->rk, list, c->queue, on_commit, c);
    rd_kafka_topic_partition_list_destroy(list);

    if (err == RD_KAFKA_RESP_ERR_NO_ERROR || err == RD_KAFKA_RESP_ERR__NO_OFFSET)
        return STATUS_OK;
    log_warning("offsets not committed", LOG_STR("error", rd_kafka_err2str(err)));
    return err == RD_KAFKA_RESP_ERR__FATAL ? STATUS_FATAL : STATUS_RETRY;
}

void kafka_consumer_close(struct kafka_consumer *c)
{
    if (!c)
        return;
    /* Closing waits for a commit that is under way, and a group that is left without a word gets on after its session's timeout. */
    rd_kafka_resp_err_t err = c->forsaken ? RD_KAFKA_RESP_ERR__TIMED_OUT : rd_kafka_consumer_close(c->rk);
    if (err)
        log_warning("consumer not closed cleanly", LOG_STR("error", rd_kafka_err2str(err)));
    kafka_placing_cancel(c);
    forget_membership(c);
    rd_kafka_queue_destroy(c->queue);
    if (c->out_of_sight) /* why: kafka_internal.h; its threads end with the process */
        return;
    rd_kafka_destroy_flags(c->rk, c->forsaken ? RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE : 0);
    free(c);
}
