#include "common/avro_schema.h"
#include "common/avro_walk.h"
#include "tests/unit/avro_golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A record R with the one field f of a type of the table below. */
struct record {
    avro_schema_t schema;
    avro_value_iface_t *class;
    struct buffer ops;
};

static const char *const TYPES[] = {
    ['b'] = "\"boolean\"",
    ['i'] = "\"int\"",
    ['l'] = "\"long\"",
    ['s'] = "\"string\"",
    ['e'] = "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}",
    ['u'] = "[\"null\",\"string\",\"boolean\"]",
    ['r'] = "[\"null\",{\"type\":\"record\",\"name\":\"S\",\"fields\":["
            "{\"name\":\"a\",\"type\":\"boolean\"},{\"name\":\"b\",\"type\":[\"null\",\"long\"]}]}]",
};

static bool open_type(struct record *r, const char *type)
{
    char json[512];
    const int n =
        snprintf(json, sizeof json,
                 "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"f\",\"type\":%s}]}", type);
    *r = (struct record){0};
    assert_int_equal(avro_schema_from_json_length(json, (size_t)n, &r->schema), 0);
    r->class = avro_generic_class_from_schema(r->schema);
    return avro_walk_compile(r->schema, &r->ops);
}

static void close_type(struct record *r)
{
    avro_value_iface_decref(r->class);
    avro_schema_decref(r->schema);
    buffer_dispose(&r->ops);
}

static status walk(const struct record *r, struct slice bytes, size_t start, struct fault *f)
{
    struct avro_leaf leaves[AVRO_LEAVES_MAX] = {0};
    return avro_walk((const struct avro_walk_op *)(void *)r->ops.at, bytes, start, leaves, f);
}

static status walk_form(const struct avro_form *form, struct slice record)
{
    struct avro_leaf leaves[AVRO_LEAVES_MAX] = {0};
    return avro_walk(avro_form_ops(form), record, 0, leaves, NULL);
}

/* avro-c takes the bytes, and all of them. */
static void assert_read_completely(avro_value_iface_t *class, struct slice bytes)
{
    avro_value_t value;
    avro_reader_t reader = avro_reader_memory(bytes.at, (int64_t)bytes.len);
    assert_int_equal(avro_generic_value_new(class, &value), 0);
    assert_int_equal(avro_value_read(reader, &value), 0);
    assert_int_not_equal(avro_skip(reader, 1), 0);
    avro_value_decref(&value);
    avro_reader_free(reader);
}

/* One byte sequence for a type, and a part of the message it is refused with; NULL: it is taken. */
struct walk_case {
    char type;
    const char *hex;
    const char *refusal;
};

static void check_cases(const struct walk_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct record r;
        char bytes[32];
        struct fault f = {0};
        assert_true(open_type(&r, TYPES[(unsigned char)cases[i].type]));
        const struct slice value = {bytes, unhex(cases[i].hex, bytes, sizeof bytes)};
        const status st = walk(&r, value, 0, &f);
        const bool as_wanted = cases[i].refusal
                                   ? st == STATUS_MALFORMED && strstr(f.message, cases[i].refusal)
                                   : st == STATUS_OK;
        if (!as_wanted)
            fail_msg("%c %s: %s \"%s\"", cases[i].type, cases[i].hex, status_text(st), f.message);
        if (cases[i].refusal)
            assert_string_equal(f.code, "broken_avro");
        else
            assert_read_completely(r.class, value);
        close_type(&r);
    }
}

#define CHECK(...)                                                                                           \
    do {                                                                                                     \
        static const struct walk_case CASES[] = {__VA_ARGS__};                                               \
        (void)state;                                                                                         \
        check_cases(CASES, sizeof CASES / sizeof CASES[0]);                                                  \
    } while (0)

static void a_number_has_at_most_64_bits(void **state)
{
    CHECK({'l', "00", NULL}, {'l', "8001", NULL}, {'l', "8000", NULL}, /* zero with a group to spare */
          {'l', "feffffffffffffffff01", NULL},                         /* INT64_MAX */
          {'l', "ffffffffffffffffff01", NULL},                         /* INT64_MIN */
          {'l', "80808080808080808000", NULL},                         /* zero in ten groups */
          {'l', "ffffffffffffffffff02", "more than 64 bits"},          /* the tenth group has one bit */
          {'l', "80808080808080808002", "more than 64 bits"},          /* avro-c reads this as 0 */
          {'l', "8080808080808080808000", "more than 64 bits"},        /* eleven groups */
          {'l', "ffffffffffffffffffffffffffffff", "more than 64 bits"});
}

static void an_int_has_32_bits(void **state)
{
    CHECK({'i', "feffffff0f", NULL}, {'i', "ffffffff0f", NULL},
          {'i', "8080808010", "R.f at byte 0: a number of more than 32 bits"},
          {'i', "8180808010", "more than 32 bits"}, {'i', "ffffffffffffffffff01", "more than 32 bits"});
}

