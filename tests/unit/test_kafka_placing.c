/* A member of a group reads nothing before it knows where to begin, and asks until it does. Of librdkafka only the lists are real. */
#include "common/kafka_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { COMMITTED = 7, NEVER = 1 };

static struct {
    rd_kafka_resp_err_t err, of_partition; /* what committed offsets are answered with */
    rd_kafka_resp_err_t refused;           /* … an assignment of something */
    rd_kafka_resp_err_t refused_nothing;   /* … and one of nothing */
    int lost;
    bool lost_meanwhile; /* while offsets are asked for */
    int asked, waited_ms;
    int assigned; /* partitions; -1: assign was not called */
    int64_t offsets[2];
} fake;

rd_kafka_resp_err_t rd_kafka_committed(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *partitions,
                                       int timeout_ms)
{
    (void)rk;
    fake.asked++;
    fake.lost = fake.lost || fake.lost_meanwhile;
    fake.waited_ms = timeout_ms;
    for (int i = 0; i < partitions->cnt; i++)
        partitions->elems[i] = (rd_kafka_topic_partition_t){
            .topic = partitions->elems[i].topic,
            .partition = partitions->elems[i].partition,
            .offset = i == NEVER || fake.of_partition ? RD_KAFKA_OFFSET_INVALID : COMMITTED,
            .err = i == NEVER ? fake.of_partition : RD_KAFKA_RESP_ERR_NO_ERROR,
        };
    return fake.err;
}

rd_kafka_resp_err_t rd_kafka_assign(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *partitions)
{
    (void)rk;
    rd_kafka_resp_err_t refused = partitions->cnt > 0 ? fake.refused : fake.refused_nothing;
    if (refused)
        return refused;
    fake.assigned = partitions->cnt;
    for (int i = 0; i < partitions->cnt; i++)
        fake.offsets[i] = partitions->elems[i].offset;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

int rd_kafka_assignment_lost(rd_kafka_t *rk)
{
    (void)rk;
    return fake.lost;
}

const char *rd_kafka_name(const rd_kafka_t *rk)
{
    (void)rk;
    return "test";
}

static int set_up(void **state)
{
    memset(&fake, 0, sizeof fake);
    fake.assigned = -1;
    *state = calloc(1, sizeof(struct kafka_consumer));
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    kafka_placing_cancel(*state);
    free(*state);
    return 0;
}

static rd_kafka_resp_err_t begin_with(struct kafka_consumer *c, int32_t partitions)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(2);
    for (int32_t i = 0; i < partitions; i++)
        rd_kafka_topic_partition_list_add(list, "commands", i);
    rd_kafka_resp_err_t err = kafka_placing_begin(c, list);
    rd_kafka_topic_partition_list_destroy(list);
    return err;
}

static void begin(struct kafka_consumer *c)
{
    assert_int_equal(begin_with(c, 2), RD_KAFKA_RESP_ERR_NO_ERROR);
}

/* As a poll does after the pause. */
static void serve(struct kafka_consumer *c)
{
    c->placing.ask_at_us = 0;
    kafka_placing_serve(c);
}

static void assert_placed(const struct kafka_consumer *c)
{
    assert_int_equal(fake.assigned, 2);
    assert_int_equal(fake.offsets[0], COMMITTED);
    assert_int_equal(fake.offsets[NEVER], RD_KAFKA_OFFSET_BEGINNING);
    assert_int_equal(kafka_placing_at_us(c), -1);
    assert_true(kafka_consumer_is_placed(c));
}

static void a_partition_begins_at_its_offset_or_at_its_oldest_message(void **state)
{
    begin(*state);
    assert_placed(*state);
    assert_int_equal(fake.asked, 1);
    serve(*state);
    assert_int_equal(fake.asked, 1);
}

static void nothing_is_read_while_there_is_no_answer(void **state)
{
    fake.err = RD_KAFKA_RESP_ERR_NOT_COORDINATOR;
    begin(*state);
    assert_int_equal(fake.assigned, 0);
    assert_true(kafka_placing_at_us(*state) > 0);
    kafka_placing_serve(*state);
    assert_int_equal(fake.asked, 1); /* not at once */
    for (int i = 0; i < 9; i++)
        serve(*state);
    assert_int_equal(fake.asked, 10);
    assert_int_equal(fake.assigned, 0);

    fake.err = RD_KAFKA_RESP_ERR_NO_ERROR;
    serve(*state);
    assert_placed(*state);
}

static void a_slow_coordinator_is_given_more_time_each_time(void **state)
{
    static const int EXPECTED_MS[] = {1000, 2000, 5000, 5000, 5000};
    fake.err = RD_KAFKA_RESP_ERR__TIMED_OUT;
    begin(*state);
    for (size_t i = 0; i < sizeof EXPECTED_MS / sizeof *EXPECTED_MS; i++) {
        assert_int_equal(fake.waited_ms, EXPECTED_MS[i]);
        serve(*state);
    }

    kafka_placing_cancel(*state); /* the next assignment begins anew */
    begin(*state);
    assert_int_equal(fake.waited_ms, EXPECTED_MS[0]);
}

