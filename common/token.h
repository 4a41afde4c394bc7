/* Bearer tokens (RFC 7519, RFC 8725): verifying and signing. The only module that includes libjwt and libcrypto.
 *
 * The algorithm belongs to the key, never to the token: our own strict read of the header finds the key by `kid`, its
 * algorithm must be the key's, and only then libjwt verifies the signature. Claims are read by our own reader too. */
#pragma once
#include "common/buffer.h"
#include "common/slice.h"
#include "common/status.h"
#include <stdint.h>

enum token_algorithm { TOKEN_HS256, TOKEN_RS256, TOKEN_ES256 };

struct token_keys;

/* Keys as the setting names them: comma-separated `kid=ALGORITHM:path` (HS256: raw secret bytes, at least 32; RS256 of at least
 * 2048 bits and ES256: PEM, public for verifying, private for signing and verifying, without a pass phrase).
 * Appends one line per fault to `faults` and returns NULL if there is one. */
struct token_keys *token_keys_load(const char *setting, struct buffer *faults);
void token_keys_free(struct token_keys *keys);

struct token_rules {
    const char *issuer;        /* NULL: not checked */
    const char *audience;      /* NULL: not checked; the claim is a string or an array */
    const char *account_claim; /* usually "account_id" */
    int64_t leeway_s;          /* 30 */
};

struct token_claims {
    struct slice subject;    /* 1–255 characters, no control characters */
    struct slice account_id; /* likewise */
    int64_t expires_at;      /* Unix seconds */
};

/* Verifies tokens with a cache of those whose signature was found good, by SHA-256 digest. Not thread-safe. */
struct token_verifier;

/* `keys` must outlive it. `cache_size` is the number of tokens kept. NULL when memory is short. */
struct token_verifier *token_verifier_new(const struct token_keys *keys, const struct token_rules *rules,
                                          size_t cache_size);
void token_verifier_free(struct token_verifier *v);

/* Verifies the compact form `jwt` as of `unix_s`. `out` points into the verifier and is valid until the next call.
 * Errors: STATUS_UNAUTHENTICATED (`f` says why, without quoting the token), STATUS_NO_MEMORY. */
status token_verify(struct token_verifier *v, struct slice jwt, int64_t unix_s, struct token_claims *out,
                    struct fault *f) must_check;

/* Takes the token out of an Authorization value. The scheme's name has no case (RFC 9110 §11.1). Absent when the scheme is
 * another one; present (perhaps empty) otherwise. */
struct slice token_of_authorization(struct slice value);

/* What token_sign() puts in. NULL issuer or audience are left out. */
struct token_grant {
    const char *account_claim;
    struct slice account_id;
    struct slice subject;
    const char *issuer;
    const char *audience;
    int64_t issued_at;  /* Unix seconds */
    int64_t expires_at; /* Unix seconds */
};

/* Appends the compact form, signed by the key `kid` (NULL: the only key). Errors: STATUS_NOT_FOUND, STATUS_CONFIG (a key
 * that cannot sign), STATUS_INVALID (a subject or account that token_verify() would refuse), STATUS_NO_MEMORY. */
status token_sign(const struct token_keys *keys, const char *kid, const struct token_grant *grant,
                  struct buffer *out, struct fault *f) must_check;

/* Reads a text claim of a token that is the caller's own: NOTHING is verified, so never decide by it what somebody may do.
 * `out` lives in the arena. Errors: STATUS_NOT_FOUND (no such claim, or no text), STATUS_UNAUTHENTICATED (no JWT),
 * STATUS_NO_MEMORY. */
struct arena;
status token_peek_claim(struct slice jwt, const char *claim, struct arena *a, struct slice *out,
                        struct fault *f) must_check;

/* ---- for tests and fuzzing: the strict read of a JOSE header ---- */
struct token_header {
    struct slice kid;
    struct slice algorithm;
};
/* `json` is the decoded first part. Errors: STATUS_UNAUTHENTICATED with the reason, STATUS_NO_MEMORY. */
status token_read_header(struct slice json, struct arena *a, struct token_header *out, struct fault *f)
    must_check;
