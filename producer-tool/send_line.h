/* One NDJSON line as a command: read, completed with what the command line says, and checked by every rule. */
#pragma once
#include "common/arena.h"
#include "common/label.h"
#include "common/slice.h"
#include "common/status.h"
#include <stdbool.h>
#include <stdint.h>

/* What holds for all lines of a load. */
struct send_line_rules {
    struct slice run_id;     /* of lines without one; absent: every line must have its own */
    struct slice account_id; /* whose keys `key` members are; absent: lines with a key are refused */
    bool account_in_record;  /* also written into the commands, for a worker that trusts them */
};

/* Whether there is nothing but white space of JSON in a line. */
bool send_line_is_blank(struct slice line);

/* Fills `out`, whose slices live as long as the line, the rules and the arena. The label's id is the line's `id`, or that of
 * its `key` (uuid_of_key()), or a new UUIDv7 of `unix_ms`. Both ids' texts are canonical.
 * Errors: as json_read_label() and label_check(). */
status send_line_read(struct slice line, const struct send_line_rules *rules, int64_t unix_ms,
                      struct arena *a, struct label_command *out, struct fault *f) must_check;