static void bytes_that_end_too_early_are_refused(void **state)
{
    CHECK({'l', "", "within a number"}, {'l', "80", "within a number"},
          {'l', "ffffffffffffffffff", "within a number"}, {'i', "", "within a number"},
          {'b', "", "before a boolean"}, {'s', "", "within a number"}, {'s', "8080", "within a number"},
          {'e', "", "within a number"}, {'u', "", "within a number"}, {'u', "04", "before a boolean"},
          {'r', "02", "before a boolean"}, {'r', "0201", "within a number"});
}

static void a_boolean_is_0_or_1(void **state)
{
    CHECK({'b', "00", NULL}, {'b', "01", NULL}, {'b', "02", "neither 0 nor 1"},
          {'b', "07", "neither 0 nor 1"}, {'b', "ff", "neither 0 nor 1"}, {'u', "0402", "neither 0 nor 1"});
}

static void a_length_is_within_what_is_left(void **state)
{
    CHECK({'s', "00", NULL}, {'s', "0261", NULL}, {'s', "046162", NULL},
          {'s', "0461", "R.f at byte 0: a length of 2 bytes, and 1 are left"},
          {'s', "02", "a length of 1 bytes, and 0 are left"},
          {'s', "feffffffffffffffff0161", "a length of 9223372036854775807 bytes, and 1 are left"},
          {'s', "8080808008616161", "a length of 1073741824 bytes"}, {'s', "0161", "a negative length, -1"},
          {'s', "ffffffffffffffffff0161", "a negative length"});
}

static void text_is_utf_8(void **state)
{
    CHECK({'s', "04c3bc", NULL}, {'s', "0661f4b6", "not UTF-8"}, {'s', "02ff", "not UTF-8"},
          {'s', "04c080", "not UTF-8"}, {'s', "06eda080", "not UTF-8"}, {'s', "08f4908080", "not UTF-8"},
          {'s', "02c3bc", "not UTF-8"}); /* the length ends within a character */
}

static void text_may_hold_a_nul(void **state)
{
    CHECK({'s', "0200", NULL}, {'s', "06610062", NULL});
}

static void an_enum_has_only_its_own_indexes(void **state)
{
    CHECK({'e', "00", NULL}, {'e', "02", NULL}, {'e', "04", "no index 2 in an enum of 2"},
          {'e', "01", "no index -1 in an enum of 2"}, {'e', "feffffffffffffffff01", "in an enum of 2"},
          {'e', "8080808020", "no index 4294967296 in an enum"}); /* 0 in 32 bits */
}

static void a_union_has_only_its_own_branches(void **state)
{
    CHECK({'u', "00", NULL}, {'u', "020261", NULL}, {'u', "0401", NULL},
          {'u', "06", "no index 3 in a union of 3"}, {'u', "01", "no index -1 in a union of 3"},
          {'u', "8080808020", "no index 4294967296 in a union"}, {'r', "00", NULL}, {'r', "020100", NULL},
          {'r', "02010202", NULL}, {'r', "020104", "S.b at byte 2: no index 2 in a union of 2"});
}

static void nothing_may_follow_the_record(void **state)
{
    CHECK({'b', "0100", "the record ends at byte 1, and 1 bytes follow"},
          {'u', "000000", "the record ends at byte 1, and 2 bytes follow"},
          {'r', "02010000", "1 bytes follow"}, {'s', "026162", "1 bytes follow"});
}

static void messages_count_bytes_from_the_beginning_of_the_frame(void **state)
{
    (void)state;
    struct record r;
    struct fault f = {0};
    assert_true(open_type(&r, TYPES['r']));
    assert_int_equal(walk(&r, slice_make("\x02\x07", 2), 10, &f), STATUS_MALFORMED);
    assert_string_equal(f.message, "S.a at byte 11: a boolean is neither 0 nor 1");
    assert_int_equal(walk(&r, slice_make("\x00\x00", 2), 5, &f), STATUS_MALFORMED);
    assert_string_equal(f.message, "the record ends at byte 6, and 1 bytes follow");
    close_type(&r);
}

static void a_type_that_the_walk_does_not_know_is_refused(void **state)
{
    (void)state;
    static const char *const UNKNOWN[] = {
        "{\"type\":\"array\",\"items\":\"null\"}",
        "{\"type\":\"map\",\"values\":\"null\"}",
        "{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}",
        "\"bytes\"",
        "\"float\"",
        "\"double\"",
        "[\"null\",\"R\"]",
        "[\"null\",{\"type\":\"record\",\"name\":\"S\",\"fields\":[{\"name\":\"a\",\"type\":\"double\"}]}]",
    };
    for (size_t i = 0; i < sizeof UNKNOWN / sizeof UNKNOWN[0]; i++) {
        struct record r;
        if (open_type(&r, UNKNOWN[i]))
            fail_msg("%s", UNKNOWN[i]);
        close_type(&r);
    }
}

