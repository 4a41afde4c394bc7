/* SHA-256 of bytes that come in pieces, and SHA-1 of short ones (FIPS 180-4). */
#pragma once
#include "common/slice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DIGEST_LEN = 32, DIGEST_TEXT_LEN = 2 * DIGEST_LEN };

struct digest {
    uint8_t bytes[DIGEST_LEN];
};

struct digest_run;

/* NULL when memory is short, or where the system's policy has no SHA-256. */
struct digest_run *digest_run_new(void);
void digest_run_free(struct digest_run *r);
void digest_run_add(struct digest_run *r, struct slice bytes);
/* Of everything that was added. Ends the run: only digest_run_free() may follow. */
void digest_run_end(struct digest_run *r, struct digest *out);

/* Writes DIGEST_TEXT_LEN lower-case hexadecimal digits and a NUL. */
void digest_format(const struct digest *d, char out[DIGEST_TEXT_LEN + 1]);

enum { DIGEST_SHA1_LEN = 20 };

/* SHA-1 of the parts, one behind the other. It is for names (UUIDv5), not for secrets. False when memory is short, or where the
 * system's policy has no SHA-1. */
bool digest_sha1(const struct slice *parts, size_t n, uint8_t out[DIGEST_SHA1_LEN]);
