/* A database that does not answer, answers too late, or cannot do so much at a time. */
#include "tests/unit/store_fixture.h"

static const int64_t PATIENCE_US = (FAKE_TIMEOUT_MS + FAKE_GRACE_MS) * INT64_C(1000);

static void a_server_that_never_answers_a_connection_is_given_up(void **state)
{
    (void)state;
    struct bench b;
    set_up(&b);
    fake.mute_connecting = true;
    advance(&b);
    int64_t deadline = store_deadline_us(b.store);
    assert_in_range(deadline, fake_clock.now_us + 10 * S + 1, fake_clock.now_us + 15 * S);
    fake_clock.now_us = deadline - 1;
    advance(&b);
    assert_string_equal(reason(&b), "not connected yet");
    advance_to_deadline(&b);
    assert_string_equal(reason(&b), "no connection in time");
    assert_int_equal(store_fd(b.store, &(short){0}), -1);
    fake.mute_connecting = false;
    advance_to_deadline(&b);
    assert_int_equal(fake.connections, 2);
    assert_int_equal(store_state(b.store), STORE_IDLE);
    assert_true(is_ready(&b));
    tear_down(&b);
}

static void every_address_of_a_host_has_its_time(void **state)
{
    (void)state;
    struct bench b;
    set_up(&b);
    fake.mute_connecting = true;
    advance(&b);
    int64_t first = store_deadline_us(b.store);
    fake_clock.now_us = first - 1;
    fake.address = "192.0.2.2";
    advance(&b);
    assert_true(store_deadline_us(b.store) >= first + 9 * S);
    fake_clock.now_us = first;
    advance(&b);
    assert_int_equal(fake.connections, 1);
    advance_to_deadline(&b);
    assert_string_equal(reason(&b), "no connection in time");
    tear_down(&b);
}

static void a_server_that_falls_silent_while_the_connection_is_set_up_is_given_up(void **state)
{
    (void)state;
    struct bench b;
    set_up(&b);
    fake.mute_setting_up = true;
    advance(&b);
    assert_int_equal(store_deadline_us(b.store), fake_clock.now_us + PATIENCE_US);
    advance_to_deadline(&b);
    assert_string_equal(reason(&b), "no answer in time while the connection was set up");
    fake.mute_setting_up = false;
    advance_to_deadline(&b);
    assert_true(is_ready(&b));
    tear_down(&b);
}

static void a_pooler_that_gives_us_a_session_of_another_is_named(void **state)
{
    (void)state;
    struct bench b;
    set_up(&b);
    fake.not_prepared = "42P05";
    advance(&b);
    assert_string_equal(reason(&b),
                        "a new session has our prepared statements: a pooler must be in session mode");
    fake.not_prepared = NULL;
    advance_to_deadline(&b);
    assert_true(is_ready(&b));
    tear_down(&b);
}

static void the_session_gets_the_timeout_of_the_settings(void **state)
{
    (void)state;
    struct bench b;
    set_up(&b);
    advance(&b);
    assert_string_equal(fake.statement_timeout, "30000");
    tear_down(&b);
}

static void a_statement_without_an_answer_costs_the_connection_and_no_row(void **state)
{
    (void)state;
    struct bench b;
    set_up(&b);
    advance(&b);
    begin(&b, 1000);
    fake.mute_statements = true;
    advance(&b);
    assert_int_equal(fake.statements, 1);
    assert_int_equal(store_deadline_us(b.store), fake_clock.now_us + PATIENCE_US);
    fake_clock.now_us += PATIENCE_US - 1;
    advance(&b);
    assert_int_equal(fake.connections, 1);
    assert_true(is_ready(&b));
    fake_clock.now_us += 1;
    advance(&b);
    assert_false(is_ready(&b));
    assert_string_equal(reason(&b), "no answer to a statement in time");
    assert_int_equal(store_state(b.store), STORE_WORKING);
    fake.mute_statements = false;
    finish(&b);
    assert_int_equal(fake.connections, 2);
    assert_int_equal(count(&b, STORE_CREATED), 1000);
    assert_true(is_ready(&b));
    tear_down(&b);
}

