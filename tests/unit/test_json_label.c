#include "common/json.h"
#include "common/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define N(array) (sizeof(array) / sizeof((array)[0]))

static struct arena *arena;

static int make_arena(void **state)
{
    (void)state;
    arena = arena_new(1024);
    return arena ? 0 : -1;
}

static int free_arena(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static struct json_label read_well(const char *text, enum json_label_form form)
{
    struct json_label label;
    struct fault f;
    status st = json_read_label(slice_of(text), form, arena, &label, &f);
    if (st)
        fail_msg("%s: %s", text, f.message);
    return label;
}

static struct fault read_badly(struct slice text, enum json_label_form form, status expected)
{
    struct json_label label;
    struct fault f = {0};
    status st = json_read_label(text, form, arena, &label, &f);
    if (st != expected)
        fail_msg("%.*s: %s instead of %s", (int)text.len, text.at, status_text(st), status_text(expected));
    assert_true(text_is_utf8(slice_of(f.message)));
    return f;
}

static void a_body_has_four_members(void **state)
{
    (void)state;
    struct json_label label =
        read_well("{\"output_resource_name\":\"n\\u00e4me\",\"object_value\": {\"a\": 1.10 } ,"
                  "\"object_value_is_partial\":true}",
                  JSON_LABEL_BODY);
    assert_true(slice_is(label.command.output_resource_name, "näme"));
    assert_true(slice_is(label.command.object_value, "{\"a\": 1.10 }"));
    assert_int_equal(label.command.object_value_is_partial, LABEL_FLAG_TRUE);
    assert_true(label.command.object_is_checked);
    assert_null(label.command.text_value.at);

    label = read_well("{\"text_value\":\"\",\"object_value_is_partial\":false}", JSON_LABEL_BODY);
    assert_true(slice_is(label.command.text_value, ""));
    assert_int_equal(label.command.object_value_is_partial, LABEL_FLAG_FALSE);
    assert_null(label.command.object_value.at);
    assert_null(label.command.output_resource_name.at);
}

static void a_line_has_three_members_more(void **state)
{
    (void)state;
    struct json_label label =
        read_well("{\"run_id\":\"r\",\"id\":\"i\",\"key\":\"k\",\"text_value\":\"t\"}", JSON_LABEL_LINE);
    assert_true(slice_is(label.command.run_id_text, "r"));
    assert_true(slice_is(label.command.command_id_text, "i"));
    assert_true(slice_is(label.key, "k"));
    assert_true(slice_is(label.command.text_value, "t"));
}

static void null_is_absent(void **state)
{
    (void)state;
    struct json_label label =
        read_well("{\"output_resource_name\":null,\"text_value\":null,\"object_value\":null,"
                  "\"object_value_is_partial\":null,\"run_id\":null,\"id\":null,\"key\":null}",
                  JSON_LABEL_LINE);
    assert_null(label.command.output_resource_name.at);
    assert_null(label.command.text_value.at);
    assert_null(label.command.object_value.at);
    assert_null(label.command.run_id_text.at);
    assert_null(label.command.command_id_text.at);
    assert_null(label.key.at);
    assert_int_equal(label.command.object_value_is_partial, LABEL_FLAG_ABSENT);
}

static void an_empty_object_is_a_label_without_anything(void **state)
{
    (void)state;
    struct json_label label = read_well(" {} ", JSON_LABEL_BODY);
    assert_null(label.command.output_resource_name.at);
    assert_int_equal(label.command.object_value_is_partial, LABEL_FLAG_ABSENT);
}

static void a_wrong_type_is_refused_with_member_and_type(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } CASES[] = {
        {"{\"output_resource_name\":1}", "output_resource_name must be a string"},
        {"{\"output_resource_name\":[\"secret\"]}", "output_resource_name must be a string"},
        {"{\"text_value\":{\"a\":\"secret\"}}", "text_value must be a string"},
        {"{\"text_value\":true}", "text_value must be a string"},
        {"{\"object_value\":\"secret\"}", "object_value must be an object"},
        {"{\"object_value\":[{}]}", "object_value must be an object"},
        {"{\"object_value_is_partial\":\"true\"}", "object_value_is_partial must be true or false"},
        {"{\"object_value_is_partial\":1}", "object_value_is_partial must be true or false"},
        {"{\"object_value_is_partial\":{}}", "object_value_is_partial must be true or false"},
        {"{\"run_id\":7}", "run_id must be a string"},
        {"{\"id\":{}}", "id must be a string"},
        {"{\"key\":false}", "key must be a string"},
    };
    for (size_t i = 0; i < N(CASES); i++) {
        struct fault f = read_badly(slice_of(CASES[i].text), JSON_LABEL_LINE, STATUS_INVALID);
        assert_string_equal(f.code, "wrong_type");
        assert_string_equal(f.message, CASES[i].message);
    }
}

static void a_wrong_type_nested_without_end_is_refused_all_the_same(void **state)
{
    (void)state;
    struct buffer b = {0};
    buffer_add_text(&b, "{\"text_value\":");
    for (int i = 0; i < 1000; i++)
        buffer_add_char(&b, '[');
    for (int i = 0; i < 1000; i++)
        buffer_add_char(&b, ']');
    buffer_add_char(&b, '}');
    read_badly(buffer_slice(&b), JSON_LABEL_BODY, STATUS_INVALID);
    buffer_dispose(&b);
}

