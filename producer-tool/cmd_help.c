#include "producer-tool/verbs.h"
#include <string.h>

struct help_options {
    bool man;
    bool names;
    int completion;
    const char *verb;
};

static const char *const SHELLS[] = {"none", "bash", NULL};

#define MEMBER(name) offsetof(struct help_options, name)
static const struct verb_option OPTIONS[] = {
    {.name = "man",
     .value = "",
     .kind = OPTION_FLAG,
     .offset = MEMBER(man),
     .help = "its man page (roff); without VERB: that of the tool"},
    {.name = "completion",
     .value = "bash",
     .kind = OPTION_CHOICE,
     .offset = MEMBER(completion),
     .choices = SHELLS,
     .help = "a completion script of all verbs"},
    {.name = "names",
     .value = "",
     .kind = OPTION_FLAG,
     .offset = MEMBER(names),
     .help = "the names of the verbs as man pages have them"},
};

/* "dlq-list" and "dlq list" alike. */
static const struct verb *find_verb(const char *name)
{
    size_t n = 0;
    const struct verb *const *verbs = verbs_all(&n);
    for (size_t i = 0; i < n; i++) {
        const char *a = verbs[i]->name;
        const char *b = name;
        while (*a && (*a == *b || (*a == ' ' && *b == '-'))) {
            a++;
            b++;
        }
        if (!*a && !*b)
            return verbs[i];
    }
    return NULL;
}

static void print_names(void)
{
    size_t n = 0;
    const struct verb *const *verbs = verbs_all(&n);
    for (size_t i = 0; i < n; i++) {
        char page[OPTIONS_PAGE_SIZE];
        options_page_of(verbs[i], page);
        puts(page + strlen("gold-label-"));
    }
}

static int print_about(const struct help_options *o)
{
    const struct verb *v = o->verb ? find_verb(o->verb) : NULL;
    if (o->verb && !v && !verbs_begin_with(o->verb))
        return verbs_refuse("there is no such verb");

    if (o->completion) {
        size_t n = 0;
        const struct verb *const *verbs = verbs_all(&n);
        options_print_completion(verbs, n, stdout);
    } else if (o->names) {
        print_names();
    } else if (o->man && v) {
        options_print_man(v, stdout);
    } else if (o->man) {
        verbs_print_man(stdout);
    } else if (v) {
        options_print_help(v, stdout);
        printf("\nExamples:\n%s", v->examples);
    } else if (o->verb) {
        verbs_print_help_of(o->verb);
    } else {
        verbs_print_help();
    }
    return 0;
}

/* A verb of two words is one operand: `joined` takes the place of both. Returns how many arguments there are then. */
static int join_words(int argc, char **argv, char joined[OPTIONS_PAGE_SIZE])
{
    for (int i = 0; i + 1 < argc; i++) {
        int used = 0;
        if (!verbs_find(argc - i, argv + i, &used) || used != 2)
            continue;
        snprintf(joined, OPTIONS_PAGE_SIZE, "%s-%s", argv[i], argv[i + 1]);
        argv[i] = joined;
        memmove(&argv[i + 1], &argv[i + 2], (size_t)(argc - i - 2) * sizeof *argv);
        return argc - 1;
    }
    return argc;
}

static int run(int argc, char **argv)
{
    struct help_options o;
    struct buffer faults = {0};
    char joined[OPTIONS_PAGE_SIZE];
    int code = 0;

    argc = join_words(argc, argv, joined);
    if (options_parse(&VERB_HELP, argc, argv, &o, &faults) == OPTIONS_HELP)
        options_print_help(&VERB_HELP, stdout);
    else
        code = faults.len ? options_refuse(&VERB_HELP, &faults) : print_about(&o);
    buffer_dispose(&faults);
    return code;
}

const struct verb VERB_HELP = {
    .name = "help",
    .summary = "Says more about a verb, as text, as a man page or to a shell",
    .operand = "VERB",
    .operand_offset = MEMBER(verb),
    .operand_help = "which one: send, dlq list …",
    .options = OPTIONS,
    .n_options = sizeof OPTIONS / sizeof *OPTIONS,
    .notes = "Exit: 0 printed, 2 usage.\n",
    .examples = "  gold-label help send\n"
                "  gold-label help --man send | man -l -\n"
                "  source <(gold-label help --completion bash)\n",
    .run = run,
};
