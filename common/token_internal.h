/* What the files of token share. */
#pragma once
#include "common/arena.h"
#include "common/metrics.h"
#include "common/token.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum { TOKEN_DIGEST_SIZE = 32 /* SHA-256 */ };

/* ---- token_key.c: one key, and lists of keys ---- */

/* Key material as libjwt and OpenSSL take it: a raw secret or PEM. Absent: the key cannot do that. */
struct token_secret {
    unsigned char *at;
    size_t len;
};

/* Shared by the lists, sets and cached tokens that refer to it. Does not change but in `references` and `withdrawn`. */
struct token_key {
    atomic_uint references;
    atomic_bool withdrawn; /* it is in no current set any more: what was verified with it does not count */
    char *kid;
    char *issuer; /* whose tokens it verifies; NULL: the rules say */
    enum token_algorithm algorithm;
    struct token_secret verify; /* HS256: the secret; else the public key alone */
    _Atomic(void *) public;     /* likewise, parsed; NULL: not needed yet. Of token_signature.c */
    struct token_secret sign;   /* absent where only the public key is known */
};

/* With one reference, and without material. An absent issuer is NULL. NULL when memory is short. */
struct token_key *token_key_new(struct slice kid, struct slice issuer, enum token_algorithm algorithm);
struct token_key *token_key_ref(struct token_key *key);
void token_key_unref(struct token_key *key);
/* Copies; false when memory is short. */
bool token_secret_set(struct token_secret *to, struct slice from);
/* Whether both verify, and sign, the same tokens. */
bool token_key_equal(const struct token_key *a, const struct token_key *b);

/* Zero-initialised is empty. Holds a reference to each. */
struct token_key_list {
    struct token_key **at;
    size_t n;
};

/* Takes the caller's reference, also where it fails for want of memory. */
bool token_key_list_add(struct token_key_list *list, struct token_key *key);
/* Whether there is a key of that kid. */
bool token_key_list_has(const struct token_key_list *list, struct slice kid);
void token_key_list_dispose(struct token_key_list *list);

enum { TOKEN_SECRET_MAX = 4096 };

/* "HS256" … */
bool token_algorithm_read(struct slice text, enum token_algorithm *out);
const char *token_algorithm_text(enum token_algorithm algorithm);
/* NULL, or what is wrong with an HS256 secret (static). */
const char *token_check_secret(struct slice bytes);

/* ---- token_keyfile.c: the keys of the setting `keys` ---- */

/* Appends the keys, of tokens of `issuer` (NULL: the rules say), to `out` and one line per fault to `faults`. False where there
 * is one. */
bool token_read_key_files(const char *setting, const char *issuer, struct token_key_list *out,
                          struct buffer *faults);
/* Without blanks at its ends. */
struct slice token_trim(struct slice s);
/* Cuts `s` at the first `at`: returns what is before it, leaves what is behind. Absent where there is none. */
struct slice token_cut(struct slice *s, char at);

/* ---- token_pem.c, token_jwk.c ---- */

struct evp_pkey_st; /* EVP_PKEY */

/* Reads a PEM key, private or public, checks that it fits the algorithm, and fills both halves of `key`. The texts must be wiped
 * by the caller. NULL, or what is wrong (static). */
const char *token_read_pem(struct slice pem, struct token_key *key);
/* NULL where it is good for the algorithm, or what is wrong (static). */
const char *token_check_pkey(const struct evp_pkey_st *key, enum token_algorithm algorithm);
/* The public half as token_signature.c, the private as libjwt wants it. */
bool token_write_pem(struct evp_pkey_st *key, bool private, struct token_secret *out);

/* Where a key set came from. */
struct token_jwks {
    const char *name;   /* for logs: a path or URL */
    const char *issuer; /* NULL: the rules say */
    bool secrets;       /* see struct jwks_reader */
};

/* Reads a key set. Keys that are not taken are logged, with kid and reason. Errors: those of jwks_read(), and STATUS_INVALID
 * where no key is left: that is more likely an accident than an issuer that has no keys. `out` gets nothing then. */
