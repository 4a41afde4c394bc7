/* A program with a setting of every kind: what the tests of the configuration read. */
#pragma once
#include "common/config.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct settings {
    const char *brokers;
    const char *from;
    const char *to;
    const char *conninfo;
    const char *audience;
    const char *address;
    int64_t max_rows;
    int64_t linger;
    bool fast;
    int auth;
};

static const char *const AUTHS[] = {"token", "trusted", NULL};

#define MEMBER(member) .offset = offsetof(struct settings, member)
static const struct config_option OPTIONS[] = {
    {.section = "kafka", .name = "brokers", MEMBER(brokers), .required = true, .help = "Where Kafka is."},
    {.section = "kafka",
     .name = "from",
     .kind = CONFIG_TOPIC,
     MEMBER(from),
     .fallback = "in",
     .help = "Read."},
    {.section = "kafka", .name = "to", .kind = CONFIG_TOPIC, MEMBER(to), .help = "Written."},
    {.section = "postgres",
     .name = "conninfo",
     MEMBER(conninfo),
     .required = true,
     .max = 600,
     .help = "libpq."},
    {.section = "token", .name = "audience", MEMBER(audience), .max = 20, .help = "The audience."},
    {.section = "admin",
     .name = "address",
     .kind = CONFIG_ADDRESS,
     MEMBER(address),
     .fallback = "127.0.0.1",
     .help = "Where it listens."},
    {.section = "worker",
     .name = "max_rows",
     .kind = CONFIG_INTEGER,
     MEMBER(max_rows),
     .fallback = "1000",
     .min = 1,
     .max = 10000,
     .help = "Rows of a batch."},
    {.section = "worker",
     .name = "linger-time",
     .kind = CONFIG_INTEGER,
     MEMBER(linger),
     .fallback = "0",
     .min = -5,
     .max = INT64_MAX,
     .unit = "ms",
     .help = "Time to wait."},
    {.section = "worker",
     .name = "fast",
     .kind = CONFIG_BOOL,
     MEMBER(fast),
     .fallback = "yes",
     .help = "Be fast."},
    {.section = "worker",
     .name = "auth",
     .kind = CONFIG_CHOICE,
     MEMBER(auth),
     .fallback = "token",
     .choices = AUTHS,
     .help = "Who is asked."},
};

static inline const char *check_property(const char *name, const char *value, char *text, size_t size)
{
    if (strcmp(name, "linger.ms") == 0 && strcmp(value, "x") != 0)
        return NULL;
    if (strncmp(name, "sasl.", 5) == 0 && strcmp(value, "bad") != 0)
        return NULL;
    snprintf(text, size, "no property takes \"%s\"", value);
    return text;
}

static inline void check_settings(const void *settings, struct buffer *faults)
{
    const struct settings *s = settings;
    if (s->auth == 1 && s->audience)
        buffer_add_text(faults, "[worker] auth = trusted: needs no audience\n");
}

static const struct config_program PROGRAM = {
    .name = "tester",
    .summary = "tests the configuration",
    .options = OPTIONS,
    .n_options = sizeof OPTIONS / sizeof OPTIONS[0],
    .check_property = check_property,
    .check_settings = check_settings,
};

#define REQUIRED "[kafka]\nbrokers = b:9092\n[postgres]\nconninfo = dbname=x\n"
