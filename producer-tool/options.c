#include "producer-tool/options.h"

#include "common/text.h"
#include "common/uuid.h"
#include <inttypes.h>
#include <string.h>

enum {
    EXIT_USAGE = 2,
    HELP_WIDTH = 80,
};

/* ---- values ---- */

static const char *parse_text(const struct verb_option *o, const char *text, void *member)
{
    (void)o;
    *(const char **)member = text;
    return *text ? NULL : "must not be empty";
}

static const char *parse_uuid(const struct verb_option *o, const char *text, void *member)
{
    (void)o;
    struct uuid id;
    *(const char **)member = text;
    return uuid_parse(slice_of(text), &id) ? NULL : "must be a UUID (36 characters with dashes)";
}

static const char *store_number(const struct verb_option *o, uint64_t number, void *member)
{
    int64_t n = (int64_t)number;
    *(int64_t *)member = n;
    return n >= o->min && n <= o->max ? NULL : "is out of bounds";
}

static const char *parse_integer(const struct verb_option *o, const char *text, void *member)
{
    uint64_t number = 0;
    if (!text_to_u64(slice_of(text), INT64_MAX, &number))
        return "must be a whole number";
    return store_number(o, number, member);
}

static const char *parse_duration(const struct verb_option *o, const char *text, void *member)
{
    static const struct {
        char unit;
        uint64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    struct slice digits = slice_of(text);
    uint64_t factor = 1;
    uint64_t number = 0;

    for (size_t i = 0; digits.len && i < sizeof units / sizeof *units; i++) {
        if (text[digits.len - 1] == units[i].unit) {
            factor = units[i].seconds;
            digits.len--;
            break;
        }
    }
    if (!text_to_u64(digits, INT64_MAX / factor, &number))
        return "must be a number of seconds, or a number and one of s, m, h, d";
    return store_number(o, number * factor, member);
}

static const char *parse_choice(const struct verb_option *o, const char *text, void *member)
{
    for (int i = 0; o->choices[i]; i++) {
        if (strcmp(o->choices[i], text) == 0) {
            *(int *)member = i;
            return NULL;
        }
    }
    return "is not one of the choices";
}

/* Each stores the value and returns NULL, or says what is wrong with it. */
static const char *(*const PARSERS[])(const struct verb_option *, const char *, void *) = {
    [OPTION_TEXT] = parse_text,         [OPTION_UUID] = parse_uuid,     [OPTION_INTEGER] = parse_integer,
    [OPTION_DURATION] = parse_duration, [OPTION_CHOICE] = parse_choice,
};

static void *member_of(void *out, size_t offset)
{
    return (char *)out + offset;
}

static bool is_number(const struct verb_option *o)
{
    return o->kind == OPTION_INTEGER || o->kind == OPTION_DURATION;
}

static void add_bounds(const struct verb_option *o, struct buffer *to)
{
    if (is_number(o))
        buffer_printf(to, " (%" PRId64 " to %" PRId64 "%s)", o->min, o->max,
                      o->kind == OPTION_DURATION ? " seconds" : "");
    if (o->kind == OPTION_CHOICE)
        buffer_printf(to, " (%s)", o->value);
}

static void set_option(const struct verb_option *o, const char *text, void *out, struct buffer *faults)
{
    const char *wrong = PARSERS[o->kind](o, text, member_of(out, o->offset));
    if (!wrong)
        return;
    buffer_printf(faults, "--%s %s %s", o->name, text, wrong);
    add_bounds(o, faults);
    buffer_add_char(faults, '\n');
}

static void set_defaults(const struct verb *v, void *out, struct buffer *faults)
{
    if (v->operand)
        *(const char **)member_of(out, v->operand_offset) = NULL;
    for (size_t i = 0; i < v->n_options; i++) {
        const struct verb_option *o = &v->options[i];
        if (o->fallback)
            set_option(o, o->fallback, out, faults);
        else if (is_number(o))
            *(int64_t *)member_of(out, o->offset) = 0;
        else if (o->kind == OPTION_CHOICE)
            *(int *)member_of(out, o->offset) = 0;
        else
            *(const char **)member_of(out, o->offset) = NULL;
    }
}

/* ---- the command line ---- */

struct reader {
    const struct verb *verb;
    void *out;
    struct buffer *faults;
    uint64_t seen; /* bit i: option i was given */
    size_t operands;
};

static const struct verb_option *find_option(const struct verb *v, struct slice name)
{
    for (size_t i = 0; i < v->n_options; i++) {
        if (slice_is(name, v->options[i].name))
            return &v->options[i];
    }
    return NULL;
}

static void mark_seen(struct reader *r, const struct verb_option *o)
{
    uint64_t bit = UINT64_C(1) << (size_t)(o - r->verb->options);
    if (r->seen & bit)
        buffer_printf(r->faults, "--%s is given twice\n", o->name);
    r->seen |= bit;
}

/* Reads `arg` ("--name" or "--name=VALUE") and perhaps the argument behind it; returns how many it took. */
static int read_option(struct reader *r, const char *arg, const char *next)
{
    const char *equals = strchr(arg, '=');
    struct slice name = slice_make(arg + 2, equals ? (size_t)(equals - arg) - 2 : strlen(arg) - 2);
    const struct verb_option *o = find_option(r->verb, name);

    if (!o) {
        buffer_printf(r->faults, "there is no option --%.*s\n", (int)name.len, name.at);
        return 1;
    }
    mark_seen(r, o);
    if (equals) {
        set_option(o, equals + 1, r->out, r->faults);
        return 1;
    }
    if (!next || strncmp(next, "--", 2) == 0) {
        buffer_printf(r->faults, "--%s needs a value (%s)\n", o->name, o->value);
        return 1;
    }
    set_option(o, next, r->out, r->faults);
    return 2;
}

static void read_operand(struct reader *r, const char *arg)
{
    if (r->verb->operand && r->operands == 0)
        *(const char **)member_of(r->out, r->verb->operand_offset) = arg;
    r->operands++;
}

static void check_whole(const struct reader *r)
{
    size_t most = r->verb->operand ? 1 : 0;
    if (r->operands > most)
        buffer_printf(r->faults, "%zu arguments besides options: %s takes %s\n", r->operands, r->verb->name,
                      most ? "at most one" : "none");
    for (size_t i = 0; i < r->verb->n_options; i++) {
        const struct verb_option *o = &r->verb->options[i];
        if (o->required && !(r->seen & (UINT64_C(1) << i)))
            buffer_printf(r->faults, "--%s %s is required\n", o->name, o->value);
    }
}

enum options_next options_parse(const struct verb *v, int argc, char **argv, void *out, struct buffer *faults)
{
    struct reader r = {.verb = v, .out = out, .faults = faults};
    bool options_ended = false;

    set_defaults(v, out, faults);
    for (int i = 0; i < argc;) {
        const char *arg = argv[i];
        if (!options_ended && strcmp(arg, "--help") == 0)
            return OPTIONS_HELP;
        if (!options_ended && strcmp(arg, "--") == 0) {
            options_ended = true;
            i++;
        } else if (!options_ended && strncmp(arg, "--", 2) == 0) {
            i += read_option(&r, arg, i + 1 < argc ? argv[i + 1] : NULL);
        } else if (!options_ended && arg[0] == '-' && arg[1] != '\0') {
            buffer_printf(faults, "there is no option -%c\n", arg[1]);
            i++;
        } else {
            read_operand(&r, arg);
            i++;
        }
    }
    check_whole(&r);
    return OPTIONS_RUN;
}

/* ---- help ---- */

/* Prints `text` from column `indent` on, breaking at spaces; the cursor stands at that column already. */
static void print_wrapped(struct slice text, int indent, FILE *to)
{
    size_t room = (size_t)(HELP_WIDTH - indent);
    while (text.len > room) {
        size_t cut = room;
        while (cut > 0 && text.at[cut] != ' ')
            cut--;
        if (cut == 0)
            break; /* a word longer than the column stays whole */
        fprintf(to, "%.*s\n%*s", (int)cut, text.at, indent, "");
        text = slice_make(text.at + cut + 1, text.len - cut - 1);
    }
    fprintf(to, "%.*s\n", (int)text.len, text.at);
}

static int label_width(const struct verb_option *o)
{
    return (int)(strlen("  --") + strlen(o->name) + 1 + strlen(o->value));
}

static void print_option(const struct verb_option *o, int indent, FILE *to)
{
    struct buffer text = {0};
    buffer_add_text(&text, o->help);
    if (o->required)
        buffer_add_text(&text, " (required)");
    else if (o->fallback)
        buffer_printf(&text, " (default %s)", o->fallback);
    fprintf(to, "  --%s %s%*s", o->name, o->value, indent - label_width(o), "");
    print_wrapped(buffer_slice(&text), indent, to);
    buffer_dispose(&text);
}

void options_print_help(const struct verb *v, FILE *to)
{
    int indent = v->operand ? (int)strlen(v->operand) + 2 : 0;
    for (size_t i = 0; i < v->n_options; i++) {
        int width = label_width(&v->options[i]);
        indent = width > indent ? width : indent;
    }
    indent += 2;

    fprintf(to, "usage: gold-label %s [OPTION VALUE]...", v->name);
    if (v->operand)
        fprintf(to, " [%s]", v->operand);
    fprintf(to, "\n%s.\n\n", v->summary);
    if (v->operand) {
        fprintf(to, "  %-*s", indent - 2, v->operand);
        print_wrapped(slice_of(v->operand_help), indent, to);
    }
    for (size_t i = 0; i < v->n_options; i++)
        print_option(&v->options[i], indent, to);
    fprintf(to, "\n%s\nExamples:\n%s", v->notes, v->examples);
}

int options_refuse(const struct verb *v, const struct buffer *faults)
{
    struct slice rest = buffer_slice(faults);
    while (rest.len) {
        const char *end = memchr(rest.at, '\n', rest.len);
        size_t line = end ? (size_t)(end - rest.at) : rest.len;
        fprintf(stderr, "gold-label %s: %.*s\n", v->name, (int)line, rest.at);
        rest = slice_make(rest.at + line + (end ? 1 : 0), rest.len - line - (end ? 1 : 0));
    }
    if (faults->failed)
        fprintf(stderr, "gold-label %s: no memory\n", v->name);
    fprintf(stderr, "See: gold-label %s --help\n", v->name);
    return EXIT_USAGE;
}
