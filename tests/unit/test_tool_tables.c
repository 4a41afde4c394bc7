/* What the producer tool shows to people: the bar, tables, places, bytes of dead letters, the state of a cluster. */
#include "producer-tool/cluster_state.h"
#include "producer-tool/letter_dump.h"
#include "producer-tool/place.h"
#include "producer-tool/progress.h"
#include "producer-tool/result_print.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect_text(struct buffer *b, const char *wanted)
{
    buffer_add_char(b, '\0');
    assert_string_equal(b->at, wanted);
    buffer_dispose(b);
}

static void the_bar_says_how_far_how_fast_and_how_long(void **state)
{
    (void)state;
    const struct progress p = {.size = 1000, .start_us = 0};
    const struct summary s = {
        .read = 5000,
        .outcomes = {[SUMMARY_STORED] = 4000, [SUMMARY_REPLAYED] = 900, [SUMMARY_REJECTED] = 25}};
    struct buffer out = {0};
    progress_format(&p, &s, 250, 2000000, 200, &out);
    expect_text(&out, "[#####...............]  25 %  4,900 stored, 25 rejected  2,500/s  0:06 left");
    out = (struct buffer){0};
    progress_format(&p, &s, 250, 2000000, 10, &out);
    expect_text(&out, "[#####....");
}

static void without_a_size_there_are_counts_only(void **state)
{
    (void)state;
    const struct progress p = {0};
    const struct summary s = {
        .wait = SUMMARY_WAIT_ACCEPTED, .read = 1234567, .outcomes = {[SUMMARY_ACCEPTED] = 1234567}};
    struct buffer out = {0};
    progress_format(&p, &s, 1, 1000000, 200, &out);
    expect_text(&out, "1,234,567 accepted, 0 rejected  1,234,567/s");
}

static void a_cell_is_cut_filled_and_harmless(void **state)
{
    (void)state;
    static const struct {
        const char *text, *cell;
    } cases[] = {
        {"abc", "abc    "},      {"abcdef", "abcd…  "},   {"", "       "}, {"\xc3\xa4\xc3\xa4", "ää     "},
        {"a\x1b[2J", "a?[2J  "}, {"\xc2\x9b", "??     "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buffer out = {0};
        table_add_cell(&out, slice_of(cases[i].text), 5);
        if (i == 5) { /* a C1 control is two bytes, and one column */
            assert_null(memchr(out.at, 0x9b, out.len));
            buffer_dispose(&out);
            continue;
        }
        expect_text(&out, cases[i].cell);
    }
    struct buffer out = {0};
    table_add_cell(&out, slice_of("\xff"), 12);
    expect_text(&out, "(not UTF-8)   ");
}

static void places_are_words_offsets_times_and_ages(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        enum place_kind kind;
        int64_t number;
    } cases[] = {
        {"oldest", true, PLACE_OLDEST, 0},
        {"end", true, PLACE_END, 0},
        {"0", true, PLACE_OFFSET, 0},
        {"123456789012", true, PLACE_OFFSET, 123456789012},
        {"2026-01-02T03:04:05Z", true, PLACE_TIME, 1767323045000},
        {"2026-01-02T03:04Z", true, PLACE_TIME, 1767323040000},
        {"2026-01-02", true, PLACE_TIME, 1767312000000},
        {"2028-02-29", true, PLACE_TIME, 1835395200000},
        {"15m", true, PLACE_TIME, 1000000000000 - 900000},
        {"7d", true, PLACE_TIME, 1000000000000 - 604800000},
        {"99999999999d", true, PLACE_TIME, 0},
        {"", false, 0, 0},
        {"-1", false, 0, 0},
        {"m", false, 0, 0},
        {"1w", false, 0, 0},
        {"2026-13-02", false, 0, 0},
        {"2026-02-30", false, 0, 0},
        {"2026-04-31T00:00Z", false, 0, 0},
        {"2026-01-02T03:04:60Z", false, 0, 0},
        {"2026-01-02T03:04:05", false, 0, 0},
        {"newest", false, 0, 0},
        {"99999999999999999999d", false, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct place p;
        bool ok = place_parse(cases[i].text, 1000000000000, &p);
        if (ok != cases[i].ok || (ok && (p.kind != cases[i].kind || p.number != cases[i].number)))
            fail_msg("%s: %d %lld", cases[i].text, ok, (long long)p.number);
    }
}

static void bytes_are_shown_in_rows_up_to_a_bound(void **state)
{
    (void)state;
    struct buffer out = {0};
    letter_dump(SLICE_LITERAL("0123456789abcdefX\n\xff"
                              "more"),
                19, &out);
    expect_text(&out, "  000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  0123456789abcdef\n"
                      "  000010  58 0a ff                                         X..\n"
                      "  … 4 more bytes\n");
}

static void lag_and_age_are_those_of_what_is_not_done(void **state)
{
    (void)state;
    struct state_partition partitions[] = {
        {.range = {0, 10}, .committed = 4, .age_ms = 3000},
        {.range = {5, 10}, .committed = -1, .age_ms = 9000},  /* a new group begins at the oldest */
        {.range = {7, 10}, .committed = 2, .age_ms = -1},     /* what it had not read was deleted */
        {.range = {0, 10}, .committed = 10, .age_ms = 99999}, /* done */
        {.range = {0, 0}, .committed = -1, .age_ms = -1},
        {.range = {0, 10}, .committed = 4, .first = 8, .age_ms = 5},   /* an aborted transaction is between */
        {.range = {0, 10}, .committed = 4, .first = 10, .age_ms = -1}, /* nothing else is behind it */
    };
    struct cluster_state s = {.partitions = partitions, .n_partitions = 7};
    cluster_state_sum(&s);
    assert_int_equal(partitions[0].lag, 6);
    assert_int_equal(partitions[1].lag, 5);
    assert_int_equal(partitions[2].lag, 3);
    assert_int_equal(partitions[3].lag, 0);
    assert_int_equal(partitions[4].lag, 0);
    assert_int_equal(partitions[5].lag, 2);
    assert_int_equal(partitions[6].lag, 0);
    assert_int_equal(s.lag, 16);
    assert_int_equal(s.oldest_ms, 9000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bar_says_how_far_how_fast_and_how_long),
        cmocka_unit_test(without_a_size_there_are_counts_only),
        cmocka_unit_test(a_cell_is_cut_filled_and_harmless),
        cmocka_unit_test(places_are_words_offsets_times_and_ages),
        cmocka_unit_test(bytes_are_shown_in_rows_up_to_a_bound),
        cmocka_unit_test(lag_and_age_are_those_of_what_is_not_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
