#include "common/kafka_internal.h"

#include "common/clock.h"
#include "common/log.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

enum { MAX_TOPICS = 32 };

struct kafka_producer {
    struct kafka_producer_options o;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    int event_fd; /* -1: nobody waits */
    struct kafka_looks looks;
    struct kafka_reports reports;
    struct kafka_loading loading;

    /* Topics are looked up without a lock: entries are written once, before `n_topics` counts them. */
    pthread_mutex_t topics_lock;
    atomic_size_t n_topics;
    rd_kafka_topic_t *topics[MAX_TOPICS];

    /* Where keys choose nothing: whose turn it is, and the messages of this turn. */
    atomic_uint turn, placed;
};

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    (void)rk;
    struct kafka_producer *p = opaque;
    kafka_reports_take(&p->reports, m);
}

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    struct kafka_producer *p = opaque;
    p->reports.served++;
    if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        atomic_store(&p->looks.reachable, false);
    log_warning("kafka producer", LOG_STR("client", rd_kafka_name(rk)),
                LOG_STR("error", rd_kafka_err2name((rd_kafka_resp_err_t)err)), LOG_STR("reason", reason));
}

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    struct kafka_producer *p = rd_kafka_opaque(rk);
    bool passes = kafka_is_still_loading(&p->loading, facility, text, clock_monotonic_us(clock_system()));
    kafka_log(rk, passes ? LOG_DEBUG : level, facility, text);
}

static bool configure_delivery(rd_kafka_conf_t *conf, const struct kafka_producer_options *o, struct fault *f)
{
    if (o->transactional_id) {
        /* The default would be the pause before each transaction, while the broker finishes the one before. Messages time out with
         * their transaction. */
        return kafka_conf_text(conf, "transactional.id", o->transactional_id, f) &&
               kafka_conf_number(conf, "retry.backoff.ms", 2, f) &&
               /* The commit sends what waits. Without this the first messages of a transaction would go alone, and while an idempotent
                * partition has more than five on their way librdkafka (2.0.2) spins instead of sending the next ones. */
               kafka_conf_number(conf, "linger.ms", 50, f);
    }
    return kafka_conf_text(conf, "enable.idempotence", o->idempotent ? "true" : "false", f) &&
           kafka_conf_number(conf, "message.timeout.ms", o->message_timeout_ms, f);
}

static rd_kafka_conf_t *producer_conf(const struct kafka_producer_options *o, struct fault *f)
{
    char linger[24];
    (void)snprintf(linger, sizeof linger, "%lld", (long long)o->linger_ms);
    const struct kafka_default defaults[] = {
        {"linger.ms", linger},
        {"retry.backoff.ms", "50"},
        {"message.max.bytes", "4194304"},
        /* The default of 1 s would be the pause after a leader has moved. */
        {"topic.metadata.refresh.fast.interval.ms", "50"},
        /* What a killed process left open hides later messages from readers for so long. */
        {"transaction.timeout.ms", "10000"},
    };
    rd_kafka_conf_t *conf = kafka_conf_new(o->client_id, o->brokers, defaults,
                                           sizeof defaults / sizeof *defaults, o->properties, f);
    if (!conf)
        return NULL;

    /* One message has room: librdkafka would call the queue full where the message is too large for it, for ever. */
    int64_t largest = kafka_conf_number_of(conf, "message.max.bytes", 0);
    int64_t queue_bytes = o->queue_bytes > largest ? o->queue_bytes : largest;
    bool ok = kafka_conf_text(conf, "acks", "all", f) &&
              kafka_conf_text(conf, "partitioner", "murmur2_random", f) && configure_delivery(conf, o, f) &&
              /* Looking at a topic must not make it. */
              kafka_conf_text(conf, "allow.auto.create.topics", "false", f) &&
              kafka_conf_number(conf, "max.in.flight.requests.per.connection", o->in_flight, f) &&
              kafka_conf_number(conf, "queue.buffering.max.messages", o->queue_messages, f) &&
              kafka_conf_number(conf, "queue.buffering.max.kbytes", (queue_bytes + 1023) / 1024, f);
    if (ok)
        return conf;
    rd_kafka_conf_destroy(conf);
    return NULL;
}

/* After a rd_kafka_new() that has failed. Where there are interceptors it (2.0.2) has freed them, and destroying the rest would free them
 * once more (librdkafka issue 4142): the rest is left to the end of the process, which is near, where leak checkers see it. */
static void forget(rd_kafka_conf_t *conf, const struct kafka_producer_options *o)
{
    static rd_kafka_conf_t *left;

    if (o->acknowledged)
        left = conf;
    else
        rd_kafka_conf_destroy(conf);
    (void)left;
}

