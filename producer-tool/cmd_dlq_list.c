#include "common/log.h"
#include "producer-tool/letters.h"
#include "producer-tool/verbs.h"
#include <unistd.h>

enum { PIECE_BYTES = 4096 }; /* written at once */
enum format { FORMAT_AUTO, FORMAT_JSON, FORMAT_TABLE };

struct list_options {
    struct letters_options letters;
    int format;
};

static const char *const FORMATS[] = {"auto", "json", "table", NULL};

static const struct verb_option OPTIONS[] = {
    {.name = "format",
     .value = "auto|json|table",
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct list_options, format),
     .fallback = "auto",
     .choices = FORMATS,
     .help = "auto: a table on a terminal, else JSON lines"},
    LETTERS_OPTIONS(struct list_options, letters),
};

static status list_all(struct letters *l, bool as_table, struct output *o, struct fault *f)
{
    status st = STATUS_OK;
    if (as_table)
        letter_print_head(&o->text);
    for (struct kafka_message *m; st == STATUS_OK && (m = letters_next(l)) != NULL;) {
        struct letter letter = letter_of(m);
        if (as_table)
            letter_print_row(&o->text, &letter);
        else
            letter_print_json(&o->text, &letter);
        kafka_message_free(m);
        if (o->text.len >= PIECE_BYTES)
            st = letters_write(l, o, f);
    }
    return st == STATUS_OK ? letters_write(l, o, f) : st;
}

static int list(struct letters *l, bool as_table)
{
    struct output output = {.fd = STDOUT_FILENO};
    struct fault f = {0};
    status st = list_all(l, as_table, &output, &f);
    output_dispose(&output);
    return letters_exit_code(l, st, &f);
}

static int open_and_list(struct letters *l, const struct list_options *o)
{
    struct fault f = {0};
    status st = letters_open(l, &f);
    if (st == STATUS_OK)
        return list(l, o->format == FORMAT_TABLE || (o->format == FORMAT_AUTO && isatty(STDOUT_FILENO) == 1));
    log_error("cannot read the dead letters", LOG_STR("reason", f.message));
    return reader_exit_code(st);
}

static int run(int argc, char **argv)
{
    struct list_options o;
    struct letters letters;
    struct buffer faults = {0};

    if (options_parse(&VERB_DLQ_LIST, argc, argv, &o, &faults) == OPTIONS_HELP) {
        options_print_help(&VERB_DLQ_LIST, stdout);
        buffer_dispose(&faults);
        return 0;
    }
    letters_init(&letters, &o.letters, &faults);
    int code = faults.len ? options_refuse(&VERB_DLQ_LIST, &faults) : open_and_list(&letters, &o);
    letters_dispose(&letters);
    buffer_dispose(&faults);
    return code;
}

const struct verb VERB_DLQ_LIST = {
    .name = "dlq list",
    .summary = "Lists the dead letters: commands that the worker could not read",
    .options = OPTIONS,
    .n_options = sizeof OPTIONS / sizeof *OPTIONS,
    .notes = "PLACE is oldest, end, an offset, a time (2026-01-02T03:04:05Z) or an age (15m).\n"
             "Exit: 0 listed, 2 usage or settings, 3 stopped, 130 interrupted.\n",
    .examples = "  gold-label dlq list --from 24h\n"
                "  gold-label dlq list --code unknown_schema --format json\n",
    .run = run,
};
