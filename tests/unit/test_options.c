#include "producer-tool/options.h"

#include "producer-tool/verbs.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_ARGUMENTS = 16 };

struct sample {
    const char *name;
    const char *id;
    const char *file;
    int64_t count;
    int64_t ttl;
    int color;
};

static const char *const COLORS[] = {"red", "blue", NULL};

#define MEMBER(member) offsetof(struct sample, member)
static const struct verb_option OPTIONS[] = {
    {.name = "name", .value = "NAME", .offset = MEMBER(name), .required = true, .help = "a name"},
    {.name = "id", .value = "ID", .kind = OPTION_UUID, .offset = MEMBER(id), .help = "an id"},
    {.name = "count",
     .value = "N",
     .kind = OPTION_INTEGER,
     .offset = MEMBER(count),
     .fallback = "7",
     .min = 1,
     .max = 9,
     .help = "a count"},
    {.name = "ttl",
     .value = "TIME",
     .kind = OPTION_DURATION,
     .offset = MEMBER(ttl),
     .min = 1,
     .max = 864000,
     .help = "a time"},
    {.name = "color",
     .value = "red|blue",
     .kind = OPTION_CHOICE,
     .offset = MEMBER(color),
     .fallback = "blue",
     .choices = COLORS,
     .help = "a color"},
};

static const struct verb VERB = {
    .name = "sample",
    .summary = "Does nothing",
    .operand = "FILE",
    .operand_offset = MEMBER(file),
    .operand_help = "a file",
    .options = OPTIONS,
    .n_options = sizeof OPTIONS / sizeof *OPTIONS,
    .notes = "Note.\n",
    .examples = "  gold-label sample --name a\n",
};

struct parsed {
    struct sample o;
    enum options_next next;
    char faults[1024];
    char line[256]; /* the arguments, cut at spaces: `o` points into it */
};

/* A command line as it would be typed; "''" is the empty argument. */
static void parse(struct parsed *p, const struct verb *v, const char *line)
{
    char *argv[MAX_ARGUMENTS];
    int argc = 0;
    struct buffer faults = {0};
    char *rest = p->line;

    snprintf(p->line, sizeof p->line, "%s", line);
    for (char *arg; (arg = strsep(&rest, " ")) != NULL;) {
        if (strcmp(arg, "''") == 0)
            arg += 2;
        else if (!*arg)
            continue;
        assert_true(argc < MAX_ARGUMENTS);
        argv[argc++] = arg;
    }
    p->next = options_parse(v, argc, argv, &p->o, &faults);
    snprintf(p->faults, sizeof p->faults, "%.*s", (int)faults.len, buffer_slice(&faults).at);
    buffer_dispose(&faults);
}

static void expect_faults(const char *line, const char *faults)
{
    struct parsed p;
    parse(&p, &VERB, line);
    assert_int_equal(p.next, OPTIONS_RUN);
    assert_string_equal(p.faults, faults);
}

static void what_is_not_given_has_its_default(void **state)
{
    (void)state;
    struct parsed p;
    parse(&p, &VERB, "--name a");
    assert_string_equal(p.faults, "");
    assert_string_equal(p.o.name, "a");
    assert_null(p.o.id);
    assert_null(p.o.file);
    assert_int_equal(p.o.count, 7);
    assert_int_equal(p.o.ttl, 0);
    assert_int_equal(p.o.color, 1);
}

static void a_value_follows_a_space_or_an_equals_sign(void **state)
{
    (void)state;
    struct parsed p;
    parse(&p, &VERB, "--name=--x=y file --count 9 --color=red --id 0190A5C0-0000-7000-8000-000000000001");
    assert_string_equal(p.faults, "");
    assert_string_equal(p.o.name, "--x=y");
    assert_string_equal(p.o.file, "file");
    assert_int_equal(p.o.count, 9);
    assert_int_equal(p.o.color, 0);
    assert_non_null(p.o.id);
}

static void two_dashes_end_the_options_and_one_is_an_operand(void **state)
{
    (void)state;
    struct parsed p;
    parse(&p, &VERB, "--name a -- --help");
    assert_int_equal(p.next, OPTIONS_RUN);
    assert_string_equal(p.faults, "");
    assert_string_equal(p.o.file, "--help");
    parse(&p, &VERB, "- --name a");
    assert_string_equal(p.faults, "");
    assert_string_equal(p.o.file, "-");
}

static void durations_have_units(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int64_t seconds;
    } cases[] = {
        {"--name a --ttl 90", 90},     {"--name a --ttl 90s", 90},     {"--name a --ttl 15m", 900},
        {"--name a --ttl 24h", 86400}, {"--name a --ttl=10d", 864000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct parsed p;
        parse(&p, &VERB, cases[i].line);
        assert_string_equal(p.faults, "");
        assert_int_equal(p.o.ttl, cases[i].seconds);
    }
}

static void every_fault_of_a_command_line_is_named_at_once(void **state)
{
    (void)state;
    expect_faults("--id 1 --count 10 --color green --ttl 11d a b",
                  "--id 1 must be a UUID (36 characters with dashes)\n"
                  "--count 10 is out of bounds (1 to 9)\n"
                  "--color green is not one of the choices (red|blue)\n"
                  "--ttl 11d is out of bounds (1 to 864000 seconds)\n"
                  "2 arguments besides options: sample takes at most one\n"
                  "--name NAME is required\n");
}

