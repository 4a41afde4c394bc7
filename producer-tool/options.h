/* The command line of a verb: one table, from which parsing, --help, man page and completion are made.
 *
 * Options are long only: `--name VALUE` or `--name=VALUE`, a flag is `--name`; `--` ends them. A verb may take one operand. */
#pragma once
#include "common/buffer.h"
#include "producer-tool/summary.h"
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum option_kind {
    OPTION_TEXT,      /* const char *, NULL when not given and without default */
    OPTION_UUID,      /* const char *, likewise; its form is checked */
    OPTION_INTEGER,   /* int64_t within min … max */
    OPTION_PARTITION, /* int64_t; "all" is -1 */
    OPTION_RATE,      /* likewise; may end in /s */
    OPTION_DURATION,  /* int64_t seconds within min … max; written 90, 90s, 15m, 24h or 7d */
    OPTION_LIMIT,     /* struct summary_limit: a number, or a share such as 0.5% */
    OPTION_CHOICE,    /* int: index into `choices` */
    OPTION_FLAG,      /* bool: given or not; takes no value */
};

struct verb_option {
    const char *name;  /* without the dashes */
    const char *value; /* what --help calls the value: "FILE"; "" for a flag */
    enum option_kind kind;
    size_t offset;        /* of the member in the verb's struct of options */
    const char *fallback; /* default, as it would be typed; NULL: none (0 for numbers) */
    bool required;
    int64_t min, max;
    const char *const *choices; /* NULL-terminated */
    const char *help;           /* a few words, so that --help is a screen; wrapped when printed */
    const char *details;        /* more sentences, for the man page; NULL: none */
};

struct verb {
    const char *name;        /* one word, or two: "dlq list" */
    const char *summary;     /* one line without its full stop */
    const char *description; /* paragraphs for the man page, one line each; NULL: none */
    const char *operand;     /* "FILE|-"; NULL: the verb takes none */
    bool operand_required;
    size_t operand_offset;    /* of a const char *, NULL when not given */
    const char *operand_help; /* like an option's */
    const struct verb_option *options;
    size_t n_options;  /* at most 64 */
    const char *notes; /* what the table cannot say (exit codes, environment); lines of at most 80 columns */
    const char *examples; /* likewise; not in --help */
    /* Runs the verb with the arguments behind its name; returns the exit code. */
    int (*run)(int argc, char **argv);
};

enum options_next {
    OPTIONS_RUN,  /* look at `faults`, then go on */
    OPTIONS_HELP, /* --help was asked for: print it and stop */
};

/* Fills `out` (all members of the table) with defaults and arguments. The texts are those of `argv` and of the table. Every
 * fault is one line in `faults`; what stands where no option is expected is never quoted: it may be a token. */
enum options_next options_parse(const struct verb *v, int argc, char **argv, void *out,
                                struct buffer *faults);

/* Checks and stores one value at `member`; NULL, or what is wrong with it. */
const char *option_set(const struct verb_option *o, const char *text, void *member);
/* What an option is that was not given and has no default. */
void option_clear(const struct verb_option *o, void *member);
/* " (1 to 9)" and the like; nothing where there are no bounds. */
void option_add_bounds(const struct verb_option *o, struct buffer *to);

/* --help: usage, summary, options with their defaults, notes. */
void options_print_help(const struct verb *v, FILE *to);
/* The name of its man page: "gold-label-dlq-list". */
enum { OPTIONS_PAGE_SIZE = 64 };
void options_page_of(const struct verb *v, char page[OPTIONS_PAGE_SIZE]);
/* A man page (roff) of section 1. */
void options_print_man(const struct verb *v, FILE *to);
/* A completion script for bash, of all verbs. */
void options_print_completion(const struct verb *const *verbs, size_t n, FILE *to);

/* Prints the faults on stderr and where to read on; returns the exit code for it, 2. */
int options_refuse(const struct verb *v, const struct buffer *faults);
