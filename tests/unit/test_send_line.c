#include "producer-tool/send_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define RUN "9fce635a-cb14-4382-b669-f79155c36453"
#define OTHER_RUN "00000000-0000-4000-8000-00000000000A"

static const struct send_line_rules RULES = {.run_id = {RUN, sizeof RUN - 1}, .account_id = {"acme", 4}};

static int make_arena(void **state)
{
    *state = arena_new(4096);
    return *state ? 0 : -1;
}

static int drop_arena(void **state)
{
    arena_free(*state);
    return 0;
}

static struct label_command read_numbered(struct arena *a, const struct send_line_rules *rules,
                                          uint64_t number, const char *line)
{
    enum send_line_id from;
    struct label_command c;
    struct fault f = {0};
    if (send_line_read(slice_of(line), number, rules, 1700000000000, a, &c, &from, &f) != STATUS_OK)
        fail_msg("%s: %s", line, f.message);
    return c;
}

static struct label_command read_good(struct arena *a, const struct send_line_rules *rules, const char *line)
{
    return read_numbered(a, rules, 1, line);
}

static void expect_fault(struct arena *a, const struct send_line_rules *rules, const char *line,
                         const char *part)
{
    enum send_line_id from;
    struct label_command c;
    struct fault f = {0};
    assert_int_equal(send_line_read(slice_of(line), 1, rules, 0, a, &c, &from, &f), STATUS_INVALID);
    if (!strstr(f.message, part))
        fail_msg("%s: %s", line, f.message);
    assert_null(strstr(f.message, "SECRET"));
}

static void only_white_space_is_blank(void **state)
{
    (void)state;
    assert_true(send_line_is_blank(SLICE_LITERAL("")));
    assert_true(send_line_is_blank(SLICE_LITERAL(" \t\r")));
    assert_false(send_line_is_blank(SLICE_LITERAL(" x ")));
    assert_false(send_line_is_blank(SLICE_LITERAL("\0")));
}

static void the_lines_run_comes_before_the_options(void **state)
{
    struct label_command c = read_good(
        *state, &RULES, "{\"output_resource_name\":\"a\",\"text_value\":\"\",\"run_id\":\"" OTHER_RUN "\"}");
    assert_true(slice_is(c.run_id_text, "00000000-0000-4000-8000-00000000000a"));
    c = read_good(*state, &RULES, "{\"output_resource_name\":\"a\",\"text_value\":\"\"}");
    assert_true(slice_is(c.run_id_text, RUN));
}

static void a_line_without_any_run_is_refused(void **state)
{
    static const struct send_line_rules none = {0};
    expect_fault(*state, &none, "{\"output_resource_name\":\"a\",\"text_value\":\"SECRET\"}",
                 "run_id is missing");
}

static void a_given_id_is_taken_in_canonical_form(void **state)
{
    struct label_command c = read_good(
        *state, &RULES, "{\"output_resource_name\":\"a\",\"object_value\":{},\"id\":\"" OTHER_RUN "\"}");
    assert_true(slice_is(c.command_id_text, "00000000-0000-4000-8000-00000000000a"));
    assert_int_equal(c.command_id.bytes[15], 10);
}

/* The vector of contract §2: UUIDv5 of "acme" + U+0000 + "order-1" in the namespace, computed by Python's uuid module. */
static void a_key_gives_the_same_id_as_an_idempotency_key(void **state)
{
    struct uuid expected;
    struct label_command c = read_good(
        *state, &RULES, "{\"output_resource_name\":\"a\",\"text_value\":\"b\",\"key\":\"order-1\"}");
    assert_true(uuid_of_key(&expected, SLICE_LITERAL("acme"), SLICE_LITERAL("order-1")));
    assert_int_equal(uuid_compare(&c.command_id, &expected), 0);
    assert_true(slice_is(c.command_id_text, "c493ff97-991f-5951-901a-dbeee1c3ec3d"));
    c = read_good(*state, &RULES,
                  "{\"output_resource_name\":\"a\",\"text_value\":\"b\",\"key\":\"batch 7/line 1042\"}");
    assert_true(slice_is(c.command_id_text, "d89804e0-53b0-53e9-a7b2-76e0afa3458c"));
}

