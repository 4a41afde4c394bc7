#include "producer-tool/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 256 * 1024 }; /* asked for at once */

struct lines {
    int fd;
    size_t max;
    uint64_t number;
    bool ended;   /* read(2) has said so */
    bool passing; /* inside a line that is too long: its bytes are dropped */

    char *at;
    size_t capacity;
    size_t start;   /* of the line at hand */
    size_t scanned; /* no line feed before this */
    size_t len;     /* bytes read */
};

struct lines *lines_new(int fd, size_t max)
{
    struct lines *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->fd = fd;
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
        l->start = l->scanned = l->len = 0;
    }
    if (!l->ended)
        return LINES_MORE;
    return l->passing || l->len > l->start ? take(l, l->len, l->len, out) : LINES_END;
}

uint64_t lines_number(const struct lines *l)
{
    return l->number;
}

status lines_fill(struct lines *l, struct fault *f)
{
    if (l->ended)
        return STATUS_OK;

    /* What is left is part of one line and at most `max` bytes: there is a block of room behind it. */
    memmove(l->at, l->at + l->start, l->len - l->start);
    l->len -= l->start;
    l->scanned -= l->start;
    l->start = 0;

    ssize_t n = read(l->fd, l->at + l->len, l->capacity - l->len);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return STATUS_RETRY;
    if (n < 0)
        return fault_set(f, STATUS_FATAL, "input", "the input cannot be read: %s", strerror(errno));
    l->ended = n == 0;
    l->len += (size_t)n;
    return STATUS_OK;
}
