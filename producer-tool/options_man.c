#include "producer-tool/options.h"

#include "common/roff.h"
#include <string.h>

static void put_option(const struct verb_option *o, FILE *to)
{
    struct buffer more = {0};
    fputs(".TP\n.B \\-\\-", to);
    roff_text(o->name, to);
    if (*o->value) {
        fputs(" \\fI", to);
        roff_text(o->value, to);
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
    if (!more.failed)
        roff_sentence(more.at, to);
    buffer_dispose(&more);
    if (o->details)
        roff_sentence(o->details, to);
}

/* The words of the name, as those of a page ("-") or of a command (" ") are joined. */
static void put_name(const struct verb *v, const char *separator, FILE *to)
{
    roff_text("gold-label", to);
    for (const char *at = v->name; *at;) {
        size_t len = strcspn(at, " ");
        fprintf(to, "%s%.*s", separator, (int)len, at);
        at += len + (at[len] == ' ');
    }
}

void options_print_man(const struct verb *v, FILE *to)
{
    fputs(".TH \"", to);
    put_name(v, "\\-", to);
    fputs("\" 1 \"\" \"gold\\-label " GOLD_LABEL_VERSION "\" \"Gold labels\"\n", to);
    roff_section("NAME", to);
    put_name(v, "\\-", to);
    fputs(" \\- ", to);
    roff_text(v->summary, to);
    fputc('\n', to);

    roff_section("SYNOPSIS", to);
    fputs(".B ", to);
    put_name(v, " ", to);
    fputs("\n[\\fIOPTION\\fR]...", to);
    if (v->operand)
        fprintf(to, v->operand_required ? " \\fI%s\\fR" : " [\\fI%s\\fR]", v->operand);
    fputc('\n', to);

    if (v->description) {
        roff_section("DESCRIPTION", to);
        roff_paragraphs(v->description, to);
    }
    roff_section("OPTIONS", to);
    if (v->operand) {
        fprintf(to, ".TP\n.I %s\n", v->operand);
        roff_sentence(v->operand_help, to);
    }
    for (size_t i = 0; i < v->n_options; i++)
        put_option(&v->options[i], to);
    roff_section("NOTES", to);
    roff_block(v->notes, to);
    roff_section("EXAMPLES", to);
    roff_block(v->examples, to);
    roff_section("\"SEE ALSO\"", to);
    fputs(".BR gold\\-label (1)\n", to);
}
