#include "common/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define N(array) (sizeof(array) / sizeof((array)[0]))

static void well_formed_utf8_is_told_from_everything_else(void **state)
{
    (void)state;
    static const struct {
        struct slice text;
        bool good;
    } CASES[] = {
        {{"", 0}, true},
        {{"plain", 5}, true},
        {{"a\0b", 3}, true},
        {{"\xC2\x80", 2}, true},
        {{"\xDF\xBF", 2}, true},
        {{"\xE0\xA0\x80", 3}, true},
        {{"\xED\x9F\xBF", 3}, true},
        {{"\xEE\x80\x80", 3}, true},
        {{"\xEF\xBF\xBF", 3}, true},
        {{"\xF0\x90\x80\x80", 4}, true},
        {{"\xF4\x8F\xBF\xBF", 4}, true},
        {{"\x80", 1}, false},             /* a tail alone */
        {{"\xC3", 1}, false},             /* cut off */
        {{"\xE2\x82", 2}, false},         /* cut off */
        {{"\xF0\x9F\x98", 3}, false},     /* cut off */
        {{"\xC0\x80", 2}, false},         /* overlong */
        {{"\xC1\xBF", 2}, false},         /* overlong */
        {{"\xE0\x9F\xBF", 3}, false},     /* overlong */
        {{"\xF0\x8F\xBF\xBF", 4}, false}, /* overlong */
        {{"\xED\xA0\x80", 3}, false},     /* U+D800 */
        {{"\xED\xBF\xBF", 3}, false},     /* U+DFFF */
        {{"\xF4\x90\x80\x80", 4}, false}, /* above U+10FFFF */
        {{"\xF5\x80\x80\x80", 4}, false},
        {{"\xFF", 1}, false},
        {{"\xC3(", 2}, false},
        {{"\xE2\x82(", 3}, false},
        {{"\xF0\x9F\x98(", 4}, false},
    };

    /* At every distance from the eight bytes that are looked at together. */
    for (size_t i = 0; i < N(CASES); i++) {
        for (size_t before = 0; before < 17; before++) {
            char text[32];
            memset(text, 'x', sizeof text);
            memcpy(text + before, CASES[i].text.at, CASES[i].text.len);
            bool at_end = text_is_utf8(slice_make(text, before + CASES[i].text.len));
            assert_int_equal(at_end, CASES[i].good);
            assert_int_equal(text_is_utf8(slice_make(text, sizeof text)), CASES[i].good);
        }
    }
}

static void the_end_of_a_text_is_not_read_over(void **state)
{
    (void)state;
    for (size_t len = 0; len < 20; len++) {
        char *text = malloc(len + 1); /* the sanitizer watches what lies behind */
        assert_non_null(text);
        memset(text, 'x', len);
        char *exact = realloc(text, len ? len : 1);
        assert_non_null(exact);
        struct slice s = slice_make(exact, len);
        assert_true(text_is_utf8(s));
        assert_int_equal(text_characters(s), len);
        if (len > 0) {
            exact[len - 1] = '\xF0';
            assert_false(text_is_utf8(s));
            assert_int_equal(text_prefix(s, len).len, len - 1);
        }
        free(exact);
    }
}

static void lengths_count_characters_not_bytes(void **state)
{
    (void)state;
    assert_int_equal(text_characters(SLICE_LITERAL("")), 0);
    assert_int_equal(text_characters(SLICE_LITERAL("twelve bytes")), 12);
    assert_int_equal(text_characters(SLICE_LITERAL("äöüäöüäöüäöü")), 12);
    assert_int_equal(text_characters(SLICE_LITERAL("a€b€c€d€")), 8);
    assert_int_equal(text_characters(SLICE_LITERAL("😀😀😀😀😀 and more")), 14);
}

static void every_white_space_character_is_blank(void **state)
{
    (void)state;
    static const char *const BLANK[] = {
        "",       "\t",     "\n",     "\v",     "\f",     "\r",     " ",      "\xC2\x85", "\u00A0",
        "\u1680", "\u2000", "\u2005", "\u200A", "\u2028", "\u2029", "\u202F", "\u205F",   "\u3000",
    };
    for (size_t i = 0; i < N(BLANK); i++) {
        assert_true(text_is_blank(slice_of(BLANK[i])));
        char text[16];
        snprintf(text, sizeof text, " %s", BLANK[i]);
        assert_true(text_is_blank(slice_of(text)));
        snprintf(text, sizeof text, " %sx", BLANK[i]);
        assert_false(text_is_blank(slice_of(text)));
    }
}

