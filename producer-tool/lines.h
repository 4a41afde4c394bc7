/* Lines of an input, in bounded memory. A line above the limit is passed over and reported as such, never cut.
 *
 * It never waits by itself: lines_fill() makes at most one read(2), so that the caller decides with poll(2) when. */
#pragma once
#include "common/slice.h"
#include "common/status.h"
#include "producer-tool/source.h"
#include <stddef.h>
#include <stdint.h>

struct lines;

enum lines_next {
    LINES_LINE,     /* a line, without its line feed; valid until the next lines_fill() */
    LINES_TOO_LONG, /* a line of more than `max` bytes was passed over */
    LINES_MORE,     /* nothing whole is here: call lines_fill() */
    LINES_END,
};

/* `source` stays the caller's; `max` is the longest line in bytes. NULL when memory is short. */
struct lines *lines_new(struct source *source, size_t max);
void lines_free(struct lines *l);
/* The first `number` lines, of `offset` bytes, were passed over in the source before. */
void lines_start_behind(struct lines *l, uint64_t number, uint64_t offset);

/* The next line of what was read. The last one needs no line feed. */
enum lines_next lines_next(struct lines *l, struct slice *out);
/* The number of the line that lines_next() gave last, from 1; what it passed over counts. */
uint64_t lines_number(const struct lines *l);
/* Where that line starts, and where the next one does: bytes from the beginning of the (unpacked) input. */
uint64_t lines_start(const struct lines *l);
uint64_t lines_end(const struct lines *l);

/* Call after LINES_MORE, when the descriptor is readable or source_is_ready(). Errors: STATUS_RETRY (nothing there after all),
 * STATUS_FATAL (the reason is in `f`). */
status lines_fill(struct lines *l, struct fault *f) must_check;
