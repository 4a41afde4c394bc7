/* A dead letter: what the worker has written about a command that it could not read. */
#pragma once
#include "common/buffer.h"
#include "common/kafka.h"

/* How often a letter was sent again: a header of ours, in decimal. */
#define LETTER_REPLAYS "dlq-replays"

/* Views into the message; absent where a header is missing. */
struct letter {
    struct kafka_record record; /* in the dead-letter topic */
    struct slice topic;         /* where the command was */
    struct slice partition;
    struct slice offset;
    struct slice code;
    struct slice reason;
    struct slice time;
    uint64_t replays;
};

struct letter letter_of(const struct kafka_message *m);

/* Whether a header is the worker's or ours, and no part of the command. */
bool letter_owns_header(const char *name);
/* Whether the command's value is still there: one that was larger than a dead letter may be was dropped. */
bool letter_has_value(const struct letter *l);

/* One JSON object and a line feed. */
void letter_print_json(struct buffer *to, const struct letter *l);
/* The names above the rows, and a row. */
void letter_print_head(struct buffer *to);
void letter_print_row(struct buffer *to, const struct letter *l);
