#include "common/avro_codec.h"
#include "tests/unit/avro_golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* One codec without registry ids and one with 7 for commands and 8 for results; what was written last. */
struct fixture {
    struct avro_codec *plain;
    struct avro_codec *registry;
    struct buffer out;
    struct fault fault;
};

static int set_up(void **state)
{
    struct fixture *x = calloc(1, sizeof *x);
    assert_non_null(x);
    x->plain = avro_codec_new(&(struct avro_codec_options){-1, -1});
    x->registry = avro_codec_new(&(struct avro_codec_options){7, 8});
    assert_true(x->plain && x->registry);
    *state = x;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *x = *state;
    avro_codec_free(x->plain);
    avro_codec_free(x->registry);
    buffer_dispose(&x->out);
    free(x);
    return 0;
}

static void assert_slice(struct slice got, struct slice wanted)
{
    if (!slice_equal(got, wanted))
        fail_msg("\"%.*s\" is not \"%.*s\"", (int)got.len, got.at ? got.at : "(none)", (int)wanted.len,
                 wanted.at ? wanted.at : "(none)");
}

static void assert_bytes(const struct buffer *got, const char *hex)
{
    char bytes[512];
    const size_t n = unhex(hex, bytes, sizeof bytes);
    assert_int_equal(got->len, n);
    assert_memory_equal(got->at, bytes, n);
}

static void assert_command(const struct label_command *got, const struct label_command *wanted)
{
    assert_slice(got->command_id_text, wanted->command_id_text);
    assert_slice(got->run_id_text, wanted->run_id_text);
    assert_slice(got->output_resource_name, wanted->output_resource_name);
    assert_slice(got->text_value, wanted->text_value);
    assert_slice(got->object_value, wanted->object_value);
    assert_int_equal(got->object_value_is_partial, wanted->object_value_is_partial);
    assert_slice(got->account_id, wanted->account_id);
    assert_slice(got->created_by, wanted->created_by);
    assert_false(got->object_is_checked);
}

static void assert_result(const struct label_result *got, const struct label_result *wanted)
{
    assert_int_equal(got->outcome, wanted->outcome);
    assert_slice(got->command_id_text, wanted->command_id_text);
    assert_slice(got->run_id_text, wanted->run_id_text);
    assert_int_equal(got->replayed, wanted->replayed);
    assert_slice(got->account_id, wanted->account_id);
    assert_slice(got->output_resource_name, wanted->output_resource_name);
    assert_slice(got->text_value, wanted->text_value);
    assert_slice(got->object_value, wanted->object_value);
    assert_int_equal(got->object_value_is_partial, wanted->object_value_is_partial);
    assert_slice(got->created_by, wanted->created_by);
    assert_int_equal(got->created_at_us, wanted->created_at_us);
    assert_slice(got->updated_by, wanted->updated_by);
    assert_int_equal(got->has_updated_at, wanted->has_updated_at);
    assert_int_equal(got->updated_at_us, wanted->updated_at_us);
    assert_int_equal(got->code, wanted->code);
    assert_slice(got->message, wanted->message);
}

static status decode_command(struct fixture *x, struct avro_codec *codec, struct slice value,
                             struct label_command *out)
{
    return avro_decode_command(codec, value, out, &x->fault);
}

/* ---- bytes of another implementation ---- */

static void commands_are_the_bytes_that_fastavro_writes(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(avro_encode_command(x->plain, &COMMAND_FULL, &x->out), STATUS_OK);
    assert_bytes(&x->out, GOLDEN_COMMAND_FULL);
    buffer_clear(&x->out);
    assert_int_equal(avro_encode_command(x->plain, &COMMAND_SMALL, &x->out), STATUS_OK);
    assert_bytes(&x->out, GOLDEN_COMMAND_SMALL);
}

static void results_are_the_bytes_that_fastavro_writes(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(avro_encode_result(x->plain, &RESULT_CREATED, &x->out), STATUS_OK);
    assert_bytes(&x->out, GOLDEN_RESULT_CREATED);
    buffer_clear(&x->out);
    assert_int_equal(avro_encode_result(x->plain, &RESULT_REJECTED, &x->out), STATUS_OK);
    assert_bytes(&x->out, GOLDEN_RESULT_REJECTED);
}

static void commands_of_fastavro_are_read(void **state)
{
    struct fixture *x = *state;
    struct label_command c;
    char bytes[512];
    size_t n = unhex(GOLDEN_COMMAND_FULL, bytes, sizeof bytes);
    assert_int_equal(decode_command(x, x->plain, slice_make(bytes, n), &c), STATUS_OK);
    assert_command(&c, &COMMAND_FULL);
    n = unhex(GOLDEN_COMMAND_SMALL, bytes, sizeof bytes);
    assert_int_equal(decode_command(x, x->plain, slice_make(bytes, n), &c), STATUS_OK);
    assert_command(&c, &COMMAND_SMALL);
}

