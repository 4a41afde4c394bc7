/* What the ingress reads out of single headers and the path. */
#include "ingress/idempotency_key.h"
#include "ingress/media_type.h"
#include "ingress/outcome.h"
#include "ingress/replies.h"
#include "ingress/routes.h"
#include "ingress/traceparent.h"

#include <stdio.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TEN "0123456789"
#define FIFTY TEN TEN TEN TEN TEN
#define TWO_FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY

static void a_key_is_a_quoted_string_or_bare(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        const char *key; /* NULL: refused */
    } CASES[] = {
        {"8f14e45f-ceea-467f-a8b3-1b7c6cf5d0a1", "8f14e45f-ceea-467f-a8b3-1b7c6cf5d0a1"},
        {"\"8f14e45f\"", "8f14e45f"},
        {"a", "a"},
        {"!~'(){}\\:=@", "!~'(){}\\:=@"},
        {"\"batch 7, line; 2\"", "batch 7, line; 2"},
        {"\"a\\\"b\\\\c\"", "a\"b\\c"},
        {TWO_FIFTY "12345", TWO_FIFTY "12345"},
        {"\"" TWO_FIFTY "12345\"", TWO_FIFTY "12345"},
        {TWO_FIFTY "123456", NULL},
        {"\"" TWO_FIFTY "123456\"", NULL},
        {"", NULL},
        {"\"\"", NULL},
        {"\"", NULL},
        {"\"a", NULL},
        {"a\"", NULL},
        {"\"a\\\"", NULL},
        {"\"a\\b\"", NULL},
        {"\"a\"b", NULL},
        {"\"a\";p=1", NULL},
        {"\"a\", \"b\"", NULL},
        {"a,b", NULL},
        {"a;b", NULL},
        {"a b", NULL},
        {"a\tb", NULL},
        {"\"a\tb\"", NULL},
        {"\xc3\xa4", NULL},
        {"\"\xc3\xa4\"", NULL},
    };
    struct arena *a = arena_new(512);

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct slice key = SLICE_NONE;
        struct fault f = {0};
        status st = idempotency_key_read(slice_of(CASES[i].value), a, &key, &f);
        if ((st == STATUS_OK) != (CASES[i].key != NULL))
            print_error("%s\n", CASES[i].value);
        assert_int_equal(st, CASES[i].key ? STATUS_OK : STATUS_MALFORMED);
        if (CASES[i].key)
            assert_true(slice_is(key, CASES[i].key));
        else
            assert_string_equal(f.code, "invalid_idempotency_key");
    }
    arena_free(a);
}

static void json_in_utf_8_is_the_only_media_type(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        bool is_json;
    } CASES[] = {
        {"application/json", true},
        {"Application/JSON", true},
        {"application/json; charset=utf-8", true},
        {"application/json;charset=UTF-8", true},
        {"application/json ; charset=\"utf-8\"", true},
        {"application/json;", true},
        {"application/json; ; charset=utf-8", true},
        {"application/json; profile=x", true},
        {"application/json; charset=latin1", false},
        {"application/json; charset=utf-8; charset=latin1", false},
        {"application/json; charset", false},
        {"application/json; charset = utf-8", false},
        {"application/json; charset=\"utf-8", false},
        {"application/json, application/json", false},
        {"application/jsonx", false},
        {"application/problem+json", false},
        {"text/json", false},
        {"application", false},
        {"application/", false},
        {"", false},
    };

    assert_false(media_type_is_json(SLICE_NONE));
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        if (media_type_is_json(slice_of(CASES[i].value)) != CASES[i].is_json)
            fail_msg("%s", CASES[i].value);
    }
}

