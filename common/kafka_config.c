#include "common/kafka_internal.h"

#include "common/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The promises of the contract rest on these: they have settings of their own or no choice at all. */
static const struct {
    const char *name;
    const char *instead;
} OWNED[] = {
    {"bootstrap.servers", "use `brokers`"},
    {"metadata.broker.list", "use `brokers`"},
    {"client.id", "it is the program's and instance's name"},
    {"group.id", "use `group`"},
    {"acks", "a command counts as published only when all in-sync replicas have it"},
    {"request.required.acks", "a command counts as published only when all in-sync replicas have it"},
    {"enable.auto.commit", "offsets are committed after the results"},
    {"enable.auto.offset.store", "offsets are committed after the results"},
    {"auto.commit.enable", "offsets are committed after the results"},
    {"auto.offset.reset", "a new group begins at the oldest command, so that none goes without an answer"},
    {"isolation.level", "what an aborted transaction wrote is never read"},
    {"enable.idempotence", "each producer of this program needs its own value"},
    {"transactional.id", "the worker makes it of its group and `instance`"},
    {"partition.assignment.strategy", "partitions are taken and given up all at once (range)"},
    {"partitioner", "keys are placed as Java clients place them, or as `[ingress] partitioner` says"},
    {"allow.auto.create.topics", "topics are made on purpose, never by a typo"},
    {"enable.partition.eof", "it would be taken for a message"},
    {"log.queue", "the program logs what librdkafka says"},
    {"enabled_events", "the program takes events by callbacks"},
    {"test.mock.num.brokers", "labels would be stored nowhere"},
    {"delivery.report.only.error", "the program decides which reports it needs"},
    {"message.timeout.ms", "the program derives it from its own deadlines"},
    {"delivery.timeout.ms", "the program derives it from its own deadlines"},
    {"max.in.flight.requests.per.connection", "the order of messages rests on it"},
    {"max.in.flight", "the order of messages rests on it"},
    {"queue.buffering.max.messages",
     "the program bounds what waits for Kafka (the ingress by `queue_bytes`)"},
    {"queue.buffering.max.kbytes", "the program bounds what waits for Kafka (the ingress by `queue_bytes`)"},
    {"queued.max.messages.kbytes", "the program bounds what is fetched ahead (the worker by `fetch_bytes`)"},
};

const char *kafka_check_property(const char *name, const char *value, char *text, size_t size)
{
    for (size_t i = 0; i < sizeof OWNED / sizeof *OWNED; i++) {
        if (strcmp(name, OWNED[i].name) == 0) {
            snprintf(text, size, "is not a setting: %s", OWNED[i].instead);
            return text;
        }
    }

    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_res_t res = rd_kafka_conf_set(conf, name, value, text, size);
    rd_kafka_conf_destroy(conf);
    return res == RD_KAFKA_CONF_OK ? NULL : text;
}

bool kafka_conf_text(rd_kafka_conf_t *conf, const char *name, const char *value, struct fault *f)
{
    char reason[192];
    if (rd_kafka_conf_set(conf, name, value, reason, sizeof reason) == RD_KAFKA_CONF_OK)
        return true;
    fault_set(f, STATUS_CONFIG, "kafka_property", "Kafka property %s: %s", name, reason);
    return false;
}

bool kafka_conf_number(rd_kafka_conf_t *conf, const char *name, int64_t value, struct fault *f)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    return kafka_conf_text(conf, name, text, f);
}

int64_t kafka_conf_number_of(const rd_kafka_conf_t *conf, const char *name, int64_t otherwise)
{
    char text[24];
    size_t size = sizeof text;
    bool known = rd_kafka_conf_get(conf, name, text, &size) == RD_KAFKA_CONF_OK;
    return known ? strtoll(text, NULL, 10) : otherwise;
}

rd_kafka_conf_t *kafka_conf_new(const char *client_id, const char *brokers,
                                const struct kafka_default *defaults, size_t n_defaults,
                                const struct config_properties *properties, struct fault *f)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, kafka_log);

    bool ok = kafka_conf_text(conf, "client.id", client_id, f) &&
              kafka_conf_text(conf, "bootstrap.servers", brokers, f) &&
              /* An outage must be over for us soon after it is over. */
              kafka_conf_number(conf, "reconnect.backoff.ms", 50, f) &&
              kafka_conf_number(conf, "reconnect.backoff.max.ms", 1000, f) &&
              kafka_conf_text(conf, "socket.nagle.disable", "true", f);
    for (size_t i = 0; ok && i < n_defaults; i++)
        ok = kafka_conf_text(conf, defaults[i].name, defaults[i].value, f);
    for (size_t i = 0; ok && properties && i < properties->n; i++)
        ok = kafka_conf_text(conf, properties->at[i].name, properties->at[i].value, f);
    if (ok)
        return conf;

    rd_kafka_conf_destroy(conf);
    return NULL;
}

