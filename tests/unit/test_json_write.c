#include "common/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define ID "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"
#define RUN "11111111-2222-4333-8444-555555555555"

static void assert_written(struct buffer *b, const char *expected)
{
    assert_false(b->failed);
    buffer_add_char(b, '\0');
    assert_string_equal(b->at, expected);
    buffer_dispose(b);
}

static void strings_are_escaped_only_where_they_must_be(void **state)
{
    (void)state;
    static const struct {
        struct slice text;
        const char *json;
    } CASES[] = {
        {{NULL, 0}, "null"},
        {{"", 0}, "\"\""},
        {{"plain", 5}, "\"plain\""},
        {{"\"\\/", 3}, "\"\\\"\\\\/\""},
        {{"a\b\f\n\r\tz", 7}, "\"a\\b\\f\\n\\r\\tz\""},
        {{"\0\x01\x0B\x1F\x20\x7F", 6}, "\"\\u0000\\u0001\\u000b\\u001f \x7F\""},
        {{"ä€😀\xE2\x80\xA8", 12}, "\"ä€😀\xE2\x80\xA8\""},
    };
    for (size_t i = 0; i < N(CASES); i++) {
        struct buffer b = {0};
        json_write_string(&b, CASES[i].text);
        assert_written(&b, CASES[i].json);
    }
}

struct expected {
    struct slice string;
    int calls;
};

static status compare(void *ctx, const struct json_member *m, struct fault *f)
{
    (void)f;
    struct expected *expected = ctx;
    expected->calls++;
    assert_int_equal(m->kind, JSON_STRING);
    assert_true(slice_equal(m->value, expected->string));
    return STATUS_OK;
}

static void what_was_written_reads_back(void **state)
{
    (void)state;
    char every[127];
    for (size_t i = 0; i < sizeof every; i++)
        every[i] = (char)(i + 1);
    struct expected expected = {.string = slice_make(every, sizeof every)};
    struct buffer b = {0};
    struct arena *a = arena_new(512);
    assert_non_null(a);
    buffer_add_char(&b, '[');
    json_write_string(&b, expected.string);
    buffer_add_char(&b, ']');
    assert_int_equal(json_read_array(buffer_slice(&b), 1, a, compare, &expected, NULL), STATUS_OK);
    assert_int_equal(expected.calls, 1);
    arena_free(a);
    buffer_dispose(&b);
}

static void times_are_quoted_rfc_3339(void **state)
{
    (void)state;
    static const struct {
        int64_t us;
        const char *json;
    } CASES[] = {
        {0, "\"1970-01-01T00:00:00.000000Z\""},
        {-1, "\"1969-12-31T23:59:59.999999Z\""},
        {951827696000001, "\"2000-02-29T12:34:56.000001Z\""},
        {-2203891200000000, "\"1900-03-01T00:00:00.000000Z\""},
        {1735689599000000, "\"2024-12-31T23:59:59.000000Z\""},
        {253402300799999999, "\"9999-12-31T23:59:59.999999Z\""},
        {-62135596800000000, "\"0001-01-01T00:00:00.000000Z\""},
    };
    for (size_t i = 0; i < N(CASES); i++) {
        struct buffer b = {0};
        json_write_time(&b, CASES[i].us);
        assert_written(&b, CASES[i].json);
    }
}

static struct label_result created(void)
{
    return (struct label_result){
        .outcome = LABEL_CREATED,
        .command_id_text = SLICE_LITERAL(ID),
        .run_id_text = SLICE_LITERAL(RUN),
        .account_id = SLICE_LITERAL("account \"one\""),
        .output_resource_name = SLICE_LITERAL("näme"),
        .text_value = SLICE_LITERAL("two\nlines"),
        .created_at_us = 951827696000001,
    };
}

static struct label_result rejected(void)
{
    return (struct label_result){
        .outcome = LABEL_REJECTED,
        .command_id_text = SLICE_LITERAL("no \"id\""),
        .run_id_text = SLICE_LITERAL(RUN),
        .code = LABEL_REJECTED_INVALID_VALUE,
        .message = SLICE_LITERAL("command_id must be a UUID"),
    };
}

#define TEXT_LABEL                                                                                           \
    "{\"id\":\"" ID "\",\"account_id\":\"account \\\"one\\\"\",\"run_id\":\"" RUN                            \
    "\",\"output_resource_name\":\"näme\",\"text_value\":\"two\\nlines\",\"object_value\":null,"            \
    "\"object_value_is_partial\":null,\"created_by\":null,\"created_at\":\"2000-02-29T12:34:56.000001Z\","   \
    "\"updated_by\":null,\"updated_at\":null}"

