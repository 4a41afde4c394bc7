#include "common/token_internal.h"

#include <openssl/evp.h>
#include <stdlib.h>

static const char UNKNOWN_KID[] = "the token's kid is unknown";

struct token_verifier {
    const struct token_keys *keys;
    struct token_set *set; /* of `generation` of the keys */
    uint64_t generation;
    uint32_t awaits; /* what the last STATUS_RETRY is about */
    struct token_rules rules;
    struct token_cache *cache;
    struct arena *arena; /* of one verification */
    EVP_MD *sha256;
    EVP_MD_CTX *digest;
    struct token_recent *recent; /* spares most tokens their digest */
};

struct token_verifier *token_verifier_new(const struct token_keys *keys, const struct token_rules *rules,
                                          size_t cache_size)
{
    enum { ARENA_BLOCK = 16 * 1024 };
    struct token_verifier *v = calloc(1, sizeof *v);
    if (!v)
        return NULL;

    v->keys = keys;
    token_keys_snapshot(keys, &v->set, &v->generation);
    v->rules = *rules;
    v->cache = token_cache_new(cache_size);
    v->arena = arena_new(ARENA_BLOCK);
    v->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    v->digest = EVP_MD_CTX_new();
    v->recent = token_recent_new();
    if (!v->cache || !v->arena || !v->sha256 || !v->digest || !v->recent) {
        token_verifier_free(v);
        return NULL;
    }
    return v;
}

void token_verifier_free(struct token_verifier *v)
{
    if (!v)
        return;
    EVP_MD_CTX_free(v->digest);
    EVP_MD_free(v->sha256);
    arena_free(v->arena);
    token_cache_free(v->cache);
    token_set_unref(v->set);
    token_recent_free(v->recent);
    free(v);
}

static bool digest_of(struct token_verifier *v, struct slice jwt, uint8_t out[TOKEN_DIGEST_SIZE])
{
    return EVP_DigestInit_ex2(v->digest, v->sha256, NULL) && EVP_DigestUpdate(v->digest, jwt.at, jwt.len) &&
           EVP_DigestFinal_ex(v->digest, out, NULL);
}

/* Before a fetch is asked for: a token that would be refused anyway is refused. */
static status check_unverified(struct token_verifier *v, const struct token_header *header,
                               struct slice claims, const struct token_rules *rules, int64_t unix_s,
                               struct fault *f)
{
    enum token_algorithm algorithm;
    struct token_content content;

    if (!token_algorithm_read(header->algorithm, &algorithm))
        return token_refused(f, UNKNOWN_KID);
    status st = token_read_claims(claims, rules, v->arena, &content, f);
    return st == STATUS_OK ? token_check_times(&content, rules->leeway_s, unix_s, f) : st;
}

static status key_is_unknown(struct token_verifier *v, const struct token_header *header, struct slice claims,
                             struct slice issuer, int64_t unix_s, struct fault *f)
{
    struct token_rules rules = v->rules;

    if (!token_keys_have_url(v->keys))
        return token_refused(f, UNKNOWN_KID);
    if (issuer.at)
        rules.issuer = NULL; /* whose keys are asked for is known */
    status st = check_unverified(v, header, claims, &rules, unix_s, f);
    if (st != STATUS_OK)
        return st;
    v->awaits = token_keys_ask(v->keys, issuer);
    return v->awaits ? fault_set(f, STATUS_RETRY, "keys_are_coming", "the token's kid is not known yet")
                     : token_refused(f, UNKNOWN_KID);
}

static status verify_in_full(struct token_verifier *v, struct slice jwt, int64_t unix_s,
                             struct token_content *out, struct token_key **by, struct fault *f)
{
    struct token_parts parts;
    struct token_header header;
    struct slice issuer = SLICE_NONE;

    token_keys_snapshot(v->keys, &v->set, &v->generation);
    status st = token_split(jwt, v->arena, &parts, f);
    if (st == STATUS_OK)
        st = token_read_header(parts.header, v->arena, &header, f);
    if (st == STATUS_OK && v->set->names_issuers)
        st = token_read_issuer(parts.claims, v->arena, &issuer, f);
    if (st != STATUS_OK)
        return st;

    struct token_key *key = token_set_find(v->set, issuer, header.kid);
    if (!key)
        return key_is_unknown(v, &header, parts.claims, issuer, unix_s, f);
    if (!slice_is(header.algorithm, token_algorithm_text(key->algorithm)))
        return token_refused(f, "the token's alg is not the key's");

    struct token_rules rules = v->rules;
    if (key->issuer)
        rules.issuer = key->issuer;
    st = token_check_signature(key, &parts, f);
    if (st == STATUS_OK)
        st = token_read_claims(parts.claims, &rules, v->arena, out, f);
    *by = key;
    return st;
}

/* Whether the key that verified it is still one of ours. */
static bool still_counts(const struct token_entry *e)
{
    return !atomic_load_explicit(&e->key->withdrawn, memory_order_acquire);
}

/* Times are looked at again each time. */
static status accept(struct token_verifier *v, struct token_entry *e, int64_t unix_s,
                     struct token_claims *out, struct fault *f)
{
    status st = token_check_times(&e->content, v->rules.leeway_s, unix_s, f);
    if (st == STATUS_OK) {
        *out = e->content.claims;
    } else if (e->content.claims.expires_at + v->rules.leeway_s <= unix_s) {
        token_cache_drop(v->cache, e);
    }
    return st;
}

status token_verify(struct token_verifier *v, struct slice jwt, int64_t unix_s, struct token_claims *out,
                    struct fault *f)
{
    uint8_t digest[TOKEN_DIGEST_SIZE];
    struct token_content content;
    struct token_key *key = NULL;

    struct token_entry *e = token_recent_find(v->recent, jwt);
    if (e && still_counts(e)) {
        token_cache_use(v->cache, e);
        return accept(v, e, unix_s, out, f);
    }
    status st = token_check_size(jwt, f);
    if (st != STATUS_OK)
        return st;
    if (!digest_of(v, jwt, digest))
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "no SHA-256 digest");

    e = token_cache_find(v->cache, digest);
    if (e && still_counts(e)) {
        token_recent_put(v->recent, jwt, e);
        return accept(v, e, unix_s, out, f);
    }
    if (e)
        token_cache_drop(v->cache, e);

    arena_reset(v->arena);
    st = verify_in_full(v, jwt, unix_s, &content, &key, f);
    if (st == STATUS_OK)
        st = token_check_times(&content, v->rules.leeway_s, unix_s, f);
    if (st != STATUS_OK)
        return st;

    e = token_cache_put(v->cache, digest, &content, key);
    if (!e)
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "out of memory");
    token_recent_put(v->recent, jwt, e);
    *out = e->content.claims;
    return STATUS_OK;
}

uint32_t token_verifier_awaits(const struct token_verifier *v)
{
    return v->awaits;
}

void token_verifier_await(const struct token_verifier *v, int64_t timeout_ms)
{
    token_keys_await(v->keys, v->awaits, timeout_ms);
}