static void an_unknown_member_is_refused_by_its_name(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } CASES[] = {
        {"{\"object_vaule\":{}}", "there is no member \"object_vaule\""},
        {"{\"Text_value\":\"secret\"}", "there is no member \"Text_value\""},
        {"{\"text_value \":\"secret\"}", "there is no member \"text_value \""},
        {"{\"\":null}", "there is no member \"\""},
        {"{\"n\\u00e4me\":null}", "there is no member \"näme\""},
        {"{\"a\\nb\":1}", "there is no such member; its name holds control characters"},
        {"{\"a\\u0085b\":1}", "there is no such member; its name holds control characters"},
        {"{\"run_id\":\"x\"}", "there is no member \"run_id\""},
        {"{\"id\":\"x\"}", "there is no member \"id\""},
        {"{\"key\":null}", "there is no member \"key\""},
    };
    for (size_t i = 0; i < N(CASES); i++) {
        struct fault f = read_badly(slice_of(CASES[i].text), JSON_LABEL_BODY, STATUS_INVALID);
        assert_string_equal(f.code, "unknown_member");
        assert_string_equal(f.message, CASES[i].message);
    }
}

static void a_long_foreign_name_is_shortened_between_characters(void **state)
{
    (void)state;
    for (size_t shift = 0; shift < 4; shift++) {
        struct buffer b = {0};
        buffer_printf(&b, "{\"%.*s", (int)shift, "xyz");
        for (int i = 0; i < 5000; i++)
            buffer_add_text(&b, "😀");
        buffer_add_text(&b, "\":1}");
        struct fault f = read_badly(buffer_slice(&b), JSON_LABEL_BODY, STATUS_INVALID);
        assert_string_equal(f.code, "unknown_member");
        assert_true(strlen(f.message) < 120);
        assert_non_null(strstr(f.message, "😀…\""));
        buffer_dispose(&b);
    }
}

static void rules_of_json_hold_for_the_whole_label(void **state)
{
    (void)state;
    static const struct {
        const char *text, *code;
    } CASES[] = {
        {"{\"text_value\":null,\"text_value\":null}", "duplicate_member"},
        {"{\"text_value\":\"a\",\"\\u0074ext_value\":\"b\"}", "duplicate_member"},
        {"{\"object_value\":{\"a\":{\"b\":1,\"b\":1}}}", "duplicate_member"},
        {"{\"output_resource_name\":\"\\u0000\"}", "nul_character"},
        {"{\"object_value\":{\"a\":\"\\ud83d\"}}", "lone_surrogate"},
        {"{\"object_value\":{\"a\":1e401}}", "exponent_out_of_range"},
        {"[]", "not_an_object"},
        {"null", "not_an_object"},
    };
    for (size_t i = 0; i < N(CASES); i++) {
        struct fault f = read_badly(slice_of(CASES[i].text), JSON_LABEL_BODY, STATUS_INVALID);
        assert_string_equal(f.code, CASES[i].code);
    }
}

static void malformed_comes_before_every_rule(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {
        "{\"object_vaule\":1,}",
        "{\"text_value\":1}}",
        "{\"object_value\":[}",
        "{\"text_value\":1,\"text_value\":1",
        "{\"object_value\":\"\\ud83d\"",
        "{\"object_vaule\":01}",
        "",
    };
    for (size_t i = 0; i < N(TEXTS); i++) {
        struct fault f = read_badly(slice_of(TEXTS[i]), JSON_LABEL_BODY, STATUS_MALFORMED);
        assert_string_equal(f.code, "malformed_json");
    }
}

static struct slice nested_object(struct buffer *b, int depth)
{
    buffer_clear(b);
    buffer_add_text(b, "{\"object_value\":");
    for (int i = 1; i < depth; i++)
        buffer_add_text(b, "{\"a\":");
    buffer_add_text(b, "{}");
    for (int i = 1; i < depth; i++)
        buffer_add_char(b, '}');
    buffer_add_char(b, '}');
    return buffer_slice(b);
}

static void object_value_nests_64_deep_itself_counted(void **state)
{
    (void)state;
    struct buffer b = {0};
    struct json_label label;
    assert_int_equal(json_read_label(nested_object(&b, 64), JSON_LABEL_BODY, arena, &label, NULL), STATUS_OK);
    struct fault f = read_badly(nested_object(&b, 65), JSON_LABEL_BODY, STATUS_INVALID);
    assert_string_equal(f.code, "too_deep");
    assert_string_equal(f.message, "nested deeper than 64 at byte 336");
    buffer_dispose(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_has_four_members),
        cmocka_unit_test(a_line_has_three_members_more),
        cmocka_unit_test(null_is_absent),
        cmocka_unit_test(an_empty_object_is_a_label_without_anything),
        cmocka_unit_test(a_wrong_type_is_refused_with_member_and_type),
        cmocka_unit_test(a_wrong_type_nested_without_end_is_refused_all_the_same),
        cmocka_unit_test(an_unknown_member_is_refused_by_its_name),
        cmocka_unit_test(a_long_foreign_name_is_shortened_between_characters),
        cmocka_unit_test(rules_of_json_hold_for_the_whole_label),
        cmocka_unit_test(malformed_comes_before_every_rule),
        cmocka_unit_test(object_value_nests_64_deep_itself_counted),
    };
    return cmocka_run_group_tests(tests, make_arena, free_arena);
}
