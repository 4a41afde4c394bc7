#include "common/token_internal.h"

#include "common/jwks.h"
#include "common/log.h"
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdlib.h>

enum { POINT_SIZE = 65, ARENA_BLOCK = 64 * 1024 };

/* ---- numbers to a key of OpenSSL ---- */

static EVP_PKEY *build(const char *type, OSSL_PARAM_BLD *parts)
{
    OSSL_PARAM *params = parts ? OSSL_PARAM_BLD_to_param(parts) : NULL;
    EVP_PKEY_CTX *ctx = params ? EVP_PKEY_CTX_new_from_name(NULL, type, NULL) : NULL;
    EVP_PKEY *key = NULL;

    if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    return key;
}

static EVP_PKEY *rsa_key(const struct jwk *from)
{
    OSSL_PARAM_BLD *parts = OSSL_PARAM_BLD_new();
    BIGNUM *n = BN_bin2bn((const unsigned char *)from->n.at, (int)from->n.len, NULL);
    BIGNUM *e = BN_bin2bn((const unsigned char *)from->e.at, (int)from->e.len, NULL);
    EVP_PKEY *key = NULL;

    if (parts && n && e && OSSL_PARAM_BLD_push_BN(parts, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(parts, OSSL_PKEY_PARAM_RSA_E, e) == 1)
        key = build("RSA", parts);
    BN_free(n);
    BN_free(e);
    OSSL_PARAM_BLD_free(parts);
    return key;
}

static EVP_PKEY *ec_key(const struct jwk *from)
{
    OSSL_PARAM_BLD *parts = OSSL_PARAM_BLD_new();
    unsigned char point[POINT_SIZE] = {4}; /* not compressed */
    EVP_PKEY *key = NULL;

    memcpy(point + 1, from->x.at, from->x.len);
    memcpy(point + 1 + from->x.len, from->y.at, from->y.len);
    if (parts && OSSL_PARAM_BLD_push_utf8_string(parts, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(parts, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point) == 1)
        key = build("EC", parts);
    OSSL_PARAM_BLD_free(parts);
    return key;
}

/* NULL, or what is wrong (static). */
static const char *fill_public(struct token_key *to, const struct jwk *from)
{
    EVP_PKEY *key = from->algorithm == TOKEN_RS256 ? rsa_key(from) : ec_key(from);
    if (!key)
        return from->algorithm == TOKEN_RS256 ? "is no RSA key" : "is no point on the curve P-256";

    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    const char *why = token_check_pkey(key, from->algorithm);
    if (!why && (!ctx || EVP_PKEY_public_check(ctx) != 1))
        why = "is no valid public key";
    if (!why && !token_write_pem(key, false, &to->verify))
        why = "cannot be used: out of memory";
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
    return why;
}

/* ---- the set ---- */

struct reading {
    const struct token_jwks *from;
    struct token_key_list *out;
};

static void skip(void *ctx, struct slice kid, const char *why)
{
    const struct reading *r = ctx;
    log_warning("a key of a key set is not used", LOG_STR("source", r->from->name),
                LOG_SLICE("kid", kid.at ? kid : SLICE_LITERAL("")), LOG_STR("reason", why));
}

static status take_key(void *ctx, const struct jwk *jwk)
{
    const struct reading *r = ctx;
    const char *why = NULL;

    if (token_key_list_has(r->out, jwk->kid)) {
        skip(ctx, jwk->kid, "another key of the set has its kid");
        return STATUS_OK;
    }
    struct token_key *key = token_key_new(jwk->kid, slice_of(r->from->issuer), jwk->algorithm);
    if (!key)
        return STATUS_NO_MEMORY;
    if (jwk->algorithm != TOKEN_HS256)
        why = fill_public(key, jwk);
    else if (!token_secret_set(&key->verify, jwk->secret))
        why = "cannot be used: out of memory";
    if (jwk->secret.at)
        explicit_bzero((void *)(uintptr_t)jwk->secret.at, jwk->secret.len);
    if (!why)
        return token_key_list_add(r->out, key) ? STATUS_OK : STATUS_NO_MEMORY;
    skip(ctx, jwk->kid, why);
    token_key_unref(key);
    return STATUS_OK;
}

status token_read_jwks(struct slice text, const struct token_jwks *from, struct token_key_list *out,
                       struct fault *f)
{
    struct token_key_list keys = {0};
    struct reading r = {.from = from, .out = &keys};
    const struct jwks_reader reader = {.secrets = from->secrets, .key = take_key, .skipped = skip, .ctx = &r};
    struct arena *a = arena_new(ARENA_BLOCK);

    status st =
        a ? jwks_read(text, a, &reader, f) : fault_set(f, STATUS_NO_MEMORY, "no_memory", "out of memory");
    arena_free(a);
    if (st == STATUS_OK && keys.n == 0)
        st = fault_set(f, STATUS_INVALID, "no_usable_key", "the key set has no key that can be used");
    if (st == STATUS_OK)
        *out = keys;
    else
        token_key_list_dispose(&keys);
    return st;
}
