#include "producer-tool/sender.h"

#include "common/avro_codec.h"
#include "common/kafka.h"
#include "common/log.h"
#include "common/text.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    CLOSE_MS = 1000,
    /* A load is no request: whole batches cost both processes and the broker half of what many small ones do, and the worker is slower
     * than the lines come. Where few lines may be in flight (--in-flight), a batch would wait for lines that cannot come before it is
     * answered. A small file waits once. */
    ACCEPTED_LINGER_MS = 5,
    STORED_LINGER_MS = 25,
    LINGER_FROM = 1000,
    /* What a message has in memory beside its token, which librdkafka does not reckon among the queue's bytes. */
    MESSAGE_BYTES = 256,
};

struct sender {
    const struct tool_settings *settings;
    struct slice authorization;
    struct ledger *ledger;
    bool broken;
    size_t progress; /* delivery reports and results of the serve under way */

    struct avro_codec *codec;
    struct buffer value; /* of one command */
    int32_t partition;   /* of the results topic */
    char partition_text[12];

    struct kafka_producer *producer;
    struct kafka_consumer *consumer; /* NULL where no results are followed */
};

/* ---- outcomes ---- */

/* Where results are followed, a delivery says nothing yet, and a doubtful one may still be answered. */
static void on_delivered(void *ctx, void *opaque, enum kafka_delivery delivery, bool retriable,
                         const char *error)
{
    struct sender *s = ctx;
    struct ledger_line *line = opaque;

    s->progress++;
    if (delivery != KAFKA_DELIVERED && retriable)
        s->broken = true;
    ledger_report(line);
    if (line->settled)
        return;
    if (delivery == KAFKA_NOT_DELIVERED)
        ledger_settle(s->ledger, line, SUMMARY_NOT_SENT, "not_sent", slice_of(error));
    else if (!s->consumer && delivery == KAFKA_DELIVERED)
        ledger_settle(s->ledger, line, SUMMARY_ACCEPTED, NULL, SLICE_NONE);
    else if (!s->consumer)
        ledger_settle(s->ledger, line, SUMMARY_UNKNOWN, "unknown", slice_of(error));
}

static void on_result(struct sender *s, struct ledger_line *line, const struct kafka_message *m)
{
    struct kafka_record record = kafka_view(m);
    struct label_result result = {0};
    struct fault f = {0};
    struct uuid id;

    status st = avro_decode_result(s->codec, record.value, &result, &f);
    if (st == STATUS_OK && (!uuid_parse(result.command_id_text, &id) || uuid_compare(&id, &line->id)))
        st = fault_set(&f, STATUS_INVALID, "wrong_id", "it is about another label");
    if (st) {
        log_error("the result of a line cannot be used", LOG_INT("line", line->number),
                  LOG_INT("partition", record.partition), LOG_INT("offset", record.offset),
                  LOG_STR("code", f.code), LOG_STR("reason", f.message));
        ledger_settle(s->ledger, line, SUMMARY_UNKNOWN, f.code, slice_of(f.message));
    } else if (result.outcome == LABEL_CREATED) {
        ledger_settle(s->ledger, line, result.replayed ? SUMMARY_REPLAYED : SUMMARY_STORED, NULL, SLICE_NONE);
    } else {
        ledger_settle(s->ledger, line, SUMMARY_REJECTED, label_rejection_text(result.code), result.message);
    }
}

static void take_message(struct sender *s, struct kafka_message *m)
{
    struct ledger_line *line = ledger_find(s->ledger, kafka_header_find(m, "correlation-id"));
    if (line) {
        s->progress++;
        on_result(s, line, m);
    }
    kafka_message_free(m);
}

size_t sender_serve(struct sender *s)
{
    s->progress = 0;
    while (kafka_producer_poll(s->producer, 0) > 0)
        ;
    /* A NULL may stand for an event, with messages behind it; the eventfd would not tell of those again. */
    for (int nothing = 0; s->consumer && nothing < 2;) {
        struct kafka_message *m = kafka_consumer_poll(s->consumer, 0);
        if (m)
            take_message(s, m);
        else
            nothing++;
    }
    return s->progress;
}

int64_t sender_deadline_us(const struct sender *s)
{
    return s->consumer ? kafka_consumer_deadline_us(s->consumer) : -1;
}

/* ---- sending ---- */

bool sender_is_broken(const struct sender *s)
{
    return s->broken;
}

void sender_set_authorization(struct sender *s, struct slice authorization)
{
    s->authorization = authorization;
}

static status produce(struct sender *s, struct ledger_line *line, const struct label_command *c)
{
    char correlation[LEDGER_CORRELATION_LEN + 1];
    struct kafka_header headers[3];
    size_t n = 0;

    ledger_correlation(s->ledger, line, correlation);
    headers[n++] = (struct kafka_header){"correlation-id", slice_make(correlation, LEDGER_CORRELATION_LEN)};
    if (s->authorization.at)
        headers[n++] = (struct kafka_header){"authorization", s->authorization};
    if (s->consumer)
        headers[n++] = (struct kafka_header){"reply-partition", slice_of(s->partition_text)};
    return kafka_produce(s->producer, s->settings->commands_topic, KAFKA_PARTITION_BY_KEY, c->run_id_text,
                         buffer_slice(&s->value), headers, n, line);
}

