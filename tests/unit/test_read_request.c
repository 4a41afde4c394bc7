/* What the ingress reads out of a read: the query of a list, the texts a client has, the memory for an answer. */
#include "ingress/answer_memory.h"
#include "ingress/if_none_match.h"
#include "ingress/read_query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define LIST "/v1/run/0197c5a2-7d4e-7c31-9a55-3f1b8e0d2c64/gold-labels"
#define LABEL "0197c5a3-0b6f-7d20-8a41-5c9e7f2b1d38"
#define MIB ((size_t)1024 * 1024)
#define A16 "aaaaaaaaaaaaaaaa"
#define A "0123456789abcdef" A16
#define B "fedcba9876543210" A16

static void a_query_says_how_many_labels_behind_which(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        unsigned limit; /* 0: refused */
        bool has_after;
    } CASES[] = {
        {LIST, READ_LIMIT_DEFAULT, false},
        {LIST "?", READ_LIMIT_DEFAULT, false},
        {LIST "?limit=1", 1, false},
        {LIST "?limit=1000", 1000, false},
        {LIST "?after=" LABEL, READ_LIMIT_DEFAULT, true},
        {LIST "?limit=7&after=" LABEL, 7, true},
        {LIST "?after=" LABEL "&limit=7", 7, true},
        {LIST "?&limit=7&&", 7, false},
        {"http://host" LIST "?limit=7", 7, false},
        {LIST "?Limit=0&limits=0&xlimit=0&%6cimit=0&=0&after[]=x", READ_LIMIT_DEFAULT, false},
        {LIST "?limit=0", 0, false},
        {LIST "?limit=1001", 0, false},
        {LIST "?limit=18446744073709551617", 0, false},
        {LIST "?limit=%31", 0, false},
        {LIST "?limit=-1", 0, false},
        {LIST "?limit=+1", 0, false},
        {LIST "?limit=1.0", 0, false},
        {LIST "?limit=01", 0, false},
        {LIST "?limit=1?", 0, false},
        {LIST "?limit=1;after=x", 0, false},
        {LIST "?limit=", 0, false},
        {LIST "?limit", 0, false},
        {LIST "?limit=1&limit=1", 0, false},
        {LIST "?after=", 0, false},
        {LIST "?after", 0, false},
        {LIST "?after=" LABEL "x", 0, false},
        {LIST "?after=" LABEL "&after=" LABEL, 0, false},
    };

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct read_query query;
        struct fault f = {0};
        status st = read_query_parse(slice_of(CASES[i].target), &query, &f);
        if ((st == STATUS_OK) != (CASES[i].limit > 0))
            fail_msg("%s", CASES[i].target);
        if (st == STATUS_OK) {
            assert_int_equal(query.limit, CASES[i].limit);
            assert_int_equal(query.has_after, CASES[i].has_after);
        } else {
            assert_int_equal(st, STATUS_MALFORMED);
            assert_string_equal(f.code, "invalid_query");
            assert_true(f.message[0] != '\0');
        }
    }
}

static void the_texts_a_client_has_are_remembered_by_their_digests(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        const char *known;
    } CASES[] = {
        {"\"" A "\"", A},
        {"W/\"" A "\"", A},
        {"\"" A "\", \"" B "\"", A "," B},
        {",, \"" A "\" ,\t,W/\"" B "\",", A "," B},
        {"\"a\", \"\", \"\\\", \"" A "\"", A},
        {"*", "*"},
        {" * ", "*"},
        {"", ""},
        {"*, \"" A "\"", ""},
        {"\"" A "\", *", A},
        {"\"" A "\" \"" B "\"", ""},
        {"\"" A "\", " B, A},
        {A, ""},
        {"\"" A, ""},
        {"w/\"" A "\"", ""},
        {"W \"" A "\"", ""},
        {"W", ""},
        {"\"" A "0\"", ""},
        {"\"0123456789ABCDEF" A16 "\"", ""},
        {"\"0123456789abcdeg" A16 "\"", ""},
    };

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct known_digests known = {{0}};
        if_none_match_read(slice_of(CASES[i].value), &known);
        if (strcmp(known.text, CASES[i].known) != 0)
            fail_msg("%s: %s", CASES[i].value, known.text);
    }
}

static void several_headers_are_one_list(void **state)
{
    (void)state;
    struct known_digests known = {{0}};

    if_none_match_read(SLICE_LITERAL("\"" A "\""), &known);
    if_none_match_read(SLICE_LITERAL("\"" B "\""), &known);
    assert_string_equal(known.text, A "," B);
    if_none_match_read(SLICE_LITERAL("*"), &known);
    if_none_match_read(SLICE_LITERAL("\"" B "\""), &known);
    assert_string_equal(known.text, "*");
}

static void more_digests_than_there_is_room_for_are_forgotten(void **state)
{
    (void)state;
    struct known_digests known = {{0}};

    for (int i = 0; i < IF_NONE_MATCH_MAX; i++)
        if_none_match_read(SLICE_LITERAL("\"" A "\""), &known);
    size_t full = strlen(known.text);
    assert_int_equal(full, IF_NONE_MATCH_MAX * (IF_NONE_MATCH_DIGEST_LEN + 1) - 1);
    if_none_match_read(SLICE_LITERAL("\"" B "\", \"" B "\""), &known);
    assert_int_equal(strlen(known.text), full);
    assert_null(strstr(known.text, B));
}

static void memory_is_taken_up_to_its_bound(void **state)
{
    (void)state;
    struct answer_memory memory = {.max = 5 * MIB, .spared = ANSWER_MEMORY_SPARED};

    assert_true(answer_memory_take(&memory, MIB));
    assert_true(answer_memory_take(&memory, MIB));
    assert_true(answer_memory_take(&memory, MIB));
    assert_true(answer_memory_take(&memory, MIB));
    assert_true(answer_memory_take(&memory, MIB - 1));
    assert_false(answer_memory_take(&memory, 2));
    assert_true(answer_memory_take(&memory, 1));
    assert_false(answer_memory_take(&memory, 1));
    answer_memory_give_back(&memory, 5 * MIB);
    assert_int_equal(atomic_load(&memory.used), 0);
}

static void a_large_answer_leaves_memory_to_the_others(void **state)
{
    (void)state;
    struct answer_memory memory = {.max = 40 * MIB, .spared = ANSWER_MEMORY_SPARED};

    assert_false(answer_memory_take(&memory, 36 * MIB + 1));
    assert_true(answer_memory_take(&memory, 36 * MIB));
    assert_false(answer_memory_take(&memory, MIB + 1));
    for (int i = 0; i < 4; i++)
        assert_true(answer_memory_take(&memory, MIB));
    assert_false(answer_memory_take(&memory, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_query_says_how_many_labels_behind_which),
        cmocka_unit_test(the_texts_a_client_has_are_remembered_by_their_digests),
        cmocka_unit_test(several_headers_are_one_list),
        cmocka_unit_test(more_digests_than_there_is_room_for_are_forgotten),
        cmocka_unit_test(memory_is_taken_up_to_its_bound),
        cmocka_unit_test(a_large_answer_leaves_memory_to_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