static bool is_named(const struct config_properties *properties, const char *name)
{
    for (size_t i = 0; properties && i < properties->n; i++) {
        if (strcmp(properties->at[i].name, name) == 0)
            return true;
    }
    return false;
}

/* librdkafka does so by itself, where nobody has set it: we have. */
static bool let_largest_pass(rd_kafka_conf_t *conf, const struct config_properties *properties,
                             struct fault *f)
{
    int64_t largest = kafka_conf_number_of(conf, "message.max.bytes", 0);
    return is_named(properties, "fetch.max.bytes") ||
           kafka_conf_number_of(conf, "fetch.max.bytes", INT64_MAX) >= largest ||
           kafka_conf_number(conf, "fetch.max.bytes", largest, f);
}

rd_kafka_conf_t *kafka_consumer_conf(const struct kafka_consumer_options *o, struct fault *f)
{
    static const struct kafka_default defaults[] = {
        {"fetch.min.bytes", "1"},
        /* A broker is sent one fetch at a time, and after an assignment the first asks for one partition: what is on the others waits
         * until it is answered, with the default for half a second. */
        {"fetch.wait.max.ms", "100"},
        {"fetch.error.backoff.ms", "50"},
        {"partition.assignment.strategy", "range"},
        {"message.max.bytes", "4194304"},
        /* What one answer to a fetch holds is in memory until its last message is freed, and several are: with the default, of a
         * megabyte for each partition. */
        {"fetch.max.bytes", "4194304"},
        /* A join waits for this where the answer that it needs is lost; the default is five minutes. What is known about topics is
         * kept for as long as before: without this, for three times the above. */
        {"topic.metadata.refresh.interval.ms", "10000"},
        {"metadata.max.age.ms", "900000"},
    };
    rd_kafka_conf_t *conf = kafka_conf_new(o->client_id, o->brokers, defaults,
                                           sizeof defaults / sizeof *defaults, o->properties, f);
    if (!conf)
        return NULL;

    bool ok = let_largest_pass(conf, o->properties, f) &&
              kafka_conf_text(conf, "enable.auto.commit", "false", f) &&
              kafka_conf_text(conf, "enable.auto.offset.store", "false", f) &&
              kafka_conf_text(conf, "auto.offset.reset", "earliest", f) &&
              kafka_conf_text(conf, "isolation.level",
                              o->read_committed ? "read_committed" : "read_uncommitted", f) &&
              kafka_conf_text(conf, "group.id", o->group ? o->group : KAFKA_NO_GROUP, f);
    if (ok && o->queue_bytes > 0)
        ok = kafka_conf_number(conf, "queued.max.messages.kbytes", (o->queue_bytes + 1023) / 1024, f);
    if (ok)
        return conf;
    rd_kafka_conf_destroy(conf);
    return NULL;
}

void kafka_queue_notify(rd_kafka_queue_t *queue, int event_fd)
{
    const uint64_t one = 1;
    rd_kafka_queue_io_event_enable(queue, event_fd, &one, sizeof one);
}

status kafka_status(rd_kafka_resp_err_t err, const char *what, const char *topic, int32_t partition,
                    struct fault *f)
{
    char number[16] = "";
    if (partition >= 0)
        (void)snprintf(number, sizeof number, " [%d]", partition);
    switch (err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return STATUS_OK;
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
        if (partition >= 0)
            return fault_set(f, STATUS_NOT_FOUND, "no_partition", "there is no partition %d of topic %s",
                             partition, topic);
        return fault_set(f, STATUS_NOT_FOUND, "no_partition", "there is no such topic or partition: %s",
                         topic);
    default:
        return fault_set(f, STATUS_RETRY, "kafka", "cannot ask for %s of %s%s: %s", what, topic, number,
                         rd_kafka_err2str(err));
    }
}
