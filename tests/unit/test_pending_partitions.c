#include "ingress/pending.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct waiter waiter(unsigned number, int64_t deadline_us)
{
    struct waiter w = {.deadline_us = deadline_us, .give_up_us = deadline_us + 50, .party = number};
    w.correlation[0] = (uint8_t)number;
    return w;
}

enum { MS = 1000, S = 1000 * MS };

/* A command for partition 0, or for 1 where that stands still: there the result comes at once. */
static int32_t place(struct pending *p, struct waiter w, int64_t now_us)
{
    struct waiter out;
    void *ticket = NULL;
    w.produced_us = now_us;
    assert_int_equal(pending_add(p, &w, &ticket), STATUS_OK);
    if (pending_place(p, ticket, 0, false, now_us))
        return 0;
    assert_true(pending_place(p, ticket, 1, false, now_us));
    assert_true(pending_take(p, w.correlation, now_us, &out));
    assert_int_equal(out.partition, 1);
    return 1;
}

static void a_partition_without_results_is_passed_but_for_a_try_each_second(void **state)
{
    (void)state;
    struct pending *p = pending_new(100, 100000);
    struct waiter out;
    assert_int_equal(place(p, waiter(0, 5 * S), 0), 0);
    assert_int_equal(place(p, waiter(1, 5 * S), 249 * MS), 0);
    assert_int_equal(place(p, waiter(2, 5 * S), 250 * MS), 1);
    assert_int_equal(place(p, waiter(3, 5 * S), 1249 * MS), 1);
    assert_int_equal(place(p, waiter(4, 5 * S), 1250 * MS), 0); /* a try */
    assert_int_equal(place(p, waiter(5, 5 * S), 1251 * MS), 1);
    /* A late result is no sign: there is more in front. One in time is. */
    assert_true(pending_take(p, waiter(0, 0).correlation, 1300 * MS, &out));
    assert_int_equal(out.partition, 0);
    assert_int_equal(place(p, waiter(6, 5 * S), 1301 * MS), 1);
    assert_true(pending_take(p, waiter(4, 0).correlation, 1400 * MS, &out));
    assert_int_equal(place(p, waiter(7, 5 * S), 1401 * MS), 0);
    pending_free(p);
}

static void a_wait_in_vain_is_remembered_when_nobody_waits_any_more(void **state)
{
    (void)state;
    struct pending *p = pending_new(100, 100000);
    struct waiter out;
    assert_int_equal(place(p, waiter(0, 2 * S), 0), 0);
    assert_false(
        pending_expire(p, 2 * S - 1, &out)); /* its report is missing: it stays until it is given up */
    assert_true(pending_expire(p, 10 * S, &out));
    assert_int_equal(place(p, waiter(1, 20 * S), 10 * S + 1), 1);
    assert_int_equal(place(p, waiter(2, 20 * S), 11 * S), 0);
    pending_free(p);
}

static void what_ends_for_another_reason_says_nothing_about_its_partition(void **state)
{
    (void)state;
    struct pending *p = pending_new(100, 100000);
    struct waiter out;
    struct waiter w = waiter(0, 5 * S);
    void *ticket = NULL;
    assert_int_equal(pending_add(p, &w, &ticket), STATUS_OK);
    assert_true(pending_place(p, ticket, 0, false, 0));
    assert_true(pending_take_ticket(p, ticket, &out));  /* not delivered */
    assert_true(pending_place(p, ticket, 0, false, 0)); /* late, and of no interest */
    assert_int_equal(place(p, waiter(1, 5 * S), S), 0);
    /* Placed anew: only the last place counts. */
    assert_int_equal(pending_add(p, &w, &ticket), STATUS_OK);
    assert_true(pending_place(p, ticket, 2, false, S));
    assert_true(pending_place(p, ticket, 3, true, S));
    assert_true(pending_take(p, w.correlation, S, &out));
    assert_int_equal(out.partition, 3);
    assert_int_equal(pending_add(p, &w, &ticket), STATUS_OK);
    assert_true(pending_place(p, ticket, 2, false, 9 * S));
    pending_free(p);
}

/* Their results come to nobody, so that nothing would say that the partition moves. */
static void who_waits_for_no_result_says_nothing_about_a_partition(void **state)
{
    (void)state;
    struct pending *p = pending_new(100, 100000);
    struct waiter w = waiter(1, 5 * S);
    void *ticket = NULL;
    w.preference.respond_async = true;
    assert_int_equal(pending_add(p, &w, &ticket), STATUS_OK);
    assert_true(pending_place(p, ticket, 0, false, 0));
    assert_int_equal(place(p, waiter(2, 5 * S), S), 0);
    assert_int_equal(place(p, waiter(3, 5 * S), S + 249 * MS), 0);
    assert_int_equal(place(p, waiter(4, 5 * S), S + 250 * MS), 1);
    w = waiter(5, 5 * S);
    w.preference.respond_async = true;
    assert_int_equal(pending_add(p, &w, &ticket), STATUS_OK);
    assert_true(pending_place(p, ticket, 0, false, S + 250 * MS));
    pending_free(p);
}

static void where_all_stand_still_one_must_do(void **state)
{
    (void)state;
    struct pending *p = pending_new(100, 100000);
    struct waiter w = waiter(1, 5 * S);
    void *ticket = NULL;
    assert_int_equal(place(p, waiter(0, 5 * S), 0), 0);
    assert_int_equal(pending_add(p, &w, &ticket), STATUS_OK);
    assert_false(pending_place(p, ticket, 0, false, S - 1));
    assert_true(pending_place(p, ticket, 0, true, S - 1));
    assert_true(pending_place(p, ticket, INT32_MAX, false, S)); /* not one of those that are watched */
    pending_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_partition_without_results_is_passed_but_for_a_try_each_second),
        cmocka_unit_test(a_wait_in_vain_is_remembered_when_nobody_waits_any_more),
        cmocka_unit_test(what_ends_for_another_reason_says_nothing_about_its_partition),
        cmocka_unit_test(who_waits_for_no_result_says_nothing_about_a_partition),
        cmocka_unit_test(where_all_stand_still_one_must_do),
    };
    return cmocka_run_group_tests_name("pending_partitions", tests, NULL, NULL);
}
