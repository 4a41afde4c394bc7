/* A bar on standard error, where that is a terminal. */
#pragma once
#include "common/buffer.h"
#include "producer-tool/summary.h"
#include <stdbool.h>
#include <stdint.h>

/* Zero-initialised draws nothing. */
struct progress {
    bool is_terminal;
    bool is_drawn;
    uint64_t size; /* of the unpacked input in bytes; 0: not known */
    int64_t start_us;
    int64_t next_us; /* when to draw again */
    uint64_t start_offset;
};

/* Looks at standard error. `offset`: where reading begins, `size`: 0 where it is not known. */
void progress_start(struct progress *p, uint64_t offset, uint64_t size, int64_t now_us);
/* Draws, a few times a second. `offset`: bytes of the input that are done. */
void progress_show(struct progress *p, const struct summary *s, uint64_t offset, int64_t now_us);
/* Before anything else is written to standard error, and at the end. */
void progress_clear(struct progress *p);

/* The text of the bar in at most `columns` characters; pure. */
void progress_format(const struct progress *p, const struct summary *s, uint64_t offset, int64_t now_us,
                     size_t columns, struct buffer *out);