static status open_handle(struct kafka_producer *p, struct fault *f)
{
    char reason[192];
    rd_kafka_conf_t *conf = producer_conf(&p->o, f);
    if (!conf)
        return STATUS_CONFIG;
    if (!kafka_reports_configure(&p->reports, conf, f)) {
        rd_kafka_conf_destroy(conf);
        return STATUS_CONFIG;
    }
    rd_kafka_conf_set_opaque(conf, p);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_log_cb(conf, on_log);

    p->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (!p->rk) {
        forget(conf, &p->o);
        return fault_set(f, STATUS_CONFIG, "kafka_producer", "Kafka producer: %s", reason);
    }
    p->queue = rd_kafka_queue_get_main(p->rk);
    if (p->event_fd >= 0)
        kafka_queue_notify(p->queue, p->event_fd);
    return STATUS_OK;
}

static void close_handle(struct kafka_producer *p)
{
    if (!p->rk)
        return;
    rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(p->rk, 1000);
    for (size_t i = 0; i < atomic_load(&p->n_topics); i++)
        rd_kafka_topic_destroy(p->topics[i]);
    atomic_store(&p->n_topics, 0);
    rd_kafka_queue_destroy(p->queue);
    rd_kafka_destroy(p->rk);
    p->rk = NULL;
}

status kafka_producer_new(const struct kafka_producer_options *options, struct kafka_producer **out,
                          struct fault *f)
{
    struct kafka_producer *p = calloc(1, sizeof *p);
    if (!p)
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "no memory for a Kafka producer");
    p->o = *options;
    p->event_fd = -1;
    atomic_init(&p->looks.reachable, true);
    p->reports = (struct kafka_reports){.o = &p->o, .looks = &p->looks};
    atomic_init(&p->n_topics, 0);
    pthread_mutex_init(&p->topics_lock, NULL);

    status st = open_handle(p, f);
    if (st == STATUS_OK)
        *out = p;
    else
        kafka_producer_free(p);
    return st;
}

void kafka_producer_free(struct kafka_producer *p)
{
    if (!p)
        return;
    close_handle(p);
    pthread_mutex_destroy(&p->topics_lock);
    free(p);
}

rd_kafka_t *kafka_producer_handle(const struct kafka_producer *p)
{
    return p->rk;
}

status kafka_producer_renew(struct kafka_producer *p, struct fault *f)
{
    atomic_store(&p->reports.silent, true);
    close_handle(p);
    atomic_store(&p->reports.silent, false);
    return open_handle(p, f);
}

static rd_kafka_topic_t *known_topic(const struct kafka_producer *p, const char *name)
{
    size_t n = atomic_load_explicit(&p->n_topics, memory_order_acquire);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(rd_kafka_topic_name(p->topics[i]), name) == 0)
            return p->topics[i];
    }
    return NULL;
}

static int64_t transaction_timeout_ms(const struct kafka_producer *p)
{
    return kafka_conf_number_of(rd_kafka_conf(p->rk), "transaction.timeout.ms", 0);
}

static void set_timeout(const struct kafka_producer *p, const char *name, rd_kafka_topic_conf_t *conf)
{
    int64_t timeout_ms = p->o.timeout_of ? p->o.timeout_of(p->o.ctx, name) : -1;
    char text[24];
    char reason[192];
    if (timeout_ms < 0)
        return;

    if (p->o.transactional_id && timeout_ms > transaction_timeout_ms(p) / 2)
        timeout_ms = transaction_timeout_ms(p) / 2;
    (void)snprintf(text, sizeof text, "%lld", (long long)timeout_ms);
    if (rd_kafka_topic_conf_set(conf, "message.timeout.ms", text, reason, sizeof reason) != RD_KAFKA_CONF_OK)
        log_error("a topic without a timeout of its own", LOG_STR("topic", name), LOG_STR("reason", reason));
}

/* By any thread that produces. */
static int32_t partition_in_turn(const rd_kafka_topic_t *topic, const void *key, size_t len,
                                 int32_t partitions, void *opaque, void *message_opaque)
{
    (void)key, (void)len;
    struct kafka_producer *p = opaque;
    atomic_fetch_add_explicit(&p->placed, 1, memory_order_relaxed);
    int32_t first = (int32_t)(atomic_load_explicit(&p->turn, memory_order_relaxed) % (unsigned)partitions);
    int32_t available = -1;

    for (int32_t i = 0; i < partitions; i++) {
        int32_t partition = (first + i) % partitions;
        if (!rd_kafka_topic_partition_available(topic, partition))
            continue;
        if (!p->o.place || p->o.place(p->o.ctx, message_opaque, partition, false))
            return partition;
        available = available < 0 ? partition : available;
    }
    int32_t partition = available < 0 ? first : available;
    if (p->o.place)
        (void)p->o.place(p->o.ctx, message_opaque, partition, true);
    return partition;
}

