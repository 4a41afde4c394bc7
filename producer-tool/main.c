/* gold-label: sends gold labels, follows their results, looks after dead letters. */
#include "common/streams.h"
#include "producer-tool/verbs.h"
#include <errno.h>
#include <string.h>

enum { EXIT_STOPPED = 3 };

static int run(int argc, char **argv)
{
    int used = 0;
    if (argc < 2)
        return verbs_refuse("a verb is missing");
    if (strcmp(argv[1], "--help") == 0) {
        verbs_print_help();
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("gold-label " GOLD_LABEL_VERSION);
        return 0;
    }
    const struct verb *v = verbs_find(argc - 1, argv + 1, &used);
    if (!v && argc == 3 && strcmp(argv[2], "--help") == 0 && verbs_begin_with(argv[1])) {
        verbs_print_help_of(argv[1]);
        return 0;
    }
    if (v)
        return v->run(argc - 1 - used, argv + 1 + used);
    return verbs_refuse(verbs_begin_with(argv[1]) ? "a verb's second word is missing or unknown"
                                                  : "there is no such verb");
}

/* What a verb has printed counts when it is written. */
int main(int argc, char **argv)
{
    streams_hold();
    int code = run(argc, argv);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    fprintf(stderr, "gold-label: standard output cannot be written: %s\n", strerror(errno));
    return EXIT_STOPPED;
}
