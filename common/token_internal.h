/* What the files of token share. */
#pragma once
#include "common/arena.h"
#include "common/token.h"
#include <stdbool.h>
#include <stddef.h>

/* ---- token_keys.c ---- */

/* Key material as libjwt takes it: a raw secret or PEM. Absent: the key cannot do that. */
struct token_secret {
    unsigned char *at;
    size_t len;
};

struct token_key {
    struct token_key *next;
    char *kid;
    enum token_algorithm algorithm;
    struct token_secret verify; /* HS256: the secret; else the public key alone */
    struct token_secret sign;   /* absent where only the public key is known */
};

struct token_keys {
    struct token_key *first;
};

/* "HS256" … */
const char *token_algorithm_text(enum token_algorithm algorithm);
/* NULL when there is none. */
const struct token_key *token_keys_find(const struct token_keys *keys, struct slice kid);

/* ---- token_pem.c ---- */

/* Reads a PEM key, private or public, checks that it fits the algorithm, and fills both halves of `key`. The texts must be wiped
 * by the caller. NULL, or what is wrong (static). */
const char *token_read_pem(struct slice pem, struct token_key *key);

/* ---- token_parts.c ---- */

/* Before anything is done with it: not empty, at most LABEL_TOKEN_MAX bytes. */
status token_check_size(struct slice jwt, struct fault *f) must_check;

/* Both are decoded in the arena. The signature is only known to be canonical base64url. */
struct token_parts {
    struct slice header;
    struct slice claims;
};

status token_split(struct slice jwt, struct arena *a, struct token_parts *out, struct fault *f) must_check;

/* STATUS_UNAUTHENTICATED with a reason that quotes nothing of the token. */
status token_refused(struct fault *f, const char *why);

/* ---- token_claims.c ---- */

struct token_content {
    struct token_claims claims;
    int64_t not_before; /* TOKEN_NO_TIME: absent */
    int64_t issued_at;  /* likewise */
};

enum { TOKEN_NO_TIME = -1 };

/* Reads the claims and checks all that does not change with time. The slices live as long as `json` and the arena. */
status token_read_claims(struct slice json, const struct token_rules *rules, struct arena *a,
                         struct token_content *out, struct fault *f) must_check;
/* What changes with time. */
status token_check_times(const struct token_content *c, int64_t leeway_s, int64_t unix_s, struct fault *f)
    must_check;
/* A NumericDate: a JSON number from 0 to 2^53, read exactly; its fraction is cut off. */
bool token_read_time(struct slice number, int64_t *out);

/* ---- token_cache.c ---- */

enum { TOKEN_DIGEST_SIZE = 32 };

struct token_cache;

/* What was found good, by the SHA-256 digest of the whole token. The least recently used goes first. */
struct token_entry {
    uint8_t digest[TOKEN_DIGEST_SIZE];
    struct token_content content;
    char *texts; /* of the content */
    struct token_entry *newer, *older;
    struct token_entry *chain; /* the next of the same bucket */
    bool live;                 /* is in a bucket */
};

struct token_cache *token_cache_new(size_t size);
void token_cache_free(struct token_cache *c);
/* NULL when it is not there. */
struct token_entry *token_cache_find(struct token_cache *c, const uint8_t digest[TOKEN_DIGEST_SIZE]);
/* Copies the content. NULL when memory is short. */
struct token_entry *token_cache_put(struct token_cache *c, const uint8_t digest[TOKEN_DIGEST_SIZE],
                                    const struct token_content *content);
void token_cache_drop(struct token_cache *c, struct token_entry *e);
