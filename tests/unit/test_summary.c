#include "producer-tool/summary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct summary counted(enum summary_wait wait, uint64_t read,
                              const uint64_t outcomes[SUMMARY_OUTCOMES])
{
    struct summary s = {.wait = wait, .read = read};
    memcpy(s.outcomes, outcomes, sizeof s.outcomes);
    return s;
}

static void the_identity_holds_only_when_every_line_has_one_outcome(void **state)
{
    (void)state;
    /* stored, replayed, accepted, rejected, unknown, not_sent */
    static const struct {
        enum summary_wait wait;
        uint64_t read;
        uint64_t outcomes[SUMMARY_OUTCOMES];
        bool holds;
    } cases[] = {
        {SUMMARY_WAIT_STORED, 0, {0}, true},
        {SUMMARY_WAIT_STORED, 15, {1, 2, 0, 3, 4, 5}, true},
        {SUMMARY_WAIT_STORED, 16, {1, 2, 0, 3, 4, 5}, false},
        {SUMMARY_WAIT_STORED, 14, {1, 2, 0, 3, 4, 5}, false},
        {SUMMARY_WAIT_STORED, 16, {1, 2, 1, 3, 4, 5}, false}, /* accepted has no place here */
        {SUMMARY_WAIT_ACCEPTED, 10, {0, 0, 1, 2, 3, 4}, true},
        {SUMMARY_WAIT_ACCEPTED, 11, {0, 0, 1, 2, 3, 4}, false},
        {SUMMARY_WAIT_ACCEPTED, 11, {1, 0, 1, 2, 3, 4}, false}, /* nor stored here */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct summary s = counted(cases[i].wait, cases[i].read, cases[i].outcomes);
        if (summary_holds(&s) != cases[i].holds)
            fail_msg("case %zu", i);
    }
}

static void too_many_is_more_than_the_limit(void **state)
{
    (void)state;
    static const struct summary_limit none = {0};
    static const struct summary_limit three = {.is_set = true, .lines = 3};
    static const struct summary_limit half_percent = {.is_set = true, .per_million = 5000};
    static const struct {
        const struct summary_limit *limit;
        uint64_t read, rejected;
        bool over;
    } cases[] = {
        {&none, 10, 10, false},
        {&three, 10, 3, false},
        {&three, 10, 4, true},
        {&half_percent, SUMMARY_SHARE_FROM - 1, 999, false}, /* too early for a share */
        {&half_percent, 1000, 5, false},
        {&half_percent, 1000, 6, true},
        {&half_percent, 2000000, 10000, false},
        {&half_percent, 2000000, 10001, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct summary s = {.read = cases[i].read, .outcomes[SUMMARY_REJECTED] = cases[i].rejected};
        if (summary_is_over(&s, cases[i].limit) != cases[i].over)
            fail_msg("case %zu", i);
    }
}

static void expect_json(const struct summary *s, enum summary_end end, int64_t duration_us,
                        const char *wanted)
{
    struct buffer out = {0};
    summary_write(s, end, duration_us, &out);
    buffer_add_char(&out, '\0');
    assert_string_equal(out.at, wanted);
    buffer_dispose(&out);
}

static void the_json_has_the_members_of_the_identity(void **state)
{
    (void)state;
    struct summary s = counted(SUMMARY_WAIT_STORED, 15, (const uint64_t[SUMMARY_OUTCOMES]){1, 2, 0, 3, 4, 5});
    expect_json(&s, SUMMARY_STOPPED, 2000000,
                "{\"read\":15,\"stored\":1,\"replayed\":2,\"rejected\":3,\"unknown\":4,\"not_sent\":5,"
                "\"end\":\"stopped\",\"seconds\":2.000,\"rate\":7.5}\n");
    s.resumed = 5;
    expect_json(&s, SUMMARY_INTERRUPTED, 2000000,
                "{\"read\":15,\"stored\":1,\"replayed\":2,\"rejected\":3,\"unknown\":4,\"not_sent\":5,"
                "\"resumed\":5,\"end\":\"interrupted\",\"seconds\":2.000,\"rate\":5.0}\n");
    s = counted(SUMMARY_WAIT_ACCEPTED, 7, (const uint64_t[SUMMARY_OUTCOMES]){0, 0, 7, 0, 0, 0});
    expect_json(&s, SUMMARY_COMPLETE, 0,
                "{\"read\":7,\"accepted\":7,\"rejected\":0,\"unknown\":0,\"not_sent\":0,"
                "\"end\":\"complete\",\"seconds\":0.000,\"rate\":0.0}\n");
}

static void the_exit_code_names_the_worst_that_happened(void **state)
{
    (void)state;
    static const struct {
        uint64_t read;
        uint64_t outcomes[SUMMARY_OUTCOMES];
        enum summary_end end;
        int code;
    } cases[] = {
        {0, {0}, SUMMARY_COMPLETE, 0},
        {3, {2, 1}, SUMMARY_COMPLETE, 0},
        {3, {1, 1, 0, 1}, SUMMARY_COMPLETE, 1},
        {3, {1, 0, 0, 1, 1}, SUMMARY_COMPLETE, 3},
        {3, {1, 0, 0, 1, 0, 1}, SUMMARY_COMPLETE, 3},
        {1, {1}, SUMMARY_STOPPED, 3},
        {1, {1}, SUMMARY_INTERRUPTED, 130},
        {2, {1, 0, 0, 0, 1}, SUMMARY_INTERRUPTED, 130},
        {2, {1}, SUMMARY_COMPLETE, 3},    /* a broken identity */
        {2, {1}, SUMMARY_INTERRUPTED, 3}, /* is never hidden */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct summary s = counted(SUMMARY_WAIT_STORED, cases[i].read, cases[i].outcomes);
        if (summary_exit_code(&s, cases[i].end) != cases[i].code)
            fail_msg("case %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_identity_holds_only_when_every_line_has_one_outcome),
        cmocka_unit_test(too_many_is_more_than_the_limit),
        cmocka_unit_test(the_json_has_the_members_of_the_identity),
        cmocka_unit_test(the_exit_code_names_the_worst_that_happened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
