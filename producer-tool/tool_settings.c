#include "producer-tool/tool_settings.h"

#include "common/kafka.h"
#include "common/log.h"

static const char *const LOG_LEVELS[] = {"debug", "info", "warning", "error", NULL};
static const char *const LOG_FORMATS[] = {"logfmt", "json", NULL};

#define MEMBER(name) offsetof(struct tool_settings, name)
static const struct config_option OPTIONS[] = {
    {.section = "kafka",
     .name = "brokers",
     .kind = CONFIG_BROKERS,
     .offset = MEMBER(brokers),
     .required = true,
     .max = 4096,
     .help = "host:port of brokers, comma-separated"},
    {.section = "kafka",
     .name = "commands_topic",
     .kind = CONFIG_TOPIC,
     .offset = MEMBER(commands_topic),
     .fallback = "gold-label.commands",
     .help = "where commands go"},
    {.section = "kafka",
     .name = "results_topic",
     .kind = CONFIG_TOPIC,
     .offset = MEMBER(results_topic),
     .fallback = "gold-label.results",
     .help = "where results come from"},
    {.section = "kafka",
     .name = "dlq_topic",
     .kind = CONFIG_TOPIC,
     .offset = MEMBER(dlq_topic),
     .fallback = "gold-label.commands.dlq",
     .help = "where dead letters are"},
    {.section = "kafka",
     .name = "group",
     .kind = CONFIG_TEXT,
     .offset = MEMBER(group),
     .fallback = "gold-label-worker",
     .max = 255,
     .help = "the workers' consumer group, for status"},
    {.section = "avro",
     .name = "command_schema_id",
     .kind = CONFIG_INTEGER,
     .fallback = "-1",
     .offset = MEMBER(command_schema_id),
     .min = -1,
     .max = INT32_MAX,
     .help = "Confluent schema id of commands; -1: single-object encoding"},
    {.section = "avro",
     .name = "result_schema_id",
     .kind = CONFIG_INTEGER,
     .fallback = "-1",
     .offset = MEMBER(result_schema_id),
     .min = -1,
     .max = INT32_MAX,
     .help = "Confluent schema id of results"},
    {.section = "log",
     .name = "level",
     .kind = CONFIG_CHOICE,
     .offset = MEMBER(log_level),
     .fallback = "info",
     .choices = LOG_LEVELS,
     .help = "least level shown"},
    {.section = "log",
     .name = "format",
     .kind = CONFIG_CHOICE,
     .offset = MEMBER(log_format),
     .fallback = "logfmt",
     .choices = LOG_FORMATS,
     .help = "form of the lines on stderr"},
};

static const struct config_program PROGRAM = {
    .name = "gold-label",
    .summary = "sends gold labels and follows their results",
    .options = OPTIONS,
    .n_options = sizeof OPTIONS / sizeof *OPTIONS,
    .check_property = kafka_check_property,
};

struct config *tool_settings_load(const char *path, struct tool_settings *out, struct buffer *faults)
{
    struct buffer found = {0};
    struct fault unreadable;
    struct config *config = NULL;

    if (config_load(&PROGRAM, path, out, &config, &found, &unreadable) != STATUS_OK)
        buffer_printf(faults, "%s\n", unreadable.message);
    buffer_add_lines(faults, path, buffer_slice(&found));
    faults->failed = faults->failed || found.failed;
    buffer_dispose(&found);

    if (config)
        log_setup((enum log_level)out->log_level, (enum log_format)out->log_format, PROGRAM.name);
    return config;
}

status tool_need_topic(int32_t partitions, const char *topic, struct fault *f)
{
    if (partitions < 0)
        return fault_set(f, STATUS_RETRY, "kafka", "no Kafka broker says what partitions topic %s has",
                         topic);
    if (partitions == 0)
        return fault_set(f, STATUS_NOT_FOUND, "kafka", "there is no topic %s", topic);
    return STATUS_OK;
}

void tool_settings_print(FILE *to)
{
    config_print_options(&PROGRAM, to);
}

void tool_settings_print_man(FILE *to)
{
    config_print_man_options(&PROGRAM, to);
}
