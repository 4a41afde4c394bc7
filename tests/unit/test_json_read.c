#include "common/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define DEPTH 8
#define TEXT(literal)                                                                                        \
    {                                                                                                        \
        literal, sizeof(literal) - 1                                                                         \
    }

static status read_object(struct slice text, json_member_fn fn, void *ctx, struct fault *f)
{
    struct arena *a = arena_new(512);
    assert_non_null(a);
    status st = json_read_object(text, DEPTH, a, fn, ctx, f);
    arena_free(a);
    return st;
}

static void nest(struct buffer *b, const char *before, const char *open, const char *close, size_t n)
{
    buffer_clear(b);
    buffer_add_text(b, before);
    for (size_t i = 0; i < n; i++)
        buffer_add_text(b, open);
    for (size_t i = 0; i < n; i++)
        buffer_add_text(b, close);
}

static void an_object_may_nest_64_deep_counting_itself(void **state)
{
    (void)state;
    struct buffer b = {0};
    struct fault f;
    static const struct {
        const char *before, *open, *last;
    } CASES[] = {{"", "{\"a\":", "{}"}, {"{\"a\":", "[", "[]"}};

    for (size_t i = 0; i < N(CASES); i++) {
        for (size_t depth = 62; depth <= 66; depth++) {
            buffer_clear(&b);
            buffer_add_text(&b, CASES[i].before);
            size_t within = depth - 1 - (CASES[i].before[0] ? 1 : 0);
            for (size_t n = 0; n < within; n++)
                buffer_add_text(&b, CASES[i].open);
            buffer_add_text(&b, CASES[i].last);
            for (size_t n = 0; n < within; n++)
                buffer_add_char(&b, CASES[i].open[0] == '{' ? '}' : ']');
            buffer_add_text(&b, CASES[i].before[0] ? "}" : "");
            status st = json_check_object(buffer_slice(&b), &f);
            assert_int_equal(st, depth <= 64 ? STATUS_OK : STATUS_INVALID);
            if (st)
                assert_string_equal(f.code, "too_deep");
        }
    }
    buffer_dispose(&b);
}

static void endless_nesting_costs_only_its_bytes(void **state)
{
    (void)state;
    struct buffer b = {0};
    struct fault f;
    nest(&b, "", "[", "]", LABEL_BODY_MAX / 2);
    assert_int_equal(read_object(buffer_slice(&b), NULL, NULL, &f), STATUS_INVALID);
    assert_string_equal(f.code, "not_an_object");
    b.len -= 1;
    assert_int_equal(read_object(buffer_slice(&b), NULL, NULL, &f), STATUS_MALFORMED);

    nest(&b, "", "{\"a\":", "}", LABEL_BODY_MAX / 8);
    assert_int_equal(read_object(buffer_slice(&b), NULL, NULL, &f), STATUS_MALFORMED); /* {"a":} */
    nest(&b, "{\"b\":", "[", "]", LABEL_BODY_MAX / 2);
    buffer_add_char(&b, '}');
    assert_int_equal(read_object(buffer_slice(&b), NULL, NULL, &f), STATUS_INVALID);
    assert_string_equal(f.code, "too_deep");
    buffer_dispose(&b);
}

static status check_number(struct buffer *b, const char *before, size_t digits, const char *behind,
                           struct fault *f)
{
    buffer_clear(b);
    buffer_add_text(b, "{\"a\":");
    buffer_add_text(b, before);
    for (size_t i = 0; i < digits; i++)
        buffer_add_char(b, '7');
    buffer_add_text(b, behind);
    buffer_add_char(b, '}');
    return json_check_object(buffer_slice(b), f);
}

static void a_number_has_at_most_1000_digits(void **state)
{
    (void)state;
    struct buffer b = {0};
    static const struct {
        const char *before;
        size_t digits;
        const char *behind;
        bool good;
    } CASES[] = {
        {"", 1000, "", true},      {"-", 1000, "e400", true},  {"0.", 999, "", true},
        {"-0.", 999, "E+9", true}, {"", 998, ".25", true},     {"", 1001, "", false},
        {"-", 1001, "e-7", false}, {"0.", 1000, "", false},    {"", 999, ".25", false},
        {"", 100000, "", false},   {"\"", 100000, "\"", true},
    };
    for (size_t i = 0; i < N(CASES); i++) {
        struct fault f;
        status st = check_number(&b, CASES[i].before, CASES[i].digits, CASES[i].behind, &f);
        assert_int_equal(st, CASES[i].good ? STATUS_OK : STATUS_INVALID);
        if (!st)
            continue;
        assert_string_equal(f.code, "number_too_long");
        assert_string_equal(f.message, "object_value: a number has more than 1000 digits: that at byte 5");
    }
    buffer_dispose(&b);
}