static void an_answer_that_came_while_we_were_frozen_counts(void **state)
{
    (void)state;
    struct bench b;
    set_up(&b);
    advance(&b);
    begin(&b, 10);
    fake.mute_statements = true;
    advance(&b);
    fake.mute = fake.mute_statements = false;
    fake_clock.now_us += 10 * PATIENCE_US;
    advance(&b);
    assert_int_equal(store_state(b.store), STORE_ANSWERED);
    assert_int_equal(fake.connections, 1);
    tear_down(&b);
}

static void what_takes_too_long_is_done_in_smaller_parts(void **state)
{
    (void)state;
    static const char *const TOO_MUCH[] = {"57014", "53200", "53400"};
    for (size_t i = 0; i < sizeof TOO_MUCH / sizeof *TOO_MUCH; i++) {
        struct bench b;
        set_up(&b);
        advance(&b);
        begin(&b, 1000);
        fake.failure = TOO_MUCH[i];
        fake.failure_above = 300;
        advance(&b);
        assert_int_equal(store_state(b.store), STORE_ANSWERED);
        assert_int_equal(count(&b, STORE_CREATED), 1000);
        assert_int_equal(fake.statements, 7); /* 1000; 500, 250, 250; 500, 250, 250 */
        assert_int_equal(fake.connections, 1);
        tear_down(&b);
    }
}

static void a_lone_row_that_takes_too_long_is_tried_again_and_never_refused(void **state)
{
    (void)state;
    struct bench b;
    set_up(&b);
    advance(&b);
    begin(&b, 3);
    fake.failure = "57014";
    advance(&b);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(count(&b, STORE_PENDING), 3);
        assert_int_equal(store_state(b.store), STORE_WORKING);
        assert_false(is_ready(&b));
        advance_to_deadline(&b);
    }
    assert_string_equal(reason(&b), "statement failed, SQLSTATE 57014");
    fake.failure = NULL;
    finish(&b);
    assert_int_equal(count(&b, STORE_CREATED), 3);
    tear_down(&b);
}

static void a_look_up_that_takes_too_long_is_done_in_smaller_parts(void **state)
{
    (void)state;
    struct bench b;
    set_up(&b);
    advance(&b);
    begin(&b, 100);
    memset(fake.taken, 1, 100);
    fake.mute_statements = true;
    advance(&b);
    fake.mute = fake.mute_statements = false; /* the insert is answered; look-ups of more than 30 rows fail */
    fake.failure = "57014";
    fake.failure_above = 30;
    advance(&b);
    assert_int_equal(store_state(b.store), STORE_ANSWERED);
    assert_int_equal(count(&b, STORE_REPLAYED), 100);
    assert_int_equal(fake.statements, 1 + 2 + 4); /* 100, 50; 25 four times */
    tear_down(&b);
}

static void a_connection_alone_does_not_make_ready_what_fails(void **state)
{
    (void)state;
    struct bench b;
    set_up(&b);
    advance(&b);
    assert_true(is_ready(&b));
    begin(&b, 10);
    fake.failure = "42501";
    advance(&b);
    assert_false(is_ready(&b));
    fake.mute_statements = true;
    advance_to_deadline(&b);
    assert_int_equal(fake.statements, 2); /* connected again, the repetition is under way */
    assert_false(is_ready(&b));
    assert_string_equal(reason(&b), "statement failed, SQLSTATE 42501");
    fake.failure = NULL;
    fake.mute = fake.mute_statements = false;
    finish(&b);
    assert_true(is_ready(&b));
    tear_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_never_answers_a_connection_is_given_up),
        cmocka_unit_test(every_address_of_a_host_has_its_time),
        cmocka_unit_test(a_server_that_falls_silent_while_the_connection_is_set_up_is_given_up),
        cmocka_unit_test(a_pooler_that_gives_us_a_session_of_another_is_named),
        cmocka_unit_test(the_session_gets_the_timeout_of_the_settings),
        cmocka_unit_test(a_statement_without_an_answer_costs_the_connection_and_no_row),
        cmocka_unit_test(an_answer_that_came_while_we_were_frozen_counts),
        cmocka_unit_test(what_takes_too_long_is_done_in_smaller_parts),
        cmocka_unit_test(a_lone_row_that_takes_too_long_is_tried_again_and_never_refused),
        cmocka_unit_test(a_look_up_that_takes_too_long_is_done_in_smaller_parts),
        cmocka_unit_test(a_connection_alone_does_not_make_ready_what_fails),
    };
    return cmocka_run_group_tests_name("store_watchdog", tests, NULL, NULL);
}
