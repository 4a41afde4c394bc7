#include "common/config_internal.h"

#include "common/arena.h"
#include <ctype.h>
#include <stdlib.h>

static const char PREFIX[] = "GOLD_LABEL_";
static const char KAFKA[] = "kafka";

struct config {
    struct arena *texts;
    struct config_properties kafka;
};

/* Where a value comes from. */
struct given {
    const char *value;    /* NULL: not given */
    const char *variable; /* of the environment; NULL: the file's `line` */
    unsigned line;
    bool refused; /* the default took its place */
};

struct property {
    struct property *next;
    const char *name;
    struct given given;
};

struct parse {
    const struct config_program *program;
    struct config *config;
    struct given *options; /* one for each of the table */
    struct property *properties;
    size_t n_properties;
    struct buffer *faults;
    bool no_memory;
};

/* ---- texts that outlive the file and the environment ---- */

static const char *keep(struct parse *p, const char *text, size_t len)
{
    char *copy = arena_alloc(p->config->texts, len + 1);
    if (!copy) {
        p->no_memory = true;
        return "";
    }
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

/* ---- the table ---- */

static bool has_section(const struct config_program *program, const char *section)
{
    if (program->check_property && strcmp(section, KAFKA) == 0)
        return true;
    for (size_t i = 0; i < program->n_options; i++) {
        if (strcmp(program->options[i].section, section) == 0)
            return true;
    }
    return false;
}

static struct given *find_option(struct parse *p, const char *section, const char *name)
{
    for (size_t i = 0; i < p->program->n_options; i++) {
        const struct config_option *o = &p->program->options[i];
        if (strcmp(o->section, section) == 0 && strcmp(o->name, name) == 0)
            return &p->options[i];
    }
    return NULL;
}

/* The property's entry, made when there is none. NULL when memory is short. */
static struct given *find_property(struct parse *p, const char *name)
{
    struct property **at = &p->properties;
    while (*at && strcmp((*at)->name, name) != 0)
        at = &(*at)->next;
    if (!*at) {
        struct property *new = arena_alloc(p->config->texts, sizeof *new);
        if (!new) {
            p->no_memory = true;
            return NULL;
        }
        *new = (struct property){.name = keep(p, name, strlen(name))};
        *at = new;
        p->n_properties++;
    }
    return &(*at)->given;
}

/* ---- the file ---- */

static bool knows_section(void *ctx, const char *section)
{
    const struct parse *p = ctx;
    return has_section(p->program, section);
}

static void take_line(void *ctx, const struct config_line *line)
{
    struct parse *p = ctx;
    struct given *to = find_option(p, line->section, line->name);

    if (!to && p->program->check_property && strcmp(line->section, KAFKA) == 0) {
        to = find_property(p, line->name);
        if (!to)
            return;
    }
    if (to && !to->value) {
        *to = (struct given){.value = keep(p, line->value, strlen(line->value)), .line = line->number};
        return;
    }
    buffer_printf(p->faults, "line %u: [%s] ", line->number, line->section);
    config_show(p->faults, line->name);
    if (to)
        buffer_printf(p->faults, ": given twice, first in line %u\n", to->line);
    else
        buffer_add_text(p->faults, ": unknown name\n");
}

/* ---- the environment ---- */

/* True when `variable` is `name=…`, spelled as config_variable_name() does; for an empty name: when it starts so. */
static bool names(struct parse *p, const char *variable, const char *section, const char *name, size_t *len)
{
    struct buffer expected = {0};
    config_variable_name(section, name, &expected);
    p->no_memory |= expected.failed;
    *len = expected.len;
    bool same = !expected.failed && strncmp(variable, expected.at, expected.len) == 0 &&
                (!*name || variable[expected.len] == '=');
    buffer_dispose(&expected);
    return same;
}

static struct given *option_of_variable(struct parse *p, const char *variable)
{
    size_t len;
    for (size_t i = 0; i < p->program->n_options; i++) {
        if (names(p, variable, p->program->options[i].section, p->program->options[i].name, &len))
            return &p->options[i];
    }
    return NULL;
}

/* SASL_PASSWORD=… → the property sasl.password. */
static struct given *property_of_variable(struct parse *p, const char *rest)
{
    char name[128];
    size_t len = strcspn(rest, "=");
    if (len == 0 || len >= sizeof name)
        return NULL;

    for (size_t i = 0; i < len; i++)
        name[i] = (char)(rest[i] == '_' ? '.' : tolower((unsigned char)rest[i]));
    name[len] = '\0';
    return find_property(p, name);
}

static bool is_of_own_section(struct parse *p, const char *variable)
{
    size_t len;
    for (size_t i = 0; i < p->program->n_options; i++) {
        if (names(p, variable, p->program->options[i].section, "", &len))
            return true;
    }
    return false;
}

static void take_variable(struct parse *p, const char *variable)
{
    const char *value = strchr(variable, '=');
    if (!value || strncmp(variable, PREFIX, sizeof PREFIX - 1) != 0)
        return;

    size_t len;
    struct given *to = option_of_variable(p, variable);
    if (!to && p->program->check_property && names(p, variable, KAFKA, "", &len))
        to = property_of_variable(p, variable + len);

    const char *name = keep(p, variable, (size_t)(value - variable));
    value++;
    if (to) {
        if (!to->variable) /* like getenv(3), the first of two equal names counts */
            *to = (struct given){.value = keep(p, value, strlen(value)), .variable = name};
    } else if (is_of_own_section(p, variable)) {
        config_show(p->faults, name);
        buffer_add_text(p->faults, ": no setting has this name\n");
    }
}

/* ---- what was given becomes settings ---- */

static void add_origin(struct parse *p, const struct given *g)
{
    if (g->variable)
        buffer_printf(p->faults, " (%s)\n", g->variable);
    else if (g->line)
        buffer_printf(p->faults, " (line %u)\n", g->line);
    else
        buffer_add_text(p->faults, " (default)\n");
}

static void store_option(struct parse *p, const struct config_option *o, struct given *g, void *settings)
{
    struct buffer why = {0};
    struct given from = g->value ? *g : (struct given){.value = o->fallback};

    if (!from.value && o->required) {
        buffer_printf(p->faults, "[%s] %s: is required; set it in the file or as ", o->section, o->name);
        config_variable_name(o->section, o->name, p->faults);
        buffer_add_char(p->faults, '\n');
    }
    if (!config_store(o, from.value, settings, &why)) {
        buffer_printf(p->faults, "[%s] %s", o->section, o->name);
        if (o->kind != CONFIG_TEXT && !config_is_secret(o->name)) {
            buffer_add_text(p->faults, " = ");
            config_show(p->faults, from.value);
        }
        buffer_add_text(p->faults, ": ");
        buffer_add_slice(p->faults, buffer_slice(&why));
        add_origin(p, &from);

        /* For check_settings(): a value that holds instead of the value that does not. */
        buffer_clear(&why);
        g->refused = true;
        if (g->value)
            (void)config_store(o, o->fallback, settings, &why);
    }
    p->no_memory |= why.failed;
    buffer_dispose(&why);
}

/* The i-th setting's; NULL where it is no topic, or was refused. */
static const char *topic_of(const struct parse *p, size_t i, const void *settings)
{
    const struct config_option *o = &p->program->options[i];
    const char *topic = NULL;
    if (o->kind == CONFIG_TOPIC && !p->options[i].refused)
        memcpy(&topic, (const char *)settings + o->offset, sizeof topic);
    return topic;
}

/* What is written to one would be read as if it belonged to the other: results as commands, and those in turn. */
static void check_topics(struct parse *p, const void *settings)
{
    const struct config_option *all = p->program->options;

    for (size_t i = 1; i < p->program->n_options; i++) {
        const char *topic = topic_of(p, i, settings);
        for (size_t k = 0; topic && k < i; k++) {
            const char *other = topic_of(p, k, settings);
            if (!other || strcmp(topic, other) != 0)
                continue;
            buffer_printf(p->faults, "[%s] %s = %s: is also the %s", all[i].section, all[i].name, topic,
                          all[k].name);
            add_origin(p, &p->options[i]);
        }
    }
}

static void check_property(struct parse *p, const struct property *property)
{
    char text[256];
    const struct given *g = &property->given;
    const char *why = p->program->check_property(property->name, g->value, text, sizeof text);
    if (!why)
        return;

    buffer_printf(p->faults, "[%s] ", KAFKA);
    config_show(p->faults, property->name);
    buffer_add_text(p->faults, ": ");
    /* The library's reason may quote the value. */
    if (config_is_secret(property->name) && *g->value && strstr(why, g->value))
        buffer_add_text(p->faults, "its value is refused");
    else
        config_show(p->faults, why);
    add_origin(p, g);
}

static void store_properties(struct parse *p)
{
    size_t n = 0;
    struct config_property *at = arena_alloc(p->config->texts, (p->n_properties + 1) * sizeof *at);
    if (!at) {
        p->no_memory = true;
        return;
    }
    for (const struct property *each = p->properties; each; each = each->next) {
        at[n++] = (struct config_property){each->name, each->given.value};
        check_property(p, each);
    }
    p->config->kafka = (struct config_properties){at, n};
}

static void read_all(struct parse *p, struct slice text, char *const *env, void *settings)
{
    const struct config_ini_reader reader = {knows_section, take_line, p};
    config_read_ini(text, &reader, p->faults);
    for (; env && *env; env++)
        take_variable(p, *env);
    for (size_t i = 0; i < p->program->n_options; i++)
        store_option(p, &p->program->options[i], &p->options[i], settings);
    check_topics(p, settings);
    store_properties(p);
    if (p->program->check_settings && !p->no_memory)
        p->program->check_settings(settings, p->faults);
}

struct config *config_parse(const struct config_program *program, struct slice text, char *const *env,
                            void *settings, struct buffer *faults)
{
    enum { TEXTS_BLOCK = 4096 };
    struct config *c = calloc(1, sizeof *c);
    struct parse p = {.program = program, .config = c, .faults = faults};
    size_t faults_before = faults->len;

    p.options = calloc(program->n_options + 1, sizeof *p.options);
    if (c)
        c->texts = arena_new(TEXTS_BLOCK);
    if (c && c->texts && p.options)
        read_all(&p, text, env, settings);
    else
        p.no_memory = true;
    free(p.options);

    if (p.no_memory || faults->failed || faults->len > faults_before) {
        if (p.no_memory)
            buffer_add_text(faults, "out of memory\n");
        config_free(c);
        return NULL;
    }
    return c;
}

void config_free(struct config *c)
{
    if (!c)
        return;
    arena_free(c->texts);
    free(c);
}

const struct config_properties *config_kafka(const struct config *c)
{
    return &c->kafka;
}