static void neighbours_of_white_space_are_not_blank(void **state)
{
    (void)state;
    static const char *const OTHERS[] = {
        "\b",     "\x0E",   "\x1F",   "!",      "\xC2\x86", "\u00A1", "\u167F", "\u1681", "\u180E", "\u1FFF",
        "\u200B", "\u2027", "\u2030", "\u205E", "\u2060",   "\u2FFF", "\u3001", "\uFEFF", "😀",
    };
    for (size_t i = 0; i < N(OTHERS); i++)
        assert_false(text_is_blank(slice_of(OTHERS[i])));
    assert_false(text_is_blank(slice_make((const char[]){'\xE2', '\x80', '\xAA'}, 3))); /* U+202A */
    assert_false(text_is_blank(slice_make("\0", 1)));
}

static void controls_are_found_in_both_blocks(void **state)
{
    (void)state;
    static const char *const WITH[] = {"\x01", "a\n", "\x1F", "a\x7F", "\xC2\x80", "a\xC2\x85", "\xC2\x9F"};
    static const char *const WITHOUT[] = {"", " ", "~", "\u00A0", "\u0100", "äöü", "\u2028"};
    for (size_t i = 0; i < N(WITH); i++)
        assert_true(text_has_control(slice_of(WITH[i])));
    for (size_t i = 0; i < N(WITHOUT); i++)
        assert_false(text_has_control(slice_of(WITHOUT[i])));
    assert_true(text_has_control(slice_make("a\0", 2)));
}

static void only_ascii_letters_lose_their_case(void **state)
{
    (void)state;
    assert_true(text_equal_nocase(SLICE_LITERAL("BeAReR"), "bearer"));
    assert_true(text_equal_nocase(SLICE_LITERAL(""), ""));
    assert_false(text_equal_nocase(SLICE_LITERAL("bearer "), "bearer"));
    assert_false(text_equal_nocase(SLICE_LITERAL("beare"), "bearer"));
    assert_false(text_equal_nocase(SLICE_LITERAL("@"), "`"));
    assert_false(text_equal_nocase(SLICE_LITERAL("["), "{"));
    assert_false(text_equal_nocase(SLICE_LITERAL("Ä"), "ä"));
    assert_false(text_equal_nocase(SLICE_NONE, ""));
}

static void a_prefix_ends_between_characters(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t max, len;
    } CASES[] = {
        {"abc", 0, 0}, {"abc", 2, 2}, {"abc", 3, 3}, {"abc", 9, 3}, {"aä", 2, 1}, {"aä", 3, 3},
        {"€", 1, 0},   {"€", 2, 0},   {"€", 3, 3},   {"x😀", 4, 1},  {"x😀", 5, 5}, {"x😀y", 5, 5},
    };
    for (size_t i = 0; i < N(CASES); i++)
        assert_int_equal(text_prefix(slice_of(CASES[i].text), CASES[i].max).len, CASES[i].len);
}

static void a_character_that_was_cut_before_is_left_out_of_the_prefix(void **state)
{
    (void)state;
    assert_int_equal(text_prefix(SLICE_LITERAL("x\xF0\x9F\x98"), 4).len, 1);
    assert_int_equal(text_prefix(SLICE_LITERAL("x\xC3"), 10).len, 1);
}

