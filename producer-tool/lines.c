#include "producer-tool/lines.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK = 256 * 1024 }; /* asked for at once */

struct lines {
    struct source *source;
    size_t max;
    uint64_t number;
    uint64_t line_start; /* of the line that was given last, in the input */
    uint64_t line_end;
    uint64_t dropped; /* bytes of the line that is being passed over */
    bool passing;     /* inside a line that is too long: its bytes are dropped */

    char *at;
    size_t capacity;
    size_t start;   /* of the line at hand */
    size_t scanned; /* no line feed before this */
    size_t len;     /* bytes read */
};

struct lines *lines_new(struct source *source, size_t max)
{
    struct lines *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->source = source;
    l->max = max;
    l->capacity = max + BLOCK;
    l->at = malloc(l->capacity);
    if (!l->at) {
        free(l);
        return NULL;
    }
    return l;
}

void lines_free(struct lines *l)
{
    if (!l)
        return;
    free(l->at);
    free(l);
}

/* The line at hand ends at `end`, and the next one begins at `next`. */
static enum lines_next take(struct lines *l, size_t end, size_t next, struct slice *out)
{
    bool too_long = l->passing || end - l->start > l->max;
    *out = slice_make(l->at + l->start, end - l->start);
    l->line_start = l->line_end;
    l->line_end += l->dropped + (next - l->start);
    l->dropped = 0;
    l->start = l->scanned = next;
    l->passing = false;
    l->number++;
    return too_long ? LINES_TOO_LONG : LINES_LINE;
}

enum lines_next lines_next(struct lines *l, struct slice *out)
{
    const char *feed = memchr(l->at + l->scanned, '\n', l->len - l->scanned);
    if (feed) {
        size_t end = (size_t)(feed - l->at);
        return take(l, end, end + 1, out);
    }
    l->scanned = l->len;
    if (l->len - l->start > l->max) {
        l->passing = true;
        l->dropped += l->len - l->start;
        l->start = l->scanned = l->len = 0;
    }
    if (!source_has_ended(l->source))
        return LINES_MORE;
    return l->passing || l->len > l->start ? take(l, l->len, l->len, out) : LINES_END;
}

uint64_t lines_number(const struct lines *l)
{
    return l->number;
}

uint64_t lines_start(const struct lines *l)
{
    return l->line_start;
}

uint64_t lines_end(const struct lines *l)
{
    return l->line_end;
}

void lines_start_behind(struct lines *l, uint64_t number, uint64_t offset)
{
    l->number = number;
    l->line_start = l->line_end = offset;
}

status lines_fill(struct lines *l, struct fault *f)
{
    size_t got = 0;

    /* What is left is part of one line and at most `max` bytes: there is a block of room behind it. */
    memmove(l->at, l->at + l->start, l->len - l->start);
    l->len -= l->start;
    l->scanned -= l->start;
    l->start = 0;

    status st = source_read(l->source, l->at + l->len, l->capacity - l->len, &got, f);
    l->len += got;
    return st;
}
