#include "common/log.h"
#include "producer-tool/credentials.h"
#include "producer-tool/letters.h"
#include "producer-tool/replay.h"
#include "producer-tool/verbs.h"
#include <stdlib.h>

enum { EXIT_REFUSED = 1, EXIT_STOPPED = 3, EXIT_INTERRUPTED = 130 };

struct replay_verb_options {
    struct letters_options letters;
    const char *token_file;
    int64_t max_replays;
    bool dry_run;
};

#define MEMBER(name) offsetof(struct replay_verb_options, name)
static const struct verb_option OPTIONS[] = {
    {.name = "token-file",
     .value = "FILE",
     .offset = MEMBER(token_file),
     .help = "the bearer token; otherwise $GOLD_LABEL_TOKEN",
     .details = "Tokens are not in the archive: the commands are sent in the name of this one."},
    {.name = "max-replays",
     .value = "N",
     .kind = OPTION_INTEGER,
     .offset = MEMBER(max_replays),
     .fallback = "3",
     .min = 1,
     .max = 1000,
     .help = "refuse letters that were sent again so often",
     .details = "A header (" LETTER_REPLAYS ") counts."},
    {.name = "dry-run",
     .value = "",
     .kind = OPTION_FLAG,
     .offset = MEMBER(dry_run),
     .help = "count and send nothing"},
    LETTERS_OPTIONS(struct replay_verb_options, letters),
};

static void print_counts(const struct replay_counts *c)
{
    printf("{\"read\":%zu,\"sent\":%zu,\"refused\":%zu,\"failed\":%zu}\n", c->read, c->sent, c->refused,
           c->failed);
}

static int replay_all(struct letters *l, const struct replay_options *o)
{
    struct fault f = {0};
    struct replay_counts counts = {0};
    status opened = letters_open(l, &f);
    status st = opened ? opened : replay_letters(l, o, &counts, &f);
    if (st)
        log_error("cannot send dead letters again", LOG_STR("reason", f.message));
    if (!opened)
        print_counts(&counts);
    if (st)
        return reader_exit_code(st);
    if (l->reader.stopped)
        return EXIT_INTERRUPTED;
    if (counts.failed)
        return EXIT_STOPPED;
    return counts.refused ? EXIT_REFUSED : 0;
}

static int run(int argc, char **argv)
{
    struct replay_verb_options o;
    struct letters letters;
    struct credentials credentials = {0};
    struct buffer faults = {0};

    if (options_parse(&VERB_DLQ_REPLAY, argc, argv, &o, &faults) == OPTIONS_HELP) {
        options_print_help(&VERB_DLQ_REPLAY, stdout);
        buffer_dispose(&faults);
        return 0;
    }
    letters_init(&letters, &o.letters, &faults);
    if (!o.letters.code && !o.letters.from)
        buffer_add_text(&faults, "--code or --from is required (--from oldest: everything)\n");
    if (!o.dry_run)
        credentials_load(&credentials, o.token_file, getenv("GOLD_LABEL_TOKEN"), NULL, &faults);
    const struct replay_options options = {
        .credentials = &credentials,
        .max_replays = (uint64_t)o.max_replays,
        .dry_run = o.dry_run,
    };
    int code = faults.len ? options_refuse(&VERB_DLQ_REPLAY, &faults) : replay_all(&letters, &options);
    letters_dispose(&letters);
    credentials_dispose(&credentials);
    buffer_dispose(&faults);
    return code;
}

const struct verb VERB_DLQ_REPLAY = {
    .name = "dlq replay",
    .summary = "Sends dead letters to the command topic again, as they were",
    .description = "With the original key, value and headers, a fresh token, and a header that counts how "
                   "often. Letters that "
                   "come while it runs are not sent: a command that fails again does not go round.",
    .options = OPTIONS,
    .n_options = sizeof OPTIONS / sizeof *OPTIONS,
    .notes = "PLACE is oldest, end, an offset, a time (2026-01-02T03:04:05Z) or an age (15m);\n"
             "--code or --from must be given. Prints {read, sent, refused, failed}.\n"
             "Exit: 0 all sent, 1 some refused, 2 usage or settings, 3 stopped or not sent,\n"
             "130 interrupted.\n",
    .examples = "  gold-label dlq replay --token-file token --code unknown_schema\n"
                "  gold-label dlq replay --token-file token --partition 2 --from 17 --to 20\n",
    .run = run,
};
