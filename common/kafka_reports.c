#include "common/kafka_internal.h"

#include <time.h>

static enum kafka_delivery delivery_of(const rd_kafka_message_t *m)
{
    if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        return KAFKA_DELIVERED;
    switch (rd_kafka_message_status(m)) {
    case RD_KAFKA_MSG_STATUS_PERSISTED:
        return KAFKA_DELIVERED;
    case RD_KAFKA_MSG_STATUS_NOT_PERSISTED:
        return KAFKA_NOT_DELIVERED;
    default:
        return KAFKA_UNKNOWN;
    }
}

/* Whether the same message may be taken at another time: the message itself is not the reason. */
static bool is_retriable(rd_kafka_resp_err_t err)
{
    switch (err) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        return false;
    default:
        return true;
    }
}

void kafka_reports_take(struct kafka_reports *r, const rd_kafka_message_t *m)
{
    enum kafka_delivery delivery = delivery_of(m);

    r->served++;
    if (delivery == KAFKA_DELIVERED)
        atomic_store_explicit(&r->looks->reachable, true, memory_order_relaxed);
    if (r->o->delivered && !atomic_load(&r->silent))
        r->o->delivered(r->o->ctx, m->_private, delivery, is_retriable(m->err),
                        delivery == KAFKA_DELIVERED ? NULL : rd_kafka_err2str(m->err));
}

/* On the thread that has read the broker's answer. What failed comes by the queue, too, and is reported from there. */
static rd_kafka_resp_err_t on_acknowledgement(rd_kafka_t *rk, rd_kafka_message_t *m, void *opaque)
{
    (void)rk;
    struct kafka_reports *r = opaque;

    /* That a broker is reachable is not noted: an event that says the opposite may still be in the queue, and would be believed. */
    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    r->calling++;
    if (!atomic_load(&r->silent))
        r->o->acknowledged(r->o->ctx, m->_private);
    r->calling--;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *opaque, char *reason,
                                  size_t size)
{
    (void)conf;
    (void)reason;
    (void)size;
    return rd_kafka_interceptor_add_on_acknowledgement(rk, "acknowledged", on_acknowledgement, opaque);
}

bool kafka_reports_configure(struct kafka_reports *r, rd_kafka_conf_t *conf, struct fault *f)
{
    if (!r->o->acknowledged)
        return true;
    if (rd_kafka_conf_interceptor_add_on_new(conf, "acknowledged", on_new, r) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        fault_set(f, STATUS_CONFIG, "kafka_producer", "librdkafka takes no interceptor");
        return false;
    }
    return kafka_conf_text(conf, "delivery.report.only.error", "true", f);
}

void kafka_reports_silence(struct kafka_reports *r)
{
    static const struct timespec MOMENT = {.tv_nsec = 100 * 1000};

    atomic_store(&r->silent, true);
    while (atomic_load(&r->calling) > 0)
        (void)nanosleep(&MOMENT, NULL);
}