static void what_is_not_utf8_is_told_with_its_place(void **state)
{
    (void)state;
    struct fault f;
    assert_int_equal(read_object(SLICE_LITERAL("{\"a\":\"\xc3\xa4\xc3\"}"), NULL, NULL, &f),
                     STATUS_MALFORMED);
    assert_string_equal(f.message, "not UTF-8 at byte 8");
}

static void a_huge_exponent_does_not_overflow(void **state)
{
    (void)state;
    struct buffer b = {0};
    struct fault f;
    assert_int_equal(check_number(&b, "1e", 5000, "", &f), STATUS_INVALID);
    assert_string_equal(f.code, "exponent_out_of_range");
    assert_string_equal(f.message, "object_value: the exponent of a number is beyond ±400: that at byte 5");
    assert_int_equal(check_number(&b, "1e-", 5000, "", &f), STATUS_INVALID);
    buffer_dispose(&b);
}

/* 100,000 members in one object, and one more that is named like one of them, written otherwise. */
static void a_duplicate_among_very_many_is_found(void **state)
{
    (void)state;
    struct buffer b = {0};
    struct fault f;
    buffer_add_char(&b, '{');
    for (unsigned i = 0; i < 70000; i++)
        buffer_printf(&b, "%s\"k%x\":1", i ? "," : "", i);
    size_t len = b.len;
    buffer_add_char(&b, '}');
    assert_int_equal(json_check_object(buffer_slice(&b), NULL), STATUS_OK);
    b.len = len;
    buffer_add_text(&b, ",\"\\u006babc\":1}");
    assert_int_equal(json_check_object(buffer_slice(&b), &f), STATUS_INVALID);
    assert_string_equal(f.code, "duplicate_member");
    buffer_dispose(&b);
}

static void equal_names_in_very_many_objects_are_no_duplicates(void **state)
{
    (void)state;
    struct buffer b = {0};
    buffer_add_text(&b, "{\"a\":[");
    for (unsigned i = 0; i < 30000; i++)
        buffer_printf(&b, "%s{\"k\":1,\"\\u006c\":2}", i ? "," : "");
    buffer_add_text(&b, "]}");
    assert_int_equal(json_check_object(buffer_slice(&b), NULL), STATUS_OK);
    buffer_dispose(&b);
}

/* ---- members ---- */

struct seen {
    struct buffer text; /* name=kind:value; … */
    const char *stop_at;
    status stop_with;
    int calls_after;
};

static status see(void *ctx, const struct json_member *m, struct fault *f)
{
    static const char *const KINDS[] = {"null", "false", "true", "number", "string", "object", "array"};
    struct seen *seen = ctx;
    if (seen->stop_at && slice_is(m->name, seen->stop_at))
        return fault_set(f, seen->stop_with, "stopped", "as the test wants");
    buffer_printf(&seen->text, "%.*s=%s:%.*s;", (int)m->name.len, m->name.at ? m->name.at : "",
                  KINDS[m->kind], (int)m->value.len, m->value.at);
    return STATUS_OK;
}

static void members_come_in_order_with_strings_unescaped_and_the_rest_untouched(void **state)
{
    (void)state;
    static const struct {
        struct slice text;
        const char *seen;
    } CASES[] = {
        {TEXT("{}"), ""},
        {TEXT("{\"b\":1,\"a\":\"x\"}"), "b=number:1;a=string:x;"},
        {TEXT("{ \"n\" : 1.10 , \"m\":-0.0E+05 }"), "n=number:1.10;m=number:-0.0E+05;"},
        {TEXT("{\"n\":null,\"t\":true, \"f\" :false }"), "n=null:null;t=true:true;f=false:false;"},
        {TEXT("{\"s\":\"\",\"\":\"e\"}"), "s=string:;=string:e;"},
        {TEXT("{\"s\":\"a\\u00e4\\n\\uD83D\\uDE00\\/\"}"), "s=string:aä\n😀/;"},
        {TEXT("{\"\\u006e\\u0061me\":\"\\\"\"}"), "name=string:\";"},
        {TEXT("{\"o\":{},\"p\": { \"x\" : [1, 2 ]\n} ,\"q\":[ ]}"),
         "o=object:{};p=object:{ \"x\" : [1, 2 ]\n};q=array:[ ];"},
        {TEXT("{\"o\":{\"\\u0061\":\"\\u0062\",\"c\":1.10}}"),
         "o=object:{\"\\u0061\":\"\\u0062\",\"c\":1.10};"},
        {TEXT("{\"o\":[{\"a\":[]},{\"a\":{}}]}"), "o=array:[{\"a\":[]},{\"a\":{}}];"},
        {TEXT("{\"\\u0061\":\"\\u0062\",\"\\u0063\":\"\\u0064\"}"), "a=string:b;c=string:d;"},
    };
    for (size_t i = 0; i < N(CASES); i++) {
        struct seen seen = {0};
        assert_int_equal(read_object(CASES[i].text, see, &seen, NULL), STATUS_OK);
        buffer_add_char(&seen.text, '\0');
        assert_string_equal(seen.text.at, CASES[i].seen);
        buffer_dispose(&seen.text);
    }
}

