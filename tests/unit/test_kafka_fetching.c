/* A broker's thread that has found librdkafka's queue full is woken: once, as soon as the queue is half empty, and not where it cannot
 * have slept. Of librdkafka only the lists are real. */
#include "common/kafka_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LIMIT = 100000, BYTES = 100, LOOK = 64, FULL = LIMIT / BYTES, PARTITIONS = 3 };

static struct {
    size_t queued; /* messages */
    int64_t position, high;
    int woken, of_partitions;
} fake;

rd_kafka_resp_err_t rd_kafka_assignment(rd_kafka_t *rk, rd_kafka_topic_partition_list_t **partitions)
{
    (void)rk;
    *partitions = rd_kafka_topic_partition_list_new(PARTITIONS);
    for (int32_t i = 0; i < PARTITIONS; i++)
        rd_kafka_topic_partition_list_add(*partitions, "commands", i);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t rd_kafka_position(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *partitions)
{
    (void)rk;
    for (int i = 0; i < partitions->cnt; i++)
        partitions->elems[i].offset = fake.position;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t rd_kafka_get_watermark_offsets(rd_kafka_t *rk, const char *topic, int32_t partition,
                                                   int64_t *low, int64_t *high)
{
    (void)rk;
    (void)topic;
    *low = 0;
    *high = partition == 0 ? fake.high : fake.position;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t rd_kafka_offsets_for_times(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *offsets,
                                               int timeout_ms)
{
    (void)rk;
    (void)timeout_ms;
    fake.woken++;
    fake.of_partitions = offsets->cnt;
    return RD_KAFKA_RESP_ERR__TIMED_OUT;
}

size_t rd_kafka_queue_length(rd_kafka_queue_t *rkqu)
{
    (void)rkqu;
    return fake.queued;
}

static int set_up(void **state)
{
    struct kafka_consumer *c = calloc(1, sizeof *c);
    memset(&fake, 0, sizeof fake);
    kafka_fetching_start(c, LIMIT);
    *state = c;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

/* As many as make it look at the queue, which then holds `queued`. */
static void take(struct kafka_consumer *c, size_t queued)
{
    const rd_kafka_message_t m = {.len = BYTES};
    fake.queued = queued;
    for (int i = 0; i < LOOK; i++)
        kafka_fetching_took(c, &m);
}

static void a_queue_that_was_full_is_filled_again_once_it_is_half_empty(void **state)
{
    struct kafka_consumer *c = *state;
    take(c, FULL);
    take(c, FULL * 6 / 10);
    assert_int_equal(fake.woken, 0);
    take(c, FULL * 4 / 10);
    assert_int_equal(fake.woken, 1);
    assert_int_equal(fake.of_partitions, PARTITIONS);
    take(c, FULL / 10);
    assert_int_equal(fake.woken, 1);
    take(c, FULL);
    take(c, 0);
    assert_int_equal(fake.woken, 2);
}

static void one_that_runs_empty_at_once_is_filled_again(void **state)
{
    struct kafka_consumer *c = *state;
    take(c, FULL);
    kafka_fetching_idles(c);
    assert_int_equal(fake.woken, 1);
    kafka_fetching_idles(c);
    assert_int_equal(fake.woken, 1);
}

static void one_that_was_never_full_asks_for_nothing(void **state)
{
    struct kafka_consumer *c = *state;
    take(c, FULL * 7 / 10);
    take(c, 0);
    kafka_fetching_idles(c);
    assert_int_equal(fake.woken, 0);
}

static void nobody_wakes_what_is_paused(void **state)
{
    struct kafka_consumer *c = *state;
    c->paused = true;
    take(c, FULL);
    kafka_fetching_idles(c);
    assert_int_equal(fake.woken, 0);
}

static void the_bound_is_of_bytes(void **state)
{
    struct kafka_consumer *c = *state;
    const rd_kafka_message_t large = {.len = 10 * BYTES};
    fake.queued = FULL / 10;
    for (int i = 0; i < LOOK; i++)
        kafka_fetching_took(c, &large);
    take(c, 0);
    assert_int_equal(fake.woken, 1);
}

static void what_is_known_to_wait_is_fetched_after_a_while(void **state)
{
    struct kafka_consumer *c = *state;
    take(c, 0);
    fake.position = 10;
    fake.high = 20;
    kafka_fetching_idles(c);
    assert_int_equal(fake.woken, 0);
    c->fetching.look_at_us = 0; /* the while is over */
    kafka_fetching_idles(c);
    assert_int_equal(fake.woken, 1);
    assert_int_equal(fake.of_partitions, 1);
    assert_true(c->fetching.look_at_us > 0);

    fake.position = fake.high;
    c->fetching.look_at_us = 0;
    kafka_fetching_idles(c);
    assert_int_equal(fake.woken, 1);
    assert_int_equal(kafka_consumer_deadline_us(c), -1);
}

/* After the last message of a transaction comes the record that ends it: the end stays above the position for good. */
static void what_never_comes_is_woken_for_a_few_times_only(void **state)
{
    struct kafka_consumer *c = *state;
    take(c, 0);
    fake.position = 10;
    fake.high = 11;
    kafka_fetching_idles(c);
    for (int i = 0; i < 20 && kafka_consumer_deadline_us(c) >= 0; i++) {
        c->fetching.look_at_us = 0; /* the while is over */
        kafka_fetching_idles(c);
    }
    assert_int_equal(kafka_consumer_deadline_us(c), -1);
    assert_int_equal(fake.woken, 3);

    take(c, 0); /* the next message begins anew */
    kafka_fetching_idles(c);
    c->fetching.look_at_us = 0;
    kafka_fetching_idles(c);
    assert_int_equal(fake.woken, 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_queue_that_was_full_is_filled_again_once_it_is_half_empty),
        TEST(one_that_runs_empty_at_once_is_filled_again),
        TEST(one_that_was_never_full_asks_for_nothing),
        TEST(nobody_wakes_what_is_paused),
        TEST(the_bound_is_of_bytes),
        TEST(what_is_known_to_wait_is_fetched_after_a_while),
        TEST(what_never_comes_is_woken_for_a_few_times_only),
    };
    return cmocka_run_group_tests_name("kafka_fetching", tests, NULL, NULL);
}
