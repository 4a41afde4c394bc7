#include "common/buffer.h"
#include "common/label.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define ID "0190A1B2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"
#define RUN "11111111-2222-4333-8444-555555555555"

static struct label_command text_label(void)
{
    return (struct label_command){
        .command_id_text = SLICE_LITERAL(ID),
        .run_id_text = SLICE_LITERAL(RUN),
        .output_resource_name = SLICE_LITERAL("name"),
        .text_value = SLICE_LITERAL("text"),
    };
}

static struct label_command object_label(struct slice object)
{
    struct label_command c = text_label();
    c.text_value = SLICE_NONE;
    c.object_value = object;
    return c;
}

static void assert_good(struct label_command c)
{
    struct fault f;
    if (label_check(&c, &f))
        fail_msg("%s: %s", f.code, f.message);
    assert_int_equal(label_check(&c, NULL), STATUS_OK);
}

static void assert_refused(struct label_command c, const char *code, const char *member)
{
    struct fault f = {0};
    assert_int_equal(label_check(&c, &f),
                     strcmp(code, "value_too_large") == 0 ? STATUS_TOO_LARGE : STATUS_INVALID);
    assert_string_equal(f.code, code);
    assert_non_null(strstr(f.message, member));
    assert_null(strstr(f.message, "secret"));
}

static void a_label_has_a_text_or_an_object(void **state)
{
    (void)state;
    assert_good(text_label());
    assert_good(object_label(SLICE_LITERAL("{\"a\":1.10}")));

    struct label_command c = text_label();
    c.text_value = SLICE_NONE;
    assert_refused(c, "value_required", "text_value");
    c.text_value = SLICE_LITERAL("secret");
    c.object_value = SLICE_LITERAL("{}");
    assert_refused(c, "value_ambiguous", "object_value");
}

static void empty_values_are_values(void **state)
{
    (void)state;
    struct label_command c = text_label();
    c.text_value = SLICE_LITERAL("");
    assert_good(c);
    c.object_value = SLICE_LITERAL("{}");
    assert_refused(c, "value_ambiguous", "object_value");
    assert_good(object_label(SLICE_LITERAL("{}")));
}

static void the_flag_comes_only_with_an_object(void **state)
{
    (void)state;
    struct label_command c = text_label();
    c.object_value_is_partial = LABEL_FLAG_FALSE;
    assert_refused(c, "partial_without_object", "object_value_is_partial");
    c.object_value_is_partial = LABEL_FLAG_TRUE;
    assert_refused(c, "partial_without_object", "object_value_is_partial");
    c = object_label(SLICE_LITERAL("{}"));
    c.object_value_is_partial = LABEL_FLAG_FALSE;
    assert_good(c);
    c.object_value_is_partial = LABEL_FLAG_TRUE;
    assert_good(c);
}

static void ids_are_filled_from_their_texts(void **state)
{
    (void)state;
    struct label_command c = text_label();
    struct uuid id;
    struct uuid run;
    assert_true(uuid_parse(SLICE_LITERAL(ID), &id));
    assert_true(uuid_parse(SLICE_LITERAL(RUN), &run));
    assert_int_equal(label_check(&c, NULL), STATUS_OK);
    assert_int_equal(uuid_compare(&c.command_id, &id), 0);
    assert_int_equal(uuid_compare(&c.run_id, &run), 0);
}

static void ids_that_are_no_uuids_are_refused(void **state)
{
    (void)state;
    const struct slice bad[] = {SLICE_NONE, SLICE_LITERAL(""), SLICE_LITERAL("secret"),
                                SLICE_LITERAL("0190a1b2c3d47e5f8a9b0c1d2e3f4a5b"), SLICE_LITERAL(ID " ")};
    for (size_t i = 0; i < N(bad); i++) {
        struct label_command c = text_label();
        c.command_id_text = bad[i];
        assert_refused(c, "invalid_command_id", "command_id");
        c = text_label();
        c.run_id_text = bad[i];
        assert_refused(c, "invalid_run_id", "run_id");
    }
}

static void a_name_is_required_and_not_only_white_space(void **state)
{
    (void)state;
    struct label_command c = text_label();
    c.output_resource_name = SLICE_NONE;
    assert_refused(c, "name_required", "output_resource_name");
    static const char *const BLANK[] = {"", " ", "\t\r\n", "\xC2\xA0", "\u3000\u2003 \u1680"};
    for (size_t i = 0; i < N(BLANK); i++) {
        c.output_resource_name = slice_of(BLANK[i]);
        assert_refused(c, "name_blank", "output_resource_name");
    }
    c.output_resource_name = SLICE_LITERAL(" x ");
    assert_good(c);
    c.output_resource_name = SLICE_LITERAL("\u200B");
    assert_good(c);
}

