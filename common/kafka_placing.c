#include "common/kafka_internal.h"

#include "common/clock.h"
#include "common/log.h"

/* Where a member of a group begins to read is asked here and not left to librdkafka (2.0.2), which loses its way in two cases:
 * - When an answer comes after the assignment has changed, and says that a transaction is still open, the partition is taken for one
 *   with no committed offset: it begins at its oldest message, and all its commands are answered a second time.
 * - After an answer "not the coordinator" nothing is asked again: the partitions are never read, by a member that looks well.
 * Nothing is read before all is known. That takes milliseconds, but where a transaction died open: then, its timeout. */

/* How long an answer is waited for, at first and later: one that comes after that is lost, so a coordinator that always takes longer
 * than the last of these is never heard. The caller waits as well, and an open transaction is no answer to librdkafka: it asks again
 * until the time is over. The longest and the first together stay below the time after which a process passes for frozen
 * (kafka_transaction_calls.c). */
static const int ANSWER_MS[] = {1000, 2000, 5000};
enum { LONGEST = sizeof ANSWER_MS / sizeof *ANSWER_MS - 1, PAUSE_US = 250 * 1000 };

rd_kafka_resp_err_t kafka_read_offsets(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *list, int timeout_ms)
{
    rd_kafka_resp_err_t err = rd_kafka_committed(rk, list, timeout_ms);
    for (int i = 0; !err && i < list->cnt; i++)
        err = list->elems[i].err;
    return err;
}

/* One that was never committed begins at its oldest message. Left as it is, librdkafka would ask for its offset again. */
static rd_kafka_resp_err_t ask(struct kafka_consumer *c)
{
    rd_kafka_topic_partition_list_t *list = c->placing.list;
    unsigned in_vain = c->placing.in_vain;
    rd_kafka_resp_err_t err =
        kafka_read_offsets(c->rk, list, ANSWER_MS[in_vain < LONGEST ? in_vain : LONGEST]);
    for (int i = 0; i < list->cnt; i++)
        if (list->elems[i].offset < 0)
            list->elems[i].offset = RD_KAFKA_OFFSET_BEGINNING;
    return err;
}

static void ask_later(struct kafka_consumer *c, rd_kafka_resp_err_t err)
{
    struct kafka_placing *p = &c->placing;
    int64_t now = clock_monotonic_us(clock_system());

    p->ask_at_us = now + PAUSE_US;
    /* A first answer that is late is no news. */
    if (p->in_vain++ > 0 && log_is_due(&p->told_us, now))
        log_warning("where to begin is not known yet", LOG_STR("client", rd_kafka_name(c->rk)),
                    LOG_INT("partitions", p->list->cnt), LOG_STR("error", rd_kafka_err2name(err)));
}

/* Asks, and begins where the answer says. What was lost meanwhile is not ours to read, and to assign it would hide the loss. */
static void place(struct kafka_consumer *c)
{
    int lost = rd_kafka_assignment_lost(c->rk); /* also from an assignment before this one */
    rd_kafka_resp_err_t err = ask(c);
    if (!err && rd_kafka_assignment_lost(c->rk) != lost)
        err = RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST;
    if (!err)
        err = rd_kafka_assign(c->rk, c->placing.list);
    if (err)
        ask_later(c, err);
    else
        kafka_placing_cancel(c);
}

rd_kafka_resp_err_t kafka_placing_begin(struct kafka_consumer *c, const rd_kafka_topic_partition_list_t *list)
{
    if (list->cnt == 0)
        return rd_kafka_assign(c->rk, list);
    c->placing = (struct kafka_placing){.list = rd_kafka_topic_partition_list_copy(list)};
    place(c);
    if (!c->placing.list)
        return RD_KAFKA_RESP_ERR_NO_ERROR;

    /* librdkafka waits for this call: without it the member would leave its group when others come. */
    rd_kafka_topic_partition_list_t *nothing = rd_kafka_topic_partition_list_new(1);
    rd_kafka_resp_err_t err = rd_kafka_assign(c->rk, nothing);
    rd_kafka_topic_partition_list_destroy(nothing);
    if (err)
        kafka_placing_cancel(c);
    return err;
}

void kafka_placing_cancel(struct kafka_consumer *c)
{
    if (c->placing.list)
        rd_kafka_topic_partition_list_destroy(c->placing.list);
    c->placing.list = NULL;
}

/* A topic of the same name has other messages at the offsets that were read up to, and librdkafka (2.0.2) would go on there: what lies
 * before would never be read. So it has to be asked again, and what is in hand must not be committed. The group's offsets are deleted
 * with the topic; where a broker only has not heard of it yet, they are still there. */
static void join_anew(struct kafka_consumer *c)
{
    rd_kafka_topic_partition_list_t *assigned = NULL;
    rd_kafka_topic_partition_list_t *topics = NULL;
    rd_kafka_resp_err_t err = rd_kafka_assignment(c->rk, &assigned);
    if (!err)
        err = rd_kafka_subscription(c->rk, &topics);
    /* Without a group there is no subscription, and without partitions nothing was read. */
    c->placing.gone = c->placing.rejoins = !err && assigned->cnt > 0 && topics->cnt > 0;
    if (c->placing.rejoins) {
        log_warning("the topic is gone: the group is joined anew", LOG_STR("client", rd_kafka_name(c->rk)),
                    LOG_STR("topic", topics->elems[0].topic));
        err = rd_kafka_unsubscribe(c->rk);
        if (!err)
            err = rd_kafka_subscribe(c->rk, topics);
    }
    if (err)
        log_error("the group is not joined anew", LOG_STR("error", rd_kafka_err2str(err)));
    if (assigned)
        rd_kafka_topic_partition_list_destroy(assigned);
    if (topics)
        rd_kafka_topic_partition_list_destroy(topics);
}

void kafka_placing_serve(struct kafka_consumer *c)
{
    if (c->placing.gone && !c->placing.rejoins)
        join_anew(c);
    if (kafka_placing_at_us(c) < 0 || clock_monotonic_us(clock_system()) < c->placing.ask_at_us)
        return;
    if (rd_kafka_assignment_lost(c->rk)) /* the callback that says so is on its way */
        ask_later(c, RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST);
    else
        place(c);
}

/* Not while fetching is paused: what is assigned then would be read nevertheless. */
int64_t kafka_placing_at_us(const struct kafka_consumer *c)
{
    return c->placing.list && !c->paused ? c->placing.ask_at_us : -1;
}
