/* Rows that PostgreSQL refuses, in the midst of good ones, and faults that are no row's. */
#include "tests/unit/store_fixture.h"

static void one_refused_row_of_a_thousand_costs_itself_and_a_few_statements(void **state)
{
    (void)state;
    for (size_t bad = 0; bad < 1000; bad += 111) {
        struct bench b;
        set_up(&b);
        fake.refusal = "23514";
        fake.constraint = "a_check";
        fake.refused[bad] = true;
        begin(&b, 1000);
        finish(&b);
        assert_int_equal(count(&b, STORE_CREATED), 999);
        assert_int_equal(b.rows[bad].verdict, STORE_INVALID);
        assert_in_range(fake.statements, 3, 2 + 2 * 10); /* two halves for each of ten halvings, a look-up */
        assert_int_equal(fake.connections, 1);
        tear_down(&b);
    }
}

static void refused_rows_at_random_places_are_all_found(void **state)
{
    (void)state;
    enum { BAD = 20 };
    unsigned seed = 4;
    for (int round = 0; round < 50; round++) {
        struct bench b;
        set_up(&b);
        fake.refusal = "P0001";
        size_t bad = 0;
        for (int i = 0; i < BAD; i++) {
            seed = seed * 1103515245U + 12345U;
            size_t at = (seed >> 8) % 1000;
            bad += !fake.refused[at];
            fake.refused[at] = true;
        }
        begin(&b, 1000);
        finish(&b);
        for (size_t i = 0; i < 1000; i++)
            assert_int_equal(b.rows[i].verdict, fake.refused[i] ? STORE_INVALID : STORE_CREATED);
        assert_in_range(fake.statements, bad + 2, 2 + bad * 2 * 10);
        tear_down(&b);
    }
}

static void a_batch_of_refused_rows_ends_too(void **state)
{
    (void)state;
    struct bench b;
    set_up(&b);
    fake.refusal = "22P02";
    memset(fake.refused, 1, sizeof fake.refused);
    begin(&b, FAKE_ROWS);
    finish(&b);
    assert_int_equal(count(&b, STORE_INVALID), FAKE_ROWS);
    tear_down(&b);
}

/* A trigger that lets nothing in any more comes before ON CONFLICT. */
static void what_is_refused_now_and_was_stored_before_is_a_replay(void **state)
{
    (void)state;
    struct bench b;
    set_up(&b);
    fake.refusal = "P0001";
    for (size_t i = 0; i < 20; i++)
        fake.refused[i] = true;
    for (size_t i = 10; i < 30; i++)
        fake.taken[i] = true;
    begin(&b, 40);
    finish(&b);
    for (size_t i = 0; i < 40; i++)
        assert_int_equal(b.rows[i].verdict, i < 10 ? STORE_INVALID : i < 30 ? STORE_REPLAYED : STORE_CREATED);
    assert_int_equal(fake.connections, 1);
    tear_down(&b);
}

static void what_cannot_be_looked_up_either_is_refused_and_costs_no_other_row(void **state)
{
    (void)state;
    struct bench b;
    set_up(&b);
    fake.refusal = "22P02";
    fake.refuses_look_up = true;
    fake.refused[3] = fake.refused[17] = true;
    for (size_t i = 10; i < 30; i++)
        fake.taken[i] = true;
    begin(&b, 40);
    finish(&b);
    assert_int_equal(count(&b, STORE_INVALID), 2);
    assert_int_equal(b.rows[3].verdict, STORE_INVALID);
    assert_int_equal(b.rows[17].verdict, STORE_INVALID);
    assert_int_equal(count(&b, STORE_REPLAYED), 19);
    assert_int_equal(count(&b, STORE_CREATED), 19);
    assert_int_equal(fake.connections, 1);
    tear_down(&b);
}

static void a_refusal_by_a_trigger_is_told_without_its_words(void **state)
{
    (void)state;
    struct bench b;
    set_up(&b);
    fake.refusal = "GL123"; /* made up by the trigger, as its name for a constraint */
    fake.context = "PL/pgSQL function canary() line 3 at RAISE";
    fake.constraint = "canary";
    fake.refused[1] = true;
    begin(&b, 3);
    finish(&b);
    assert_int_equal(b.rows[1].verdict, STORE_INVALID);
    assert_true(slice_is(b.rows[1].message, "the database refused the label: SQLSTATE GL123"));
    tear_down(&b);
}

static void wait_out(const char *refusal)
{
    struct bench b;
    set_up(&b);
    fake.refusal = refusal;
    fake.refused[1] = true;
    begin(&b, 3);
    advance(&b);
    for (int i = 0; i < 5; i++)
        advance_to_deadline(&b);
    assert_int_equal(count(&b, STORE_PENDING), 3);
    fake.refused[1] = false;
    finish(&b);
    assert_int_equal(count(&b, STORE_CREATED), 3);
    tear_down(&b);
}

static void a_code_that_nobody_knows_is_waited_out_where_no_function_raised_it(void **state)
{
    (void)state;
    wait_out("GL123");
}

/* PostgreSQL gives it the code of a check, but no name. */
static void a_row_without_a_partition_is_waited_out(void **state)
{
    (void)state;
    wait_out("23514");
}

static void a_run_that_is_deleted_in_between_is_not_found(void **state)
{
    (void)state;
    struct bench b;
    set_up(&b);
    fake.refusal = "23503";
    fake.constraint = "gold_label_run_id_fkey";
    fake.refused[7] = true;
    begin(&b, 10);
    finish(&b);
    assert_int_equal(b.rows[7].verdict, STORE_RUN_NOT_FOUND);
    assert_int_equal(count(&b, STORE_CREATED), 9);
    tear_down(&b);
}

static void a_fault_of_the_database_refuses_nothing_however_often_it_comes(void **state)
{
    (void)state;
    static const char *const FAULTS[] = {"08006", "0A000", "25006", "26000", "28P01", "40001",
                                         "40P01", "42501", "42P01", "53100", "53300", "55P03",
                                         "57P01", "58030", "P0004", "XX000", "XX001"};
    for (size_t i = 0; i < sizeof FAULTS / sizeof *FAULTS; i++) {
        struct bench b;
        set_up(&b);
        fake.failure = FAULTS[i];
        fake.context = "PL/pgSQL function f() line 1 at RAISE";
        begin(&b, 100);
        advance(&b);
        for (int j = 0; j < 20; j++) {
            assert_int_equal(count(&b, STORE_PENDING), 100);
            advance_to_deadline(&b);
        }
        fake.failure = NULL;
        finish(&b);
        assert_int_equal(count(&b, STORE_CREATED), 100);
        tear_down(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_refused_row_of_a_thousand_costs_itself_and_a_few_statements),
        cmocka_unit_test(refused_rows_at_random_places_are_all_found),
        cmocka_unit_test(a_batch_of_refused_rows_ends_too),
        cmocka_unit_test(what_is_refused_now_and_was_stored_before_is_a_replay),
        cmocka_unit_test(what_cannot_be_looked_up_either_is_refused_and_costs_no_other_row),
        cmocka_unit_test(a_refusal_by_a_trigger_is_told_without_its_words),
        cmocka_unit_test(a_code_that_nobody_knows_is_waited_out_where_no_function_raised_it),
        cmocka_unit_test(a_row_without_a_partition_is_waited_out),
        cmocka_unit_test(a_run_that_is_deleted_in_between_is_not_found),
        cmocka_unit_test(a_fault_of_the_database_refuses_nothing_however_often_it_comes),
    };
    return cmocka_run_group_tests_name("store_refusals", tests, NULL, NULL);
}
