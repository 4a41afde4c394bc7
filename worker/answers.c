#include "worker/answers.h"

#include "common/log.h"
#include "common/text.h"
#include "common/uuid.h"
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

enum {
    MAX_HEADERS = 11,
    TIME_LEN = 32,
    ID_LEN = 249 + 2 + 2 * TEXT_U64_MAX,
    NUMBER_LEN = 24,
    ID_ECHO_MAX = 256,
    OUTCOMES = 7,
};

/* Outcomes as they are counted. */
enum outcome { CREATED, REPLAYED, UNAUTHENTICATED, RUN_NOT_FOUND, INVALID_VALUE, ID_CONFLICT, DEAD };
static const char *const OUTCOME_LABELS[OUTCOMES] = {
    "outcome=\"created\"",       "outcome=\"replayed\"",      "outcome=\"unauthenticated\"",
    "outcome=\"run_not_found\"", "outcome=\"invalid_value\"", "outcome=\"id_conflict\"",
    "outcome=\"dead_letter\"",
};

struct answers {
    struct answers_options o;
    struct buffer value;
    struct kafka_header *dead_headers; /* grows with the headers a dead letter carries */
    size_t dead_capacity;
    int64_t time_us; /* what `time` says, to the millisecond */
    char time[TIME_LEN];
    struct counter *outcomes[OUTCOMES];
    struct counter *diverted;
    int64_t missing_told_us; /* when it was last logged that there is no such topic; 0: never */
};

struct answers *answers_new(const struct answers_options *options)
{
    struct answers *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->o = *options;
    for (size_t i = 0; i < OUTCOMES; i++)
        a->outcomes[i] = metrics_counter(options->metrics, "gold_label_worker_answers_total",
                                         OUTCOME_LABELS[i], "Commands answered, by outcome.");
    a->diverted = metrics_counter(options->metrics, "gold_label_worker_results_diverted_total", NULL,
                                  "Results that a topic of reply_topics did not take, and that were sent to "
                                  "the results topic.");
    return a;
}

void answers_free(struct answers *a)
{
    if (!a)
        return;
    buffer_dispose(&a->value);
    free(a->dead_headers);
    free(a);
}

/* RFC 3339 in UTC, formatted at most once per millisecond. */
static struct slice now_text(struct answers *a)
{
    int64_t ms = clock_unix_us(a->o.clock) / 1000;
    if (ms != a->time_us / 1000 || !*a->time) {
        time_t seconds = (time_t)(ms / 1000);
        struct tm tm;
        gmtime_r(&seconds, &tm);
        size_t n = strftime(a->time, sizeof a->time, "%Y-%m-%dT%H:%M:%S", &tm);
        snprintf(a->time + n, sizeof a->time - n, ".%03dZ", (int)(ms % 1000));
        a->time_us = ms * 1000;
    }
    return slice_of(a->time);
}

/* It must be taken when an operator has made the topic: tried again. That comes often, and is said seldom. */
static status topic_is_missing(struct answers *a, const char *topic, const struct kafka_record *command)
{
    if (log_is_due(&a->missing_told_us, clock_monotonic_us(a->o.clock)))
        log_error("an answer cannot be sent: there is no such topic; it is tried again",
                  LOG_STR("topic", topic), LOG_INT("partition", command->partition),
                  LOG_INT("offset", command->offset));
    return STATUS_RETRY;
}

/* Once, however often it has to be sent. */
static void count(struct answers *a, struct entry *e, enum outcome outcome)
{
    if (!e->counted)
        counter_add(a->outcomes[outcome], 1);
    e->counted = true;
}

/* ---- results ---- */

static struct label_result created_result(const struct label_command *c, const struct store_row *row)
{
    struct label_result r = row->found ? *row->found : label_created(c, row->created_at_us);
    r.replayed = row->verdict == STORE_REPLAYED;
    return r;
}

/* What the store's refusals are to the sender. */
static const struct {
    enum label_rejection code;
    const char *message;
} REFUSALS[] = {
    [STORE_RUN_NOT_FOUND] = {LABEL_REJECTED_RUN_NOT_FOUND, "there is no such run in the account"},
    [STORE_ID_CONFLICT] = {LABEL_REJECTED_ID_CONFLICT, "the id belongs to another label"},
    [STORE_INVALID] = {LABEL_REJECTED_INVALID_VALUE, NULL},
};

