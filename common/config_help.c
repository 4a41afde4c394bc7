#include "common/config_internal.h"

#include <string.h>

const char CONFIG_ABOUT_PROPERTIES[] =
    "[kafka] also takes any librdkafka property by its own name (security.protocol, sasl.*, ssl.* ...).\n";
const char CONFIG_ABOUT_FILE[] =
    "FILE is an INI file: [section], then `name = value` lines. A comment is a line of its own that starts\n"
    "with # or ;, because values may hold both.\n";
const char CONFIG_ABOUT_VARIABLES[] =
    "Each setting can be given, and overridden, by an environment variable GOLD_LABEL_<SECTION>_<NAME> in\n"
    "upper case with . and - as _ (GOLD_LABEL_KAFKA_BROKERS; GOLD_LABEL_KAFKA_SASL_PASSWORD for\n"
    "sasl.password).\n";
const char CONFIG_ABOUT_EXIT[] =
    "0 after a clean stop, 1 when it cannot go on, 2 when the arguments or settings are wrong.\n";

void config_describe_option(const struct config_option *o, struct buffer *out)
{
    config_describe_bounds(o, out);
    if (o->fallback)
        buffer_printf(out, "; default %s", o->fallback);
    else
        buffer_add_text(out, o->required ? "; required" : "; unset by default");
}

void config_print_options(const struct config_program *program, FILE *to)
{
    struct buffer out = {0};
    const char *section = "";

    for (size_t i = 0; i < program->n_options; i++) {
        const struct config_option *o = &program->options[i];
        if (strcmp(o->section, section) != 0)
            buffer_printf(&out, "%s[%s]\n", i > 0 ? "\n" : "", o->section);
        section = o->section;
        buffer_printf(&out, "  %s: ", o->name);
        config_describe_option(o, &out);
        buffer_printf(&out, "\n      %s\n", o->help);
    }
    fwrite(out.at, 1, out.len, to);
    buffer_dispose(&out);
}

void config_print_help(const struct config_program *program, FILE *to)
{
    fprintf(to,
            "%s: %s\n\n"
            "Usage: %s [--config FILE]\n"
            "       %s --help | --man | --version\n\n"
            "Settings, by section of FILE:\n\n",
            program->name, program->summary, program->name, program->name);
    config_print_options(program, to);
    if (program->check_property)
        fprintf(to, "\n%s", CONFIG_ABOUT_PROPERTIES);
    fprintf(to, "\n%s%s\nExit codes: %s", CONFIG_ABOUT_FILE, CONFIG_ABOUT_VARIABLES, CONFIG_ABOUT_EXIT);
}
