#include "common/config_internal.h"

#include "common/roff.h"
#include <string.h>

static void put_option(const struct config_option *o, FILE *to)
{
    struct buffer text = {0};

    fputs(".TP\n.B ", to);
    roff_text(o->name, to);
    fputc('\n', to);
    buffer_printf(&text, "%s (", o->help);
    config_describe_option(o, &text);
    buffer_add(&text, ")", sizeof ")");
    if (!text.failed)
        roff_sentence(text.at, to);
    buffer_dispose(&text);
}

void config_print_man_options(const struct config_program *program, FILE *to)
{
    const char *section = "";

    for (size_t i = 0; i < program->n_options; i++) {
        const struct config_option *o = &program->options[i];
        if (strcmp(o->section, section) != 0)
            fprintf(to, ".SS [%s]\n", o->section);
        section = o->section;
        put_option(o, to);
    }
    if (program->check_property) {
        fputs(".SS \"properties of librdkafka\"\n", to);
        roff_text(CONFIG_ABOUT_PROPERTIES, to);
    }
}

static void put_name(const struct config_program *program, FILE *to)
{
    fputs(".B ", to);
    roff_text(program->name, to);
    fputc('\n', to);
}

void config_print_man(const struct config_program *program, FILE *to)
{
    roff_head(program->name, 8, program->summary, to);
    roff_section("SYNOPSIS", to);
    put_name(program, to);
    fputs("[\\fB\\-\\-config\\fR \\fIFILE\\fR]\n.br\n", to);
    put_name(program, to);
    fputs("\\fB\\-\\-help\\fR | \\fB\\-\\-man\\fR | \\fB\\-\\-version\\fR\n", to);

    roff_section("SETTINGS", to);
    roff_text(CONFIG_ABOUT_FILE, to);
    config_print_man_options(program, to);
    roff_section("ENVIRONMENT", to);
    roff_text(CONFIG_ABOUT_VARIABLES, to);
    roff_section("SIGNALS", to);
    roff_paragraphs(
        "SIGTERM and SIGINT: it takes no more work, finishes what is in hand (drain_ms) and ends.\n"
        "SIGHUP: reads keys (files and key sets) and certificates for TLS anew.\n",
        to);
    roff_section("\"EXIT STATUS\"", to);
    roff_text(CONFIG_ABOUT_EXIT, to);
}