static void broken_values_are_refused(void **state)
{
    (void)state;
    static const char not_a_time[] = " must be a number of seconds, or a number and one of s, m, h, d "
                                     "(1 to 864000 seconds)\n";
    static const char *const times[] = {"s", "1.5h", "-1", "1w", "1hh", "99999999999999999999d", "0x1"};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        char line[64];
        char faults[256];
        snprintf(line, sizeof line, "--name a --ttl %s", times[i]);
        snprintf(faults, sizeof faults, "--ttl %s%s", times[i], not_a_time);
        expect_faults(line, faults);
    }
    expect_faults("--name a --count 1x", "--count 1x must be a whole number (1 to 9)\n");
    expect_faults("--name a --ttl 0s", "--ttl 0s is out of bounds (1 to 864000 seconds)\n");
    expect_faults("--name ''", "--name  must not be empty\n");
}

static void a_missing_value_does_not_swallow_the_next_option(void **state)
{
    (void)state;
    expect_faults("--count --name a", "--count needs a value (N)\n");
    expect_faults("--name a --id", "--id needs a value (ID)\n");
}

static void an_option_given_twice_is_refused(void **state)
{
    (void)state;
    expect_faults("--name a --name=b", "--name is given twice\n");
}

static void what_stands_in_a_wrong_place_is_not_quoted(void **state)
{
    (void)state;
    expect_faults("--name a --token=eyJhbGciOi", "there is no option --token\n");
    expect_faults("--name a --token eyJhbGciOi file",
                  "there is no option --token\n2 arguments besides options: sample takes at most one\n");
    expect_faults("--name a -neyJhbGciOi", "there is no option -n\n");
}

static void help_comes_before_faults(void **state)
{
    (void)state;
    struct parsed p;
    parse(&p, &VERB, "--bogus --help");
    assert_int_equal(p.next, OPTIONS_HELP);
}

/* ---- the real tables ---- */

static char *help_of(const struct verb *v)
{
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    assert_non_null(to);
    options_print_help(v, to);
    fclose(to);
    return text;
}

static void help_names_everything_of_the_table(void **state)
{
    (void)state;
    char *text = help_of(&VERB);
    assert_string_equal(text, "usage: gold-label sample [OPTION]... [FILE]\n"
                              "Does nothing.\n"
                              "\n"
                              "  FILE              a file\n"
                              "  --name NAME       a name (required)\n"
                              "  --id ID           an id\n"
                              "  --count N         a count (default 7)\n"
                              "  --ttl TIME        a time\n"
                              "  --color red|blue  a color (default blue)\n"
                              "\n"
                              "Note.\n");
    free(text);
}

static void the_help_of_every_verb_fits_a_screen(void **state)
{
    (void)state;
    size_t n = 0;
    const struct verb *const *verbs = verbs_all(&n);
    for (size_t i = 0; i < n; i++) {
        char *text = help_of(verbs[i]);
        char *rest = text;
        int lines = 0;
        for (char *line; (line = strsep(&rest, "\n")) != NULL; lines++) {
            if (strlen(line) > 80)
                fail_msg("%s: more than 80 columns: %s", verbs[i]->name, line);
        }
        if (lines > 24 + 1) /* what follows the last line feed is one more */
            fail_msg("%s: %d lines", verbs[i]->name, lines);
        free(text);
    }
}

static void every_verb_has_sound_defaults(void **state)
{
    (void)state;
    size_t n = 0;
    const struct verb *const *verbs = verbs_all(&n);
    for (size_t i = 0; i < n; i++) {
        union {
            max_align_t align;
            char bytes[1024];
        } out;
        struct buffer faults = {0};
        options_parse(verbs[i], 0, NULL, &out, &faults);
        buffer_add_char(&faults, '\0');
        for (char *rest = faults.at, *line; (line = strsep(&rest, "\n")) != NULL && *line;) {
            if (!strstr(line, " is required"))
                fail_msg("%s: %s", verbs[i]->name, line);
        }
        buffer_dispose(&faults);
        assert_in_range(verbs[i]->n_options, 1, 64);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_given_has_its_default),
        cmocka_unit_test(a_value_follows_a_space_or_an_equals_sign),
        cmocka_unit_test(two_dashes_end_the_options_and_one_is_an_operand),
        cmocka_unit_test(durations_have_units),
        cmocka_unit_test(every_fault_of_a_command_line_is_named_at_once),
        cmocka_unit_test(broken_values_are_refused),
        cmocka_unit_test(a_missing_value_does_not_swallow_the_next_option),
        cmocka_unit_test(an_option_given_twice_is_refused),
        cmocka_unit_test(what_stands_in_a_wrong_place_is_not_quoted),
        cmocka_unit_test(help_comes_before_faults),
        cmocka_unit_test(help_names_everything_of_the_table),
        cmocka_unit_test(the_help_of_every_verb_fits_a_screen),
        cmocka_unit_test(every_verb_has_sound_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
