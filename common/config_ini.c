#include "common/config_internal.h"

#include <ini.h>

enum {
    INI_LINE_MAX = 16 * 1024, /* bytes of one line: a PEM key in one value fits */
    SECTION_SIZE = 64,
};

struct source {
    struct slice rest;
    unsigned number; /* of the line that was given out last */
    char section[SECTION_SIZE];
    bool skip; /* the section is unknown or broken: its names are not looked at */
    const struct config_ini_reader *reader;
    struct buffer *faults;
};

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || (*at >= '\t' && *at <= '\r')))
        at++;
    return at;
}

/* libinih would take a section without ], cut its name at 50 bytes and ignore what comes behind the ]. */
static void enter_section(struct source *s, const char *name, const char *end)
{
    const char *close = memchr(name, ']', (size_t)(end - name));
    const char *behind = close ? skip_blanks(close + 1, end) : end;

    s->skip = true;
    if (!close) {
        buffer_printf(s->faults, "line %u: a section's name ends with ]\n", s->number);
        return;
    }
    if (behind < end && *behind != ';' && *behind != '#') {
        buffer_printf(s->faults, "line %u: nothing may follow the ] of a section\n", s->number);
        return;
    }

    size_t len = (size_t)(close - name);
    size_t kept = len < sizeof s->section ? len : sizeof s->section - 1;
    memcpy(s->section, name, kept);
    s->section[kept] = '\0';
    s->skip = !s->reader->knows_section(s->reader->ctx, s->section);
    if (s->skip) {
        buffer_printf(s->faults, "line %u: [", s->number);
        config_show(s->faults, s->section);
        buffer_add_text(s->faults, "]: unknown section\n");
    }
}

/* libinih's fgets: one whole line per call, so that lines can be counted; broken ones are given as empty. */
static char *next_line(char *to, int size, void *stream)
{
    struct source *s = stream;
    if (s->rest.len == 0)
        return NULL;

    const char *at = s->rest.at;
    const char *feed = memchr(at, '\n', s->rest.len);
    size_t len = feed ? (size_t)(feed - at) : s->rest.len;
    size_t taken = feed ? len + 1 : len;
    s->rest = (struct slice){at + taken, s->rest.len - taken};
    s->number++;

    if (memchr(at, '\0', len)) {
        buffer_printf(s->faults, "line %u: holds a NUL byte\n", s->number);
        len = 0;
    } else if (len > INI_LINE_MAX || len >= (size_t)size) {
        buffer_printf(s->faults, "line %u: longer than %d bytes\n", s->number, INI_LINE_MAX);
        len = 0;
    }
    const char *start = skip_blanks(at, at + len);
    if (start < at + len && *start == '[') {
        enter_section(s, start + 1, at + len);
        len = 0;
    }
    memcpy(to, at, len);
    to[len] = '\0';
    return to;
}

/* The line itself is not shown: it may be a piece of a secret. */
static int take_pair(void *user, const char *section, const char *name, const char *value)
{
    struct source *s = user;
    (void)section;

    if (!value)
        buffer_printf(s->faults, "line %u: neither `name = value` nor [section]\n", s->number);
    else if (!*name)
        buffer_printf(s->faults, "line %u: a value without a name\n", s->number);
    else if (!*s->section && !s->skip)
        buffer_printf(s->faults, "line %u: stands before the first [section]\n", s->number);
    else if (!s->skip)
        s->reader->line(s->reader->ctx, &(struct config_line){s->section, name, value, s->number});
    return 1;
}

void config_read_ini(struct slice text, const struct config_ini_reader *reader, struct buffer *faults)
{
    struct source s = {.rest = text, .reader = reader, .faults = faults};
    static const char BOM[] = "\xef\xbb\xbf";

    if (text.len >= 3 && memcmp(text.at, BOM, 3) == 0)
        s.rest = (struct slice){text.at + 3, text.len - 3};

    /* Debian's libinih is set at run time. Its defaults cut lines at 200 bytes and take the rest for the next line, end
     * a value at " ;", and take an indented line for a second value of the name above. */
    ini_use_stack = false;
    ini_initial_alloc = INI_LINE_MAX + 1;
    ini_max_line = INI_LINE_MAX + 1;
    ini_allow_realloc = false;
    ini_allow_inline_comments = false;
    ini_allow_multiline = false;
    ini_allow_no_value = true;
    ini_allow_bom = false;
    ini_stop_on_first_error = false;
    if (ini_parse_stream(next_line, &s, take_pair, &s) != 0)
        faults->failed = true; /* no error is left to it but short memory */
}