status token_read_jwks(struct slice text, const struct token_jwks *from, struct token_key_list *out,
                       struct fault *f) must_check;

/* ---- token_set.c: the keys of a moment ---- */

/* Does not change. Any thread. */
struct token_set {
    atomic_uint references;
    bool names_issuers; /* a key is found by issuer and kid */
    struct token_key_list keys;
};

/* What the lists hold together, in their order; a second key of the same name is logged and left out. Keys that `before` (NULL:
 * none) has are taken from there, so that what was verified with them still counts. NULL when memory is short. */
struct token_set *token_set_merge(const struct token_key_list *const *lists, size_t n_lists,
                                  bool names_issuers, const struct token_set *before);
struct token_set *token_set_ref(struct token_set *set);
void token_set_unref(struct token_set *set);
/* NULL when there is none. `issuer` counts where the set names issuers. */
struct token_key *token_set_find(const struct token_set *set, struct slice issuer, struct slice kid);
/* Marks those keys of `before` withdrawn that `now` does not have. Returns their number. */
size_t token_set_withdraw(const struct token_set *before, const struct token_set *now);

/* ---- token_keys.c ---- */

enum token_source_kind { TOKEN_KEY_FILES, TOKEN_JWKS_FILE, TOKEN_JWKS_URL };

enum { TOKEN_URLS_MAX = 32 /* one bit each */ };

/* A place that keys come from. */
struct token_source {
    enum token_source_kind kind;
    char *at;     /* the setting, a path or a URL */
    char *name;   /* for logs and metrics; of a URL without its query, which may hold a secret */
    char *issuer; /* NULL: the rules say */
    struct token_key_list keys; /* as last read; under the mutex */
    struct counter *refreshes, *failures;

    /* Of a URL; token_refresh.c. All but the first two under the mutex. */
    uint32_t bit;
    struct token_keys *of;
    pthread_t thread;
    bool has_thread;
    bool loaded;       /* fetched once */
    bool failing;      /* the last attempt failed */
    bool wanted;       /* to be fetched as soon as can be */
    bool in_flight;    /* is being fetched */
    unsigned attempts; /* that failed, one after another */
    int64_t due_us;
    int64_t asked_us; /* when an unknown kid led to a fetch; 0: never */
    int64_t loaded_us;
    uint8_t digest[TOKEN_DIGEST_SIZE]; /* of the document that `keys` are of; its own thread only */
    struct gauge *fetched_at;
};

/* What threads change. */
struct token_shared {
    pthread_mutex_t mutex;
    pthread_cond_t changed;      /* something is wanted, a fetch is over, or it is time to stop */
    struct token_set *current;   /* under the mutex */
    _Atomic uint64_t generation; /* of `current` */
    atomic_bool stopping;
    bool started;
    struct token_watch watch;
    pthread_t reload_thread;
    bool has_reload_thread;
    int stop_fd; /* wakes the reload thread */
    struct gauge *known;
};

struct token_keys {
    struct token_sources options; /* `keys`, `jwks` and `issuer` are used while opening only */
    char *ca;
    bool names_issuers;
    struct token_source *sources;
    size_t n_sources;
    struct token_shared *shared;
};

/* Takes the current set in place of `*set` (which may be NULL) where it is another one. */
void token_keys_snapshot(const struct token_keys *keys, struct token_set **set, uint64_t *generation);
/* Puts `read` in place of the source's keys, and makes a new set. `read` is taken over. False when memory is short: all is as
 * it was. */
bool token_keys_replace(const struct token_keys *keys, struct token_source *source,
                        struct token_key_list *read);
/* Reads the files of a source that is no URL. Appends one line per fault. */
bool token_source_read(const struct token_source *source, struct token_key_list *out, struct buffer *faults);

/* ---- token_refresh.c ---- */

/* A token of `issuer` (absent: any) has a kid that is not known. Has its URLs fetched, where that may be of use and is not too
 * soon. The bits of those fetches that are worth waiting for. */
