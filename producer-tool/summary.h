/* The accounting of a load: every line that was read ends in exactly one of the outcomes.
 *
 *     read = stored + replayed + rejected + unknown + not_sent      (--wait stored)
 *     read = accepted + rejected + unknown + not_sent               (--wait accepted) */
#pragma once
#include "common/buffer.h"
#include <stdbool.h>
#include <stdint.h>

enum summary_wait {
    SUMMARY_WAIT_STORED,   /* until the worker has said what became of a line */
    SUMMARY_WAIT_ACCEPTED, /* until Kafka has the command */
};

enum summary_outcome {
    SUMMARY_STORED,   /* the label is a new row */
    SUMMARY_REPLAYED, /* the same label was there before */
    SUMMARY_ACCEPTED, /* the command is durably on Kafka; with SUMMARY_WAIT_ACCEPTED only, in place of the two above */
    SUMMARY_REJECTED, /* refused: by the tool before it was sent, or by the worker */
    SUMMARY_UNKNOWN,  /* sent, perhaps, and nothing was heard of it */
    SUMMARY_NOT_SENT, /* certainly not on Kafka */
    SUMMARY_OUTCOMES,
};

struct summary {
    enum summary_wait wait;
    uint64_t read;
    uint64_t outcomes[SUMMARY_OUTCOMES];
};

void summary_count(struct summary *s, enum summary_outcome outcome);
/* Counts the line numbered `line` as rejected and says so on stderr. `reason` never holds a value of the line. */
void summary_reject(struct summary *s, uint64_t line, const char *code, struct slice reason);
/* Lines that were read and have no outcome yet. */
uint64_t summary_open(const struct summary *s);
/* Whether the identity holds, and no outcome was counted that does not belong to `wait`. */
bool summary_holds(const struct summary *s);

/* One JSON object and a line feed: `read`, the outcomes that belong to `wait`, `seconds`, and `rate` in lines per second. */
void summary_write(const struct summary *s, int64_t duration_us, struct buffer *out);

/* How the load ended, besides its outcomes. */
enum summary_end {
    SUMMARY_COMPLETE,    /* everything was read */
    SUMMARY_STOPPED,     /* something broke before the end of the input */
    SUMMARY_INTERRUPTED, /* by a signal */
};

/* 0 all stored (or accepted), 1 some rejected, 3 stopped, unknown or not sent, 130 interrupted; also 3 when the identity is
 * broken. */
int summary_exit_code(const struct summary *s, enum summary_end end);
