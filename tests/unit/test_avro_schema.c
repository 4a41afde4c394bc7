#include "common/avro_codec.h"
#include "common/avro_schema.h"
#include "tests/unit/avro_golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COMMAND(fields)                                                                                      \
    "{\"type\":\"record\",\"name\":\"CreateGoldLabel\",\"namespace\":\"goldlabel.v1\",\"fields\":[" fields   \
    "]}"
#define RESULT(fields)                                                                                       \
    "{\"type\":\"record\",\"name\":\"GoldLabelResult\",\"namespace\":\"goldlabel.v1\",\"fields\":[" fields   \
    "]}"
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define NULLABLE(name, type) FIELD(name, "[\"null\"," type "]")
#define STRING(name) FIELD(name, "\"string\"")
#define ENUM(name, symbols) "{\"type\":\"enum\",\"name\":\"" name "\",\"symbols\":[" symbols "]}"

#define COMMAND_HEAD STRING("command_id") "," STRING("run_id") "," STRING("output_resource_name")
#define RESULT_HEAD STRING("command_id") "," STRING("run_id") ","
#define OUTCOME FIELD("outcome", ENUM("O", "\"CREATED\",\"REJECTED\""))
#define LABEL(fields) NULLABLE("label", "{\"type\":\"record\",\"name\":\"L\",\"fields\":[" fields "]}")

static bool open_form(struct avro_form *form, const char *name, const char *json, bool newest)
{
    static struct avro_builtin b;
    b = (struct avro_builtin){.file = "test.avsc", .name = name, .json = json, .newest = newest};
    return avro_form_open(form, &b);
}

/* A form of another schema than the current one, and what a message of it holds. */
static void open_older(struct avro_form *form, const char *name, const char *json, struct slice bytes,
                       struct avro_leaf *leaves)
{
    assert_true(open_form(form, name, json, false));
    assert_int_equal(avro_walk(avro_form_ops(form), bytes, 0, leaves, NULL), STATUS_OK);
}

static void read_command(const char *json, struct slice bytes, struct label_command *out)
{
    struct avro_form form;
    struct avro_leaf leaves[AVRO_LEAVES_MAX] = {0};
    open_older(&form, AVRO_COMMAND.name, json, bytes, leaves);
    avro_command_read(&form, leaves, out);
    avro_form_dispose(&form);
}

static void read_result(const char *json, struct slice bytes, struct label_result *out)
{
    struct avro_form form;
    struct avro_leaf leaves[AVRO_LEAVES_MAX] = {0};
    open_older(&form, AVRO_RESULT.name, json, bytes, leaves);
    assert_int_equal(avro_result_read(&form, leaves, out, NULL), STATUS_OK);
    avro_form_dispose(&form);
}

/* ---- other writers' schemas ---- */

static void a_missing_field_reads_as_its_default(void **state)
{
    (void)state;
    struct label_command c;
    read_command(COMMAND(COMMAND_HEAD), SLICE_LITERAL("\2c\2r\2n"), &c);
    assert_true(slice_is(c.command_id_text, "c") && slice_is(c.run_id_text, "r"));
    assert_true(slice_is(c.output_resource_name, "n"));
    assert_null(c.text_value.at);
    assert_null(c.object_value.at);
    assert_int_equal(c.object_value_is_partial, LABEL_FLAG_ABSENT);
    assert_null(c.account_id.at);
    assert_null(c.created_by.at);

    struct label_result r;
    read_result(RESULT(RESULT_HEAD OUTCOME), SLICE_LITERAL("\2c\2r\2"), &r);
    assert_int_equal(r.outcome, LABEL_REJECTED);
    assert_int_equal(r.code, LABEL_REJECTED_UNKNOWN);
    assert_false(r.replayed);
    assert_null(r.message.at);
}

static void fields_are_found_by_name_in_any_order(void **state)
{
    (void)state;
    struct label_command c;
    read_command(COMMAND(STRING("run_id") "," NULLABLE("text_value", "\"string\"") "," STRING(
                     "output_resource_name") "," STRING("command_id")),
                 SLICE_LITERAL("\2r\2\2t\2n\2c"), &c);
    assert_true(slice_is(c.command_id_text, "c") && slice_is(c.run_id_text, "r"));
    assert_true(slice_is(c.output_resource_name, "n") && slice_is(c.text_value, "t"));
}

static void a_field_that_we_do_not_know_is_ignored(void **state)
{
    (void)state;
    struct label_command c;
    read_command(COMMAND(FIELD("new", "\"long\"") "," COMMAND_HEAD "," NULLABLE("newer", "\"int\"")),
                 SLICE_LITERAL("\4\2c\2r\2n\2\4"), &c);
    assert_true(slice_is(c.command_id_text, "c") && slice_is(c.run_id_text, "r"));
    assert_true(slice_is(c.output_resource_name, "n"));
}

