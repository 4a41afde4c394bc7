/* Going through the dead letters from a place on to where they end now: what the verbs of `gold-label dlq` share. */
#pragma once
#include "producer-tool/letter.h"
#include "producer-tool/options.h"
#include "producer-tool/output.h"
#include "producer-tool/reader.h"

struct letters_options {
    const char *config;
    int code; /* of this reason only: one of LETTERS_CODES */
    const char *from;
    const char *to;
    int64_t partition;
};

/* What `dlq-code` says, behind "any". */
extern const char *const LETTERS_CODES[];

/* Rows of a verb's table for its member `member`, which is a struct letters_options. */
#define LETTERS_AT(verb, member, field) (offsetof(verb, member) + offsetof(struct letters_options, field))
#define LETTERS_OPTIONS(verb, member)                                                                        \
    {.name = "code",                                                                                         \
     .value = "CODE",                                                                                        \
     .kind = OPTION_CHOICE,                                                                                  \
     .offset = LETTERS_AT(verb, member, code),                                                               \
     .fallback = "any",                                                                                      \
     .choices = LETTERS_CODES,                                                                               \
     .help = "null_value, unknown_schema or broken_avro"},                                                   \
        {.name = "partition",                                                                                \
         .value = "N",                                                                                       \
         .kind = OPTION_PARTITION,                                                                           \
         .offset = LETTERS_AT(verb, member, partition),                                                      \
         .fallback = "all",                                                                                  \
         .min = 0,                                                                                           \
         .max = 99999,                                                                                       \
         .help = "of this partition only"},                                                                  \
        {.name = "from",                                                                                     \
         .value = "PLACE",                                                                                   \
         .offset = LETTERS_AT(verb, member, from),                                                           \
         .help = "begin here: an offset, a time or an age"},                                                 \
        {.name = "to",                                                                                       \
         .value = "PLACE",                                                                                   \
         .offset = LETTERS_AT(verb, member, to),                                                             \
         .help = "end before this offset, time or age"},                                                     \
    {                                                                                                        \
        .name = "config", .value = "FILE", .offset = LETTERS_AT(verb, member, config),                       \
        .help = "settings; see gold-label --help"                                                            \
    }

struct letters {
    const struct letters_options *options;
    struct tool_settings settings;
    struct config *config;
    struct reader reader;
};

/* Zero-initialises and reads the settings. Every fault is one line in `faults`. */
void letters_init(struct letters *l, const struct letters_options *options, struct buffer *faults);
void letters_dispose(struct letters *l);
/* Errors: as reader_open(). */
status letters_open(struct letters *l, struct fault *f) must_check;
/* The next letter that is asked for, to be freed; NULL at the end, after a signal (reader.stopped), or where no more can be read: see
 * reader_end(). */
struct kafka_message *letters_next(struct letters *l);
/* Writes everything that is in `o`, however long its reader takes.
 * Errors: STATUS_TIMEOUT: a signal came before that (reader.stopped); as output_write(). */
status letters_write(struct letters *l, struct output *o, struct fault *f) must_check;
/* How a verb ends that has written all it could: `st` is what letters_write() said; where that is STATUS_OK, reader_end() says. It logs why it stopped, except to a reader who has
 * seen enough (`| head`). */
int letters_exit_code(const struct letters *l, status st, struct fault *f);