static void results_of_fastavro_are_read(void **state)
{
    struct fixture *x = *state;
    struct label_result r;
    char bytes[512];
    size_t n = unhex(GOLDEN_RESULT_CREATED, bytes, sizeof bytes);
    assert_int_equal(avro_decode_result(x->plain, slice_make(bytes, n), &r, &x->fault), STATUS_OK);
    assert_result(&r, &RESULT_CREATED);
    n = unhex(GOLDEN_RESULT_REJECTED, bytes, sizeof bytes);
    assert_int_equal(avro_decode_result(x->plain, slice_make(bytes, n), &r, &x->fault), STATUS_OK);
    assert_result(&r, &RESULT_REJECTED);
}

static void a_result_holds_only_what_belongs_to_its_outcome(void **state)
{
    struct fixture *x = *state;
    struct label_result created = RESULT_CREATED, rejected = RESULT_REJECTED;
    created.code = LABEL_REJECTED_ID_CONFLICT;
    created.message = SLICE_LITERAL("left over");
    rejected.account_id = SLICE_LITERAL("left over");
    rejected.output_resource_name = SLICE_LITERAL("left over");
    assert_int_equal(avro_encode_result(x->plain, &created, &x->out), STATUS_OK);
    assert_bytes(&x->out, GOLDEN_RESULT_CREATED);
    buffer_clear(&x->out);
    assert_int_equal(avro_encode_result(x->plain, &rejected, &x->out), STATUS_OK);
    assert_bytes(&x->out, GOLDEN_RESULT_REJECTED);
}

static void what_was_decoded_outlives_the_next_message(void **state)
{
    struct fixture *x = *state;
    struct label_command first, second;
    char full[512], small[512];
    const struct slice one = {full, unhex(GOLDEN_COMMAND_FULL, full, sizeof full)};
    const struct slice two = {small, unhex(GOLDEN_COMMAND_SMALL, small, sizeof small)};
    assert_int_equal(decode_command(x, x->plain, one, &first), STATUS_OK);
    assert_int_equal(decode_command(x, x->plain, two, &second), STATUS_OK);
    assert_int_equal(avro_encode_command(x->plain, &second, &x->out), STATUS_OK);
    assert_command(&first, &COMMAND_FULL);
    assert_command(&second, &COMMAND_SMALL);
}

static void a_value_of_the_greatest_size_is_carried(void **state)
{
    struct fixture *x = *state;
    struct label_command c = COMMAND_SMALL, back;
    char *text = malloc(LABEL_VALUE_MAX);
    assert_non_null(text);
    memset(text, 'x', LABEL_VALUE_MAX);
    c.text_value = slice_make(text, LABEL_VALUE_MAX);
    assert_int_equal(avro_encode_command(x->plain, &c, &x->out), STATUS_OK);
    assert_int_equal(decode_command(x, x->plain, buffer_slice(&x->out), &back), STATUS_OK);
    assert_command(&back, &c);
    free(text);
}

/* ---- texts ---- */

static void text_with_a_nul_is_carried_whole(void **state)
{
    struct fixture *x = *state;
    struct label_command c = COMMAND_SMALL, command;
    struct label_result r = RESULT_REJECTED, result;
    c.text_value = SLICE_LITERAL("before\0after");
    assert_int_equal(avro_encode_command(x->plain, &c, &x->out), STATUS_OK);
    assert_int_equal(decode_command(x, x->plain, buffer_slice(&x->out), &command), STATUS_OK);
    assert_int_equal(command.text_value.len, 12);
    assert_command(&command, &c);

    /* The result of a command whose id holds U+0000 repeats the id. */
    r.command_id_text = SLICE_LITERAL("\0");
    buffer_clear(&x->out);
    assert_int_equal(avro_encode_result(x->plain, &r, &x->out), STATUS_OK);
    assert_int_equal(avro_decode_result(x->plain, buffer_slice(&x->out), &result, NULL), STATUS_OK);
    assert_result(&result, &r);
}

