/* Structured log lines on stderr: logfmt for people, JSON for machines. A line is one write(2).
 * Never a token, never a label's value. */
#pragma once
#include "common/slice.h"
#include "common/uuid.h"
#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

/* Set once at start, before threads. */
void log_setup(enum log_level least, enum log_format format, const char *program);

struct log_field {
    const char *key; /* snake_case */
    enum { LOG_FIELD_NONE, LOG_FIELD_TEXT, LOG_FIELD_INTEGER, LOG_FIELD_UUID } kind;
    struct slice text;
    int64_t integer;
    struct uuid uuid;
};

#define LOG_STR(name, cstring)                                                                               \
    {                                                                                                        \
        .key = (name), .kind = LOG_FIELD_TEXT, .text = slice_of(cstring)                                     \
    }
#define LOG_SLICE(name, slice)                                                                               \
    {                                                                                                        \
        .key = (name), .kind = LOG_FIELD_TEXT, .text = (slice)                                               \
    }
#define LOG_INT(name, number)                                                                                \
    {                                                                                                        \
        .key = (name), .kind = LOG_FIELD_INTEGER, .integer = (int64_t)(number)                               \
    }
#define LOG_UUID(name, id)                                                                                   \
    {                                                                                                        \
        .key = (name), .kind = LOG_FIELD_UUID, .uuid = (id)                                                  \
    }

/* log_info("offsets committed", LOG_INT("partition", 3), LOG_INT("offset", 17)); */
#define log_debug(message, ...) LOG_AT_(LOG_LEVEL_DEBUG, message, ##__VA_ARGS__)
#define log_info(message, ...) LOG_AT_(LOG_LEVEL_INFO, message, ##__VA_ARGS__)
#define log_warning(message, ...) LOG_AT_(LOG_LEVEL_WARNING, message, ##__VA_ARGS__)
#define log_error(message, ...) LOG_AT_(LOG_LEVEL_ERROR, message, ##__VA_ARGS__)
#define LOG_AT_(level, message, ...)                                                                         \
    log_write((level), (message), (const struct log_field[]){{.kind = LOG_FIELD_NONE}, ##__VA_ARGS__},       \
              sizeof((const struct log_field[]){{.kind = LOG_FIELD_NONE}, ##__VA_ARGS__}) /                  \
                  sizeof(struct log_field))

/* Whether a line about what comes often is due: the first time, and ten seconds after the last. `*told_us` (monotonic clock; 0: never)
 * then becomes `now_us`. */
bool log_is_due(int64_t *told_us, int64_t now_us);

void log_write(enum log_level level, const char *message, const struct log_field *fields, size_t n);
