/* The configuration: an INI text, and behind the first 0xFF byte variables that end with NUL bytes. */
#include "common/config.h"

#include <stdlib.h>

struct settings {
    const char *brokers;
    const char *audience;
    int64_t max_rows;
    bool fast;
    int auth;
};

enum { AUDIENCE_MAX = 20, ROWS_MIN = 1, ROWS_MAX = 10000, VARIABLES_MAX = 16 };

static const char *const AUTHS[] = {"token", "trusted", NULL};

#define MEMBER(member) .offset = offsetof(struct settings, member)
static const struct config_option OPTIONS[] = {
    {.section = "kafka", .name = "brokers", MEMBER(brokers), .required = true, .help = "-"},
    {.section = "token", .name = "audience", MEMBER(audience), .max = AUDIENCE_MAX, .help = "-"},
    {.section = "worker",
     .name = "max_rows",
     .kind = CONFIG_INTEGER,
     MEMBER(max_rows),
     .fallback = "1000",
     .min = ROWS_MIN,
     .max = ROWS_MAX,
     .help = "-"},
    {.section = "worker", .name = "fast", .kind = CONFIG_BOOL, MEMBER(fast), .help = "-"},
    {.section = "worker",
     .name = "auth",
     .kind = CONFIG_CHOICE,
     MEMBER(auth),
     .fallback = "token",
     .choices = AUTHS,
     .help = "-"},
};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static const char *check_property(const char *name, const char *value, char *text, size_t size)
{
    require(*name);
    if (strcmp(value, "bad") != 0)
        return NULL;
    snprintf(text, size, "no property takes %s", value);
    return text;
}

/* Whatever was refused, the members can be relied on. */
static void check_settings(const void *settings, struct buffer *faults)
{
    const struct settings *s = settings;
    (void)faults;
    require(!s->brokers || *s->brokers);
    require(!s->audience || (*s->audience && strlen(s->audience) <= AUDIENCE_MAX));
    require(s->max_rows >= ROWS_MIN && s->max_rows <= ROWS_MAX);
    require(s->auth == 0 || s->auth == 1);
}

static const struct config_program PROGRAM = {
    .name = "fuzz",
    .summary = "-",
    .options = OPTIONS,
    .n_options = sizeof OPTIONS / sizeof OPTIONS[0],
    .check_property = check_property,
    .check_settings = check_settings,
};

/* Whole lines, none of them empty, and nothing that drives a terminal. */
static void check_faults(const struct buffer *faults)
{
    for (size_t i = 0; i < faults->len; i++) {
        unsigned char c = (unsigned char)faults->at[i];
        require(c == '\n' ? i > 0 && faults->at[i - 1] != '\n' : c >= ' ' && c != 0x7f);
    }
    require(faults->len == 0 || faults->at[faults->len - 1] == '\n');
}

static void read_config(struct slice text, char *const *env)
{
    struct settings settings;
    struct buffer faults = {0};
    struct config *c = config_parse(&PROGRAM, text, env, &settings, &faults);

    require((c == NULL) == (faults.len > 0));
    check_faults(&faults);
    if (c) {
        check_settings(&settings, &faults);
        require(settings.brokers != NULL);
        for (size_t i = 0; i < config_kafka(c)->n; i++)
            require(strcmp(config_kafka(c)->at[i].value, "bad") != 0);
    }
    config_free(c);
    buffer_dispose(&faults);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *mark = size ? memchr(data, 0xff, size) : NULL;
    size_t text_len = mark ? (size_t)(mark - data) : size;
    char *variables[VARIABLES_MAX + 1] = {NULL};
    size_t n = 0;

    for (size_t at = text_len + 1; at < size && n < VARIABLES_MAX; n++) {
        size_t len = strnlen((const char *)data + at, size - at);
        variables[n] = strndup((const char *)data + at, len);
        at += len + 1;
    }
    read_config(slice_make(size ? (const void *)data : "", text_len), variables);
    for (size_t i = 0; i < n; i++)
        free(variables[i]);
    return 0;
}
