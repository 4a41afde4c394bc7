/* A verifier, tokens that it has to refuse, and the reasons that it gives. */
#pragma once
#include "common/token.h"
#include "tests/unit/token_forge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SECRET "0123456789abcdef0123456789abcdef"
#define HS_HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"h\"}"
#define CLAIMS "{\"sub\":\"u\",\"account_id\":\"a\",\"exp\":1700000060}"

static struct {
    char directory[32];
    struct token_keys *keys; /* h, and the public halves r and e */
    struct token_verifier *verifier;
    EVP_PKEY *rsa, *ec;
} group;

static inline int make_group(void **state)
{
    (void)state;
    char setting[256];
    struct buffer faults = {0};
    snprintf(group.directory, sizeof group.directory, "/tmp/test_token.XXXXXX");
    if (!mkdtemp(group.directory))
        return -1;

    group.rsa = EVP_RSA_gen(2048);
    group.ec = EVP_EC_gen("P-256");
    forge_key_files(group.directory, "rsa", group.rsa);
    forge_key_files(group.directory, "ec", group.ec);
    forge_file(group.directory, "secret", SLICE_LITERAL(SECRET));
    snprintf(setting, sizeof setting, "h=HS256:%s/secret,r=RS256:%s/rsa.pub.pem,e=ES256:%s/ec.pub.pem",
             group.directory, group.directory, group.directory);
    group.keys = token_keys_load(setting, &faults);
    buffer_dispose(&faults);
    return group.keys ? 0 : -1;
}

static inline int drop_group(void **state)
{
    (void)state;
    token_keys_free(group.keys);
    EVP_PKEY_free(group.rsa);
    EVP_PKEY_free(group.ec);
    return forge_drop_directory(group.directory);
}

static inline int make_verifier(void **state)
{
    (void)state;
    const struct token_rules rules = {.account_claim = "account_id", .leeway_s = 30};
    group.verifier = token_verifier_new(group.keys, &rules, 16);
    return group.verifier ? 0 : -1;
}

static inline int drop_verifier(void **state)
{
    (void)state;
    token_verifier_free(group.verifier);
    return 0;
}

#define WITH_VERIFIER(test) cmocka_unit_test_setup_teardown(test, make_verifier, drop_verifier)

static inline status verify(struct slice jwt)
{
    struct token_claims out;
    struct fault f = {0};
    status st = token_verify(group.verifier, jwt, FORGE_NOW, &out, &f);
    if (st != STATUS_OK)
        assert_string_equal(f.code, "invalid_token");
    return st;
}

/* The reason, so that a case is known to fail for what it is about. */
static inline void assert_refused(struct slice jwt, const char *reason)
{
    struct token_claims out;
    struct fault f = {0};
    assert_int_equal(token_verify(group.verifier, jwt, FORGE_NOW, &out, &f), STATUS_UNAUTHENTICATED);
    assert_string_equal(f.code, "invalid_token");
    assert_string_equal(f.message, reason);
}

/* Signed with the good secret. */
static inline void assert_signed(const char *header, const char *claims, const char *reason)
{
    struct buffer jwt = {0};
    forge_hs256(&jwt, slice_of(header), slice_of(claims), SLICE_LITERAL(SECRET));
    if (reason)
        assert_refused(buffer_slice(&jwt), reason);
    else
        assert_int_equal(verify(buffer_slice(&jwt)), STATUS_OK);
    buffer_dispose(&jwt);
}

static const char HEADER_SHAPE[] = "the token's header is not one JSON object with different member names";
static const char CLAIMS_SHAPE[] = "the token's claims are not one JSON object with different member names";
static const char WRONG_TYPE[] = "the token's typ is not JWT or at+jwt";
static const char WRONG_ALG[] = "the token's alg is not the key's";
static const char BASE64URL[] = "a part of the token is not canonical base64url";
static const char SIGNATURE[] = "the token's signature does not verify";
static const char THREE_PARTS[] = "the token has not three parts";
