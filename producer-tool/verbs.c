#include "producer-tool/verbs.h"

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

void verbs_print_help(void)
{
    puts("usage: gold-label VERB [OPTION]...\n\nVerbs (gold-label VERB --help says more):");
    for (size_t i = 0; i < N_VERBS; i++)
        printf("  %-12s%s\n", VERBS[i]->name, VERBS[i]->summary);
    puts("\nSettings, in the file named by --config or as GOLD_LABEL_<SECTION>_<NAME>:");
    tool_settings_print(stdout);
    puts("\nExamples:\n"
         "  export GOLD_LABEL_KAFKA_BROKERS=localhost:9092\n"
         "  gold-label send --token-file token labels.ndjson");
}

int verbs_refuse(const char *what)
{
    fprintf(stderr, "gold-label: %s; the verbs are", what);
    for (size_t i = 0; i < N_VERBS; i++)
        fprintf(stderr, "%s %s", i ? "," : "", VERBS[i]->name);
    fputs(".\nSee: gold-label --help\n", stderr);
    return EXIT_USAGE;
}