static struct label_result result_of(const struct entry *e)
{
    const struct store_row *row = e->row;
    if (e->fate == ENTRY_REJECTED)
        return (struct label_result){.outcome = LABEL_REJECTED, .code = e->code, .message = e->reason};
    if (row->verdict == STORE_CREATED || row->verdict == STORE_REPLAYED)
        return created_result(&e->command, row);
    return (struct label_result){
        .outcome = LABEL_REJECTED,
        .code = REFUSALS[row->verdict].code,
        .message = REFUSALS[row->verdict].message ? slice_of(REFUSALS[row->verdict].message) : row->message,
    };
}

static enum outcome outcome_of(const struct label_result *r)
{
    if (r->outcome == LABEL_CREATED)
        return r->replayed ? REPLAYED : CREATED;
    return UNAUTHENTICATED + (enum outcome)(r->code - LABEL_REJECTED_UNAUTHENTICATED);
}

/* The canonical text of an id where it is one, and (the beginning of) what was sent where it is none: an answer must not be
 * larger than the results topic takes, whatever somebody sent. */
static struct slice id_text(const struct entry *e, struct slice sent, const struct uuid *checked,
                            char canonical[UUID_TEXT_LEN + 1])
{
    struct uuid id = *checked; /* where the command has passed all rules */
    if (e->fate != ENTRY_STORE && !uuid_parse(sent, &id))
        return text_prefix(sent, ID_ECHO_MAX);
    uuid_format(&id, canonical);
    return slice_make(canonical, UUID_TEXT_LEN);
}

/* What was asked for in Spring's names is answered in them too. */
static size_t echo(const struct reply_echo *asked, struct kafka_header *out)
{
    const struct kafka_header headers[] = {
        {"kafka_correlationId", asked->correlation_id},
        {"kafka_replyPartition", asked->partition},
        {"kafka_replyTopic", asked->topic},
    };
    size_t n = 0;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        if (headers[i].value.at)
            out[n++] = headers[i];
    }
    return n;
}

/* topic/partition/offset; snprintf() would cost as much as encoding the record. */
static size_t write_event_id(const struct kafka_record *record, char out[ID_LEN])
{
    size_t len = strlen(record->topic);
    memcpy(out, record->topic, len);
    out[len++] = '/';
    len += text_of_u64((uint64_t)record->partition, out + len);
    out[len++] = '/';
    return len + text_of_u64((uint64_t)record->offset, out + len);
}

static status send_result(struct answers *a, struct kafka_producer *producer, struct entry *e)
{
    struct kafka_record record = kafka_view(e->message);
    struct label_result r = result_of(e);
    char command_id[UUID_TEXT_LEN + 1];
    char run_id[UUID_TEXT_LEN + 1];
    char event_id[ID_LEN];
    struct kafka_header headers[MAX_HEADERS];
    size_t n = 0;

    r.command_id_text = id_text(e, e->command.command_id_text, &e->command.command_id, command_id);
    r.run_id_text = id_text(e, e->command.run_id_text, &e->command.run_id, run_id);
    buffer_clear(&a->value);
    status st = avro_encode_result(a->o.codec, &r, &a->value);
    if (st != STATUS_OK)
        return st;

    /* The event of one command has one id, however often it is sent (CloudEvents 1.0 §3.1.1). */
    size_t id_len = write_event_id(&record, event_id);
    if (e->correlation_id.at)
        headers[n++] = (struct kafka_header){"correlation-id", e->correlation_id};
    if (e->traceparent.at)
        headers[n++] = (struct kafka_header){"traceparent", e->traceparent};
    if (e->reply.echo)
        n += echo(e->reply.echo, headers + n);
    headers[n++] = (struct kafka_header){"ce_specversion", SLICE_LITERAL("1.0")};
    headers[n++] = (struct kafka_header){"ce_id", slice_make(event_id, id_len)};
    headers[n++] =
        (struct kafka_header){"ce_type", r.outcome == LABEL_CREATED ? SLICE_LITERAL("gold-label.created")
                                                                    : SLICE_LITERAL("gold-label.rejected")};
    headers[n++] = (struct kafka_header){"ce_source", SLICE_LITERAL("/gold-label-worker")};
    headers[n++] = (struct kafka_header){"ce_time", now_text(a)};
    headers[n++] = (struct kafka_header){"content-type", SLICE_LITERAL("application/avro")};

    struct slice value = buffer_slice(&a->value);
    do {
        const char *topic = reply_to_topic(&e->reply);
        st = kafka_produce(producer, topic ? topic : a->o.results_topic, e->reply.partition, r.run_id_text,
                           value, headers, n, e);
    } while (st == STATUS_NOT_FOUND && reply_to_widen(&e->reply));
    if (st == STATUS_NOT_FOUND)
        return topic_is_missing(a, a->o.results_topic, &record);
    if (st != STATUS_OK)
        return st;
    count(a, e, outcome_of(&r));
    if (e->reply.diverted)
        counter_add(a->diverted, 1);
    e->reply.diverted = false;
    return STATUS_OK;
}

