#include "producer-tool/options.h"

#include <ctype.h>
#include <string.h>

/* Text for roff: nothing in it is a request or an escape. */
static void put_text(const char *text, FILE *to)
{
    bool line_begins = true;
    for (const char *at = text; *at; at++) {
        if (line_begins && (*at == '.' || *at == '\''))
            fputs("\\&", to);
        line_begins = *at == '\n';
        if (*at == '\\')
            fputs("\\e", to);
        else if (*at == '-')
            fputs("\\-", to);
        else
            fputc(*at, to);
    }
}

static void put_sentence(const char *text, FILE *to)
{
    size_t len = strlen(text);
    put_text(text, to);
    fputs(len && text[len - 1] == '.' ? "\n" : ".\n", to);
}

static void put_section(const char *name, FILE *to)
{
    fprintf(to, ".SH %s\n", name);
}

/* Lines as they are. */
static void put_block(const char *text, FILE *to)
{
    fputs(".nf\n", to);
    put_text(text, to);
    fputs(".fi\n", to);
}

static void put_paragraphs(const char *text, FILE *to)
{
    for (const char *at = text; *at;) {
        size_t len = strcspn(at, "\n");
        char line[1024];
        snprintf(line, sizeof line, "%.*s", (int)len, at);
        fputs(".PP\n", to);
        put_text(line, to);
        fputc('\n', to);
        at += len + (at[len] == '\n');
    }
}

static void put_option(const struct verb_option *o, FILE *to)
{
    struct buffer more = {0};
    fputs(".TP\n.B \\-\\-", to);
    put_text(o->name, to);
    if (*o->value) {
        fputs(" \\fI", to);
        put_text(o->value, to);
        fputs("\\fR", to);
    }
    fputc('\n', to);
    buffer_add_text(&more, o->help);
    if (o->required)
        buffer_add_text(&more, " (required)");
    else if (o->fallback)
        buffer_printf(&more, " (default %s)", o->fallback);
    if (o->kind != OPTION_CHOICE)
        option_add_bounds(o, &more);
    buffer_add_char(&more, '\0');
    if (!more.failed) {
        more.at[0] = (char)toupper((unsigned char)more.at[0]);
        put_sentence(more.at, to);
    }
    buffer_dispose(&more);
    if (o->details)
        put_sentence(o->details, to);
}

static void put_name(const struct verb *v, const char *separator, FILE *to)
{
    fputs("gold", to);
    fputs("\\-label", to);
    for (const char *at = v->name - 1; at; at = strchr(at + 1, ' ')) {
        size_t len = strcspn(at + 1, " ");
        fprintf(to, "%s%.*s", separator, (int)len, at + 1);
    }
}

void options_print_man(const struct verb *v, FILE *to)
{
    fputs(".TH \"", to);
    put_name(v, "\\-", to);
    fputs("\" 1 \"\" \"gold\\-label " GOLD_LABEL_VERSION "\" \"Gold labels\"\n", to);
    put_section("NAME", to);
    put_name(v, "\\-", to);
    fputs(" \\- ", to);
    put_text(v->summary, to);
    fputc('\n', to);

    put_section("SYNOPSIS", to);
    fputs(".B ", to);
    put_name(v, " ", to);
    fputs("\n[\\fIOPTION\\fR]...", to);
    if (v->operand)
        fprintf(to, v->operand_required ? " \\fI%s\\fR" : " [\\fI%s\\fR]", v->operand);
    fputc('\n', to);

    if (v->description) {
        put_section("DESCRIPTION", to);
        put_paragraphs(v->description, to);
    }
    put_section("OPTIONS", to);
    if (v->operand) {
        fprintf(to, ".TP\n.I %s\n", v->operand);
        put_sentence(v->operand_help, to);
    }
    for (size_t i = 0; i < v->n_options; i++)
        put_option(&v->options[i], to);
    put_section("NOTES", to);
    put_block(v->notes, to);
    put_section("EXAMPLES", to);
    put_block(v->examples, to);
}