static rd_kafka_topic_t *make_topic(struct kafka_producer *p, const char *name)
{
    rd_kafka_topic_conf_t *conf = rd_kafka_default_topic_conf_dup(p->rk);
    set_timeout(p, name, conf);
    if (p->o.stick_for > 0) {
        rd_kafka_topic_conf_set_opaque(conf, p);
        rd_kafka_topic_conf_set_partitioner_cb(conf, partition_in_turn);
    }
    return rd_kafka_topic_new(p->rk, name, conf); /* takes `conf`, also when it fails */
}

static rd_kafka_topic_t *topic_of(struct kafka_producer *p, const char *name)
{
    rd_kafka_topic_t *topic = known_topic(p, name);
    if (topic)
        return topic;

    pthread_mutex_lock(&p->topics_lock);
    topic = known_topic(p, name);
    size_t n = atomic_load(&p->n_topics);
    if (!topic && n < MAX_TOPICS) {
        topic = make_topic(p, name);
        if (topic) {
            p->topics[n] = topic;
            atomic_store_explicit(&p->n_topics, n + 1, memory_order_release);
        }
    }
    pthread_mutex_unlock(&p->topics_lock);
    return topic;
}

static status status_of_produce(rd_kafka_resp_err_t err)
{
    switch (err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return STATUS_OK;
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
        return STATUS_FULL;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        return STATUS_TOO_LARGE;
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
        return STATUS_NOT_FOUND;
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR__FENCED:
        return STATUS_FATAL;
    default:
        return STATUS_RETRY;
    }
}

status kafka_produce(struct kafka_producer *p, const char *topic, int32_t partition, struct slice key,
                     struct slice value, const struct kafka_header *headers, size_t n_headers, void *opaque)
{
    rd_kafka_topic_t *handle = topic_of(p, topic);
    rd_kafka_headers_t *list = rd_kafka_headers_new(n_headers);
    if (!handle) {
        rd_kafka_headers_destroy(list);
        return STATUS_NOT_FOUND;
    }

    for (size_t i = 0; i < n_headers; i++)
        rd_kafka_header_add(list, headers[i].name, -1, headers[i].value.at, (ssize_t)headers[i].value.len);

    /* librdkafka's interface is not const-correct: with F_COPY it only reads. */
    rd_kafka_resp_err_t err =
        rd_kafka_producev(p->rk, RD_KAFKA_V_RKT(handle), RD_KAFKA_V_PARTITION(partition),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key.at, key.len),
                          RD_KAFKA_V_VALUE((void *)(uintptr_t)value.at, value.len), RD_KAFKA_V_HEADERS(list),
                          RD_KAFKA_V_OPAQUE(opaque), RD_KAFKA_V_END);
    if (err)
        rd_kafka_headers_destroy(list);
    return status_of_produce(err);
}

void kafka_producer_turn(struct kafka_producer *p)
{
    if (atomic_load_explicit(&p->placed, memory_order_relaxed) < p->o.stick_for)
        return;
    atomic_store_explicit(&p->placed, 0, memory_order_relaxed);
    atomic_fetch_add_explicit(&p->turn, 1, memory_order_relaxed);
}

void kafka_producer_silence(struct kafka_producer *p)
{
    kafka_reports_silence(&p->reports);
}

int kafka_producer_poll(struct kafka_producer *p, int timeout_ms)
{
    p->reports.served = 0;
    rd_kafka_poll(p->rk, timeout_ms);
    return p->reports.served;
}

void kafka_producer_notify(struct kafka_producer *p, int event_fd)
{
    p->event_fd = event_fd;
    kafka_queue_notify(p->queue, event_fd);
}

size_t kafka_producer_flush(struct kafka_producer *p, int timeout_ms)
{
    rd_kafka_flush(p->rk, timeout_ms);
    return kafka_producer_backlog(p);
}

size_t kafka_producer_backlog(const struct kafka_producer *p)
{
    int left = rd_kafka_outq_len(p->rk);
    return left > 0 ? (size_t)left : 0;
}

void kafka_producer_purge(struct kafka_producer *p)
{
    rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_NON_BLOCKING);
}

bool kafka_producer_reachable(const struct kafka_producer *p)
{
    return atomic_load_explicit(&p->looks.reachable, memory_order_relaxed);
}

struct kafka_topic_view kafka_producer_probe(struct kafka_producer *p, const char *topic, int timeout_ms)
{
    return kafka_look_at_topic(p->rk, topic_of(p, topic), topic, timeout_ms, &p->looks);
}

struct kafka_topic_view kafka_producer_probe_closely(struct kafka_producer *p, const char *topic,
                                                     int timeout_ms)
{
    struct kafka_topic_view view = kafka_producer_probe(p, topic, timeout_ms);
    if (view.partitions > 0)
        view.min_in_sync = kafka_ask_min_in_sync(p->rk, topic, timeout_ms);
    return view;
}