static void a_name_has_at_most_255_characters(void **state)
{
    (void)state;
    static const char *const CHARACTERS[] = {"x", "ä", "€", "😀"};
    for (size_t i = 0; i < N(CHARACTERS); i++) {
        struct buffer b = {0};
        for (int n = 0; n < 255; n++)
            buffer_add_text(&b, CHARACTERS[i]);
        struct label_command c = text_label();
        c.output_resource_name = buffer_slice(&b);
        assert_good(c);
        buffer_add_text(&b, CHARACTERS[i]);
        c.output_resource_name = buffer_slice(&b);
        assert_refused(c, "name_too_long", "255");
        buffer_dispose(&b);
    }
}

static void what_another_sender_could_break_is_checked_again(void **state)
{
    (void)state;
    static const struct {
        struct slice text;
        const char *code;
    } CASES[] = {
        {{"secret\0", 7}, "nul_character"}, {{"\0", 1}, "nul_character"}, {{"secret\xFF", 7}, "not_utf8"},
        {{"\xED\xA0\x80", 3}, "not_utf8"},  {{"a\xC3", 2}, "not_utf8"},
    };
    for (size_t i = 0; i < N(CASES); i++) {
        struct label_command c = text_label();
        c.output_resource_name = CASES[i].text;
        assert_refused(c, CASES[i].code, "output_resource_name");
        c = text_label();
        c.text_value = CASES[i].text;
        assert_refused(c, CASES[i].code, "text_value");
    }
}

static void an_object_is_checked_where_nobody_has_done_so(void **state)
{
    (void)state;
    static const struct {
        const char *object, *code;
    } CASES[] = {
        {"", "object_not_an_object"},
        {"[]", "object_not_an_object"},
        {"\"secret\"", "object_not_an_object"},
        {"{\"secret\":1}}", "object_not_an_object"},
        {"{\"a\":\"\xFF\"}", "object_not_an_object"},
        {"{\"secret\":1,\"secret\":2}", "duplicate_member"},
        {"{\"a\":\"\\u0000\"}", "nul_character"},
        {"{\"a\":\"\\udc00\"}", "lone_surrogate"},
        {"{\"a\":1e1000}", "exponent_out_of_range"},
    };
    for (size_t i = 0; i < N(CASES); i++) {
        struct label_command c = object_label(slice_of(CASES[i].object));
        assert_refused(c, CASES[i].code, "object_value");
        c.object_is_checked = true;
        assert_good(c);
    }
}

static void a_value_has_at_most_512_kib(void **state)
{
    (void)state;
    struct buffer b = {0};
    for (int i = 0; i < LABEL_VALUE_MAX / 2; i++)
        buffer_add_text(&b, "ä");
    struct label_command c = text_label();
    c.text_value = buffer_slice(&b);
    assert_good(c);
    buffer_add_char(&b, 'x');
    c.text_value = buffer_slice(&b);
    assert_refused(c, "value_too_large", "text_value");

    buffer_clear(&b);
    buffer_add_text(&b, "{}");
    while (b.len < LABEL_VALUE_MAX)
        buffer_add_char(&b, ' ');
    assert_good(object_label(buffer_slice(&b)));
    buffer_add_char(&b, ' ');
    assert_refused(object_label(buffer_slice(&b)), "value_too_large", "object_value");
    buffer_dispose(&b);
}

static void rejections_have_their_texts(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {"unknown", "unauthenticated", "run_not_found", "invalid_value",
                                        "id_conflict"};
    for (unsigned i = 0; i < N(TEXTS); i++) {
        assert_string_equal(label_rejection_text((enum label_rejection)i), TEXTS[i]);
        assert_int_equal(label_rejection_of(slice_of(TEXTS[i])), i);
    }
    assert_int_equal(label_rejection_of(SLICE_LITERAL("newer_than_this")), LABEL_REJECTED_UNKNOWN);
    assert_int_equal(label_rejection_of(SLICE_NONE), LABEL_REJECTED_UNKNOWN);
    assert_string_equal(label_rejection_text((enum label_rejection)77), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_label_has_a_text_or_an_object),
        cmocka_unit_test(empty_values_are_values),
        cmocka_unit_test(the_flag_comes_only_with_an_object),
        cmocka_unit_test(ids_are_filled_from_their_texts),
        cmocka_unit_test(ids_that_are_no_uuids_are_refused),
        cmocka_unit_test(a_name_is_required_and_not_only_white_space),
        cmocka_unit_test(a_name_has_at_most_255_characters),
        cmocka_unit_test(what_another_sender_could_break_is_checked_again),
        cmocka_unit_test(an_object_is_checked_where_nobody_has_done_so),
        cmocka_unit_test(a_value_has_at_most_512_kib),
        cmocka_unit_test(rejections_have_their_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