/* ---- the built-in schemas ---- */

static void open_builtin(struct avro_form *form, const char *name)
{
    size_t n;
    const struct avro_builtin *b = avro_builtins(&n);
    while (n > 0 && (strcmp(b->name, name) != 0 || !b->newest)) {
        b++;
        n--;
    }
    assert_true(n > 0);
    assert_true(avro_form_open(form, b));
}

static const struct {
    const char *record;
    const char *hex;
} GOLDEN[] = {
    {"goldlabel.v1.CreateGoldLabel", GOLDEN_COMMAND_FULL},
    {"goldlabel.v1.CreateGoldLabel", GOLDEN_COMMAND_SMALL},
    {"goldlabel.v1.GoldLabelResult", GOLDEN_RESULT_CREATED},
    {"goldlabel.v1.GoldLabelResult", GOLDEN_RESULT_REJECTED},
};

enum { FRAME = 10, N_GOLDEN = sizeof GOLDEN / sizeof GOLDEN[0] };

static void every_jump_leads_ahead(void **state)
{
    (void)state;
    for (size_t g = 0; g < N_GOLDEN; g++) {
        struct avro_form form;
        open_builtin(&form, GOLDEN[g].record);
        const struct avro_walk_op *ops = avro_form_ops(&form);
        const size_t n = form.ops.len / sizeof *ops;
        for (size_t i = 0; i < n; i++)
            if (ops[i].kind == AVRO_WALK_JUMP)
                assert_in_range(ops[i].arg, i + 1, n - 1);
        assert_int_equal(ops[n - 1].kind, AVRO_WALK_END);
        avro_form_dispose(&form);
    }
}

static void a_message_cut_off_anywhere_is_refused(void **state)
{
    (void)state;
    for (size_t g = 0; g < N_GOLDEN; g++) {
        struct avro_form form;
        char bytes[512];
        const size_t n = unhex(GOLDEN[g].hex, bytes, sizeof bytes);
        open_builtin(&form, GOLDEN[g].record);
        for (size_t len = 0; len < n - FRAME; len++)
            assert_int_equal(walk_form(&form, slice_make(bytes + FRAME, len)), STATUS_MALFORMED);
        assert_int_equal(walk_form(&form, slice_make(bytes + FRAME, n - FRAME)), STATUS_OK);
        avro_form_dispose(&form);
    }
}

static void what_is_taken_with_any_bit_flipped_is_read_completely(void **state)
{
    (void)state;
    for (size_t g = 0; g < N_GOLDEN; g++) {
        struct avro_form form;
        char bytes[512];
        const size_t n = unhex(GOLDEN[g].hex, bytes, sizeof bytes);
        const struct slice record = {bytes + FRAME, n - FRAME};
        size_t taken = 0;
        open_builtin(&form, GOLDEN[g].record);
        avro_value_iface_t *class = avro_generic_class_from_schema(form.schema);
        for (size_t bit = FRAME * 8; bit < n * 8; bit++) {
            const char flip = (char)(1 << bit % 8);
            bytes[bit / 8] = (char)(bytes[bit / 8] ^ flip);
            if (walk_form(&form, record) == STATUS_OK) {
                assert_read_completely(class, record);
                taken++;
            }
            bytes[bit / 8] = (char)(bytes[bit / 8] ^ flip);
        }
        assert_true(taken > 0 && taken < (n - FRAME) * 8);
        avro_value_iface_decref(class);
        avro_form_dispose(&form);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_has_at_most_64_bits),
        cmocka_unit_test(an_int_has_32_bits),
        cmocka_unit_test(bytes_that_end_too_early_are_refused),
        cmocka_unit_test(a_boolean_is_0_or_1),
        cmocka_unit_test(a_length_is_within_what_is_left),
        cmocka_unit_test(text_is_utf_8),
        cmocka_unit_test(text_may_hold_a_nul),
        cmocka_unit_test(an_enum_has_only_its_own_indexes),
        cmocka_unit_test(a_union_has_only_its_own_branches),
        cmocka_unit_test(nothing_may_follow_the_record),
        cmocka_unit_test(messages_count_bytes_from_the_beginning_of_the_frame),
        cmocka_unit_test(a_type_that_the_walk_does_not_know_is_refused),
        cmocka_unit_test(every_jump_leads_ahead),
        cmocka_unit_test(a_message_cut_off_anywhere_is_refused),
        cmocka_unit_test(what_is_taken_with_any_bit_flipped_is_read_completely),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
