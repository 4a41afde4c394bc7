/* Bearer tokens (RFC 7519, RFC 8725): verifying and signing. The only module that includes libjwt and libcrypto.
 *
 * The algorithm belongs to the key, never to the token: our own strict read of the header finds the key by `kid`, its
 * algorithm must be the key's, and only then libcrypto verifies the signature. Claims are read by our own reader too; libjwt
 * only signs. */
#pragma once
#include "common/buffer.h"
#include "common/slice.h"
#include "common/status.h"
#include <stdbool.h>
#include <stdint.h>

enum token_algorithm { TOKEN_HS256, TOKEN_RS256, TOKEN_ES256 };

/* A set of keys that may change while it is used: by any thread, each verification sees one moment of it. */
struct token_keys;

/* Keys as the setting names them: comma-separated `kid=ALGORITHM:path` (HS256: raw secret bytes, at least 32; RS256 of at least
 * 2048 bits and ES256: PEM, public for verifying, private for signing and verifying, without a pass phrase).
 * Appends one line per fault to `faults` and returns NULL if there is one. */
struct token_keys *token_keys_load(const char *setting, struct buffer *faults);
/* Likewise, with `signs` (below). */
struct token_keys *token_keys_load_signer(const char *setting, struct buffer *faults);
/* Ends what token_keys_start() has begun. */
void token_keys_free(struct token_keys *keys);

/* ---- keys that change: files read anew, key sets of files and URLs ---- */

/* Where keys come from: the settings of [token], by their names. */
struct token_sources {
    const char *keys; /* as above; NULL */
    /* Comma-separated `[ISSUER=]SOURCE`, the source a path or an http or https URL of a key set (jwks.h); NULL. Where one names
     * its issuer, each key belongs to an issuer and is found by issuer and kid, so that equal kids of two issuers are two keys;
     * the keys that name none are those of `issuer` then. (An issuer has no query: behind a `?` a `=` is the URL's.) */
    const char *jwks;
    const char *issuer;
    const char *jwks_ca;    /* certificates to trust for https, PEM; NULL: the system's */
    int64_t jwks_refresh_s; /* a URL is fetched at least so often */
    bool jwks_plain_http;   /* http of other hosts than this: whoever is on the way can put keys in */
    bool jwks_symmetric;    /* oct keys of a URL: whoever can read the URL can sign */
    bool signs;             /* exactly one key, that can sign; also when it is read anew */
    const char *called;     /* what faults call `keys`, static; NULL: [token] keys */
};

/* Reads all files and opens no URL. Appends one line per fault to `faults` ("[token] …") and returns NULL if there is one. */
struct token_keys *token_keys_open(const struct token_sources *sources, struct buffer *faults);

struct metrics;
struct token_watch {
    struct metrics *metrics; /* NULL: none */
    int reload_fd; /* signals_open_reload(): files are read anew, URLs fetched; -1: never. A file that is not in order changes
                    * nothing, loudly. */
    struct token_keys *reload_too; /* other keys, of files only, that are read anew at the same time; NULL */
    void (*reloaded)(void *ctx);   /* called behind that, by the thread that reloads; may be NULL */
    int ready_fd; /* an eventfd that is written to whenever a URL has been fetched for the first time; -1: none */
    /* A fetch is over, good or not; see token_verifier_awaits(). Called by the threads of the fetches; may be NULL. */
    void (*fetched)(void *ctx, uint32_t source);
    void *ctx;
};

/* Starts the threads that keep the keys up to date: one that reloads, one for each URL. Once. Errors: STATUS_FATAL. */
status token_keys_start(struct token_keys *keys, const struct token_watch *watch, struct fault *f) must_check;
/* Ends those threads: `fetched` is not called any more. The keys stay as they are. Harmless where none were started. NULL is allowed. */
void token_keys_stop(struct token_keys *keys);
/* Whether every URL has been fetched once; where not, `why` (which may be NULL) gets one line. Any thread. */
bool token_keys_are_ready(const struct token_keys *keys, struct buffer *why);
/* What of `sources` (bits) is wanted or being fetched just now. Any thread. */
uint32_t token_keys_coming(const struct token_keys *keys, uint32_t sources);
/* Counts the changes of the keys. Any thread. */
uint64_t token_keys_generation(const struct token_keys *keys);

struct token_rules {
    const char *issuer;        /* NULL: not checked; a key that belongs to an issuer has its own */
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

/* Verifies the compact form `jwt` as of `unix_s`. `out` points into the verifier and is valid until the next call. A token whose
 * key is withdrawn or changed does not count from then on, remembered or not.
 * Errors: STATUS_UNAUTHENTICATED (`f` says why, without quoting the token), STATUS_NO_MEMORY, STATUS_RETRY: its kid is unknown, and a
 * key set that may have it is being fetched (at most one fetch in ten seconds, and none for a token that would be refused
 * anyway: in the pause after one an unknown kid is STATUS_UNAUTHENTICATED, also where the key has come to the set meanwhile). Then ask
 * again when that is over: by token_verifier_await() or by `fetched` of token_watch. */
status token_verify(struct token_verifier *v, struct slice jwt, int64_t unix_s, struct token_claims *out,
                    struct fault *f) must_check;
/* After STATUS_RETRY: the sources (bits) whose fetch is worth waiting for. */
uint32_t token_verifier_awaits(const struct token_verifier *v);
/* After STATUS_RETRY: waits until they are over, at most `timeout_ms`. Not for a thread that has others to serve. */
void token_verifier_await(const struct token_verifier *v, int64_t timeout_ms);

/* Takes the token out of an Authorization value. The scheme's name has no case (RFC 9110 §11.1). Absent when the scheme is
 * another one; present (perhaps empty) otherwise. */
struct slice token_of_authorization(struct slice value);

/* Whether the account can stand in a claim of this name in a token that is signed here: "sub", "exp" and their like mean
 * something else already. */
bool token_claim_is_free(const char *name);
/* The others, for messages. */
#define TOKEN_CLAIMS_TAKEN "sub, iss, aud, exp, nbf, iat"

/* What token_sign() puts in. NULL issuer or audience are left out. */
struct token_grant {
    const char *account_claim; /* see token_claim_is_free() */
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
