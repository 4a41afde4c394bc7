#include "common/kafka_internal.h"

#include "common/clock.h"
#include "common/log.h"

/* A broker's thread that has found the queue of fetched messages full sleeps for up to a second, however soon the queue is empty
 * (librdkafka 2.0.2, rd_kafka_broker_consumer_serve()). Any request to that broker wakes it, and then it fetches: we ask for an
 * offset and do not wait for it. */

enum {
    LOOK_EVERY = 64, /* messages: the length of a queue is asked under its lock */
    WAKE_TIMEOUT_MS = 2,
    QUIET_US = 5000,
    FRUITLESS_MAX = 3,
};

void kafka_fetching_start(struct kafka_consumer *c, int64_t queue_bytes)
{
    c->fetching = (struct kafka_fetching){.limit = queue_bytes, .look_at_us = -1};
}

static bool is_behind(struct kafka_consumer *c, const rd_kafka_topic_partition_t *at)
{
    int64_t low = 0;
    int64_t high = 0;
    return at->offset >= 0 &&
           rd_kafka_get_watermark_offsets(c->rk, at->topic, at->partition, &low, &high) ==
               RD_KAFKA_RESP_ERR_NO_ERROR &&
           high > at->offset;
}

/* The assigned partitions, or those of them whose leader is known to have more than was read. NULL when there is none. */
static rd_kafka_topic_partition_list_t *partitions(struct kafka_consumer *c, bool only_behind)
{
    rd_kafka_topic_partition_list_t *assigned = NULL;
    if (rd_kafka_assignment(c->rk, &assigned))
        return NULL;

    rd_kafka_topic_partition_list_t *found = rd_kafka_topic_partition_list_new(assigned->cnt);
    bool known = !only_behind || rd_kafka_position(c->rk, assigned) == RD_KAFKA_RESP_ERR_NO_ERROR;
    for (int i = 0; known && i < assigned->cnt; i++) {
        const rd_kafka_topic_partition_t *at = &assigned->elems[i];
        if (!only_behind || is_behind(c, at))
            rd_kafka_topic_partition_list_add(found, at->topic, at->partition)->offset = RD_KAFKA_OFFSET_END;
    }
    rd_kafka_topic_partition_list_destroy(assigned);
    if (found->cnt > 0)
        return found;
    rd_kafka_topic_partition_list_destroy(found);
    return NULL;
}

/* Wakes the threads of the brokers that lead `of`, which it takes. A request waits behind a fetch that is under way. */
static void wake(struct kafka_consumer *c, rd_kafka_topic_partition_list_t *of)
{
    rd_kafka_resp_err_t err = rd_kafka_offsets_for_times(c->rk, of, WAKE_TIMEOUT_MS);
    if (err && err != RD_KAFKA_RESP_ERR__TIMED_OUT)
        log_debug("fetching not woken", LOG_STR("error", rd_kafka_err2str(err)));
    rd_kafka_topic_partition_list_destroy(of);
}

static void wake_all(struct kafka_consumer *c)
{
    rd_kafka_topic_partition_list_t *all = c->paused ? NULL : partitions(c, false);
    c->fetching.was_full = false;
    if (all)
        wake(c, all);
}

/* The queue's bytes are reckoned from its length and the messages just taken: they cannot be asked for. Between the two marks lies
 * what the reckoning may be wrong by. */
static void look_at_queue(struct kafka_consumer *c)
{
    struct kafka_fetching *f = &c->fetching;
    int64_t bytes = (int64_t)rd_kafka_queue_length(c->queue) * f->bytes / f->messages;

    f->bytes = f->messages = 0;
    if (bytes > f->limit / 4 * 3)
        f->was_full = true;
    else if (f->was_full && bytes < f->limit / 2)
        wake_all(c);
}

void kafka_fetching_took(struct kafka_consumer *c, const rd_kafka_message_t *m)
{
    c->fetching.fresh = true;
    c->fetching.bytes += (int64_t)m->len;
    if (++c->fetching.messages >= LOOK_EVERY)
        look_at_queue(c);
}

/* Known to be behind, and yet nothing comes: woken too, ever more seldom while nothing comes of it. But what is behind need not be a
 * message: the record that ends a transaction counts as one, and nobody is given it. So a few times only. */
void kafka_fetching_idles(struct kafka_consumer *c)
{
    struct kafka_fetching *f = &c->fetching;
    int64_t now = clock_monotonic_us(clock_system());

    if (f->was_full)
        wake_all(c);
    if (f->fresh) {
        f->fresh = false;
        f->fruitless = 0;
        f->look_at_us = now + QUIET_US;
        return;
    }
    if (f->look_at_us < 0 || now < f->look_at_us)
        return;
    f->look_at_us = -1;

    rd_kafka_topic_partition_list_t *behind = c->paused ? NULL : partitions(c, true);
    if (!behind)
        return;
    if (++f->fruitless < FRUITLESS_MAX)
        f->look_at_us = now + (QUIET_US << f->fruitless);
    wake(c, behind);
}
