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

void options_page_of(const struct verb *v, char page[OPTIONS_PAGE_SIZE])
{
    snprintf(page, OPTIONS_PAGE_SIZE, "gold-label-%s", v->name);
    for (char *at = page; (at = strchr(at, ' ')) != NULL;)
        *at = '-';
}

void options_print_man(const struct verb *v, FILE *to)
{
    char page[OPTIONS_PAGE_SIZE];
    options_page_of(v, page);
    roff_head(page, 1, v->summary, to);
    roff_section("SYNOPSIS", to);
    fprintf(to, ".B gold\\-label %s\n[\\fIOPTION\\fR]...", v->name);
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