/* ---- dead letters ---- */

static bool dead_header(struct answers *a, size_t n, const char *name, struct slice value)
{
    if (n == a->dead_capacity) {
        size_t capacity = a->dead_capacity ? a->dead_capacity * 2 : 16;
        struct kafka_header *grown = realloc(a->dead_headers, capacity * sizeof *grown);
        if (!grown)
            return false;
        a->dead_headers = grown;
        a->dead_capacity = capacity;
    }
    a->dead_headers[n] = (struct kafka_header){name, value};
    return true;
}

/* Everything as it came but the token: tokens do not belong in an archive. */
static status send_dead_letter(struct answers *a, struct kafka_producer *producer, struct entry *e)
{
    struct kafka_record record = kafka_view(e->message);
    char partition[NUMBER_LEN];
    char offset[NUMBER_LEN];
    struct kafka_header original;
    size_t n = 0;
    bool ok = true;

    for (size_t i = 0; ok && kafka_header_at(e->message, i, &original); i++) {
        if (strcasecmp(original.name, "authorization") != 0)
            ok = dead_header(a, n++, original.name, original.value);
    }
    snprintf(partition, sizeof partition, "%d", record.partition);
    snprintf(offset, sizeof offset, "%lld", (long long)record.offset);
    const struct kafka_header ours[] = {
        {"dlq-topic", slice_of(record.topic)},
        {"dlq-partition", slice_of(partition)},
        {"dlq-offset", slice_of(offset)},
        {"dlq-code", slice_of(e->dead_code)},
        {"dlq-message", e->reason},
        {"dlq-time", now_text(a)},
    };
    for (size_t i = 0; ok && i < sizeof ours / sizeof *ours; i++)
        ok = dead_header(a, n++, ours[i].name, ours[i].value);
    if (!ok)
        return STATUS_NO_MEMORY;

    status st = kafka_produce(producer, a->o.dlq_topic, KAFKA_PARTITION_BY_KEY, record.key, record.value,
                              a->dead_headers, n, e);
    if (st == STATUS_TOO_LARGE) {
        /* It was larger than any broker of ours takes (compressed, it came through): where it lies is what can be kept. */
        log_error("dead letter without its value: it is too large", LOG_INT("partition", record.partition),
                  LOG_INT("offset", record.offset), LOG_INT("bytes", record.value.len));
        st = kafka_produce(producer, a->o.dlq_topic, KAFKA_PARTITION_BY_KEY, SLICE_NONE, SLICE_NONE, ours,
                           sizeof ours / sizeof *ours, e);
    }
    if (st == STATUS_OK)
        count(a, e, DEAD);
    return st == STATUS_NOT_FOUND ? topic_is_missing(a, a->o.dlq_topic, &record) : st;
}

status answers_send(struct answers *a, struct kafka_producer *producer, struct entry *e)
{
    return e->fate == ENTRY_DEAD ? send_dead_letter(a, producer, e) : send_result(a, producer, e);
}
