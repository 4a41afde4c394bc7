#include "producer-tool/options.h"

#include <string.h>

enum { EXIT_USAGE = 2 };

static void *member_of(void *out, size_t offset)
{
    return (char *)out + offset;
}

static void set_option(const struct verb_option *o, const char *text, void *out, struct buffer *faults)
{
    const char *wrong = option_set(o, text, member_of(out, o->offset));
    if (!wrong)
        return;
    buffer_printf(faults, "--%s %s %s", o->name, text, wrong);
    option_add_bounds(o, faults);
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
        else
            option_clear(o, member_of(out, o->offset));
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
    if (o->kind == OPTION_FLAG) {
        if (equals)
            buffer_printf(r->faults, "--%s takes no value\n", o->name);
        set_option(o, "", r->out, r->faults);
        return 1;
    }
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
    if (r->verb->operand_required && r->operands == 0)
        buffer_printf(r->faults, "%s is required\n", r->verb->operand);
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

int options_refuse(const struct verb *v, const struct buffer *faults)
{
    struct buffer lines = {0};
    char origin[64];
    (void)snprintf(origin, sizeof origin, "gold-label %s", v->name);
    buffer_add_lines(&lines, origin, buffer_slice(faults));
    fwrite(buffer_slice(&lines).at, 1, lines.len, stderr);
    if (faults->failed || lines.failed)
        fprintf(stderr, "gold-label %s: no memory\n", v->name);
    fprintf(stderr, "See: gold-label %s --help\n", v->name);
    buffer_dispose(&lines);
    return EXIT_USAGE;
}
