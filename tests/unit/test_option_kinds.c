/* Values of other kinds than text and numbers, and what is made from the option tables. */
#include "producer-tool/options.h"

#include "producer-tool/verbs.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct kinds {
    bool dry;
    int64_t rate;
    int64_t partition;
    struct summary_limit limit;
};

static const struct verb_option KIND_OPTIONS[] = {
    {.name = "dry",
     .value = "",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct kinds, dry),
     .help = "a flag"},
    {.name = "rate",
     .value = "N/s",
     .kind = OPTION_RATE,
     .offset = offsetof(struct kinds, rate),
     .min = 1,
     .max = 1000,
     .help = "a rate"},
    {.name = "partition",
     .value = "N",
     .kind = OPTION_PARTITION,
     .offset = offsetof(struct kinds, partition),
     .fallback = "all",
     .max = 9,
     .help = "a partition"},
    {.name = "limit",
     .value = "N|N%",
     .kind = OPTION_LIMIT,
     .offset = offsetof(struct kinds, limit),
     .help = "a limit"},
};

static const struct verb KIND_VERB = {
    .name = "kinds of",
    .summary = "Does nothing - really",
    .description = ".a line that looks like a request\n'and another \\ one",
    .options = KIND_OPTIONS,
    .n_options = sizeof KIND_OPTIONS / sizeof *KIND_OPTIONS,
    .notes = "",
    .examples = "",
};

/* Returns the faults; to be freed. */
static char *parse_kinds(struct kinds *out, const char *option, const char *value)
{
    char *argv[] = {(char *)(uintptr_t)option, (char *)(uintptr_t)value, NULL};
    struct buffer faults = {0};
    options_parse(&KIND_VERB, !option ? 0 : value ? 2 : 1, argv, out, &faults);
    buffer_add_char(&faults, '\0');
    return faults.at;
}

static void flags_rates_partitions_and_limits_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *option, *value;
        struct kinds kinds;
    } cases[] = {
        {NULL, NULL, {.partition = -1}},
        {"--dry", NULL, {.dry = true, .partition = -1}},
        {"--rate", "7", {.rate = 7, .partition = -1}},
        {"--rate", "7/s", {.rate = 7, .partition = -1}},
        {"--partition", "all", {.partition = -1}},
        {"--partition", "0", {.partition = 0}},
        {"--limit", "0", {.partition = -1, .limit = {.is_set = true}}},
        {"--limit", "12", {.partition = -1, .limit = {.is_set = true, .lines = 12}}},
        {"--limit", "0.5%", {.partition = -1, .limit = {.is_set = true, .per_million = 5000}}},
        {"--limit", "100%", {.partition = -1, .limit = {.is_set = true, .per_million = 1000000}}},
        {"--limit", "2.0001%", {.partition = -1, .limit = {.is_set = true, .per_million = 20001}}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct kinds k;
        memset(&k, 0xff, sizeof k);
        char *faults = parse_kinds(&k, cases[i].option, cases[i].value);
        assert_string_equal(faults, "");
        assert_int_equal(k.dry, cases[i].kinds.dry);
        assert_int_equal(k.rate, cases[i].kinds.rate);
        assert_int_equal(k.partition, cases[i].kinds.partition);
        assert_int_equal(k.limit.is_set, cases[i].kinds.limit.is_set);
        assert_int_equal(k.limit.lines, cases[i].kinds.limit.lines);
        assert_int_equal(k.limit.per_million, cases[i].kinds.limit.per_million);
        free(faults);
    }
}

static void broken_rates_partitions_and_limits_are_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"--rate", "/s"},     {"--rate", "0"},         {"--rate", "1001/s"},  {"--partition", "10"},
        {"--partition", "x"}, {"--limit", "%"},        {"--limit", "0%"},     {"--limit", "101%"},
        {"--limit", "1.%"},   {"--limit", "1.00001%"}, {"--limit", "100.1%"}, {"--limit", "-1"},
        {"--dry=yes", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct kinds k;
        char *faults = parse_kinds(&k, cases[i][0], cases[i][1]);
        if (!*faults)
            fail_msg("%s %s", cases[i][0], cases[i][1] ? cases[i][1] : "");
        free(faults);
    }
}

/* ---- what is made from the table ---- */

static void a_man_page_has_no_request_that_its_text_makes(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    assert_non_null(to);
    options_print_man(&KIND_VERB, to);
    fclose(to);
    assert_non_null(strstr(text, "gold\\-label\\-kinds\\-of \\- Does nothing \\- really\n"));
    assert_non_null(strstr(text, "\n\\&.a line that looks like a request\n"));
    assert_non_null(strstr(text, "\n\\&'and another \\e one\n"));
    assert_non_null(strstr(text, ".B \\-\\-rate \\fIN/s\\fR\na rate (1 to 1000).\n"));
    free(text);
}

static void a_verb_is_found_by_one_word_or_two(void **state)
{
    (void)state;
    char *list[] = {(char[]){"dlq"}, (char[]){"list"}, (char[]){"--help"}};
    char *send[] = {(char[]){"send"}, (char[]){"list"}};
    int used = 0;
    assert_ptr_equal(verbs_find(3, list, &used), &VERB_DLQ_LIST);
    assert_int_equal(used, 2);
    assert_ptr_equal(verbs_find(2, send, &used), &VERB_SEND);
    assert_int_equal(used, 1);
    assert_null(verbs_find(1, list, &used));
    assert_null(verbs_find(2, list + 1, &used));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_rates_partitions_and_limits_are_read),
        cmocka_unit_test(broken_rates_partitions_and_limits_are_refused),
        cmocka_unit_test(a_man_page_has_no_request_that_its_text_makes),
        cmocka_unit_test(a_verb_is_found_by_one_word_or_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