static void an_array_has_elements_without_names(void **state)
{
    (void)state;
    struct arena *a = arena_new(512);
    assert_non_null(a);
    struct seen seen = {0};
    struct fault f;
    assert_int_equal(
        json_read_array(SLICE_LITERAL("[ 1,\"\\u0061\",[2],{\"a\":3}, null]"), DEPTH, a, see, &seen, &f),
        STATUS_OK);
    assert_true(
        slice_is(buffer_slice(&seen.text), "=number:1;=string:a;=array:[2];=object:{\"a\":3};=null:null;"));
    assert_int_equal(json_read_array(SLICE_LITERAL("{}"), DEPTH, a, see, &seen, &f), STATUS_INVALID);
    assert_string_equal(f.code, "not_an_array");
    assert_int_equal(json_read_array(SLICE_LITERAL("[1"), DEPTH, a, see, &seen, &f), STATUS_MALFORMED);
    buffer_dispose(&seen.text);
    arena_free(a);
}

static void a_refused_member_ends_the_calls_and_names_the_fault(void **state)
{
    (void)state;
    struct seen seen = {.stop_at = "b", .stop_with = STATUS_CONFLICT};
    struct fault f = {0};
    assert_int_equal(read_object(SLICE_LITERAL("{\"a\":1,\"b\":2,\"c\":3,\"a\":4}"), see, &seen, &f),
                     STATUS_CONFLICT);
    assert_true(slice_is(buffer_slice(&seen.text), "a=number:1;"));
    assert_string_equal(f.code, "stopped");
    buffer_dispose(&seen.text);
}

static void a_refused_member_of_a_malformed_text_is_malformed(void **state)
{
    (void)state;
    struct seen seen = {.stop_at = "b", .stop_with = STATUS_INVALID};
    struct fault f = {0};
    assert_int_equal(read_object(SLICE_LITERAL("{\"a\":1,\"b\":2,\"c\":03}"), see, &seen, &f),
                     STATUS_MALFORMED);
    assert_string_equal(f.code, "malformed_json");
    buffer_dispose(&seen.text);
}

static void a_number_that_ends_a_text_is_no_member(void **state)
{
    (void)state;
    struct seen seen = {0};
    assert_int_equal(read_object(SLICE_LITERAL("{\"a\":1,\"b\":25"), see, &seen, NULL), STATUS_MALFORMED);
    assert_true(slice_is(buffer_slice(&seen.text), "a=number:1;"));
    buffer_dispose(&seen.text);
}

static void a_fault_of_the_reader_itself_ends_the_reading_at_once(void **state)
{
    (void)state;
    struct seen seen = {.stop_at = "b", .stop_with = STATUS_NO_MEMORY};
    assert_int_equal(read_object(SLICE_LITERAL("{\"a\":1,\"b\":2,\"c\":03}"), see, &seen, NULL),
                     STATUS_NO_MEMORY);
    buffer_dispose(&seen.text);
}

static void a_byte_order_mark_is_called_by_its_name(void **state)
{
    (void)state;
    struct arena *a = arena_new(512);
    struct fault f = {0};
    assert_int_equal(json_read_object(SLICE_LITERAL("\xEF\xBB\xBF{}"), JSON_DEPTH_MAX, a, NULL, NULL, &f),
                     STATUS_MALFORMED);
    assert_non_null(strstr(f.message, "byte order mark"));
    arena_free(a);
}

