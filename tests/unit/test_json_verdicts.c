#include "common/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define DEPTH 8

/* A buffer's bytes in memory of exactly that size, so that the sanitizer sees every read behind the end. */
static struct slice exact(struct slice s)
{
    char *at = malloc(s.len ? s.len : 1);
    assert_non_null(at);
    if (s.len > 0)
        memcpy(at, s.at, s.len);
    return slice_make(at, s.len);
}

static status read_object(struct slice text, struct fault *f)
{
    struct arena *a = arena_new(512);
    assert_non_null(a);
    struct slice copy = exact(text);
    status st = json_read_object(copy, DEPTH, a, NULL, NULL, f);
    free((void *)copy.at);
    arena_free(a);
    return st;
}

#define GOOD STATUS_OK, NULL
#define NOT_JSON STATUS_MALFORMED, "malformed_json"
#define NOT_UTF8 STATUS_MALFORMED, "not_utf8"
#define BROKEN(code) STATUS_INVALID, code
#define TEXT(literal)                                                                                        \
    {                                                                                                        \
        literal, sizeof(literal) - 1                                                                         \
    }

static const struct verdict {
    struct slice text;
    status st;
    const char *code;
} VERDICTS[] = {
    /* RFC 8259 */
    {TEXT("{}"), GOOD},
    {TEXT(" \t\r\n{ \t\r\n} \t\r\n"), GOOD},
    {TEXT("{\"a\":1}"), GOOD},
    {TEXT("{\"\":\"\"}"), GOOD},
    {TEXT("{\"a\":null,\"b\":true,\"c\":false,\"d\":[],\"e\":{},\"f\":\"\",\"g\":0}"), GOOD},
    {TEXT("{\"a\":[1,\"x\",null,[true],{\"b\":[]}]}"), GOOD},
    {TEXT("{\"a\":-0}"), GOOD},
    {TEXT("{\"a\":-0.0e-0}"), GOOD},
    {TEXT("{\"a\":1E+2}"), GOOD},
    {TEXT("{\"a\":123456789012345678901234567890.10}"), GOOD},
    {TEXT("{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\"}"), GOOD},
    {TEXT("{\"a\":\"\\uD83D\\uDE00\\ud83d\\ude00\"}"), GOOD},
    {TEXT("{\"a\":\"\\\\u0000 \\\\ud800\"}"), GOOD},
    {TEXT("{\"a\":\"\x7F\xC2\x80\xE2\x80\xA8\xEF\xBF\xBF\xF4\x8F\xBF\xBF\"}"), GOOD},
    {TEXT("{\"a\":\"/*no comment*/\"}"), GOOD},
    {TEXT(""), NOT_JSON},
    {TEXT(" \n\t"), NOT_JSON},
    {TEXT("\xEF\xBB\xBF{}"), NOT_JSON},
    {TEXT("{}\xEF\xBB\xBF"), NOT_JSON},
    {TEXT("{"), NOT_JSON},
    {TEXT("}"), NOT_JSON},
    {TEXT("{}}"), NOT_JSON},
    {TEXT("{} {}"), NOT_JSON},
    {TEXT("{},"), NOT_JSON},
    {TEXT("{}x"), NOT_JSON},
    {TEXT("{}\""), NOT_JSON},
    {TEXT("{} \"text"), NOT_JSON},
    {TEXT("{}\"\\"), NOT_JSON},
    {TEXT("{}\"\\u00"), NOT_JSON},
    {TEXT("{}\"\\ud800"), NOT_JSON},
    {TEXT("{}tru"), NOT_JSON},
    {TEXT("{}1"), NOT_JSON},
    {TEXT("{}-"), NOT_JSON},
    {TEXT("{}/"), NOT_JSON},
    {TEXT("{}["), NOT_JSON},
    {TEXT("1\""), NOT_JSON},
    {TEXT("\"\"\""), NOT_JSON},
    {TEXT("{}\0"), NOT_JSON},
    {TEXT("\0{}"), NOT_JSON},
    {TEXT("{\"a\"}"), NOT_JSON},
    {TEXT("{\"a\":}"), NOT_JSON},
    {TEXT("{\"a\":1,}"), NOT_JSON},
    {TEXT("{,\"a\":1}"), NOT_JSON},
    {TEXT("{\"a\":1 \"b\":2}"), NOT_JSON},
    {TEXT("{\"a\"=1}"), NOT_JSON},
    {TEXT("{\"a\"::1}"), NOT_JSON},
    {TEXT("{a:1}"), NOT_JSON},
    {TEXT("{'a':1}"), NOT_JSON},
    {TEXT("{1:1}"), NOT_JSON},
    {TEXT("{null:1}"), NOT_JSON},
    {TEXT("{\"a\":[1,]}"), NOT_JSON},
    {TEXT("{\"a\":[,1]}"), NOT_JSON},
    {TEXT("{\"a\":[1,,2]}"), NOT_JSON},
    {TEXT("{\"a\":[1 2]}"), NOT_JSON},
    {TEXT("{\"a\":[1}"), NOT_JSON},
    {TEXT("{\"a\":[1}]"), NOT_JSON},
    {TEXT("{\"a\":(1)}"), NOT_JSON},
    {TEXT("{\"a\":tru}"), NOT_JSON},
    {TEXT("{\"a\":True}"), NOT_JSON},
    {TEXT("{\"a\":truey}"), NOT_JSON},
    {TEXT("{\"a\":nul"), NOT_JSON},
    {TEXT("{\"a\":NaN}"), NOT_JSON},
    {TEXT("{\"a\":Infinity}"), NOT_JSON},
    {TEXT("{\"a\":-Infinity}"), NOT_JSON},
    {TEXT("{\"a\":undefined}"), NOT_JSON},
    {TEXT("{\"a\":01}"), NOT_JSON},
    {TEXT("{\"a\":-01}"), NOT_JSON},
    {TEXT("{\"a\":+1}"), NOT_JSON},
    {TEXT("{\"a\":-}"), NOT_JSON},
    {TEXT("{\"a\":.5}"), NOT_JSON},
    {TEXT("{\"a\":1.}"), NOT_JSON},
    {TEXT("{\"a\":1.e5}"), NOT_JSON},
    {TEXT("{\"a\":1e}"), NOT_JSON},
    {TEXT("{\"a\":1e+}"), NOT_JSON},
    {TEXT("{\"a\":1e5.5}"), NOT_JSON},
    {TEXT("{\"a\":0x10}"), NOT_JSON},
    {TEXT("{\"a\":1_000}"), NOT_JSON},
    {TEXT("{\"a\":--1}"), NOT_JSON},
    {TEXT("{\"a\":\"x}"), NOT_JSON},
    {TEXT("{\"a\":\"x\\\"}"), NOT_JSON},
    {TEXT("{\"a\":\"\\x41\"}"), NOT_JSON},
    {TEXT("{\"a\":\"\\'\"}"), NOT_JSON},
    {TEXT("{\"a\":\"\\U0041\"}"), NOT_JSON},
    {TEXT("{\"a\":\"\\u004\"}"), NOT_JSON},
    {TEXT("{\"a\":\"\\u00G0\"}"), NOT_JSON},
    {TEXT("{\"a\":\"\\u"), NOT_JSON},
    {TEXT("{\"a\":\"\\"), NOT_JSON},
    {TEXT("{\"a\":\"\\uD800\\u"), NOT_JSON},
    {TEXT("{\"a\":\"line\nend\"}"), NOT_JSON},
    {TEXT("{\"a\":\"tab\tstop\"}"), NOT_JSON},
    {TEXT("{\"a\":\"\x1F\"}"), NOT_JSON},
    {TEXT("{\"a\":\"\0\"}"), NOT_JSON},
    {TEXT("{\"a\":1 /* comment */}"), NOT_JSON},
    {TEXT("{\"a\":1} // comment"), NOT_JSON},
    {TEXT("{\"a\":1}# comment"), NOT_JSON},
    {TEXT("{\v}"), NOT_JSON},
    {TEXT("\f{}"), NOT_JSON},
    {TEXT("{}\f"), NOT_JSON},
    {TEXT("{\xC2\xA0}"), NOT_JSON},
    {TEXT("{\"a\":\"\v\"}"), NOT_JSON},
    {TEXT("\\"), NOT_JSON},
    {TEXT("\\u0000"), NOT_JSON},

    /* UTF-8 */
    {TEXT("{\"a\":\"\xFF\"}"), NOT_UTF8},
    {TEXT("{\"a\":\"\xC0\x80\"}"), NOT_UTF8},
    {TEXT("{\"a\":\"\xED\xA0\x80\"}"), NOT_UTF8},
    {TEXT("{\"a\":\"\xF4\x90\x80\x80\"}"), NOT_UTF8},
    {TEXT("{\"\xC3\":1}"), NOT_UTF8},
    {TEXT("{\"a\":\"\xE2\x82"), NOT_UTF8},
    {TEXT("\xFE\xFF\0{\0}"), NOT_UTF8},
    {TEXT("{\0}\0"), NOT_JSON}, /* UTF-16 without a mark */

    /* no object */
    {TEXT("[]"), BROKEN("not_an_object")},
    {TEXT("[[[[[[[[[[[[]]]]]]]]]]]]"), BROKEN("not_an_object")},
    {TEXT("[{\"a\":1,\"a\":2}]"), BROKEN("not_an_object")},
    {TEXT("\"text\""), BROKEN("not_an_object")},
    {TEXT("\"t\\u00e4xt\""), BROKEN("not_an_object")},
    {TEXT("1"), BROKEN("not_an_object")},
    {TEXT("-1.5e3 "), BROKEN("not_an_object")},
    {TEXT("true"), BROKEN("not_an_object")},
    {TEXT("false"), BROKEN("not_an_object")},
    {TEXT("null"), BROKEN("not_an_object")},

    /* what PostgreSQL would not store, or change */
    {TEXT("{\"a\":\"\\u0000\"}"), BROKEN("nul_character")},
    {TEXT("{\"a\":\"\\\\\\u0000\"}"), BROKEN("nul_character")},
    {TEXT("{\"a\\u0000\":1}"), BROKEN("nul_character")},
    {TEXT("{\"a\":[{\"b\":\"\\u0000\"}]}"), BROKEN("nul_character")},
    {TEXT("{\"a\":\"\\ud800\"}"), BROKEN("lone_surrogate")},
    {TEXT("{\"a\":\"\\uDBFF\\u0041\"}"), BROKEN("lone_surrogate")},
    {TEXT("{\"a\":\"\\uD83D\\uD83D\\uDE00\"}"), BROKEN("lone_surrogate")},
    {TEXT("{\"a\":\"\\uDC00\"}"), BROKEN("lone_surrogate")},
    {TEXT("{\"a\":\"\\uDE00\\uD83D\"}"), BROKEN("lone_surrogate")},
    {TEXT("{\"a\":\"\\uD83D\\\\uDE00\"}"), BROKEN("lone_surrogate")},
    {TEXT("{\"a\":\"\\uD83D \\uDE00\"}"), BROKEN("lone_surrogate")},
    {TEXT("{\"\\udfff\":1}"), BROKEN("lone_surrogate")},
    {TEXT("{\"a\":1,\"a\":1}"), BROKEN("duplicate_member")},
    {TEXT("{\"a\":null,\"a\":null}"), BROKEN("duplicate_member")},
    {TEXT("{\"a\":1,\"\\u0061\":2}"), BROKEN("duplicate_member")},
    {TEXT("{\"\\u0061\":1,\"a\":2}"), BROKEN("duplicate_member")},
    {TEXT("{\"\\u00e4\":1,\"\\u00E4\":2}"), BROKEN("duplicate_member")},
    {TEXT("{\"\\u00e4\":1,\"\xC3\xA4\":2}"), BROKEN("duplicate_member")},
    {TEXT("{\"\\ud83d\\ude00\":1,\"\xF0\x9F\x98\x80\":2}"), BROKEN("duplicate_member")},
    {TEXT("{\"\":1,\"\":2}"), BROKEN("duplicate_member")},
    {TEXT("{\"a\":{\"b\":1,\"c\":2,\"b\":3}}"), BROKEN("duplicate_member")},
    {TEXT("{\"a\":[[{\"b\":1,\"\\u0062\":3}]]}"), BROKEN("duplicate_member")},
    {TEXT("{\"a\":{\"a\":{\"a\":1}},\"b\":{\"a\":1}}"), GOOD},
    {TEXT("{\"a\":[{\"a\":1},{\"a\":1}]}"), GOOD},
    {TEXT("{\"a\":{\"x\":1},\"x\":{\"a\":1},\"A\":0,\"a \":0}"), GOOD},
    {TEXT("{\"a\":{\"b\":{}},\"a\":1}"), BROKEN("duplicate_member")},

    /* bounds */
    {TEXT("{\"a\":[[[[[[[]]]]]]]}"), GOOD},
    {TEXT("{\"a\":[[[[[[[[]]]]]]]]}"), BROKEN("too_deep")},
    {TEXT("{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}}}}"), GOOD},
    {TEXT("{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}}}}}"), BROKEN("too_deep")},
    {TEXT("{\"a\":[[[[[[[\"[[[[\"]]]]]]],\"b\":[[[[[[[]]]]]]]}"), GOOD},
    {TEXT("{\"a\":1e400,\"b\":1E-400,\"c\":1e+00000000400}"), GOOD},
    {TEXT("{\"a\":1e401}"), BROKEN("exponent_out_of_range")},
    {TEXT("{\"a\":1e-401}"), BROKEN("exponent_out_of_range")},
    {TEXT("{\"a\":[0.5E+00401]}"), BROKEN("exponent_out_of_range")},
    {TEXT("{\"a\":0e99999999999999999999999999}"), BROKEN("exponent_out_of_range")},
    {TEXT("{\"a\":\"1e99999\"}"), GOOD},

    /* malformed further on than a rule is broken */
    {TEXT("{\"a\":\"\\u0000\",}"), NOT_JSON},
    {TEXT("{\"a\":\"\\ud800\""), NOT_JSON},
    {TEXT("{\"a\":1,\"a\":1]"), NOT_JSON},
    {TEXT("{\"a\":[[[[[[[[[[[[}"), NOT_JSON},
    {TEXT("{\"a\":1e999,\"b\":01}"), NOT_JSON},
    {TEXT("[1,]"), NOT_JSON},
    {TEXT("1 2"), NOT_JSON},
    {TEXT("\"a\" \"b\""), NOT_JSON},
    {TEXT("[] {}"), NOT_JSON},
    {TEXT("{\"a\":1,\"a\":1}}"), NOT_JSON},
    {TEXT("{\"a\":1,\"a\":\"\xFF\"}"), NOT_UTF8},
};