uint32_t token_keys_ask(const struct token_keys *keys, struct slice issuer);
bool token_keys_have_url(const struct token_keys *keys);
/* Waits until none of `sources` is wanted or being fetched, at most `timeout_ms`. */
void token_keys_await(const struct token_keys *keys, uint32_t sources, int64_t timeout_ms);
/* The thread of a URL; its argument is the struct token_source. */
void *token_keep_fresh(void *arg);

/* ---- token_reload.c: the thread that reads files anew, and the start and end of all ---- */

/* ---- token_parts.c ---- */

/* Before anything is done with it: not empty, at most LABEL_TOKEN_MAX bytes. */
status token_check_size(struct slice jwt, struct fault *f) must_check;

/* Only the one spelling of some bytes: no padding, nothing outside the alphabet, unused bits zero. `to` takes
 * from.len * 3 / 4 bytes. */
bool token_decode_base64url(struct slice from, char *to);

/* All but `signed_text` are decoded in the arena. */
struct token_parts {
    struct slice header;
    struct slice claims;
    struct slice signature;
    struct slice signed_text; /* what it is of: header and claims as they came */
};

status token_split(struct slice jwt, struct arena *a, struct token_parts *out, struct fault *f) must_check;

/* STATUS_UNAUTHENTICATED with a reason that quotes nothing of the token. */
status token_refused(struct fault *f, const char *why);

/* ---- token_signature.c ---- */

/* By the key's own algorithm, whatever the token says. Errors: STATUS_UNAUTHENTICATED, STATUS_NO_MEMORY. */
status token_check_signature(struct token_key *key, const struct token_parts *parts, struct fault *f)
    must_check;
/* What is left of a key that was verified with; NULL is fine. */
void token_public_free(void *public);

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
/* Reads `iss` alone, to choose the key by it. Nothing is verified yet. Errors: as token_read_claims(), and where it is no text. */
status token_read_issuer(struct slice json, struct arena *a, struct slice *out, struct fault *f) must_check;
/* What changes with time. */
status token_check_times(const struct token_content *c, int64_t leeway_s, int64_t unix_s, struct fault *f)
    must_check;
/* A NumericDate: a JSON number from 0 to 2^53, read exactly; its fraction is cut off. */
bool token_read_time(struct slice number, int64_t *out);

/* ---- token_cache.c ---- */

struct token_cache;

/* What was found good, by the SHA-256 digest of the whole token. The least recently used goes first. */
struct token_entry {
    uint8_t digest[TOKEN_DIGEST_SIZE];
    struct token_content content;
    char *texts;           /* of the content */
    struct token_key *key; /* that verified it */
    struct token_entry *newer, *older;
    struct token_entry *chain; /* the next of the same bucket */
    bool live;                 /* is in a bucket */
    uint64_t serial;           /* tells the tokens apart that it was for, one after the other */
};

struct token_cache *token_cache_new(size_t size);
void token_cache_free(struct token_cache *c);
/* NULL when it is not there. */
struct token_entry *token_cache_find(struct token_cache *c, const uint8_t digest[TOKEN_DIGEST_SIZE]);
/* Copies the content, refers to the key. NULL when memory is short. */
struct token_entry *token_cache_put(struct token_cache *c, const uint8_t digest[TOKEN_DIGEST_SIZE],
                                    const struct token_content *content, struct token_key *key);
void token_cache_drop(struct token_cache *c, struct token_entry *e);
/* As if it had been found: the next that goes is another. */
void token_cache_use(struct token_cache *c, struct token_entry *e);

/* ---- token_recent.c ---- */

/* Some of the cached tokens, as they came: comparing costs a tenth of the digest. */
struct token_recent;

struct token_recent *token_recent_new(void);
void token_recent_free(struct token_recent *r);
/* The entry that was put with this token, if it is still that token's; else NULL. */
struct token_entry *token_recent_find(const struct token_recent *r, struct slice jwt);
/* The entry must live as long as `r`, in whatever use. */
void token_recent_put(struct token_recent *r, struct slice jwt, struct token_entry *e);
