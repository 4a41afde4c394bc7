/* UUIDs (RFC 9562): text form, v4, v5 and v7. The only module that includes libuuid. */
#pragma once
#include "common/slice.h"
#include <stdbool.h>
#include <stdint.h>

#define UUID_TEXT_LEN 36

struct uuid {
    uint8_t bytes[16];
};

/* 36 characters with dashes, either case (RFC 9562 §4). Any version and variant. */
bool uuid_parse(struct slice text, struct uuid *out);
/* Writes 36 lower-case characters and a NUL. */
void uuid_format(const struct uuid *id, char out[UUID_TEXT_LEN + 1]);
int uuid_compare(const struct uuid *a, const struct uuid *b);

/* 16 random bytes from the kernel, taken in blocks per thread: unguessable, 60 ns. */
void uuid_random_bytes(uint8_t out[16]);
/* Time-ordered (RFC 9562 §5.7) from Unix milliseconds; within one thread and millisecond strictly increasing. */
void uuid_v7(struct uuid *out, int64_t unix_ms);
/* Name-based, SHA-1 (RFC 9562 §5.5): OpenSSL's, or libuuid's where that has none. */
void uuid_v5(struct uuid *out, const struct uuid *name_space, struct slice name);

/* The label id of an Idempotency-Key (contract §2): v5 of account id + U+0000 + key in our own namespace.
 * `key` is the bare key, without the quotes of its structured-field form. False when memory is short. */
bool uuid_of_key(struct uuid *out, struct slice account_id, struct slice key);
