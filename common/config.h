/* Settings: one table per program, read from an INI file (libinih) and the environment; every fault is reported at once.
 *
 * A value reaches to the end of its line, with ; and # (connection strings and passwords hold them): a comment is a line
 * of its own. An indented line is a setting like any other; nothing is continued on the next line.
 *
 * Order of precedence: environment GOLD_LABEL_<SECTION>_<KEY>, file, default. The [kafka] section takes any librdkafka
 * property by its own name (environment: dots as underscores) besides those of the table. */
#pragma once
#include "common/buffer.h"
#include "common/slice.h"
#include "common/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum config_kind {
    CONFIG_TEXT,    /* const char *, 1 to `max` bytes (0: no bound); NULL when unset and without default */
    CONFIG_ADDRESS, /* const char *, numeric IPv4 or IPv6 address; likewise NULL */
    CONFIG_TOPIC,   /* const char *, name of a topic, which no other setting has; likewise NULL */
    CONFIG_BROKERS, /* const char *, Kafka's brokers of at most `max` bytes; likewise NULL */
    CONFIG_INTEGER, /* int64_t within min … max */
    CONFIG_BOOL,    /* bool: true/false, yes/no, on/off, 1/0 */
    CONFIG_CHOICE,  /* int: index into `choices` */
};

struct config_option {
    const char *section;
    const char *name;
    enum config_kind kind;
    size_t offset;        /* of the member in the settings struct */
    const char *fallback; /* default, in the file's own syntax; NULL: none */
    bool required;        /* must be set when there is no default */
    int64_t min, max;
    const char *unit;           /* "ms", "bytes", …; NULL */
    const char *const *choices; /* NULL-terminated */
    const char *help;           /* one line */
};

struct config_property {
    const char *name;
    const char *value;
};

/* librdkafka properties of the [kafka] section. */
struct config_properties {
    struct config_property *at;
    size_t n;
};

/* What a program is to the configuration and to --help. */
struct config_program {
    const char *name;    /* "gold-label-worker" */
    const char *summary; /* one line */
    const struct config_option *options;
    size_t n_options;
    /* Says whether librdkafka takes a property: NULL, or what is wrong with it (static or in `text`). May be NULL: no
     * properties are taken. */
    const char *(*check_property)(const char *name, const char *value, char *text, size_t size);
    /* Checks of the whole that a table cannot express; appends one line per fault. May be NULL. Called even after faults
     * of single settings, so that all are reported: such a member holds its default, or NULL or 0, required or not. */
    void (*check_settings)(const void *settings, struct buffer *faults);
};

struct config; /* owns the texts that a settings struct points to */

/* Fills `settings` (all members of the table). `text` is the file's content, `env` an array like environ. Every fault is
 * one line in `faults`, naming section, name, value and bound, and the line or variable it came from (texts and the value
 * of a name that holds "password", "secret" … are not shown). A GOLD_LABEL_ variable of a section of the table must be one
 * of its names; those of other sections belong to somebody else and are ignored. Pure: opens nothing. Returns NULL where
 * there is any fault or memory is short. */
struct config *config_parse(const struct config_program *program, struct slice text, char *const *env,
                            void *settings, struct buffer *faults);
/* Likewise with the file at `path` (NULL: none) and the process's environment. Errors: STATUS_CONFIG and STATUS_NO_MEMORY, in `f`, where
 * the file cannot be read; `*out` is NULL then, too. */
status config_load(const struct config_program *program, const char *path, void *settings,
                   struct config **out, struct buffer *faults, struct fault *f) must_check;
void config_free(struct config *c);
const struct config_properties *config_kafka(const struct config *c);

enum config_start { CONFIG_RUN, CONFIG_EXIT };

/* The beginning of every daemon's main(): reads --config FILE, --help, --man, --version (and nothing else: another argument is an
 * error that names it), loads the file and the environment. CONFIG_EXIT: stop with *exit_code (0 after what only prints, 2 after
 * printing every fault on stderr). */
enum config_start config_start(const struct config_program *program, int argc, char **argv, void *settings,
                               struct config **out, int *exit_code) must_check;

/* Reads a whole file of at most `max` bytes. Errors: STATUS_CONFIG with path, reason and bound in `f`; STATUS_NO_MEMORY. */
status config_read_file(const char *path, size_t max, struct buffer *out, struct fault *f) must_check;

/* The option list as --help prints it: section, name, default, bounds, one line of help. */
void config_print_options(const struct config_program *program, FILE *to);
/* The same for a man page (roff): a subsection per section. */
void config_print_man_options(const struct config_program *program, FILE *to);