static void a_label_has_eleven_members_and_null_where_there_is_no_value(void **state)
{
    (void)state;
    struct buffer b = {0};
    struct label_result r = created();
    json_write_label(&b, &r);
    assert_written(&b, TEXT_LABEL);
}

static void an_object_is_written_as_it_is(void **state)
{
    (void)state;
    struct buffer b = {0};
    struct label_result r = created();
    r.text_value = SLICE_NONE;
    r.object_value = SLICE_LITERAL("{ \"n\": 1.10,\n\"s\":\"\\u00e4\"}");
    r.object_value_is_partial = LABEL_FLAG_FALSE;
    r.created_by = SLICE_LITERAL("me");
    r.updated_by = SLICE_LITERAL("you");
    r.has_updated_at = true;
    json_write_label(&b, &r);
    assert_written(&b,
                   "{\"id\":\"" ID "\",\"account_id\":\"account \\\"one\\\"\",\"run_id\":\"" RUN
                   "\",\"output_resource_name\":\"näme\",\"text_value\":null,"
                   "\"object_value\":{ \"n\": 1.10,\n\"s\":\"\\u00e4\"},\"object_value_is_partial\":false,"
                   "\"created_by\":\"me\",\"created_at\":\"2000-02-29T12:34:56.000001Z\","
                   "\"updated_by\":\"you\",\"updated_at\":\"1970-01-01T00:00:00.000000Z\"}");
}

static void an_error_has_a_sentence_and_a_code(void **state)
{
    (void)state;
    struct buffer b = {0};
    json_write_error(&b, "unknown_member", "there is no member \"x\"");
    assert_written(&b, "{\"error\":\"there is no member \\\"x\\\"\",\"code\":\"unknown_member\"}");
}

static void a_created_result_holds_the_label(void **state)
{
    (void)state;
    struct buffer b = {0};
    struct label_result r = created();
    json_write_result(&b, &r);
    assert_written(&b, "{\"outcome\":\"CREATED\",\"command_id\":\"" ID "\",\"run_id\":\"" RUN
                       "\",\"replayed\":false,\"label\":" TEXT_LABEL "}");
    r.replayed = true;
    json_write_result(&b, &r);
    assert_written(&b, "{\"outcome\":\"CREATED\",\"command_id\":\"" ID "\",\"run_id\":\"" RUN
                       "\",\"replayed\":true,\"label\":" TEXT_LABEL "}");
}

static void a_rejected_result_holds_code_and_message(void **state)
{
    (void)state;
    struct buffer b = {0};
    struct label_result r = rejected();
    json_write_result(&b, &r);
    assert_written(&b, "{\"outcome\":\"REJECTED\",\"command_id\":\"no \\\"id\\\"\",\"run_id\":\"" RUN
                       "\",\"code\":\"invalid_value\",\"message\":\"command_id must be a UUID\"}");
}

static void a_result_is_one_line_whatever_the_object_looks_like(void **state)
{
    (void)state;
    struct buffer b = {0};
    struct label_result r = created();
    r.text_value = SLICE_NONE;
    r.object_value = SLICE_LITERAL("{\r\n\t\"a\\n\": [1,\n2]\n}");
    buffer_add_text(&b, "before\n");
    json_write_result(&b, &r);
    json_write_result(&b, &r);
    assert_ptr_equal(memchr(b.at, '\n', b.len), b.at + 6);
    assert_null(memchr(b.at + 7, '\n', b.len - 7));
    assert_null(memchr(b.at, '\r', b.len));
    buffer_add_char(&b, '\0');
    assert_non_null(strstr(b.at, "\"object_value\":{  \t\"a\\n\": [1, 2] },"));
    buffer_dispose(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_are_escaped_only_where_they_must_be),
        cmocka_unit_test(what_was_written_reads_back),
        cmocka_unit_test(times_are_quoted_rfc_3339),
        cmocka_unit_test(a_label_has_eleven_members_and_null_where_there_is_no_value),
        cmocka_unit_test(an_object_is_written_as_it_is),
        cmocka_unit_test(an_error_has_a_sentence_and_a_code),
        cmocka_unit_test(a_created_result_holds_the_label),
        cmocka_unit_test(a_rejected_result_holds_code_and_message),
        cmocka_unit_test(a_result_is_one_line_whatever_the_object_looks_like),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
