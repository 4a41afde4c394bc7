/* The stream of commands that the bench sends. It is made from its settings alone: whoever makes the n-th command of a stream makes
 * the same one. A command's value has 450 bytes, ids are time-ordered as the programs make them, and the runs, the accounts they
 * belong to and the users take turns. */
#pragma once
#include "common/kafka.h"
#include "common/slice.h"
#include "common/status.h"
#include <stdint.h>

struct stream;

/* What the worker has to make of a command. */
enum stream_kind {
    STREAM_GOOD,
    STREAM_RULE_BREAKER, /* a blank name: invalid_value */
    STREAM_MISSING_RUN,  /* run_not_found */
    STREAM_UNREADABLE,   /* no value, a schema nobody knows, a record that is cut off: a dead letter */
    STREAM_KINDS,
};

/* `tokens_file` holds one worker token per line, those of account 0 first, then one of account 1 and so on, and again from account
 * 0. Run n belongs to account n modulo `accounts`. A messy stream has 1 % rule breakers, 1 % missing runs, 0.1 % unreadable ones. */
struct stream_options {
    const char *tokens_file;
    int64_t runs;
    int64_t accounts;
    int64_t seed; /* streams of different seeds have no id in common */
    bool messy;
};

struct stream_command {
    enum stream_kind kind;
    struct slice id;
    struct slice key;
    struct slice value; /* absent: null */
    struct slice authorization;
};

/* Errors: STATUS_CONFIG (the file of tokens), STATUS_NO_MEMORY. */
status stream_new(const struct stream_options *options, struct stream **out, struct fault *f) must_check;
void stream_free(struct stream *s);

/* The command number `n`; its slices are valid until the next call. Errors: STATUS_NO_MEMORY. */
status stream_make(struct stream *s, uint64_t n, struct stream_command *out) must_check;
