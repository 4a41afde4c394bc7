/* The accounting of a load: every line that was read ends in exactly one of the outcomes.
 *
 *     read = stored + replayed + rejected + unknown + not_sent      (--wait stored)
 *     read = accepted + rejected + unknown + not_sent               (--wait accepted)
 *     read = valid + rejected                                       (--dry-run) */
#pragma once
#include "common/buffer.h"
#include <stdbool.h>
#include <stdint.h>

enum summary_wait {
    SUMMARY_WAIT_STORED,   /* until the worker has said what became of a line */
    SUMMARY_WAIT_ACCEPTED, /* until Kafka has the command */
    SUMMARY_DRY_RUN,       /* nothing is sent */
    SUMMARY_WAITS,
};

enum summary_outcome {
    SUMMARY_STORED,   /* the label is a new row */
    SUMMARY_REPLAYED, /* the same label was there before */
    SUMMARY_ACCEPTED, /* the command is durably on Kafka; with SUMMARY_WAIT_ACCEPTED only, in place of the two above */
    SUMMARY_REJECTED, /* refused: by the tool before it was sent, or by the worker */
    SUMMARY_UNKNOWN,  /* sent, perhaps, and nothing was heard of it */
    SUMMARY_NOT_SENT, /* certainly not on Kafka */
    SUMMARY_VALID,    /* keeps every rule; with SUMMARY_DRY_RUN only */
    SUMMARY_OUTCOMES,
};

/* "stored" …; never NULL. */
const char *summary_outcome_text(enum summary_outcome outcome);

struct summary {
    enum summary_wait wait;
    uint64_t read;
    uint64_t outcomes[SUMMARY_OUTCOMES];
    uint64_t resumed; /* of `read`, the lines that an interrupted load had done, with their outcomes */
};

void summary_count(struct summary *s, enum summary_outcome outcome);
/* Whether the identity holds, and no outcome was counted that does not belong to `wait`. */
bool summary_holds(const struct summary *s);

/* How many rejected lines are too many. */
struct summary_limit {
    bool is_set;
    uint64_t lines; /* more than so many; or, where it is not 0: */
    uint32_t
        per_million; /* more than this share of the lines read, looked at from the SUMMARY_SHARE_FROMth on */
};
enum { SUMMARY_SHARE_FROM = 1000 };
bool summary_is_over(const struct summary *s, const struct summary_limit *limit);

/* How the load ended, besides its outcomes. */
enum summary_end {
    SUMMARY_COMPLETE,    /* everything was read */
    SUMMARY_STOPPED,     /* something broke before the end of the input */
    SUMMARY_INTERRUPTED, /* by a signal */
};

/* One JSON object and a line feed: `read`, the outcomes that belong to `wait`, `resumed` where there is any, `end`, `seconds`, and
 * `rate` in lines per second. */
void summary_write(const struct summary *s, enum summary_end end, int64_t duration_us, struct buffer *out);

/* 0 all stored (or accepted, valid), 1 some rejected, 3 stopped, unknown or not sent, 130 interrupted; also 3 when the identity
 * is broken. */
int summary_exit_code(const struct summary *s, enum summary_end end);
