/* JSON Web Key Sets (RFC 7517): which keys of a set can verify our tokens. A pure function over bytes.
 *
 * The algorithm of a key is fixed here, once: by its `alg`, or by its type where it has none (RSA: RS256, EC on P-256: ES256,
 * oct: HS256). A key that is not usable is no fault of the set: others in it may be (a set holds what the issuer needs elsewhere,
 * such as encryption keys). */
#pragma once
#include "common/arena.h"
#include "common/status.h"
#include "common/token.h"
#include <stdbool.h>

enum {
    JWKS_SIZE_MAX = 256 * 1024, /* bytes of a set */
    JWKS_KEYS_MAX = 256,        /* keys of a set */
    JWKS_KID_MAX = 255,         /* bytes */
};

/* Numbers are big endian. */
struct jwk {
    struct slice kid;
    enum token_algorithm algorithm;
    struct slice n, e;   /* RS256: no leading zeros, 2048 to 8192 bits; an odd exponent of at most 64 bits */
    struct slice x, y;   /* ES256: 32 bytes each; not known to be on the curve */
    struct slice secret; /* HS256: 32 to 4096 bytes */
};

struct jwks_reader {
    /* Whether keys that must be kept secret are taken: oct, and the private parts that others may have (passed over). Where they
     * are not, such a key is unusable: it was given to everybody. */
    bool secrets;
    /* Slices live as long as the arena. Returns STATUS_OK to go on. */
    status (*key)(void *ctx, const struct jwk *key);
    /* A key that is not taken. `kid` may be absent; `why` is static. */
    void (*skipped)(void *ctx, struct slice kid, const char *why);
    void *ctx;
};

/* Reads a set. Errors: STATUS_MALFORMED, STATUS_INVALID (no object with an array `keys`), STATUS_TOO_LARGE (JWKS_SIZE_MAX,
 * JWKS_KEYS_MAX), STATUS_NO_MEMORY, or what `key` returned; `f` quotes nothing of the set. Keys before the fault have been
 * given to `key`. */
status jwks_read(struct slice text, struct arena *a, const struct jwks_reader *reader, struct fault *f)
    must_check;
