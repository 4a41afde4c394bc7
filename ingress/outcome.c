#include "ingress/outcome.h"

#include "common/log.h"
#include "ingress/answer.h"
#include "ingress/exchange.h"
#include <stdlib.h>

struct outcomes {
    struct ingress *in;
    int64_t complained_us;  /* when it was last logged that the worker does not accept our token */
    int64_t undelivered_us; /* … that commands are not delivered */
};

struct outcomes *outcomes_new(struct ingress *in)
{
    struct outcomes *o = calloc(1, sizeof *o);
    if (!o)
        return NULL;

    o->in = in;
    return o;
}

void outcomes_free(struct outcomes *o)
{
    free(o);
}

/* ---- delivery reports ---- */

void outcome_acknowledged(void *ctx, void *opaque)
{
    struct outcomes *o = ctx;
    const void *ticket = opaque;
    struct ingress *in = o->in;
    int64_t now_us = clock_monotonic_us(in->clock);
    struct waiter w;
    enum pending_report report = pending_published(in->pending, ticket, now_us, &w);

    if (report == PENDING_GONE)
        return;
    histogram_observe(in->stats.publish, now_us - w.produced_us);
    if (report == PENDING_TAKEN) {
        gauge_add(in->stats.pending, -1);
        answer_accepted(&w);
    }
}

void outcome_delivery(void *ctx, void *opaque, enum kafka_delivery delivery, bool retriable,
                      const char *error)
{
    struct outcomes *o = ctx;
    struct ingress *in = o->in;
    struct waiter w;

    if (delivery == KAFKA_DELIVERED) {
        outcome_acknowledged(ctx, opaque);
        return;
    }
    bool unknown = delivery == KAFKA_UNKNOWN;
    counter_add(unknown ? in->stats.delivery_unknown : in->stats.not_delivered, 1);
    if (log_is_due(&o->undelivered_us, clock_monotonic_us(o->in->clock)))
        log_error("a command was not delivered", LOG_STR("topic", in->settings.commands_topic),
                  LOG_STR("error", error), LOG_STR("published", unknown ? "unknown" : "no"),
                  LOG_STR("retriable", retriable ? "yes" : "no"));
    if (pending_take_ticket(in->pending, opaque, &w)) {
        gauge_add(in->stats.pending, -1);
        answer_error(w.request, unknown ? ANSWER_OUTCOME_UNKNOWN : ANSWER_NOT_DELIVERED);
    }
}

/* ---- partitions ---- */

bool outcome_place(void *ctx, void *opaque, int32_t partition, bool must)
{
    const struct outcomes *o = ctx;
    struct ingress *in = o->in;

    if (pending_place(in->pending, opaque, partition, must, clock_monotonic_us(in->clock)))
        return true;
    counter_add(in->stats.passed, 1);
    return false;
}

/* ---- results ---- */

bool outcome_read_correlation(struct slice text, uint8_t out[PENDING_CORRELATION_LEN])
{
    if (text.len != (size_t)2 * PENDING_CORRELATION_LEN)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0)
            return false;
        out[i / 2] = (uint8_t)(i % 2 ? out[i / 2] << 4 | digit : digit);
    }
    return true;
}

static void answer_rejected(struct outcomes *o, const struct waiter *w, const struct label_result *result)
{
    struct fault fault = {0};

    switch (result->code) {
    case LABEL_REJECTED_RUN_NOT_FOUND:
        answer_error(w->request, ANSWER_NO_RUN);
        break;
    case LABEL_REJECTED_ID_CONFLICT:
        answer_error(w->request, ANSWER_ID_CONFLICT);
        break;
    case LABEL_REJECTED_UNAUTHENTICATED: /* the user's token was fine; it is ours that the worker does not take */
        counter_add(o->in->stats.grants_refused, 1);
        if (log_is_due(&o->complained_us, clock_monotonic_us(o->in->clock)))
            log_error(
                "the worker does not accept the tokens of this ingress: compare [signing] with its [token]",
                LOG_SLICE("reason", result->message));
        answer_error(w->request, ANSWER_MISCONFIGURED);
        break;
    case LABEL_REJECTED_INVALID_VALUE:
    case LABEL_REJECTED_UNKNOWN:
        (void)fault_set(&fault, STATUS_INVALID, "invalid_value", "%.*s", (int)result->message.len,
                        result->message.at);
        answer_fault(w->request, ANSWER_RULE_BROKEN, &fault);
        break;
    }
}

void outcome_result(struct outcomes *o, const struct kafka_message *m)
{
    struct ingress *in = o->in;
    uint8_t correlation[PENDING_CORRELATION_LEN];
    struct label_result result;
    struct fault fault = {0};
    struct waiter w;

    int64_t now_us = clock_monotonic_us(in->clock);
    if (!outcome_read_correlation(kafka_header_find(m, "correlation-id"), correlation) ||
        !pending_take(in->pending, correlation, now_us, &w)) {
        counter_add(in->stats.results_skipped, 1);
        return;
    }
    struct exchange *x = http_request_state(w.request);
    x->result_us = now_us;
    gauge_add(in->stats.pending, -1);
    histogram_observe(in->stats.result, x->result_us - w.produced_us);
    if (!w.published) /* its delivery report is late, and will find nobody */
        histogram_observe(in->stats.publish, x->result_us - w.produced_us);
    if (prefer_is_immediate(&w.preference)) { /* quicker than the delivery report; the answer is the same */
        answer_accepted(&w);
        return;
    }

    struct kafka_record record = kafka_view(m);
    if (avro_decode_result(in->codec, record.value, &result, &fault) != STATUS_OK) {
        counter_add(in->stats.results_unreadable, 1);
        log_error("a result cannot be read", LOG_STR("topic", record.topic),
                  LOG_INT("partition", record.partition), LOG_INT("offset", record.offset),
                  LOG_STR("reason", fault.message));
        answer_accepted(&w); /* what is sure: the command was on the topic */
    } else if (result.outcome == LABEL_CREATED) {
        if (!answer_created(&w, &result, &in->answers))
            counter_add(in->stats.shortened, 1);
    } else {
        answer_rejected(o, &w, &result);
    }
}

/* ---- time ---- */

void outcome_deadlines(struct outcomes *o)
{
    int64_t now_us = clock_monotonic_us(o->in->clock);
    struct waiter w;

    while (pending_expire(o->in->pending, now_us, &w)) {
        gauge_add(o->in->stats.pending, -1);
        answer_without_result(&w);
    }
}

void outcome_answer_rest(struct ingress *in)
{
    struct waiter w;

    while (pending_take_any(in->pending, &w)) {
        gauge_add(in->stats.pending, -1);
        answer_without_result(&w);
    }
}