static void every_text_has_its_verdict(void **state)
{
    (void)state;
    for (size_t i = 0; i < N(VERDICTS); i++) {
        struct fault f = {0};
        status st = read_object(VERDICTS[i].text, &f);
        if (st != VERDICTS[i].st || (st && strcmp(f.code, VERDICTS[i].code) != 0))
            fail_msg("%.*s: %s, %s (%s)", (int)VERDICTS[i].text.len, VERDICTS[i].text.at, status_text(st),
                     f.code, f.message);
        if (st)
            assert_true(strlen(f.message) > 0);
    }
}

static void a_verdict_needs_no_fault_to_write_to(void **state)
{
    (void)state;
    for (size_t i = 0; i < N(VERDICTS); i++)
        assert_int_equal(read_object(VERDICTS[i].text, NULL), VERDICTS[i].st);
}

static void every_cut_of_a_text_is_malformed(void **state)
{
    (void)state;
    struct slice whole = SLICE_LITERAL("{\"a\":[1.5e3,\"\\uD83D\\uDE00x\",{\"b\":null}],\"c\":false}");
    assert_int_equal(read_object(whole, NULL), STATUS_OK);
    for (size_t len = 0; len < whole.len; len++)
        assert_int_equal(read_object(slice_make(whole.at, len), NULL), STATUS_MALFORMED);
}

static void a_check_of_an_object_agrees_with_reading_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < N(VERDICTS); i++) {
        struct fault f = {0};
        struct slice text = exact(VERDICTS[i].text);
        status st = json_check_object(text, &f);
        free((void *)text.at);
        if (VERDICTS[i].st == STATUS_OK || strcmp(VERDICTS[i].code, "too_deep") == 0) {
            assert_int_equal(st, STATUS_OK); /* its depth is larger than that of these tests */
            continue;
        }
        assert_int_equal(st, STATUS_INVALID);
        bool no_object = VERDICTS[i].st == STATUS_MALFORMED || strcmp(VERDICTS[i].code, "not_an_object") == 0;
        assert_string_equal(f.code, no_object ? "object_not_an_object" : VERDICTS[i].code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_text_has_its_verdict),
        cmocka_unit_test(a_verdict_needs_no_fault_to_write_to),
        cmocka_unit_test(every_cut_of_a_text_is_malformed),
        cmocka_unit_test(a_check_of_an_object_agrees_with_reading_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
