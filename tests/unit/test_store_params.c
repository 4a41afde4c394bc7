/* The bytes of array_send(): PostgreSQL's src/backend/utils/adt/arrayfuncs.c. */
#include "worker/store_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* The statements' parameters, in order. */
enum { ID, RUN, ACCOUNT, NAME, TEXT, OBJECT, PARTIAL, CREATED_BY };

/* Up to the element type: one dimension, nulls allowed. */
#define HEAD "00000001 00000001 "
#define BOOLS HEAD "00000010 "
#define TEXTS HEAD "00000019 "
#define UUIDS HEAD "00000b86 "
#define JSONBS HEAD "00000eda "
/* The number of elements; the first has the index 1. */
#define OF_0 "00000000 00000001 "
#define OF_1 "00000001 00000001 "
#define OF_3 "00000003 00000001 "
#define NULL_ELEMENT "ffffffff "

static void assert_bytes(const struct buffer *b, const char *hex)
{
    struct buffer expected = {0};
    for (const char *c = hex; *c;) {
        if (*c == ' ') {
            c++;
            continue;
        }
        const char pair[] = {c[0], c[1], '\0'};
        buffer_add_char(&expected, (char)strtoul(pair, NULL, 16));
        c += 2;
    }
    assert_int_equal(b->len, expected.len);
    assert_memory_equal(b->at, expected.at, expected.len);
    buffer_dispose(&expected);
}

static void fill(struct store_params *p, const struct label_command *commands, size_t n)
{
    struct store_row rows[3];
    struct store_row *pointers[3];
    assert_true(n <= sizeof rows / sizeof rows[0]);
    for (size_t i = 0; i < n; i++) {
        rows[i] = (struct store_row){.command = &commands[i]};
        pointers[i] = &rows[i];
    }
    assert_true(store_params_fill(p, pointers, n));
}

static void every_member_goes_into_its_parameter(void **state)
{
    (void)state;
    const struct label_command command = {
        .command_id = {{0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d,
                        0x0e, 0x0f}},
        .run_id = {{0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe,
                    0xff}},
        .account_id = SLICE_LITERAL("acme"),
        .created_by = SLICE_LITERAL("J\xc3\xb6rg"),
        .output_resource_name = SLICE_LITERAL("out"),
        .object_value = SLICE_LITERAL("{\"a\":1}"),
        .object_value_is_partial = LABEL_FLAG_TRUE,
    };
    struct store_params p = {0};
    fill(&p, &command, 1);

    assert_bytes(&p.at[ID], UUIDS OF_1 "00000010 000102030405060708090a0b0c0d0e0f");
    assert_bytes(&p.at[RUN], UUIDS OF_1 "00000010 f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
    assert_bytes(&p.at[ACCOUNT], TEXTS OF_1 "00000004 61636d65");
    assert_bytes(&p.at[NAME], TEXTS OF_1 "00000003 6f7574");
    assert_bytes(&p.at[TEXT], TEXTS OF_1 NULL_ELEMENT);
    /* jsonb_send(): a version in front, counted with the text. */
    assert_bytes(&p.at[OBJECT], JSONBS OF_1 "00000008 01 7b2261223a317d");
    assert_bytes(&p.at[PARTIAL], BOOLS OF_1 "00000001 01");
    assert_bytes(&p.at[CREATED_BY], TEXTS OF_1 "00000005 4ac3b67267");
    store_params_dispose(&p);
}

static void what_is_absent_is_null_and_what_is_empty_is_not(void **state)
{
    (void)state;
    const struct label_command commands[] = {
        {.account_id = SLICE_LITERAL("a")},
        {.text_value = SLICE_LITERAL(""), .created_by = SLICE_LITERAL("")},
        {.text_value = SLICE_LITERAL("t"), .object_value = SLICE_LITERAL("{}")},
    };
    struct store_params p = {0};
    fill(&p, commands, 3);

    assert_bytes(&p.at[ACCOUNT], TEXTS OF_3 "00000001 61 " NULL_ELEMENT NULL_ELEMENT);
    assert_bytes(&p.at[TEXT], TEXTS OF_3 NULL_ELEMENT "00000000 00000001 74");
    assert_bytes(&p.at[OBJECT], JSONBS OF_3 NULL_ELEMENT NULL_ELEMENT "00000003 01 7b7d");
    assert_bytes(&p.at[CREATED_BY], TEXTS OF_3 NULL_ELEMENT "00000000 " NULL_ELEMENT);
    store_params_dispose(&p);
}

static void a_flag_is_null_false_or_true(void **state)
{
    (void)state;
    const struct label_command commands[] = {
        {.object_value_is_partial = LABEL_FLAG_TRUE},
        {.object_value_is_partial = LABEL_FLAG_ABSENT},
        {.object_value_is_partial = LABEL_FLAG_FALSE},
    };
    struct store_params p = {0};
    fill(&p, commands, 3);
    assert_bytes(&p.at[PARTIAL], BOOLS OF_3 "00000001 01 " NULL_ELEMENT "00000001 00");
    store_params_dispose(&p);
}

static void the_next_filling_forgets_the_last(void **state)
{
    (void)state;
    const struct label_command commands[3] = {{.text_value = SLICE_LITERAL("a long one")}};
    const struct label_command last = {.text_value = SLICE_LITERAL("x")};
    struct store_params p = {0};
    fill(&p, commands, 3);
    fill(&p, &last, 1);
    assert_bytes(&p.at[TEXT], TEXTS OF_1 "00000001 78");
    assert_bytes(&p.at[OBJECT], JSONBS OF_1 NULL_ELEMENT);
    fill(&p, NULL, 0);
    assert_bytes(&p.at[ID], UUIDS OF_0);
    store_params_dispose(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member_goes_into_its_parameter),
        cmocka_unit_test(what_is_absent_is_null_and_what_is_empty_is_not),
        cmocka_unit_test(a_flag_is_null_false_or_true),
        cmocka_unit_test(the_next_filling_forgets_the_last),
    };
    return cmocka_run_group_tests_name("store_params", tests, NULL, NULL);
}
