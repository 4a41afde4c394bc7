/* Bytes that belong to somebody else: lengths travel with pointers, nothing untrusted is NUL-terminated by hope. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* `at == NULL` means absent; a non-NULL `at` with `len == 0` is an empty value. */
struct slice {
    const char *at;
    size_t len;
};

#define SLICE_NONE ((struct slice){NULL, 0})
#define SLICE_LITERAL(text) ((struct slice){"" text, sizeof(text) - 1})

static inline struct slice slice_of(const char *text)
{
    return (struct slice){text, text ? strlen(text) : 0};
}

static inline struct slice slice_make(const void *at, size_t len)
{
    return (struct slice){(const char *)at, len};
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    if (a.at == NULL || b.at == NULL)
        return a.at == b.at;
    return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

static inline bool slice_is(struct slice a, const char *text)
{
    return a.at != NULL && slice_equal(a, slice_of(text));
}

/* FNV-1a of 64 bits; `seed` 0 for the ordinary one. */
static inline uint64_t slice_hash(struct slice s, uint64_t seed)
{
    uint64_t h = 0xcbf29ce484222325 ^ seed;

    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (unsigned char)s.at[i]) * 0x100000001b3;
    return h;
}
