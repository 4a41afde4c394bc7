/* The command line of a verb: one table, from which both parsing and --help are made.
 *
 * Options are long only: `--name VALUE` or `--name=VALUE`; `--` ends them. A verb may take one operand. */
#pragma once
#include "common/buffer.h"
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum option_kind {
    OPTION_TEXT,     /* const char *, NULL when not given and without default */
    OPTION_UUID,     /* const char *, likewise; its form is checked */
    OPTION_INTEGER,  /* int64_t within min … max */
    OPTION_DURATION, /* int64_t seconds within min … max; written 90, 90s, 15m, 24h or 7d */
    OPTION_CHOICE,   /* int: index into `choices` */
};

struct verb_option {
    const char *name;  /* without the dashes */
    const char *value; /* what --help calls the value: "FILE" */
    enum option_kind kind;
    size_t offset;        /* of the member in the verb's struct of options */
    const char *fallback; /* default, as it would be typed; NULL: none (0 for numbers) */
    bool required;
    int64_t min, max;
    const char *const *choices; /* NULL-terminated */
    const char *help;           /* one sentence without its full stop; wrapped when printed */
};

struct verb {
    const char *name;
    const char *summary;      /* one line */
    const char *operand;      /* "FILE|-"; NULL: the verb takes none */
    size_t operand_offset;    /* of a const char *, NULL when not given */
    const char *operand_help; /* like an option's */
    const struct verb_option *options;
    size_t n_options;  /* at most 64 */
    const char *notes; /* what the table cannot say (exit codes, environment); lines of at most 80 columns */
    const char *examples; /* likewise */
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

/* Usage, summary, options with their defaults, notes, examples. */
void options_print_help(const struct verb *v, FILE *to);

/* Prints the faults on stderr and where to read on; returns the exit code for it, 2. */
int options_refuse(const struct verb *v, const struct buffer *faults);
