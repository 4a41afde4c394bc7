/* Sends dead letters again. */
#pragma once
#include "producer-tool/credentials.h"
#include "producer-tool/letters.h"

struct replay_options {
    const struct credentials *credentials; /* the token that all are sent with; not looked at in a dry run */
    uint64_t max_replays;
    bool dry_run;
};

struct replay_counts {
    size_t read;
    size_t sent; /* in a dry run: would be */
    size_t refused;
    size_t failed;
};

/* Sends all letters of `l` (opened) and waits until Kafka has them; ends early after a signal, and when the token expires. Errors: STATUS_CONFIG, STATUS_FATAL,
 * STATUS_NO_MEMORY. */
status replay_letters(struct letters *l, const struct replay_options *o, struct replay_counts *out,
                      struct fault *f) must_check;