static void messages_show_no_values_and_no_names(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {"{\"secret\":\"secret\",\"secret\":1}",
                                        "{\"a\":secret}",
                                        "{\"a\":\"secret\\u0000\"}",
                                        "{\"a\":\"secret",
                                        "{\"secret\" \"secret\"}",
                                        "secret",
                                        "{\"a\":\"secret\\q\"}",
                                        "{\"a\":1}secret",
                                        "{\"a\":\"secret\\ud800\"}",
                                        "{\"secret\":\x01}"};
    for (size_t i = 0; i < N(TEXTS); i++) {
        struct fault f = {0};
        assert_int_not_equal(read_object(slice_of(TEXTS[i]), NULL, NULL, &f), STATUS_OK);
        assert_null(strstr(f.message, "secret"));
        assert_int_not_equal(json_check_object(slice_of(TEXTS[i]), &f), STATUS_OK);
        assert_null(strstr(f.message, "secret"));
    }
}

static void strings_of_any_length_are_unescaped(void **state)
{
    (void)state;
    struct buffer b = {0};
    struct buffer expected = {0};
    for (size_t n = 0; n < 120000; n = n * 3 + 1) {
        buffer_clear(&b);
        buffer_clear(&expected);
        buffer_add_text(&b, "{\"s\":\"");
        buffer_add_text(&expected, "s=string:");
        for (size_t i = 0; i < n; i++) {
            buffer_add_text(&b, i % 2 ? "\\u00e4" : "z\\\\");
            buffer_add_text(&expected, i % 2 ? "ä" : "z\\");
        }
        buffer_add_text(&b, "\"}");
        buffer_add_text(&expected, ";");
        struct seen seen = {0};
        assert_int_equal(read_object(buffer_slice(&b), see, &seen, NULL), STATUS_OK);
        assert_true(slice_equal(buffer_slice(&seen.text), buffer_slice(&expected)));
        buffer_dispose(&seen.text);
        b.len -= 2; /* the string has no end */
        assert_int_equal(read_object(buffer_slice(&b), NULL, NULL, NULL), STATUS_MALFORMED);
    }
    buffer_dispose(&b);
    buffer_dispose(&expected);
}

/* Lengths at which a buffer that doubles has just become too small, in steps so small that it grows through all sizes. */
static void yajl_has_memory_for_every_string_and_one_that_is_cut_off(void **state)
{
    (void)state;
    struct buffer b = {0};
    for (size_t size = 1024; size <= LABEL_VALUE_MAX; size *= 2) {
        for (size_t len = size - 2; len <= size + 2; len++) {
            buffer_clear(&b);
            buffer_add_text(&b, "{\"s\":\"");
            for (size_t i = 0; i < len; i++)
                buffer_add_text(&b, i % 512 == 0 ? "\\n" : "x");
            buffer_add_text(&b, "\"");
            size_t end = b.len;
            buffer_add_char(&b, '}');
            assert_int_equal(read_object(buffer_slice(&b), NULL, NULL, NULL), STATUS_OK);

            b.len = end;
            buffer_add_text(&b, ",\"t\":\"");
            for (size_t i = 0; i < len; i++)
                buffer_add_char(&b, 'x');
            assert_int_equal(read_object(buffer_slice(&b), NULL, NULL, NULL), STATUS_MALFORMED);
        }
    }
    buffer_dispose(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_object_may_nest_64_deep_counting_itself),
        cmocka_unit_test(endless_nesting_costs_only_its_bytes),
        cmocka_unit_test(a_number_has_at_most_1000_digits),
        cmocka_unit_test(what_is_not_utf8_is_told_with_its_place),
        cmocka_unit_test(a_huge_exponent_does_not_overflow),
        cmocka_unit_test(a_duplicate_among_very_many_is_found),
        cmocka_unit_test(equal_names_in_very_many_objects_are_no_duplicates),
        cmocka_unit_test(members_come_in_order_with_strings_unescaped_and_the_rest_untouched),
        cmocka_unit_test(an_array_has_elements_without_names),
        cmocka_unit_test(a_refused_member_ends_the_calls_and_names_the_fault),
        cmocka_unit_test(a_refused_member_of_a_malformed_text_is_malformed),
        cmocka_unit_test(a_number_that_ends_a_text_is_no_member),
        cmocka_unit_test(a_fault_of_the_reader_itself_ends_the_reading_at_once),
        cmocka_unit_test(a_byte_order_mark_is_called_by_its_name),
        cmocka_unit_test(messages_show_no_values_and_no_names),
        cmocka_unit_test(strings_of_any_length_are_unescaped),
        cmocka_unit_test(yajl_has_memory_for_every_string_and_one_that_is_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
