/* Two batches at a time: PostgreSQL has the second before it has answered the first. */
#include "tests/unit/store_fixture.h"

static const int64_t PATIENCE_US = (FAKE_TIMEOUT_MS + FAKE_GRACE_MS) * INT64_C(1000);

static void set_up_connected(struct bench *b)
{
    set_up(b);
    advance(b);
    b->n = 0;
}

/* With two batches, of 10 rows and 20, that are sent and not answered. */
static void set_up_unanswered(struct bench *b)
{
    set_up_connected(b);
    fake.mute_statements = true;
    begin_behind(b, 10);
    begin_behind(b, 20);
    advance(b);
}

static void the_second_batch_is_sent_before_the_first_is_answered(void **state)
{
    (void)state;
    struct bench b;
    set_up_connected(&b);
    fake.mute_statements = true;
    begin_behind(&b, 10);
    advance(&b);
    assert_true(store_has_room(b.store));
    begin_behind(&b, 20);
    advance(&b);
    assert_false(store_has_room(b.store));
    assert_int_equal(fake.statements, 2);
    assert_int_equal(store_state(b.store), STORE_WORKING);
    fake.mute = fake.mute_statements = false;
    advance(&b);
    assert_int_equal(store_state(b.store), STORE_ANSWERED);
    store_end(b.store);
    assert_true(store_has_room(b.store));
    assert_int_equal(store_state(b.store), STORE_ANSWERED);
    store_end(b.store);
    assert_int_equal(store_state(b.store), STORE_IDLE);
    assert_int_equal(count(&b, STORE_CREATED), 30);
    tear_down(&b);
}

static void a_batch_that_needs_more_statements_is_still_the_first_to_end(void **state)
{
    (void)state;
    struct bench b;
    set_up_connected(&b);
    fake.taken[3] = true;
    fake.refusal = "23514";
    fake.constraint = "a_check";
    fake.refused[5] = true;
    fake.mute_statements = true;
    begin_behind(&b, 10);
    begin_behind(&b, 20);
    advance(&b);
    assert_int_equal(fake.statements, 2);
    fake.mute_statements = false;
    fake.mute = false;
    assert_int_equal(store_advance(b.store), STATUS_OK);
    assert_int_equal(store_state(b.store), STORE_ANSWERED);
    assert_int_equal(b.rows[3].verdict, STORE_REPLAYED);
    assert_int_equal(b.rows[5].verdict, STORE_INVALID);
    assert_int_equal(count(&b, STORE_CREATED), 28);
    store_end(b.store);
    assert_int_equal(store_state(b.store), STORE_ANSWERED);
    tear_down(&b);
}

static void a_fault_of_the_database_repeats_both(void **state)
{
    (void)state;
    struct bench b;
    set_up_connected(&b);
    fake.failure = "57P01";
    begin_behind(&b, 10);
    begin_behind(&b, 20);
    advance(&b);
    assert_int_equal(count(&b, STORE_PENDING), 30);
    assert_false(is_ready(&b));
    fake.failure = NULL;
    finish(&b);
    assert_int_equal(fake.connections, 2);
    assert_int_equal(count(&b, STORE_CREATED), 30);
    assert_true(is_ready(&b));
    tear_down(&b);
}

static void a_silent_server_costs_the_connection_and_the_time_of_one_statement(void **state)
{
    (void)state;
    struct bench b;
    set_up_unanswered(&b);
    advance_to_deadline(&b);
    assert_string_equal(reason(&b), "no answer to a statement in time");
    fake.mute_statements = false;
    finish(&b);
    assert_int_equal(fake.statements, 2 + 2 + 1); /* the first in halves */
    assert_int_equal(count(&b, STORE_CREATED), 30);
    tear_down(&b);
}

static void the_time_of_a_statement_that_was_sent_ahead_begins_when_its_turn_has_come(void **state)
{
    (void)state;
    struct bench b;
    set_up_unanswered(&b);
    fake_clock.now_us += PATIENCE_US - 1;
    fake.mute_after_one = true;
    fake.mute = false;
    advance(&b);
    assert_int_equal(store_state(b.store), STORE_ANSWERED);
    assert_int_equal(store_deadline_us(b.store), fake_clock.now_us + PATIENCE_US);
    assert_int_equal(fake.connections, 1);
    tear_down(&b);
}

static void store_some(struct bench *b)
{
    begin(b, 1);
    finish(b);
    store_end(b->store);
}

static void plans_are_kept_for_ten_seconds_of_a_connection(void **state)
{
    (void)state;
    struct bench b;
    set_up_connected(&b);
    store_some(&b);
    fake_clock.now_us += 10 * S - 1;
    store_some(&b);
    assert_int_equal(fake.discards, 0);
    fake_clock.now_us += 1;
    store_some(&b);
    store_some(&b);
    assert_int_equal(fake.discards, 1);
    fake_clock.now_us += 100 * S;
    store_some(&b);
    store_some(&b);
    assert_int_equal(fake.discards, 2);
    assert_int_equal(fake.statements, 6);
    tear_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_second_batch_is_sent_before_the_first_is_answered),
        cmocka_unit_test(a_batch_that_needs_more_statements_is_still_the_first_to_end),
        cmocka_unit_test(a_fault_of_the_database_repeats_both),
        cmocka_unit_test(a_silent_server_costs_the_connection_and_the_time_of_one_statement),
        cmocka_unit_test(the_time_of_a_statement_that_was_sent_ahead_begins_when_its_turn_has_come),
        cmocka_unit_test(plans_are_kept_for_ten_seconds_of_a_connection),
    };
    return cmocka_run_group_tests_name("store_pipeline", tests, NULL, NULL);
}