status sender_send(struct sender *s, struct ledger_line *line, const struct label_command *c, struct fault *f)
{
    buffer_clear(&s->value);
    status st = avro_encode_command(s->codec, c, &s->value);
    if (st)
        return fault_set(f, st, status_text(st), "the command cannot be encoded");

    st = produce(s, line, c);
    if (st)
        return fault_set(f, st, status_text(st), "Kafka does not take the command for topic %s",
                         s->settings->commands_topic);
    line->sent = true;
    return STATUS_OK;
}

/* ---- life ---- */

/* Any partition will do: ours are told apart by their correlation-id. A random one spreads the load of many tools. */
static status follow_partition(struct sender *s, int timeout_ms, struct fault *f)
{
    const char *topic = s->settings->results_topic;
    int32_t partitions = kafka_consumer_partitions(s->consumer, topic, timeout_ms);
    status st = tool_need_topic(partitions, topic, f);
    if (st)
        return st;

    uint8_t random[16];
    uuid_random_bytes(random);
    s->partition = ((random[0] << 8) | random[1]) % partitions;
    snprintf(s->partition_text, sizeof s->partition_text, "%" PRId32, s->partition);
    return kafka_consumer_assign(s->consumer, topic, &s->partition, 1, KAFKA_START_END, timeout_ms, f);
}

status sender_connect(struct sender *s, int timeout_ms, struct fault *f)
{
    const char *topic = s->settings->commands_topic;
    status st = tool_need_topic(kafka_producer_probe(s->producer, topic, timeout_ms).partitions, topic, f);
    if (st == STATUS_OK && s->consumer)
        st = follow_partition(s, timeout_ms, f);
    return st;
}

static int linger_ms(const struct sender_options *o)
{
    if (o->in_flight < LINGER_FROM)
        return 0;
    return o->follow && o->in_flight >= 10 * LINGER_FROM ? STORED_LINGER_MS : ACCEPTED_LINGER_MS;
}

/* Each waiting message has a copy of the token. */
static int64_t most_queued(const struct sender_options *o)
{
    size_t fit = SENDER_QUEUE_BYTES / (o->authorization.len + MESSAGE_BYTES);
    return (int64_t)(o->in_flight < fit ? o->in_flight : fit);
}

static status open_kafka(struct sender *s, const struct sender_options *o, struct fault *f)
{
    const struct kafka_producer_options producer = {
        .client_id = "gold-label-send",
        .brokers = o->settings->brokers,
        .properties = o->properties,
        .message_timeout_ms = o->message_timeout_ms,
        .queue_messages = most_queued(o),
        .queue_bytes = SENDER_QUEUE_BYTES,
        .in_flight = 5, /* what an idempotent producer may have */
        .linger_ms = linger_ms(o),
        .idempotent = true,
        .delivered = on_delivered,
        .ctx = s,
    };
    const struct kafka_consumer_options consumer = {
        .client_id = "gold-label-send",
        .brokers = o->settings->brokers,
        .properties = o->properties,
        .queue_bytes = SENDER_QUEUE_BYTES,
        .read_committed = true,
    };
    status st = kafka_producer_new(&producer, &s->producer, f);
    if (st == STATUS_OK && o->follow)
        st = kafka_consumer_new(&consumer, &s->consumer, f);
    if (st)
        return st;

    kafka_producer_notify(s->producer, o->event_fd);
    if (s->consumer)
        kafka_consumer_notify(s->consumer, o->event_fd);
    return STATUS_OK;
}

static void sender_free(struct sender *s)
{
    kafka_consumer_close(s->consumer);
    kafka_producer_free(s->producer);
    avro_codec_free(s->codec);
    buffer_dispose(&s->value);
    free(s);
}

status sender_new(const struct sender_options *options, struct sender **out, struct fault *f)
{
    const struct avro_codec_options codec = {options->settings->command_schema_id,
                                             options->settings->result_schema_id};
    struct sender *s = calloc(1, sizeof *s);
    if (!s)
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "no memory for sending");
    s->settings = options->settings;
    s->authorization = options->authorization;
    s->ledger = options->ledger;
    s->codec = avro_codec_new(&codec);

    status st = STATUS_OK;
    if (!s->codec)
        st = fault_set(f, STATUS_NO_MEMORY, "no_memory", "no memory for sending");
    if (st == STATUS_OK)
        st = open_kafka(s, options, f);
    if (st)
        sender_free(s);
    else
        *out = s;
    return st;
}

void sender_close(struct sender *s)
{
    if (!s)
        return;
    /* What never left the producer's queue is certainly not sent; its reports say so. */
    kafka_producer_purge(s->producer);
    if (ledger_open(s->ledger) > 0)
        kafka_producer_flush(s->producer, CLOSE_MS);
    sender_serve(s);

    uint64_t cursor = 0;
    for (struct ledger_line *line; (line = ledger_next_open(s->ledger, &cursor)) != NULL;) {
        enum summary_outcome outcome = line->sent ? SUMMARY_UNKNOWN : SUMMARY_NOT_SENT;
        ledger_settle(s->ledger, line, outcome, summary_outcome_text(outcome), SLICE_NONE);
    }
    /* Whatever is freed with its messages has no report; nobody waits for it any more. */
    s->ledger = NULL;
    sender_free(s);
}