static void only_a_valid_traceparent_is_passed_on(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        bool valid;
    } CASES[] = {
        {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true},
        {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", true},
        {"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false},
        {"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false},
        {"00-00000000000000000000000000000000-00f067aa0ba902b7-01", false},
        {"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false},
        {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g", false},
        {"00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01", false},
        {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-", false},
        {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0", false},
        {"", false},
    };

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        if (traceparent_is_valid(slice_of(CASES[i].value)) != CASES[i].valid)
            fail_msg("%s", CASES[i].value);
    }
}

static void a_trace_is_sampled_where_its_last_bit_says_so(void **state)
{
    (void)state;
    static const struct {
        char flags[3];
        bool is_sampled;
    } CASES[] = {{"00", false}, {"01", true}, {"02", false}, {"03", true}, {"10", false}, {"09", true},
                 {"0a", false}, {"0b", true}, {"0c", false}, {"0d", true}, {"0e", false}, {"ff", true}};

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char value[128];
        (void)snprintf(value, sizeof value, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-%s",
                       CASES[i].flags);
        assert_true(traceparent_is_valid(slice_of(value)));
        if (traceparent_is_sampled(slice_of(value)) != CASES[i].is_sampled)
            fail_msg("%s", CASES[i].flags);
    }
}

static void a_correlation_id_is_32_lower_case_digits(void **state)
{
    (void)state;
    static const char *const NOT[] = {"",
                                      "00",
                                      "000102030405060708090a0b0c0d0e0",
                                      "000102030405060708090a0b0c0d0e0f0",
                                      "000102030405060708090A0B0C0D0E0F",
                                      "000102030405060708090a0b0c0d0e0g"};
    uint8_t bytes[PENDING_CORRELATION_LEN];

    assert_true(outcome_read_correlation(SLICE_LITERAL("000102030405060708090a0b0c0d0eff"), bytes));
    for (uint8_t i = 0; i < 15; i++)
        assert_int_equal(bytes[i], i);
    assert_int_equal(bytes[15], 0xff);
    assert_false(outcome_read_correlation(SLICE_NONE, bytes));
    for (size_t i = 0; i < sizeof NOT / sizeof NOT[0]; i++)
        assert_false(outcome_read_correlation(slice_of(NOT[i]), bytes));
}

static void an_instance_keeps_its_reply_partition(void **state)
{
    (void)state;
    bool seen[8] = {false};

    assert_int_equal(replies_partition_of("dev", 8), replies_partition_of("dev", 8));
    assert_int_equal(replies_partition_of("dev", 1), 0);
    for (int c = 'a'; c <= 'z'; c++) {
        int32_t p = replies_partition_of((char[]){'i', (char)c, '\0'}, 8);
        assert_in_range(p, 0, 7);
        seen[p] = true;
    }
    for (size_t i = 0; i < 8; i++)
        assert_true(seen[i]); /* 26 names do not crowd on a few partitions */
}

static void a_path_matches_segment_by_segment(void **state)
{
    (void)state;
    static const char *const PATTERN = "/v1/run/{id}/gold-labels";
    static const struct {
        const char *path;
        const char *id; /* NULL: no match */
    } CASES[] = {
        {"/v1/run/x/gold-labels", "x"},
        {"/v1/run//gold-labels", ""},
        {"/v1/run/%78/gold-labels", "%78"},
        {"/v1/run/x/gold-labels/", NULL},
        {"/v1/run/x/y/gold-labels", NULL},
        {"/v1/run/x/gold-label", NULL},
        {"/v1/run/x", NULL},
        {"/v1/run/", NULL},
        {"/V1/run/x/gold-labels", NULL},
        {"", NULL},
        {"/", NULL},
    };

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct slice id = SLICE_NONE;
        bool matches = route_matches(PATTERN, slice_of(CASES[i].path), &id);
        if (matches != (CASES[i].id != NULL) || (matches && !slice_is(id, CASES[i].id)))
            fail_msg("%s", CASES[i].path);
    }
}

static void a_method_is_allowed_by_its_whole_name(void **state)
{
    (void)state;
    assert_true(route_allows("GET, HEAD", SLICE_LITERAL("GET")));
    assert_true(route_allows("GET, HEAD", SLICE_LITERAL("HEAD")));
    assert_false(route_allows("GET, HEAD", SLICE_LITERAL("HEA")));
    assert_false(route_allows("GET, HEAD", SLICE_LITERAL("get")));
    assert_false(route_allows("GET, HEAD", SLICE_LITERAL("GET, HEAD")));
    assert_false(route_allows("GET, HEAD", SLICE_LITERAL("")));
    assert_false(route_allows("POST", SLICE_LITERAL("POSTS")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_a_quoted_string_or_bare),
        cmocka_unit_test(json_in_utf_8_is_the_only_media_type),
        cmocka_unit_test(only_a_valid_traceparent_is_passed_on),
        cmocka_unit_test(a_trace_is_sampled_where_its_last_bit_says_so),
        cmocka_unit_test(a_correlation_id_is_32_lower_case_digits),
        cmocka_unit_test(an_instance_keeps_its_reply_partition),
        cmocka_unit_test(a_path_matches_segment_by_segment),
        cmocka_unit_test(a_method_is_allowed_by_its_whole_name),
    };
    return cmocka_run_group_tests_name("request_headers", tests, NULL, NULL);
}
