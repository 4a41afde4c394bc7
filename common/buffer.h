/* A growing run of bytes that we own. */
#pragma once
#include "common/slice.h"
#include <stddef.h>
#include <stdint.h>

/* Zero-initialised is empty and valid. A failed allocation sets `failed`; later writes are then dropped, so that a
 * writer checks once at its end. */
struct buffer {
    char *at;
    size_t len;
    size_t capacity;
    bool failed;
};

void buffer_dispose(struct buffer *b);
/* Forgets the content, keeps the memory. */
void buffer_clear(struct buffer *b);
/* Makes room for `more` bytes behind `len`; returns where they start, or NULL when memory is short. */
char *buffer_reserve(struct buffer *b, size_t more);
void buffer_add(struct buffer *b, const void *bytes, size_t len);
void buffer_add_slice(struct buffer *b, struct slice s);
void buffer_add_text(struct buffer *b, const char *text);
void buffer_add_char(struct buffer *b, char c);
/* Each line with `origin` and ": " in front; without them where there is none (NULL or empty). */
void buffer_add_lines(struct buffer *b, const char *origin, struct slice lines);
void buffer_printf(struct buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline struct slice buffer_slice(const struct buffer *b)
{
    return (struct slice){b->at ? b->at : "", b->len};
}