/* UUIDv5 of "acme" + U+0000 + "RUN DIGEST 7" in the namespace, computed by Python's uuid module. */
static void the_digest_of_the_input_and_the_number_of_the_line_give_an_id(void **state)
{
    static const char line[] = "{\"output_resource_name\":\"a\",\"text_value\":\"b\"}";
    static const struct digest digest = {{0xab, 0x01}};
    struct send_line_rules rules = RULES;
    rules.digest = &digest;
    struct label_command c = read_numbered(*state, &rules, 7, line);
    assert_true(slice_is(c.command_id_text, "4e50b899-331b-58b1-98b2-0b791adc3297"));
    struct label_command next = read_numbered(*state, &rules, 8, line);
    assert_int_not_equal(uuid_compare(&c.command_id, &next.command_id), 0);

    rules.account_id = SLICE_LITERAL("other");
    struct label_command others = read_numbered(*state, &rules, 7, line);
    assert_int_not_equal(uuid_compare(&c.command_id, &others.command_id), 0);
    rules = RULES;
    rules.digest = &digest;
    rules.run_id = SLICE_LITERAL(OTHER_RUN);
    struct label_command elsewhere = read_numbered(*state, &rules, 7, line);
    assert_int_not_equal(uuid_compare(&c.command_id, &elsewhere.command_id), 0);
}

static void a_check_needs_neither_account_nor_id(void **state)
{
    static const struct send_line_rules check = {.run_id = {RUN, sizeof RUN - 1}, .check_only = true};
    read_good(*state, &check, "{\"output_resource_name\":\"a\",\"text_value\":\"b\",\"key\":\"k\"}");
    expect_fault(*state, &check, "{\"output_resource_name\":\"a\",\"text_value\":\"b\",\"key\":\"k\\tk\"}",
                 "key");
}

static void without_id_and_key_every_line_gets_its_own_id(void **state)
{
    static const char line[] = "{\"output_resource_name\":\"a\",\"text_value\":\"b\"}";
    struct label_command first = read_good(*state, &RULES, line);
    struct label_command second = read_good(*state, &RULES, line);
    assert_int_equal(first.command_id.bytes[6] >> 4, 7);
    assert_true(uuid_compare(&first.command_id, &second.command_id) < 0);
}

static void keys_have_the_rules_of_an_idempotency_key(void **state)
{
    static const struct send_line_rules nobody = {.run_id = {RUN, sizeof RUN - 1}};
    char line[512];
    char key[LABEL_KEY_MAX + 2];
    memset(key, 'k', sizeof key);

#define KEYED(key) "{\"output_resource_name\":\"a\",\"text_value\":\"SECRET\",\"key\":\"" key "\"}"
    snprintf(line, sizeof line, KEYED("%.*s"), LABEL_KEY_MAX, key);
    read_good(*state, &RULES, line);
    snprintf(line, sizeof line, KEYED("%.*s"), LABEL_KEY_MAX + 1, key);
    expect_fault(*state, &RULES, line, "key must be");
    expect_fault(*state, &RULES, KEYED(""), "key must be");
    read_good(*state, &RULES, KEYED(" a b; \\\"c\\\", "));
    expect_fault(*state, &RULES, KEYED("a\\tb"), "key must be");
    expect_fault(*state, &RULES, KEYED("a\\u007fb"), "key must be");
    expect_fault(*state, &RULES, KEYED("\xc3\xa4"), "key must be");
    expect_fault(*state, &nobody, KEYED("k"), "--account");
    expect_fault(*state, &RULES,
                 "{\"output_resource_name\":\"a\",\"text_value\":\"\",\"key\":\"k\",\"id\":\"" RUN "\"}",
                 "only one of id and key");
}

static void the_rules_of_a_label_hold_for_a_line(void **state)
{
    expect_fault(*state, &RULES, "{\"output_resource_name\":\" \",\"text_value\":\"SECRET\"}",
                 "output_resource_name");
    expect_fault(*state, &RULES, "{\"output_resource_name\":\"a\"}", "text_value");
    expect_fault(*state, &RULES, "{\"output_resource_name\":\"a\",\"text_value\":\"\",\"id\":\"1\"}", "id");
}

static void the_account_is_in_the_record_only_when_asked_for(void **state)
{
    static const char line[] = "{\"output_resource_name\":\"a\",\"text_value\":\"b\"}";
    struct send_line_rules trusted = RULES;
    trusted.account_in_record = true;
    assert_null(read_good(*state, &RULES, line).account_id.at);
    assert_true(slice_is(read_good(*state, &trusted, line).account_id, "acme"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_white_space_is_blank),
        cmocka_unit_test(the_lines_run_comes_before_the_options),
        cmocka_unit_test(a_line_without_any_run_is_refused),
        cmocka_unit_test(a_given_id_is_taken_in_canonical_form),
        cmocka_unit_test(a_key_gives_the_same_id_as_an_idempotency_key),
        cmocka_unit_test(the_digest_of_the_input_and_the_number_of_the_line_give_an_id),
        cmocka_unit_test(a_check_needs_neither_account_nor_id),
        cmocka_unit_test(without_id_and_key_every_line_gets_its_own_id),
        cmocka_unit_test(keys_have_the_rules_of_an_idempotency_key),
        cmocka_unit_test(the_rules_of_a_label_hold_for_a_line),
        cmocka_unit_test(the_account_is_in_the_record_only_when_asked_for),
    };
    return cmocka_run_group_tests(tests, make_arena, drop_arena);
}
