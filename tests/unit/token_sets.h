/* Key sets in files, tokens of their keys, and verifiers: what the tests of key sets share. */
#pragma once
#include "common/log.h"
#include "common/token_internal.h"
#include "tests/unit/token_forge.h"

#include <openssl/core_names.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { RSA_ONE, RSA_TWO, EC_ONE, N_KEYS };

static struct {
    char directory[32];
    EVP_PKEY *keys[N_KEYS];
} group;

static inline int make_group(void **state)
{
    (void)state;
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT, "test");
    snprintf(group.directory, sizeof group.directory, "/tmp/test_token.XXXXXX");
    group.keys[RSA_ONE] = EVP_RSA_gen(2048);
    group.keys[RSA_TWO] = EVP_RSA_gen(2048);
    group.keys[EC_ONE] = EVP_EC_gen("P-256");
    return mkdtemp(group.directory) ? 0 : -1;
}

static inline int drop_group(void **state)
{
    (void)state;
    for (int i = 0; i < N_KEYS; i++)
        EVP_PKEY_free(group.keys[i]);
    return forge_drop_directory(group.directory);
}

/* ---- key sets ---- */

static inline void add_number(struct buffer *b, const EVP_PKEY *key, const char *param, size_t len)
{
    unsigned char bytes[512];
    BIGNUM *number = NULL;
    assert_int_equal(EVP_PKEY_get_bn_param(key, param, &number), 1);
    int n = BN_bn2binpad(number, bytes, (int)(len ? len : (size_t)BN_num_bytes(number)));
    assert_true(n > 0);
    forge_base64url(b, slice_make(bytes, (size_t)n));
    BN_free(number);
}

static inline void add_jwk(struct buffer *b, const char *kid, int which)
{
    const EVP_PKEY *key = group.keys[which];
    bool is_ec = which == EC_ONE;
    if (b->len > 0)
        buffer_add_char(b, ',');
    buffer_printf(b, "{\"kid\":\"%s\",\"kty\":\"%s\",%s\"%s\":\"", kid, is_ec ? "EC" : "RSA",
                  is_ec ? "\"crv\":\"P-256\"," : "", is_ec ? "x" : "n");
    add_number(b, key, is_ec ? OSSL_PKEY_PARAM_EC_PUB_X : OSSL_PKEY_PARAM_RSA_N, is_ec ? 32 : 0);
    buffer_printf(b, "\",\"%s\":\"", is_ec ? "y" : "e");
    add_number(b, key, is_ec ? OSSL_PKEY_PARAM_EC_PUB_Y : OSSL_PKEY_PARAM_RSA_E, is_ec ? 32 : 0);
    buffer_add_text(b, "\"}");
}

struct named {
    const char *kid;
    int key;
};

/* Writes a set of keys, ended by one without a kid. */
static inline void write_set(const char *name, const struct named *named)
{
    struct buffer keys = {0};
    struct buffer set = {0};
    for (; named->kid; named++)
        add_jwk(&keys, named->kid, named->key);
    buffer_printf(&set, "{\"keys\":[%.*s]}", (int)keys.len, keys.at ? keys.at : "");
    forge_file(group.directory, name, buffer_slice(&set));
    buffer_dispose(&keys);
    buffer_dispose(&set);
}

/* % stands for the group's directory. */
static inline struct buffer expand(const char *text)
{
    struct buffer out = {0};
    for (const char *c = text; *c; c++) {
        if (*c == '%')
            buffer_add_text(&out, group.directory);
        else
            buffer_add_char(&out, *c);
    }
    buffer_add_char(&out, '\0');
    return out;
}

static inline struct token_keys *open_keys(const char *keys, const char *jwks, const char *issuer,
                                           struct buffer *faults)
{
    struct buffer keys_text = expand(keys ? keys : "");
    struct buffer jwks_text = expand(jwks ? jwks : "");
    struct token_keys *opened = token_keys_open(&(struct token_sources){.keys = keys ? keys_text.at : NULL,
                                                                        .jwks = jwks ? jwks_text.at : NULL,
                                                                        .issuer = issuer,
                                                                        .jwks_refresh_s = 300},
                                                faults);
    buffer_dispose(&keys_text);
    buffer_dispose(&jwks_text);
    return opened;
}

static inline struct token_keys *open_good(const char *keys, const char *jwks, const char *issuer)
{
    struct buffer faults = {0};
    struct token_keys *opened = open_keys(keys, jwks, issuer, &faults);
    if (!opened)
        fail_msg("%.*s", (int)faults.len, faults.at);
    return opened;
}

static inline struct token_verifier *verifier_of(const struct token_keys *keys, const char *issuer)
{
    struct token_verifier *v = token_verifier_new(
        keys, &(struct token_rules){.issuer = issuer, .account_claim = "account_id", .leeway_s = 30}, 16);
    assert_non_null(v);
    return v;
}

/* ---- tokens ---- */

static inline struct buffer token_of(int which, const char *kid, const char *issuer)
{
    struct buffer jwt = {0};
    struct buffer header = {0};
    struct buffer claims = {0};
    buffer_printf(&header, "{\"alg\":\"%s\",\"kid\":\"%s\"}", which == EC_ONE ? "ES256" : "RS256", kid);
    buffer_printf(&claims, "{\"sub\":\"u\",\"account_id\":\"a\",\"exp\":1700000060%s%s}",
                  issuer ? ",\"iss\":" : "", issuer ? issuer : "");
    forge_signed(&jwt, buffer_slice(&header), buffer_slice(&claims), group.keys[which]);
    buffer_dispose(&header);
    buffer_dispose(&claims);
    return jwt;
}

/* NULL: accepted, each time. */
static inline void assert_token(struct token_verifier *v, int which, const char *kid, const char *issuer,
                                const char *refusal)
{
    struct buffer jwt = token_of(which, kid, issuer);
    for (int i = 0; i < 2; i++) {
        struct token_claims out;
        struct fault f = {0};
        status st = token_verify(v, buffer_slice(&jwt), FORGE_NOW, &out, &f);
        assert_int_equal(st, refusal ? STATUS_UNAUTHENTICATED : STATUS_OK);
        if (refusal)
            assert_string_equal(f.message, refusal);
    }
    buffer_dispose(&jwt);
}

static const char UNKNOWN[] = "the token's kid is unknown";
static const char SIGNATURE[] = "the token's signature does not verify";
