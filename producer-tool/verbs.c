#include "producer-tool/verbs.h"

#include "common/roff.h"
#include "producer-tool/tool_settings.h"
#include <string.h>

enum { EXIT_USAGE = 2 };

static const struct verb *const VERBS[] = {
    &VERB_SEND,       &VERB_RESULTS, &VERB_DLQ_LIST, &VERB_DLQ_SHOW,
    &VERB_DLQ_REPLAY, &VERB_STATUS,  &VERB_TOKEN,    &VERB_HELP,
};
enum { N_VERBS = sizeof VERBS / sizeof *VERBS };

const struct verb *const *verbs_all(size_t *n)
{
    *n = N_VERBS;
    return VERBS;
}

const struct verb *verbs_find(int argc, char *const *argv, int *used)
{
    for (size_t i = 0; argc > 0 && i < N_VERBS; i++) {
        const char *name = VERBS[i]->name;
        size_t first = strcspn(name, " ");
        bool has_second = name[first] != '\0';
        if (strlen(argv[0]) != first || strncmp(argv[0], name, first) != 0)
            continue;
        if (has_second && (argc < 2 || strcmp(argv[1], name + first + 1) != 0))
            continue;
        *used = has_second ? 2 : 1;
        return VERBS[i];
    }
    return NULL;
}

static bool begins_with(const struct verb *v, const char *word)
{
    size_t len = strlen(word);
    return len > 0 && strncmp(v->name, word, len) == 0 && v->name[len] == ' ';
}

bool verbs_begin_with(const char *word)
{
    for (size_t i = 0; i < N_VERBS; i++) {
        if (begins_with(VERBS[i], word))
            return true;
    }
    return false;
}

static void print_verb(const struct verb *v)
{
    printf("  %-12s%s\n", v->name, v->summary);
}

void verbs_print_help_of(const char *word)
{
    printf("usage: gold-label %s VERB [OPTION]...\n\nVerbs (gold-label %s VERB --help says more):\n", word,
           word);
    for (size_t i = 0; i < N_VERBS; i++) {
        if (begins_with(VERBS[i], word))
            print_verb(VERBS[i]);
    }
}

static const char SETTINGS_ARE[] =
    "Settings, in the file named by --config or as GOLD_LABEL_<SECTION>_<NAME>:\n";
static const char EXAMPLES[] = "  export GOLD_LABEL_KAFKA_BROKERS=localhost:9092\n"
                               "  gold-label send --token-file token labels.ndjson\n";

void verbs_print_help(void)
{
    puts("usage: gold-label VERB [OPTION]...\n\nVerbs (gold-label VERB --help says more):");
    for (size_t i = 0; i < N_VERBS; i++)
        print_verb(VERBS[i]);
    printf("\n%s", SETTINGS_ARE);
    tool_settings_print(stdout);
    printf("\nExamples:\n%s", EXAMPLES);
}

void verbs_print_man(FILE *to)
{
    roff_head("gold-label", 1, "sends gold labels, follows their results, looks after dead letters", to);
    roff_section("SYNOPSIS", to);
    fputs(".B gold\\-label\n\\fIVERB\\fR [\\fIOPTION\\fR]...\n", to);
    roff_section("VERBS", to);
    for (size_t i = 0; i < N_VERBS; i++) {
        fprintf(to, ".TP\n.B %s\n", VERBS[i]->name);
        roff_sentence(VERBS[i]->summary, to);
    }
    roff_section("SETTINGS", to);
    roff_text(SETTINGS_ARE, to);
    tool_settings_print_man(to);
    roff_section("EXAMPLES", to);
    roff_block(EXAMPLES, to);
    roff_section("\"SEE ALSO\"", to);
    for (size_t i = 0; i < N_VERBS; i++) {
        char page[OPTIONS_PAGE_SIZE];
        options_page_of(VERBS[i], page);
        fputs(".BR ", to);
        roff_text(page, to);
        fprintf(to, " (1)%s\n", i + 1 < N_VERBS ? "," : "");
    }
}

int verbs_refuse(const char *what)
{
    fprintf(stderr, "gold-label: %s; the verbs are", what);
    for (size_t i = 0; i < N_VERBS; i++)
        fprintf(stderr, "%s %s", i ? "," : "", VERBS[i]->name);
    fputs(".\nSee: gold-label --help\n", stderr);
    return EXIT_USAGE;
}