static void decimal_numbers_are_read_within_their_bound(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t max;
        bool good;
        uint64_t value;
    } CASES[] = {
        {"0", 0, true, 0},
        {"7", 7, true, 7},
        {"30", 30, true, 30},
        {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, false, 0},
        {"99999999999999999999999", UINT64_MAX, false, 0},
        {"31", 30, false, 0},
        {"8", 7, false, 0},
        {"1", 0, false, 0},
        {"", 9, false, 0},
        {"00", 9, false, 0},
        {"07", 9, false, 0},
        {"+1", 9, false, 0},
        {"-1", 9, false, 0},
        {" 1", 9, false, 0},
        {"1 ", 9, false, 0},
        {"1.0", 9, false, 0},
        {"0x1", 9, false, 0},
        {"٣", 9, false, 0},
    };
    for (size_t i = 0; i < N(CASES); i++) {
        uint64_t value = 77;
        assert_int_equal(text_to_u64(slice_of(CASES[i].text), CASES[i].max, &value), CASES[i].good);
        assert_int_equal(value, CASES[i].good ? CASES[i].value : 77);
    }
}

static void a_number_is_written_in_digits_and_read_again(void **state)
{
    (void)state;
    static const uint64_t NUMBERS[] = {0, 7, 10, 99, 100, 4294967296, UINT64_MAX / 10, UINT64_MAX};
    for (size_t i = 0; i < sizeof NUMBERS / sizeof NUMBERS[0]; i++) {
        char text[TEXT_U64_MAX];
        char wanted[TEXT_U64_MAX + 1];
        uint64_t again = 1;
        snprintf(wanted, sizeof wanted, "%llu", (unsigned long long)NUMBERS[i]);
        struct slice written = slice_make(text, text_of_u64(NUMBERS[i], text));
        assert_true(slice_is(written, wanted));
        assert_true(text_to_u64(written, UINT64_MAX, &again));
        assert_true(again == NUMBERS[i]);
    }
}

static void bytes_that_are_no_utf_8_are_found_at_every_place_of_a_long_text(void **state)
{
    (void)state;
    char text[100];
    for (size_t len = 1; len <= sizeof text; len++) {
        memset(text, 'a', sizeof text);
        assert_true(text_is_utf8(slice_make(text, len)));
        for (size_t i = 0; i < len; i++) {
            text[i] = '\x80';
            assert_false(text_is_utf8(slice_make(text, len)));
            text[i] = 'a';
        }
    }
}

static void brokers_are_what_librdkafka_takes_in_full(void **state)
{
    (void)state;
    static const char *const TAKEN[] = {
        "a",     "a:1",        "a:65535",       "a:9092,b",     " a:9092 , b:9092,",        "::1",
        "[::1]", "[::1]:9092", "10.0.0.1:9092", "ssl://a:9093", "SASL_SSL://a:9093/path,b", "a,,b",
    };
    static const char *const REFUSED[] = {
        "",        ",",         " , ",           "a:0",  "a:65536",       "a:99999",
        "a:",      "a:x",       "a:9092x",       "a:-1", "a:9092;b:9092", "a:1\nb:2",
        "a:1 b:2", "a b",       "http://a:9092", "://a", "a,b:0",         "a:0,b",
        "[::1]:0", "ssl://a:0", "a\tb",
    };
    for (size_t i = 0; i < sizeof TAKEN / sizeof *TAKEN; i++) {
        if (!text_is_broker_list(slice_of(TAKEN[i])))
            fail_msg("refused: %s", TAKEN[i]);
    }
    for (size_t i = 0; i < sizeof REFUSED / sizeof *REFUSED; i++) {
        if (text_is_broker_list(slice_of(REFUSED[i])))
            fail_msg("taken: %s", REFUSED[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(well_formed_utf8_is_told_from_everything_else),
        cmocka_unit_test(the_end_of_a_text_is_not_read_over),
        cmocka_unit_test(lengths_count_characters_not_bytes),
        cmocka_unit_test(every_white_space_character_is_blank),
        cmocka_unit_test(neighbours_of_white_space_are_not_blank),
        cmocka_unit_test(controls_are_found_in_both_blocks),
        cmocka_unit_test(only_ascii_letters_lose_their_case),
        cmocka_unit_test(a_prefix_ends_between_characters),
        cmocka_unit_test(a_character_that_was_cut_before_is_left_out_of_the_prefix),
        cmocka_unit_test(decimal_numbers_are_read_within_their_bound),
        cmocka_unit_test(a_number_is_written_in_digits_and_read_again),
        cmocka_unit_test(bytes_that_are_no_utf_8_are_found_at_every_place_of_a_long_text),
        cmocka_unit_test(brokers_are_what_librdkafka_takes_in_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
