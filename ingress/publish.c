#include "ingress/publish.h"

#include "common/log.h"
#include "ingress/answer.h"
#include <stdio.h>

enum {
    GIVE_UP_MARGIN_US = 500000, /* behind the deadline, for a delivery report that is due at that moment */
    CORRELATION_TEXT_LEN = 2 * PENDING_CORRELATION_LEN,
};

static void format_correlation(const uint8_t correlation[PENDING_CORRELATION_LEN],
                               char out[CORRELATION_TEXT_LEN])
{
    static const char DIGITS[] = "0123456789abcdef";

    for (size_t i = 0; i < PENDING_CORRELATION_LEN; i++) {
        out[2 * i] = DIGITS[correlation[i] >> 4];
        out[2 * i + 1] = DIGITS[correlation[i] & 15];
    }
}

static struct waiter waiter_of(const struct ingress *in, struct http_request *r, const struct exchange *x,
                               const struct label_command *c)
{
    int64_t now_us = clock_monotonic_us(in->clock);
    int64_t wait_us =
        x->preference.wait_s ? (int64_t)x->preference.wait_s * 1000000 : in->settings.wait_ms * 1000;
    struct waiter w = {
        .request = r,
        .party = x->party,
        .bytes = (uint32_t)in->encoded.len,
        .run_id = c->run_id,
        .label_id = c->command_id,
        .preference = x->preference,
        .produced_us = now_us,
        .deadline_us = now_us + wait_us,
        .give_up_us = now_us + wait_us + GIVE_UP_MARGIN_US,
    };
    uuid_random_bytes(w.correlation);
    return w;
}

/* That the topic is gone is said once, not for every request. */
static void tell_refusal(struct ingress *in, status st)
{
    if (st == STATUS_FULL || (st == STATUS_NOT_FOUND && atomic_exchange(&in->topic_is_gone, true)))
        return;
    log_error(st == STATUS_NOT_FOUND ? "the topic of the commands does not exist: none is taken until it does"
                                     : "a command was not produced",
              LOG_STR("status", status_text(st)), LOG_STR("topic", in->settings.commands_topic));
}

/* Nothing was produced: the waiter is still ours, unless a deadline or the shutdown was quicker. */
static void take_back(struct ingress *in, void *ticket, status st)
{
    struct waiter w;

    counter_add(in->stats.publish_refused, 1);
    tell_refusal(in, st);
    if (!pending_take_ticket(in->pending, ticket, &w))
        return;
    gauge_add(in->stats.pending, -1);
    if (st == STATUS_TOO_LARGE)
        answer_error(w.request, ANSWER_BODY_TOO_LARGE);
    else
        answer_error(w.request, st == STATUS_FULL ? ANSWER_OVERLOADED : ANSWER_NOT_DELIVERED);
}

void publish_emit(void *ctx, const struct gathered *commands, size_t n)
{
    struct ingress *in = ctx;

    counter_add(in->stats.groups, 1);
    kafka_producer_turn(in->producer);
    for (const struct gathered *m = commands; m < commands + n; m++) {
        status st = kafka_produce(in->producer, in->settings.commands_topic, KAFKA_PARTITION_BY_KEY, m->key,
                                  m->value, m->headers, m->n_headers, m->ticket);
        if (st != STATUS_OK)
            take_back(in, m->ticket, st);
    }
}

static void produce(struct ingress *in, const struct waiter *w, struct slice authorization,
                    struct slice trace, struct slice run_id_text, void *ticket)
{
    char correlation[CORRELATION_TEXT_LEN];
    char partition[16];
    struct gathered m = {.key = run_id_text, .value = buffer_slice(&in->encoded), .ticket = ticket};

    format_correlation(w->correlation, correlation);
    int digits = snprintf(partition, sizeof partition, "%d", (int)atomic_load(&in->reply_partition));
    m.headers[m.n_headers++] = (struct kafka_header){"authorization", authorization};
    m.headers[m.n_headers++] =
        (struct kafka_header){"correlation-id", slice_make(correlation, sizeof correlation)};
    m.headers[m.n_headers++] =
        (struct kafka_header){"reply-partition", slice_make(partition, (size_t)digits)};
    if (trace.at)
        m.headers[m.n_headers++] = (struct kafka_header){"traceparent", trace};

    gather_add(in->gather, &m, pending_count(in->pending), w->produced_us);
}

void publish_label(struct ingress *in, struct http_request *r, struct exchange *x,
                   const struct label_command *c)
{
    struct slice authorization;
    struct fault fault = {0};
    void *ticket;

    if (atomic_load(&in->phase) != PHASE_RUNNING) {
        answer_error(r, ANSWER_SHUTTING_DOWN);
        return;
    }
    if (!kafka_producer_reachable(in->producer)) {
        answer_error(r, ANSWER_KAFKA_UNREACHABLE);
        return;
    }

    buffer_clear(&in->encoded);
    status st = avro_encode_command(in->codec, c, &in->encoded);
    if (st != STATUS_OK) {
        log_error("a command cannot be encoded", LOG_STR("status", status_text(st)));
        answer_error(r, ANSWER_OVERLOADED);
        return;
    }
    st = grants_authorization(in->grants, x->account_id, x->subject, &authorization, &fault);
    if (st != STATUS_OK) {
        log_error("a token cannot be signed", LOG_STR("reason", fault.message));
        answer_error(r, ANSWER_MISCONFIGURED);
        return;
    }

    struct waiter w = waiter_of(in, r, x, c);
    x->label_id = c->command_id;
    histogram_observe(in->stats.parse, x->head_us + w.produced_us - x->body_us);
    if (pending_add(in->pending, &w, &ticket) != STATUS_OK) {
        answer_error(r, ANSWER_OVERLOADED);
        return;
    }
    gauge_add(in->stats.pending, 1);
    produce(in, &w, authorization, x->trace, c->run_id_text, ticket);
}