static void null_may_be_either_branch_or_none(void **state)
{
    (void)state;
    struct label_command c;
    static const char JSON[] =
        COMMAND(COMMAND_HEAD "," FIELD("text_value", "[\"string\",\"null\"]") "," STRING(
            "object_value") "," FIELD("object_value_is_partial", "[\"boolean\",\"null\"]"));
    read_command(JSON, SLICE_LITERAL("\2c\2r\2n\0\2t\2o\0\1"), &c);
    assert_true(slice_is(c.text_value, "t") && slice_is(c.object_value, "o"));
    assert_int_equal(c.object_value_is_partial, LABEL_FLAG_TRUE);
    read_command(JSON, SLICE_LITERAL("\2c\2r\2n\2\0\0\0"), &c);
    assert_null(c.text_value.at);
    assert_true(slice_is(c.object_value, ""));
    assert_int_equal(c.object_value_is_partial, LABEL_FLAG_FALSE);
    read_command(JSON, SLICE_LITERAL("\2c\2r\2n\2\0\2"), &c);
    assert_int_equal(c.object_value_is_partial, LABEL_FLAG_ABSENT);
}

static void symbols_are_taken_by_name_and_new_codes_read_as_unknown(void **state)
{
    (void)state;
    struct label_result r;
    static const char JSON[] =
        RESULT(RESULT_HEAD FIELD("outcome", ENUM("O", "\"REJECTED\",\"CREATED\"")) "," FIELD(
            "code", "[\"null\"," ENUM("C", "\"too_late\",\"id_conflict\",\"unauthenticated\"") "]"));
    read_result(JSON, SLICE_LITERAL("\2c\2r\0\2\0"), &r);
    assert_int_equal(r.outcome, LABEL_REJECTED);
    assert_int_equal(r.code, LABEL_REJECTED_UNKNOWN);
    read_result(JSON, SLICE_LITERAL("\2c\2r\0\2\2"), &r);
    assert_int_equal(r.code, LABEL_REJECTED_ID_CONFLICT);
    read_result(JSON, SLICE_LITERAL("\2c\2r\0\2\4"), &r);
    assert_int_equal(r.code, LABEL_REJECTED_UNAUTHENTICATED);
}

static void the_ids_of_a_label_are_those_of_its_result(void **state)
{
    (void)state;
    struct label_result r;
    read_result(RESULT(RESULT_HEAD OUTCOME "," LABEL(STRING("id") "," STRING("run_id") "," STRING(
                    "account_id") "," STRING("output_resource_name") "," FIELD("created_at", "\"long\""))),
                SLICE_LITERAL("\2c\2r\0\2\2x\2y\2a\2n\6"), &r);
    assert_true(slice_is(r.command_id_text, "c") && slice_is(r.run_id_text, "r"));
    assert_true(slice_is(r.account_id, "a") && slice_is(r.output_resource_name, "n"));
    assert_int_equal(r.created_at_us, 3);
    assert_false(r.has_updated_at);
}

/* ---- schemas that do not fit the code ---- */

