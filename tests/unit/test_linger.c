#include "worker/linger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MOST_US = 1000, BEGIN_US = 5000000 };

/* One that waits `took` microseconds at most after a batch of so many commands. */
static struct linger after(size_t commands, int64_t took)
{
    struct linger l = {.most_us = MOST_US};
    linger_stored(&l, commands, took, BEGIN_US);
    return l;
}

/* How long a batch waits that has `first` commands at once, and one more every `step` microseconds (0: no more). */
static int64_t waited(struct linger *l, size_t first, int64_t step)
{
    size_t commands = first;
    for (int64_t us = 0; us <= 2 * MOST_US; us++) {
        if (step > 0 && us > 0 && us % step == 0)
            commands++;
        if (!linger_waits(l, commands, BEGIN_US + us)) {
            assert_int_equal(linger_until_us(l), -1);
            return us;
        }
        assert_in_range(linger_until_us(l), BEGIN_US + us + 1, BEGIN_US + MOST_US);
    }
    return -1;
}

static void a_lone_command_does_not_wait(void **state)
{
    (void)state;
    struct linger none_before = {.most_us = MOST_US};
    assert_int_equal(waited(&none_before, 1, 10), 0);
    struct linger one_before = after(1, 500);
    assert_int_equal(waited(&one_before, 7, 10), 0);
}

static void a_batch_waits_no_longer_than_the_last_one_took(void **state)
{
    (void)state;
    struct linger l = after(2, 400);
    assert_int_equal(waited(&l, 1, 10), 400);
    linger_stored(&l, 40, 700, BEGIN_US);
    assert_int_equal(waited(&l, 1, 10), 700);
}

static void a_batch_waits_no_longer_than_it_may(void **state)
{
    (void)state;
    struct linger l = after(100, 30000000);
    assert_int_equal(waited(&l, 1, 10), MOST_US);
    l.most_us = 0;
    assert_int_equal(waited(&l, 1, 10), 0);
}

static void nothing_waits_for_a_stream_that_is_over(void **state)
{
    (void)state;
    struct linger l = after(100, 500);
    assert_false(linger_waits(&l, 3, BEGIN_US + 5001));
    assert_true(linger_waits(&l, 3, BEGIN_US + 5000));
    struct linger slow = after(100, 30000000);
    assert_false(linger_waits(&slow, 3, BEGIN_US + 10 * MOST_US + 1));
}

static void after_waits_in_vain_more_and_more_batches_do_not(void **state)
{
    (void)state;
    struct linger l = after(4, 500);
    for (int vain = 0; vain < 9; vain++) {
        assert_int_equal(waited(&l, 4, 0), 500);
        int skipped = vain < 6 ? 1 << vain : 64;
        for (int i = 0; i < skipped; i++)
            assert_int_equal(waited(&l, 4, 0), 0);
    }
}

static void a_wait_in_which_something_came_late_was_not_in_vain(void **state)
{
    (void)state;
    struct linger l = after(4, 500);
    assert_int_equal(waited(&l, 4, 0), 500); /* in vain */
    assert_int_equal(waited(&l, 4, 0), 0);
    for (int i = 0; i < 10; i++)
        assert_int_equal(waited(&l, 4, 250), 500);
    assert_int_equal(waited(&l, 4, 0), 500); /* in vain, and forgotten is the one before */
    assert_int_equal(waited(&l, 4, 0), 0);
    assert_int_equal(waited(&l, 4, 0), 500);
}

static void what_comes_in_the_first_half_only_was_there_already(void **state)
{
    (void)state;
    struct linger l = after(4, 500);
    assert_true(linger_waits(&l, 1, BEGIN_US));
    assert_true(linger_waits(&l, 4, BEGIN_US + 249));
    assert_false(linger_waits(&l, 4, BEGIN_US + 500));
    assert_false(linger_waits(&l, 4, BEGIN_US + 1000)); /* the next one */
    assert_true(linger_waits(&l, 4, BEGIN_US + 2000));
}

static void a_wait_that_is_stopped_begins_anew(void **state)
{
    (void)state;
    struct linger l = after(4, 500);
    assert_true(linger_waits(&l, 3, BEGIN_US));
    linger_stop(&l);
    assert_int_equal(linger_until_us(&l), -1);
    assert_true(linger_waits(&l, 1, BEGIN_US + 400));
    assert_int_equal(linger_until_us(&l), BEGIN_US + 900);
}

static void a_batch_that_is_filled_was_worth_waiting_for(void **state)
{
    (void)state;
    struct linger l = after(4, 500);
    assert_int_equal(waited(&l, 4, 0), 500);
    assert_int_equal(waited(&l, 4, 0), 0);
    assert_int_equal(waited(&l, 4, 0), 500);
    assert_true(l.skip > 0);
    linger_filled(&l);
    assert_int_equal(linger_until_us(&l), -1);
    assert_int_equal(waited(&l, 4, 0), 500);
    assert_int_equal(waited(&l, 4, 0), 0);
    assert_int_equal(waited(&l, 4, 0), 500);
}

static void what_is_seen_only_after_the_wait_does_not_count(void **state)
{
    (void)state;
    struct linger l = after(4, 500);
    assert_true(linger_waits(&l, 4, BEGIN_US));
    assert_false(linger_waits(&l, 9, BEGIN_US + 700));
    assert_false(linger_waits(&l, 9, BEGIN_US + 701)); /* the next one */
    assert_true(linger_waits(&l, 9, BEGIN_US + 702));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lone_command_does_not_wait),
        cmocka_unit_test(a_batch_waits_no_longer_than_the_last_one_took),
        cmocka_unit_test(a_batch_waits_no_longer_than_it_may),
        cmocka_unit_test(nothing_waits_for_a_stream_that_is_over),
        cmocka_unit_test(after_waits_in_vain_more_and_more_batches_do_not),
        cmocka_unit_test(a_wait_in_which_something_came_late_was_not_in_vain),
        cmocka_unit_test(what_comes_in_the_first_half_only_was_there_already),
        cmocka_unit_test(a_batch_that_is_filled_was_worth_waiting_for),
        cmocka_unit_test(what_is_seen_only_after_the_wait_does_not_count),
        cmocka_unit_test(a_wait_that_is_stopped_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
