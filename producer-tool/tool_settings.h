/* The settings of the tool: what its verbs take from the file and the environment besides their own options. */
#pragma once
#include "common/buffer.h"
#include "common/config.h"
#include <stdint.h>
#include <stdio.h>

struct tool_settings {
    const char *brokers;
    const char *commands_topic;
    const char *results_topic;
    const char *dlq_topic;
    const char *group;
    int64_t command_schema_id;
    int64_t result_schema_id;
    int log_level;
    int log_format;
};

/* Reads the file at `path` (NULL: none) and the environment, and sets the log up. Every fault is one line in `faults`; NULL
 * where there is any. Free with config_free(). */
struct config *tool_settings_load(const char *path, struct tool_settings *out, struct buffer *faults);

/* Whether there is a topic of so many partitions (below 0: nobody says). Errors: STATUS_RETRY, STATUS_NOT_FOUND. */
status tool_need_topic(int32_t partitions, const char *topic, struct fault *f) must_check;

/* The list of settings, as `gold-label --help` shows it. */
void tool_settings_print(FILE *to);
/* The same for a man page. */
void tool_settings_print_man(FILE *to);