static void a_schema_that_does_not_fit_the_code_is_not_taken(void **state)
{
    static const struct {
        const char *name;
        const char *json;
        bool newest;
    } CASES[] = {
        {"goldlabel.v1.Other", COMMAND(COMMAND_HEAD), false},
        {"goldlabel.v1.CreateGoldLabel", "{\"type\":\"record\"", false},
        {"goldlabel.v1.CreateGoldLabel", "\"string\"", false},
        {"goldlabel.v1.CreateGoldLabel", COMMAND(STRING("command_id") "," STRING("run_id")), false},
        {"goldlabel.v1.CreateGoldLabel", COMMAND(COMMAND_HEAD "," FIELD("x", "\"bytes\"")), false},
        {"goldlabel.v1.CreateGoldLabel", COMMAND(COMMAND_HEAD "," FIELD("text_value", "\"long\"")), false},
        {"goldlabel.v1.CreateGoldLabel", COMMAND(COMMAND_HEAD "," NULLABLE("text_value", "\"boolean\"")),
         false},
        {"goldlabel.v1.CreateGoldLabel",
         COMMAND(COMMAND_HEAD "," FIELD("text_value", "[\"long\",\"string\"]")), false},
        {"goldlabel.v1.CreateGoldLabel",
         COMMAND(COMMAND_HEAD "," FIELD("text_value", "[\"string\",\"long\"]")), false},
        {"goldlabel.v1.CreateGoldLabel",
         COMMAND(COMMAND_HEAD "," FIELD("text_value", "[\"null\",\"string\",\"long\"]")), false},
        {"goldlabel.v1.CreateGoldLabel",
         COMMAND(STRING("command_id") "," STRING("run_id") "," FIELD("output_resource_name",
                                                                     "[\"null\",\"string\"]")),
         false},
        {"goldlabel.v1.CreateGoldLabel", COMMAND(COMMAND_HEAD), true}, /* we write fields that it lacks */
        {"goldlabel.v1.GoldLabelResult",
         RESULT(RESULT_HEAD FIELD("outcome", ENUM("O", "\"CREATED\",\"REJECTED\",\"DEFERRED\""))), false},
        {"goldlabel.v1.GoldLabelResult", RESULT(RESULT_HEAD OUTCOME "," STRING("label")), false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct avro_form form;
        if (open_form(&form, CASES[i].name, CASES[i].json, CASES[i].newest))
            fail_msg("case %zu", i);
        avro_form_dispose(&form);
    }
}

#define WRITTEN_BUT_TEXT                                                                                     \
    COMMAND_HEAD                                                                                             \
    "," NULLABLE("object_value", "\"string\"") "," NULLABLE(                                                 \
        "object_value_is_partial",                                                                           \
        "\"boolean\"") "," NULLABLE("account_id", "\"string\"") "," NULLABLE("created_by", "\"string\"")
#define WRITTEN WRITTEN_BUT_TEXT "," NULLABLE("text_value", "\"string\"")

static void a_current_schema_in_which_a_field_cannot_be_null_is_not_taken(void **state)
{
    struct avro_form form;
    (void)state;
    assert_true(open_form(&form, AVRO_COMMAND.name, COMMAND(WRITTEN), true));
    avro_form_dispose(&form);
    assert_false(
        open_form(&form, AVRO_COMMAND.name, COMMAND(WRITTEN_BUT_TEXT "," STRING("text_value")), true));
    avro_form_dispose(&form);
}

static void a_current_schema_with_a_field_that_we_do_not_set_is_not_taken(void **state)
{
    struct avro_form form;
    (void)state;
    assert_true(open_form(&form, AVRO_COMMAND.name, COMMAND(WRITTEN), true));
    avro_form_dispose(&form);
    assert_false(open_form(&form, AVRO_COMMAND.name, COMMAND(WRITTEN "," STRING("x")), true));
    avro_form_dispose(&form);
    assert_false(open_form(&form, AVRO_COMMAND.name, COMMAND(WRITTEN_BUT_TEXT "," STRING("x")), true));
    avro_form_dispose(&form);
    assert_true(open_form(&form, AVRO_COMMAND.name, COMMAND(WRITTEN "," STRING("x")), false));
    avro_form_dispose(&form);
}

/* The current schema of results in `json`, with the text `from` replaced. */
static void replace_in_result(char *json, size_t size, const char *from, const char *to)
{
    size_t n;
    const struct avro_builtin *b = avro_builtins(&n);
    while (strcmp(b->name, AVRO_RESULT.name) != 0 || !b->newest)
        b++;
    const char *at = strstr(b->json, from);
    assert_non_null(at);
    snprintf(json, size, "%.*s%s%s", (int)(at - b->json), b->json, to, at + strlen(from));
}

static void a_current_schema_lacking_a_symbol_is_not_taken(void **state)
{
    static char json[16 * 1024];
    struct avro_form form;
    (void)state;
    replace_in_result(json, sizeof json, "\"id_conflict\"", "\"id_conflict\", \"too_late\"");
    assert_true(open_form(&form, AVRO_RESULT.name, json, true));
    avro_form_dispose(&form);
    replace_in_result(json, sizeof json, ", \"id_conflict\"", "");
    assert_false(open_form(&form, AVRO_RESULT.name, json, true));
    avro_form_dispose(&form);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_field_reads_as_its_default),
        cmocka_unit_test(fields_are_found_by_name_in_any_order),
        cmocka_unit_test(a_field_that_we_do_not_know_is_ignored),
        cmocka_unit_test(null_may_be_either_branch_or_none),
        cmocka_unit_test(symbols_are_taken_by_name_and_new_codes_read_as_unknown),
        cmocka_unit_test(the_ids_of_a_label_are_those_of_its_result),
        cmocka_unit_test(a_schema_that_does_not_fit_the_code_is_not_taken),
        cmocka_unit_test(a_current_schema_in_which_a_field_cannot_be_null_is_not_taken),
        cmocka_unit_test(a_current_schema_lacking_a_symbol_is_not_taken),
        cmocka_unit_test(a_current_schema_with_a_field_that_we_do_not_set_is_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
