/* One NDJSON line as a command: read, completed with what the command line says, and checked by every rule. */
#pragma once
#include "common/arena.h"
#include "common/digest.h"
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
    bool check_only;         /* nothing is sent: no id is needed, and a key needs no account */
    const struct digest
        *digest; /* of the input; NULL: not known, so that no id can be derived from a line's place */
};

/* Where the id of a line's label is from. */
enum send_line_id {
    SEND_LINE_GIVEN,  /* its `id` */
    SEND_LINE_OF_KEY, /* its `key`: uuid_of_key() */
    SEND_LINE_OF_PLACE, /* the digest of the input, the number of the line, account and run: the same again for the same file */
    SEND_LINE_RANDOM, /* UUIDv7: another one each time */
};

/* Whether there is nothing but white space of JSON in a line. */
bool send_line_is_blank(struct slice line);

/* Fills `out`, whose slices live as long as the line, the rules and the arena. Both ids' texts are canonical. `number` is the
 * line's, from 1; `from` says where its id is from.
 * Errors: as json_read_label() and label_check(). */
status send_line_read(struct slice line, uint64_t number, const struct send_line_rules *rules,
                      int64_t unix_ms, struct arena *a, struct label_command *out, enum send_line_id *from,
                      struct fault *f) must_check;
