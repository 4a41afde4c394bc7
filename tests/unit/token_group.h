/* Keys of every kind in a directory of their own, and verifiers with them: the group of the token tests. */
#pragma once
#include "common/token.h"
#include "tests/unit/token_forge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SECRET "0123456789abcdef0123456789abcdef"
#define HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"h\"}"

static struct {
    char directory[32];
    struct token_keys *keys;   /* h, r, e: all can sign */
    struct token_keys *public; /* r, e: public halves */
} group;

static inline struct token_keys *load_with(struct token_keys *(*how)(const char *, struct buffer *),
                                           const char *format, struct buffer *faults)
{
    char setting[512];
    size_t n = 0;
    /* % stands for the group's directory. */
    for (const char *c = format; *c && n + sizeof group.directory < sizeof setting; c++) {
        if (*c == '%')
            n += (size_t)snprintf(setting + n, sizeof setting - n, "%s", group.directory);
        else
            setting[n++] = *c;
    }
    setting[n] = '\0';
    return how(setting, faults);
}

static inline struct token_keys *load(const char *format, struct buffer *faults)
{
    return load_with(token_keys_load, format, faults);
}

static inline int make_group(void **state)
{
    (void)state;
    struct buffer faults = {0};
    snprintf(group.directory, sizeof group.directory, "/tmp/test_token.XXXXXX");
    if (!mkdtemp(group.directory))
        return -1;

    EVP_PKEY *rsa = EVP_RSA_gen(2048);
    EVP_PKEY *small = EVP_RSA_gen(1024);
    EVP_PKEY *ec = EVP_EC_gen("P-256");
    EVP_PKEY *other_curve = EVP_EC_gen("P-384");
    forge_key_files(group.directory, "rsa", rsa);
    forge_key_files(group.directory, "small", small);
    forge_key_files(group.directory, "ec", ec);
    forge_key_files(group.directory, "p384", other_curve);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(small);
    EVP_PKEY_free(ec);
    EVP_PKEY_free(other_curve);
    forge_file(group.directory, "secret", SLICE_LITERAL(SECRET));
    forge_file(group.directory, "short", SLICE_LITERAL("0123456789abcdef0123456789abcde"));

    group.keys = load("h=HS256:%/secret, r=RS256:%/rsa.pem,e=ES256:%/ec.pem", &faults);
    group.public = load("r=RS256:%/rsa.pub.pem,e=ES256:%/ec.pub.pem", &faults);
    buffer_dispose(&faults);
    return group.keys && group.public ? 0 : -1;
}

static inline int drop_group(void **state)
{
    (void)state;
    token_keys_free(group.keys);
    token_keys_free(group.public);
    return forge_drop_directory(group.directory);
}

static inline struct token_rules rules_of(const char *issuer, const char *audience)
{
    return (struct token_rules){
        .issuer = issuer, .audience = audience, .account_claim = "account_id", .leeway_s = 30};
}

static inline struct token_verifier *verifier(const struct token_rules *rules)
{
    struct token_verifier *v = token_verifier_new(group.keys, rules, 16);
    assert_non_null(v);
    return v;
}

/* Verifies twice, for the second time comes another way, and gives the status of both. */
static inline status verify(struct token_verifier *v, struct slice jwt, int64_t now, struct token_claims *out)
{
    struct fault f = {0};
    struct token_claims again;
    status st = token_verify(v, jwt, now, out, &f);
    if (st != STATUS_OK) {
        assert_string_equal(f.code, "invalid_token");
        assert_true(f.message[0] != '\0');
    }
    assert_int_equal(token_verify(v, jwt, now, &again, &f), st);
    if (st == STATUS_OK) {
        assert_true(slice_equal(out->subject, again.subject));
        assert_true(slice_equal(out->account_id, again.account_id));
        assert_true(out->expires_at == again.expires_at);
    }
    return st;
}

static inline status verify_claims(const struct token_rules *rules, const char *claims, int64_t now)
{
    struct token_verifier *v = verifier(rules);
    struct token_claims out;
    struct buffer jwt = {0};
    forge_hs256(&jwt, SLICE_LITERAL(HEADER), slice_of(claims), SLICE_LITERAL(SECRET));
    status st = verify(v, buffer_slice(&jwt), now, &out);
    buffer_dispose(&jwt);
    token_verifier_free(v);
    return st;
}

static inline struct token_grant grant_for(const char *subject)
{
    return (struct token_grant){.account_claim = "account_id",
                                .account_id = SLICE_LITERAL("acme"),
                                .subject = slice_of(subject),
                                .issuer = "us",
                                .audience = "worker",
                                .issued_at = FORGE_NOW,
                                .expires_at = FORGE_NOW + 60};
}
