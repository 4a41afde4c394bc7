#include "common/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void buffer_dispose(struct buffer *b)
{
    free(b->at);
    *b = (struct buffer){0};
}

void buffer_clear(struct buffer *b)
{
    b->len = 0;
    b->failed = false;
}

char *buffer_reserve(struct buffer *b, size_t more)
{
    if (b->failed || more > SIZE_MAX / 2 - b->len) {
        b->failed = true;
        return NULL;
    }
    if (b->capacity - b->len < more) {
        size_t capacity = b->capacity ? b->capacity * 2 : 256;
        if (capacity < b->len + more)
            capacity = b->len + more;
        char *at = realloc(b->at, capacity);
        if (!at) {
            b->failed = true;
            return NULL;
        }
        b->at = at;
        b->capacity = capacity;
    }
    return b->at + b->len;
}

void buffer_add(struct buffer *b, const void *bytes, size_t len)
{
    if (len == 0)
        return;
    char *to = buffer_reserve(b, len);
    if (!to)
        return;
    memcpy(to, bytes, len);
    b->len += len;
}

void buffer_add_slice(struct buffer *b, struct slice s)
{
    buffer_add(b, s.at, s.len);
}

void buffer_add_text(struct buffer *b, const char *text)
{
    buffer_add(b, text, strlen(text));
}

void buffer_add_char(struct buffer *b, char c)
{
    buffer_add(b, &c, 1);
}

void buffer_add_lines(struct buffer *b, const char *origin, struct slice lines)
{
    while (lines.len > 0) {
        const char *feed = memchr(lines.at, '\n', lines.len);
        size_t len = feed ? (size_t)(feed - lines.at) + 1 : lines.len;
        if (origin && *origin) {
            buffer_add_text(b, origin);
            buffer_add_text(b, ": ");
        }
        buffer_add(b, lines.at, len);
        lines = slice_make(lines.at + len, lines.len - len);
    }
}

void buffer_printf(struct buffer *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int wanted = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (wanted < 0) {
        b->failed = true;
        return;
    }

    /* vsnprintf ends with a NUL: room for it, but it does not count. */
    char *to = buffer_reserve(b, (size_t)wanted + 1);
    if (!to)
        return;
    va_start(args, format);
    vsnprintf(to, (size_t)wanted + 1, format, args);
    va_end(args);
    b->len += (size_t)wanted;
}