static void what_cannot_be_written_is_refused_and_appends_nothing(void **state)
{
    struct fixture *x = *state;
    struct label_command commands[] = {COMMAND_FULL, COMMAND_FULL, COMMAND_FULL, COMMAND_FULL};
    struct label_result results[] = {RESULT_CREATED, RESULT_CREATED, RESULT_REJECTED, RESULT_REJECTED};
    commands[0].command_id_text = SLICE_NONE;
    commands[1].run_id_text = SLICE_NONE;
    commands[2].output_resource_name = SLICE_NONE;
    commands[3].object_value = SLICE_LITERAL("\xed\xa0\x80");
    results[0].account_id = SLICE_NONE;
    results[1].created_by = SLICE_LITERAL("\xff");
    results[2].message = SLICE_LITERAL("cut \xc3");
    results[3].code = LABEL_REJECTED_ID_CONFLICT + 1;

    buffer_add_text(&x->out, "kept");
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(avro_encode_command(x->plain, &commands[i], &x->out), STATUS_INVALID);
        assert_int_equal(avro_encode_result(x->plain, &results[i], &x->out), STATUS_INVALID);
    }
    assert_slice(buffer_slice(&x->out), SLICE_LITERAL("kept"));

    /* And the codec is as good as before. */
    buffer_clear(&x->out);
    assert_int_equal(avro_encode_result(x->plain, &RESULT_CREATED, &x->out), STATUS_OK);
    assert_bytes(&x->out, GOLDEN_RESULT_CREATED);
}

/* ---- refusals ---- */

/* The hex of a value, and what it is refused with by both decoders of the codec without registry ids. */
static const struct {
    const char *hex; /* NULL: the message has no value */
    const char *command_code;
    const char *result_code;
} REFUSED[] = {
    {NULL, "null_value", "null_value"},
    {"", "unknown_schema", "unknown_schema"},
    {"c3", "unknown_schema", "unknown_schema"},
    {"c301", "unknown_schema", "unknown_schema"},
    {"c301ba2aa3e7633e92", "unknown_schema", "unknown_schema"},
    {"c301ba2aa3e7633e92b6", "broken_avro", "unknown_schema"}, /* the frame of a command, and no more */
    {"c301e20a1fa23e7fac16", "unknown_schema", "broken_avro"},
    {"c301b6923e63e7a32aba", "unknown_schema", "unknown_schema"}, /* big endian */
    {"c3010000000000000000", "unknown_schema", "unknown_schema"},
    {"c302ba2aa3e7633e92b6", "unknown_schema", "unknown_schema"},
    {"c201ba2aa3e7633e92b6", "unknown_schema", "unknown_schema"},
    {"0000000007", "unknown_schema", "unknown_schema"},
    {"7b7d", "unknown_schema", "unknown_schema"},
    {GOLDEN_COMMAND_SMALL "00", "broken_avro", "unknown_schema"},
    {GOLDEN_RESULT_REJECTED "00", "unknown_schema", "broken_avro"},
    {"c301e20a1fa23e7fac1600000000000000", "unknown_schema", "broken_avro"}, /* CREATED, but label is null */
};

static void unreadable_values_say_why(void **state)
{
    struct fixture *x = *state;
    for (size_t i = 0; i < sizeof REFUSED / sizeof REFUSED[0]; i++) {
        struct label_command c;
        struct label_result r;
        struct slice value = SLICE_NONE;
        char *exact = NULL; /* so that a byte read too far is noticed */
        if (REFUSED[i].hex) {
            const size_t n = strlen(REFUSED[i].hex) / 2;
            exact = malloc(n + !n);
            assert_non_null(exact);
            value = slice_make(exact, unhex(REFUSED[i].hex, exact, n));
        }
        x->fault = (struct fault){0};
        assert_int_equal(decode_command(x, x->plain, value, &c), STATUS_MALFORMED);
        assert_string_equal(x->fault.code, REFUSED[i].command_code);
        assert_true(strlen(x->fault.message) > 10);
        x->fault = (struct fault){0};
        assert_int_equal(avro_decode_result(x->plain, value, &r, &x->fault), STATUS_MALFORMED);
        assert_string_equal(x->fault.code, REFUSED[i].result_code);
        assert_true(strlen(x->fault.message) > 10);
        free(exact);
    }
}

static void a_refusal_names_the_field_and_no_value(void **state)
{
    struct fixture *x = *state;
    struct label_command c;
    char bytes[512];
    const size_t n = unhex(GOLDEN_COMMAND_FULL, bytes, sizeof bytes);
    bytes[n - 1] = '\xc3'; /* of "émile" */
    assert_int_equal(decode_command(x, x->plain, slice_make(bytes, n), &c), STATUS_MALFORMED);
    assert_string_equal(x->fault.message, "CreateGoldLabel.created_by at byte 115: text that is not UTF-8");
}

/* ---- a registry's framing ---- */

