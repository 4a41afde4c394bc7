/* gold-label: sends gold labels and follows their results. */
#include "producer-tool/tool_settings.h"
#include "producer-tool/verbs.h"
#include <string.h>

enum { EXIT_USAGE = 2 };

static const struct verb *const VERBS[] = {&VERB_SEND, &VERB_RESULTS, &VERB_TOKEN};
static const size_t N_VERBS = sizeof VERBS / sizeof *VERBS;

static void print_help(FILE *to)
{
    fputs("usage: gold-label VERB [OPTION VALUE]...\n\nVerbs (gold-label VERB --help says more):\n", to);
    for (size_t i = 0; i < N_VERBS; i++)
        fprintf(to, "  %-10s%s\n", VERBS[i]->name, VERBS[i]->summary);
    fputs("\nSettings, in the file named by --config or as GOLD_LABEL_<SECTION>_<NAME>:\n", to);
    tool_settings_print(to);
    fputs("\nExamples:\n"
          "  export GOLD_LABEL_KAFKA_BROKERS=localhost:9092\n"
          "  gold-label send --token-file token labels.ndjson\n",
          to);
}

static int refuse(const char *what)
{
    fprintf(stderr, "gold-label: %s; the verbs are", what);
    for (size_t i = 0; i < N_VERBS; i++)
        fprintf(stderr, " %s", VERBS[i]->name);
    fputs(".\nSee: gold-label --help\n", stderr);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return refuse("a verb is missing");
    if (strcmp(argv[1], "--help") == 0) {
        print_help(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("gold-label " GOLD_LABEL_VERSION);
        return 0;
    }
    for (size_t i = 0; i < N_VERBS; i++) {
        if (strcmp(argv[1], VERBS[i]->name) == 0)
            return VERBS[i]->run(argc - 2, argv + 2);
    }
    return refuse("there is no such verb");
}
