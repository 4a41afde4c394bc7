#include "producer-tool/replay.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/signals.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    IN_FLIGHT = 1000,
    QUEUE_BYTES = 16 * 1024 * 1024,
    TIMEOUT_MS = 60000,
    STOPPED_MS = 2000,
    WAIT_MS = 100,
    OURS = 2, /* headers */
};

struct replay {
    struct letters *letters;
    const struct replay_options *o;
    struct replay_counts *counts;
    struct kafka_producer *producer; /* NULL in a dry run */
    struct kafka_header *headers;
    size_t capacity;
};

static void on_delivered(void *ctx, void *opaque, enum kafka_delivery delivery, bool retriable,
                         const char *error)
{
    const struct replay *r = ctx;
    struct kafka_offset *place = opaque;
    (void)retriable;
    if (delivery == KAFKA_DELIVERED) {
        r->counts->sent++;
    } else {
        r->counts->failed++;
        log_error(delivery == KAFKA_UNKNOWN ? "a dead letter may or may not have been sent again"
                                            : "a dead letter was not sent again",
                  LOG_INT("partition", place->partition), LOG_INT("offset", place->offset),
                  LOG_STR("error", error));
    }
    free(place);
}

static const char *why_refused(const struct replay *r, const struct letter *l)
{
    if (l->replays >= r->o->max_replays)
        return "it was sent again too often: see --max-replays";
    return letter_has_value(l) ? NULL : "its value was too large to be kept: send the command itself again";
}

static bool reserve(struct replay *r, size_t n)
{
    if (n <= r->capacity)
        return true;
    struct kafka_header *grown = realloc(r->headers, n * 2 * sizeof *grown);
    if (!grown)
        return false;
    r->headers = grown;
    r->capacity = n * 2;
    return true;
}

/* `place` is on_delivered()'s where that is STATUS_OK. */
static status produce(struct replay *r, const struct letter *l, size_t n_headers, struct kafka_offset *place,
                      struct fault *f)
{
    for (;;) {
        status st = kafka_produce(r->producer, r->letters->settings.commands_topic, KAFKA_PARTITION_BY_KEY,
                                  l->record.key, l->record.value, r->headers, n_headers, place);
        if (st != STATUS_FULL && st != STATUS_RETRY)
            return st ? fault_set(f, st, status_text(st), "Kafka does not take the command for topic %s",
                                  r->letters->settings.commands_topic)
                      : STATUS_OK;
        kafka_producer_poll(r->producer, WAIT_MS);
        if (reader_is_done(&r->letters->reader) && r->letters->reader.stopped)
            return fault_set(f, STATUS_TIMEOUT, "interrupted", "interrupted");
    }
}

static status send_again(struct replay *r, const struct kafka_message *m, const struct letter *l,
                         struct fault *f)
{
    char replays[24];
    struct kafka_header header;
    size_t n = 0;

    for (size_t i = 0; kafka_header_at(m, i, &header); i++) {
        if (letter_owns_header(header.name))
            continue;
        if (!reserve(r, n + 1 + OURS))
            return fault_set(f, STATUS_NO_MEMORY, "no_memory", "no memory for headers");
        r->headers[n++] = header;
    }
    if (!reserve(r, n + OURS))
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "no memory for headers");
    snprintf(replays, sizeof replays, "%" PRIu64, l->replays + 1);
    r->headers[n++] = (struct kafka_header){LETTER_REPLAYS, slice_of(replays)};
    r->headers[n++] = (struct kafka_header){"authorization", credentials_authorization(r->o->credentials)};

    struct kafka_offset *place = malloc(sizeof *place);
    if (!place)
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "no memory for a letter");
    *place = (struct kafka_offset){l->record.partition, l->record.offset};
    status st = produce(r, l, n, place, f);
    if (st)
        free(place);
    return st;
}

/* The worker would reject the command, and a rejected one is no dead letter any more. */
static status check_token(const struct replay *r, struct fault *f)
{
    if (credentials_have_expired(r->o->credentials, clock_unix_us(clock_system()) / 1000000))
        return fault_set(f, STATUS_FATAL, "expired", "the token has expired");
    return STATUS_OK;
}

static status take_letter(struct replay *r, const struct kafka_message *m, struct fault *f)
{
    struct letter l = letter_of(m);
    const char *refused = why_refused(r, &l);
    r->counts->read++;
    if (refused) {
        r->counts->refused++;
        log_warning("a dead letter is not sent again", LOG_INT("partition", l.record.partition),
                    LOG_INT("offset", l.record.offset), LOG_STR("reason", refused));
        return STATUS_OK;
    }
    if (!r->producer) {
        r->counts->sent++;
        return STATUS_OK;
    }
    kafka_producer_poll(r->producer, 0);
    status st = check_token(r, f);
    if (st == STATUS_OK)
        st = send_again(r, m, &l, f);
    if (st == STATUS_OK)
        return STATUS_OK;
    r->counts->failed++;
    if (status_class(st) != STATUS_CLASS_INVALID || st == STATUS_NOT_FOUND)
        return st;
    log_error("a dead letter was not sent again", LOG_INT("partition", l.record.partition),
              LOG_INT("offset", l.record.offset), LOG_STR("reason", f->message));
    return STATUS_OK;
}

static status open_producer(struct replay *r, struct fault *f)
{
    const struct kafka_producer_options options = {
        .client_id = "gold-label-dlq",
        .brokers = r->letters->settings.brokers,
        .properties = config_kafka(r->letters->config),
        .message_timeout_ms = TIMEOUT_MS,
        .queue_messages = IN_FLIGHT,
        .queue_bytes = QUEUE_BYTES,
        .in_flight = 5,
        .idempotent = true,
        .delivered = on_delivered,
        .ctx = r,
    };
    return r->o->dry_run ? STATUS_OK : kafka_producer_new(&options, &r->producer, f);
}

/* A signal ends the waiting, or has cut it short. What Kafka has not taken by then is reported as not sent when the producer is freed. */
static void wait_until_sent(const struct replay *r)
{
    bool *stopped = &r->letters->reader.stopped;
    int most_ms = *stopped ? STOPPED_MS : TIMEOUT_MS;
    for (int waited_ms = 0; waited_ms < most_ms; waited_ms += WAIT_MS) {
        if (kafka_producer_flush(r->producer, WAIT_MS) == 0)
            return;
        if (signals_read(r->letters->reader.signal_fd) != SIGNAL_NONE) {
            *stopped = true;
            return;
        }
    }
}

status replay_letters(struct letters *l, const struct replay_options *o, struct replay_counts *out,
                      struct fault *f)
{
    struct replay r = {.letters = l, .o = o, .counts = out};
    status st = open_producer(&r, f);
    for (struct kafka_message *m; st == STATUS_OK && (m = letters_next(l)) != NULL;) {
        st = take_letter(&r, m, f);
        kafka_message_free(m);
    }
    if (st == STATUS_OK)
        st = reader_end(&l->reader, f);
    if (r.producer)
        wait_until_sent(&r);
    kafka_producer_free(r.producer);
    free(r.headers);
    return st;
}