static void a_schema_id_is_written_where_one_is_configured(void **state)
{
    struct fixture *x = *state;
    char bytes[512] = {0, 0, 0, 0, 7};
    const size_t n = unhex(GOLDEN_COMMAND_SMALL, bytes + 5, sizeof bytes - 5) + 5;
    memmove(bytes + 5, bytes + 15, n - 15); /* without the other frame */
    assert_int_equal(avro_encode_command(x->registry, &COMMAND_SMALL, &x->out), STATUS_OK);
    assert_slice(buffer_slice(&x->out), slice_make(bytes, n - 10));

    struct avro_codec *codec = avro_codec_new(&(struct avro_codec_options){0, 0x01020304});
    buffer_clear(&x->out);
    assert_int_equal(avro_encode_result(codec, &RESULT_REJECTED, &x->out), STATUS_OK);
    assert_memory_equal(x->out.at, "\x00\x01\x02\x03\x04\x0eno uuid", 13);
    buffer_clear(&x->out);
    assert_int_equal(avro_encode_command(codec, &COMMAND_SMALL, &x->out), STATUS_OK);
    assert_memory_equal(x->out.at, "\x00\x00\x00\x00\x00H0190", 10);
    avro_codec_free(codec);
}

static void both_framings_are_read_where_an_id_is_configured(void **state)
{
    struct fixture *x = *state;
    struct label_command c;
    struct label_result r;
    assert_int_equal(avro_encode_command(x->registry, &COMMAND_FULL, &x->out), STATUS_OK);
    assert_int_equal(decode_command(x, x->registry, buffer_slice(&x->out), &c), STATUS_OK);
    assert_command(&c, &COMMAND_FULL);
    buffer_clear(&x->out);
    assert_int_equal(avro_encode_command(x->plain, &COMMAND_FULL, &x->out), STATUS_OK);
    assert_int_equal(decode_command(x, x->registry, buffer_slice(&x->out), &c), STATUS_OK);
    assert_command(&c, &COMMAND_FULL);
    buffer_clear(&x->out);
    assert_int_equal(avro_encode_result(x->registry, &RESULT_CREATED, &x->out), STATUS_OK);
    assert_int_equal(avro_decode_result(x->registry, buffer_slice(&x->out), &r, NULL), STATUS_OK);
    assert_result(&r, &RESULT_CREATED);
}

static void another_schema_id_is_an_unknown_schema(void **state)
{
    struct fixture *x = *state;
    struct label_command c;
    struct label_result r;
    assert_int_equal(avro_encode_command(x->registry, &COMMAND_FULL, &x->out), STATUS_OK);
    assert_int_equal(decode_command(x, x->plain, buffer_slice(&x->out), &c), STATUS_MALFORMED);
    assert_string_equal(x->fault.code, "unknown_schema");
    assert_non_null(strstr(x->fault.message, "begin neither"));
    assert_int_equal(avro_decode_result(x->registry, buffer_slice(&x->out), &r, &x->fault), STATUS_MALFORMED);
    assert_string_equal(x->fault.code, "unknown_schema");
    x->out.at[1] = 1;
    assert_int_equal(decode_command(x, x->registry, buffer_slice(&x->out), &c), STATUS_MALFORMED);
    assert_string_equal(x->fault.message, "schema id 16777223 is not the configured 7");

    char *exact = calloc(1, 4); /* so that a byte read too far is noticed */
    assert_non_null(exact);
    assert_int_equal(decode_command(x, x->registry, slice_make(exact, 4), &c), STATUS_MALFORMED);
    assert_string_equal(x->fault.code, "unknown_schema");
    free(exact);

    x->out.at[0] = 1;
    x->out.at[1] = 0;
    assert_int_equal(decode_command(x, x->registry, buffer_slice(&x->out), &c), STATUS_MALFORMED);
    assert_string_equal(x->fault.code, "unknown_schema");
}

static void a_schema_id_that_does_not_fit_the_frame_is_refused(void **state)
{
    (void)state;
    assert_null(avro_codec_new(&(struct avro_codec_options){INT64_C(0x100000000), -1}));
    assert_null(avro_codec_new(&(struct avro_codec_options){-1, INT64_MAX}));
    avro_codec_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(commands_are_the_bytes_that_fastavro_writes),
        TEST(results_are_the_bytes_that_fastavro_writes),
        TEST(commands_of_fastavro_are_read),
        TEST(results_of_fastavro_are_read),
        TEST(a_result_holds_only_what_belongs_to_its_outcome),
        TEST(what_was_decoded_outlives_the_next_message),
        TEST(a_value_of_the_greatest_size_is_carried),
        TEST(text_with_a_nul_is_carried_whole),
        TEST(what_cannot_be_written_is_refused_and_appends_nothing),
        TEST(unreadable_values_say_why),
        TEST(a_refusal_names_the_field_and_no_value),
        TEST(a_schema_id_is_written_where_one_is_configured),
        TEST(both_framings_are_read_where_an_id_is_configured),
        TEST(another_schema_id_is_an_unknown_schema),
        cmocka_unit_test(a_schema_id_that_does_not_fit_the_frame_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
