/* What the files of config share. */
#pragma once
#include "common/config.h"

/* ---- config_ini.c: the only file that includes libinih ---- */

/* One `name = value` line. The texts are valid during the call. */
struct config_line {
    const char *section;
    const char *name;
    const char *value;
    unsigned number; /* from 1 */
};

struct config_ini_reader {
    /* False: the fault is reported for the section's line, and its names are skipped. */
    bool (*knows_section)(void *ctx, const char *section);
    void (*line)(void *ctx, const struct config_line *line);
    void *ctx;
};

/* Reads an INI text: [section], `name = value` (or `name: value`), comments on lines of their own that start with ; or #.
 * A value reaches to the end of its line, with ; and # (passwords and connection strings hold them), without the white
 * space around it. Faults go to `faults`, one per line. */
void config_read_ini(struct slice text, const struct config_ini_reader *reader, struct buffer *faults);

/* ---- config_value.c: one option's text, member and description ---- */

/* Writes the member of `settings` that belongs to `o`. NULL: unset. A TEXT member points to `text` itself.
 * False where the text is refused: the member is unset, and `faults` gets "must be …" without a line feed. */
bool config_store(const struct config_option *o, const char *text, void *settings, struct buffer *faults);
/* "1 to 1000 ms", "token or trusted", "at most 255 bytes" … */
void config_describe_bounds(const struct config_option *o, struct buffer *out);
/* GOLD_LABEL_<SECTION>_<NAME>. */
void config_variable_name(const char *section, const char *name, struct buffer *out);
/* Whether values of that name must not be shown. */
bool config_is_secret(const char *name);
/* Text of somebody else inside a fault: cut, and without control characters. */
void config_show(struct buffer *out, const char *text);

/* ---- config_help.c, config_man.c: what --help and --man print ---- */

/* What the table cannot say; lines that end in a line feed. */
extern const char CONFIG_ABOUT_PROPERTIES[];
extern const char CONFIG_ABOUT_FILE[];
extern const char CONFIG_ABOUT_VARIABLES[];
extern const char CONFIG_ABOUT_EXIT[];

/* Bounds, and the default or what it is without one. */
void config_describe_option(const struct config_option *o, struct buffer *out);
void config_print_help(const struct config_program *program, FILE *to);
/* A man page (roff) of section 8. */
void config_print_man(const struct config_program *program, FILE *to);
