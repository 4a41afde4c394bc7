#include "producer-tool/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* How many lines go in `us` microseconds when somebody looks every `step`. */
static int64_t sent_in(int64_t per_second, int64_t us, int64_t step)
{
    struct pace p = {.per_second = per_second};
    int64_t sent = 0;
    for (int64_t now = 1000000000; now < 1000000000 + us; now += step) {
        while (pace_allows(&p, now) && sent < 10000000) {
            pace_count(&p, now);
            sent++;
        }
    }
    return sent;
}

static void so_many_lines_go_in_a_second(void **state)
{
    (void)state;
    assert_in_range(sent_in(1000, 10000000, 100), 10000, 10060);
    assert_in_range(sent_in(1000, 10000000, 20000), 9960, 10060); /* seldom looked at */
    assert_in_range(sent_in(3, 10000000, 1000), 30, 32);
    assert_in_range(sent_in(300000, 1000000, 1000), 299000, 316000);
}

static void what_was_not_sent_for_long_is_not_made_up_for(void **state)
{
    (void)state;
    struct pace p = {.per_second = 1000};
    int sent = 0;
    pace_count(&p, 1000000000);
    while (pace_allows(&p, 2000000000)) {
        pace_count(&p, 2000000000);
        sent++;
    }
    assert_in_range(sent, 40, 60);
}

static void the_wait_ends_when_the_next_may_go(void **state)
{
    (void)state;
    struct pace p = {.per_second = 2};
    int64_t now = 1000000000;
    while (pace_allows(&p, now))
        pace_count(&p, now);
    int64_t wait = pace_wait_ms(&p, now);
    assert_in_range(wait, 1, 501);
    assert_true(pace_allows(&p, now + wait * 1000));
    assert_int_equal(pace_wait_ms(&p, now + wait * 1000), 0);
}

static void without_a_rate_everything_goes(void **state)
{
    (void)state;
    struct pace p = {0};
    pace_count(&p, 5);
    assert_true(pace_allows(&p, 5));
    assert_int_equal(pace_wait_ms(&p, 5), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(so_many_lines_go_in_a_second),
        cmocka_unit_test(what_was_not_sent_for_long_is_not_made_up_for),
        cmocka_unit_test(the_wait_ends_when_the_next_may_go),
        cmocka_unit_test(without_a_rate_everything_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