static void an_open_transaction_is_not_taken_for_no_offset(void **state)
{
    fake.of_partition = RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT;
    begin(*state);
    serve(*state);
    assert_int_equal(fake.assigned, 0);
    fake.of_partition = RD_KAFKA_RESP_ERR_NO_ERROR;
    serve(*state);
    assert_placed(*state);
}

static void what_is_revoked_is_asked_for_no_more(void **state)
{
    fake.err = RD_KAFKA_RESP_ERR__TIMED_OUT;
    begin(*state);
    kafka_placing_cancel(*state);
    fake.err = RD_KAFKA_RESP_ERR_NO_ERROR;
    serve(*state);
    assert_int_equal(fake.asked, 1);
    assert_int_equal(fake.assigned, 0);
}

static void what_is_lost_is_not_assigned(void **state)
{
    fake.err = RD_KAFKA_RESP_ERR__TIMED_OUT;
    begin(*state);
    fake.err = RD_KAFKA_RESP_ERR_NO_ERROR;
    fake.lost = 1;
    serve(*state);
    assert_int_equal(fake.asked, 1);
    assert_int_equal(fake.assigned, 0);
}

static void what_is_lost_while_it_is_asked_for_is_not_assigned(void **state)
{
    fake.err = RD_KAFKA_RESP_ERR__TIMED_OUT;
    begin(*state);
    fake.err = RD_KAFKA_RESP_ERR_NO_ERROR;
    fake.lost_meanwhile = true;
    serve(*state);
    assert_int_equal(fake.asked, 2);
    assert_int_equal(fake.assigned, 0);
}

/* librdkafka says it of a member that lost its place before it was given anything, too. */
static void an_older_loss_is_no_loss(void **state)
{
    fake.lost = 1;
    begin(*state);
    assert_placed(*state);
}

static void of_no_partition_nothing_is_asked(void **state)
{
    assert_int_equal(begin_with(*state, 0), RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(fake.asked, 0);
    assert_int_equal(fake.assigned, 0);
    assert_int_equal(kafka_placing_at_us(*state), -1);
}

static void an_assignment_that_failed_is_not_asked_for(void **state)
{
    fake.err = RD_KAFKA_RESP_ERR__TIMED_OUT;
    fake.refused_nothing = RD_KAFKA_RESP_ERR__STATE;
    assert_int_equal(begin_with(*state, 2), RD_KAFKA_RESP_ERR__STATE);
    fake.err = RD_KAFKA_RESP_ERR_NO_ERROR;
    serve(*state);
    assert_int_equal(fake.asked, 1);
    assert_int_equal(fake.assigned, -1);
}

static void what_is_paused_is_assigned_when_it_goes_on(void **state)
{
    struct kafka_consumer *c = *state;
    fake.err = RD_KAFKA_RESP_ERR__TIMED_OUT;
    begin(c);
    fake.err = RD_KAFKA_RESP_ERR_NO_ERROR;
    c->paused = true;
    serve(c);
    assert_false(kafka_consumer_is_placed(c));
    assert_int_equal(fake.assigned, 0);
    assert_int_equal(kafka_placing_at_us(c), -1);
    c->paused = false;
    serve(c);
    assert_placed(c);
}

static void an_assignment_that_is_refused_is_tried_again(void **state)
{
    fake.refused = RD_KAFKA_RESP_ERR__STATE;
    begin(*state);
    assert_int_equal(fake.assigned, 0);
    fake.refused = RD_KAFKA_RESP_ERR_NO_ERROR;
    serve(*state);
    assert_placed(*state);
}

static void the_next_poll_is_due_for_whichever_comes_first(void **state)
{
    struct kafka_consumer *c = *state;
    fake.err = RD_KAFKA_RESP_ERR__TIMED_OUT;
    c->fetching.look_at_us = -1;
    assert_int_equal(kafka_consumer_deadline_us(c), -1);
    c->fetching.look_at_us = 300;
    assert_int_equal(kafka_consumer_deadline_us(c), 300);

    begin(c);
    c->placing.ask_at_us = 200;
    assert_int_equal(kafka_consumer_deadline_us(c), 200);
    c->placing.ask_at_us = 400;
    assert_int_equal(kafka_consumer_deadline_us(c), 300);
    c->fetching.look_at_us = -1;
    assert_int_equal(kafka_consumer_deadline_us(c), 400);
    c->paused = true;
    assert_int_equal(kafka_consumer_deadline_us(c), -1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_partition_begins_at_its_offset_or_at_its_oldest_message),
        TEST(nothing_is_read_while_there_is_no_answer),
        TEST(a_slow_coordinator_is_given_more_time_each_time),
        TEST(an_open_transaction_is_not_taken_for_no_offset),
        TEST(what_is_revoked_is_asked_for_no_more),
        TEST(what_is_lost_is_not_assigned),
        TEST(what_is_lost_while_it_is_asked_for_is_not_assigned),
        TEST(an_older_loss_is_no_loss),
        TEST(of_no_partition_nothing_is_asked),
        TEST(an_assignment_that_failed_is_not_asked_for),
        TEST(what_is_paused_is_assigned_when_it_goes_on),
        TEST(an_assignment_that_is_refused_is_tried_again),
        TEST(the_next_poll_is_due_for_whichever_comes_first),
    };
    return cmocka_run_group_tests_name("kafka_placing", tests, NULL, NULL);
}
