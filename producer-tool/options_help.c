#include "producer-tool/options.h"

#include <string.h>

enum { HELP_WIDTH = 80 };

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
    return (int)(strlen("  --") + strlen(o->name) + (*o->value ? 1 + strlen(o->value) : 0));
}

static void print_option(const struct verb_option *o, int indent, FILE *to)
{
    struct buffer text = {0};
    buffer_add_text(&text, o->help);
    if (o->required)
        buffer_add_text(&text, " (required)");
    else if (o->fallback)
        buffer_printf(&text, " (default %s)", o->fallback);
    fprintf(to, "  --%s%s%s%*s", o->name, *o->value ? " " : "", o->value, indent - label_width(o), "");
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

    fprintf(to, "usage: gold-label %s [OPTION]...", v->name);
    if (v->operand)
        fprintf(to, v->operand_required ? " %s" : " [%s]", v->operand);
    fprintf(to, "\n%s.\n\n", v->summary);
    if (v->operand) {
        fprintf(to, "  %-*s", indent - 2, v->operand);
        print_wrapped(slice_of(v->operand_help), indent, to);
    }
    for (size_t i = 0; i < v->n_options; i++)
        print_option(&v->options[i], indent, to);
    fprintf(to, "\n%s", v->notes);
}
