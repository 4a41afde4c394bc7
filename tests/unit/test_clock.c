#include "common/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void the_system_clock_runs_forward(void **state)
{
    (void)state;
    const struct clock *c = clock_system();
    int64_t before = clock_monotonic_us(c);
    int64_t after = clock_monotonic_us(c);

    assert_true(before > 0);
    assert_true(after >= before);
    assert_true(clock_unix_us(c) > 1577836800000000); /* 2020 */
}

static void times_are_written_in_rfc_3339_with_microseconds(void **state)
{
    (void)state;
    static const struct {
        int64_t us;
        const char *text;
    } CASES[] = {
        {0, "1970-01-01T00:00:00.000000Z"},
        {1767319445678901, "2026-01-02T02:04:05.678901Z"},
        {1709164799999999, "2024-02-28T23:59:59.999999Z"},
        {1709164800000000, "2024-02-29T00:00:00.000000Z"},
        {-1, "1969-12-31T23:59:59.999999Z"},
        {-1000000, "1969-12-31T23:59:59.000000Z"},
        {253402300799999999, "9999-12-31T23:59:59.999999Z"},
        {253402300800000000, "9999-12-31T23:59:59.999999Z"},
        {-62135596800000000, "0001-01-01T00:00:00.000000Z"},
        {-62135596800000001, "0001-01-01T00:00:00.000000Z"},
        {INT64_MAX, "9999-12-31T23:59:59.999999Z"},
        {INT64_MIN, "0001-01-01T00:00:00.000000Z"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char text[CLOCK_TEXT_SIZE];
        clock_format(CASES[i].us, text);
        assert_string_equal(text, CASES[i].text);
    }
}

static void a_wait_lies_between_half_and_the_whole_of_the_doubled_base(void **state)
{
    (void)state;
    static const struct {
        int64_t base, max;
        unsigned attempt;
        int64_t whole;
    } CASES[] = {
        {100, 10000, 0, 100},
        {100, 10000, 1, 200},
        {100, 10000, 6, 6400},
        {100, 10000, 7, 10000},
        {100, 10000, 4000000000U, 10000},
        {500, 100, 3, 100},
        {1, 1, 9, 1},
        {1, INT64_MAX, 62, INT64_C(1) << 62},
        {3, INT64_MAX, 62, INT64_MAX},
        {INT64_MAX, INT64_MAX, 100, INT64_MAX},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        for (int round = 0; round < 200; round++) {
            int64_t wait = clock_backoff(CASES[i].base, CASES[i].max, CASES[i].attempt);
            assert_true(wait <= CASES[i].whole);
            assert_true(wait >= CASES[i].whole - CASES[i].whole / 2);
        }
    }
}

static void waits_differ(void **state)
{
    (void)state;
    int64_t least = INT64_MAX;
    int64_t most = 0;

    for (int round = 0; round < 1000; round++) {
        int64_t wait = clock_backoff(1000000, 1000000, 0);
        least = wait < least ? wait : least;
        most = wait > most ? wait : most;
    }
    assert_true(least < 550000);
    assert_true(most > 950000);
}

static void a_base_or_bound_of_nothing_is_no_wait(void **state)
{
    (void)state;
    assert_int_equal(clock_backoff(0, 1000, 3), 0);
    assert_int_equal(clock_backoff(-5, 1000, 3), 0);
    assert_int_equal(clock_backoff(10, 0, 3), 0);
    assert_int_equal(clock_backoff(10, -1, 3), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_system_clock_runs_forward),
        cmocka_unit_test(times_are_written_in_rfc_3339_with_microseconds),
        cmocka_unit_test(a_wait_lies_between_half_and_the_whole_of_the_doubled_base),
        cmocka_unit_test(waits_differ),
        cmocka_unit_test(a_base_or_bound_of_nothing_is_no_wait),
    };
    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
