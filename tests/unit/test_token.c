#include "common/token.h"

#include "common/token_internal.h"
#include "tests/unit/token_forge.h"
#include <dirent.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SECRET "0123456789abcdef0123456789abcdef"
#define HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"h\"}"

/* ---- the group's keys ---- */

static struct {
    char directory[32];
    struct token_keys *keys;   /* h, r, e: all can sign */
    struct token_keys *public; /* r, e: public halves */
} group;

static struct token_keys *load(const char *format, struct buffer *faults)
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
    return token_keys_load(setting, faults);
}

static int make_group(void **state)
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

static int drop_group(void **state)
{
    (void)state;
    char path[300];
    token_keys_free(group.keys);
    token_keys_free(group.public);
    DIR *d = opendir(group.directory);
    for (struct dirent *e; d && (e = readdir(d));) {
        snprintf(path, sizeof path, "%s/%s", group.directory, e->d_name);
        unlink(path);
    }
    if (d)
        closedir(d);
    return rmdir(group.directory);
}

/* ---- helpers ---- */

static struct token_rules rules_of(const char *issuer, const char *audience)
{
    return (struct token_rules){
        .issuer = issuer, .audience = audience, .account_claim = "account_id", .leeway_s = 30};
}

static struct token_verifier *verifier(const struct token_rules *rules)
{
    struct token_verifier *v = token_verifier_new(group.keys, rules, 16);
    assert_non_null(v);
    return v;
}

/* Verifies twice, for the second time comes another way, and gives the status of both. */
static status verify(struct token_verifier *v, struct slice jwt, int64_t now, struct token_claims *out)
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

static status verify_claims(const struct token_rules *rules, const char *claims, int64_t now)
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

static struct token_grant grant_for(const char *subject)
{
    return (struct token_grant){.account_claim = "account_id",
                                .account_id = SLICE_LITERAL("acme"),
                                .subject = slice_of(subject),
                                .issuer = "us",
                                .audience = "worker",
                                .issued_at = FORGE_NOW,
                                .expires_at = FORGE_NOW + 60};
}

/* ---- signing and verifying ---- */

static void what_is_signed_verifies_with_every_algorithm(void **state)
{
    (void)state;
    static const char *const KIDS[] = {"h", "r", "e"};
    struct token_rules rules = rules_of("us", "worker");
    struct token_verifier *v = verifier(&rules);
    struct token_grant grant = grant_for("J\xc3\xb6rg \"the\" \\ one");

    for (size_t i = 0; i < sizeof KIDS / sizeof KIDS[0]; i++) {
        struct buffer jwt = {0};
        struct token_claims out;
        assert_int_equal(token_sign(group.keys, KIDS[i], &grant, &jwt, NULL), STATUS_OK);
        assert_int_equal(verify(v, buffer_slice(&jwt), FORGE_NOW, &out), STATUS_OK);
        assert_true(slice_is(out.subject, "J\xc3\xb6rg \"the\" \\ one"));
        assert_true(slice_is(out.account_id, "acme"));
        assert_true(out.expires_at == FORGE_NOW + 60);
        buffer_dispose(&jwt);
    }
    token_verifier_free(v);
}

static void a_public_key_verifies_and_cannot_sign(void **state)
{
    (void)state;
    struct token_rules rules = rules_of(NULL, NULL);
    struct token_verifier *v = token_verifier_new(group.public, &rules, 1);
    struct token_grant grant = grant_for("u");
    struct buffer jwt = {0};
    struct fault f;

    for (const char *const *kid = (const char *const[]){"r", "e", NULL}; *kid; kid++) {
        struct token_claims out;
        buffer_clear(&jwt);
        assert_int_equal(token_sign(group.public, *kid, &grant, &jwt, &f), STATUS_CONFIG);
        assert_non_null(strstr(f.message, "public"));
        assert_int_equal(token_sign(group.keys, *kid, &grant, &jwt, &f), STATUS_OK);
        assert_int_equal(verify(v, buffer_slice(&jwt), FORGE_NOW, &out), STATUS_OK);
    }
    buffer_dispose(&jwt);
    token_verifier_free(v);
}

static void the_key_to_sign_with_is_named_or_alone(void **state)
{
    (void)state;
    struct token_grant grant = grant_for("u");
    struct buffer jwt = {0};
    struct buffer faults = {0};
    struct fault f;

    assert_int_equal(token_sign(group.keys, "x", &grant, &jwt, &f), STATUS_NOT_FOUND);
    assert_int_equal(token_sign(group.keys, NULL, &grant, &jwt, &f), STATUS_NOT_FOUND);
    struct token_keys *alone = load("h=HS256:%/secret", &faults);
    assert_int_equal(token_sign(alone, NULL, &grant, &jwt, &f), STATUS_OK);
    token_keys_free(alone);
    buffer_dispose(&jwt);
}

static void nothing_is_signed_that_would_not_verify(void **state)
{
    (void)state;
    char longest[256];
    memset(longest, 'x', sizeof longest);
    const struct slice refused[] = {SLICE_NONE,
                                    SLICE_LITERAL(""),
                                    SLICE_LITERAL("a\0b"),
                                    SLICE_LITERAL("a\nb"),
                                    SLICE_LITERAL("\xff"),
                                    slice_make(longest, 256)};
    struct buffer jwt = {0};

    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct token_grant grant = grant_for("u");
        grant.subject = refused[i];
        assert_int_equal(token_sign(group.keys, "h", &grant, &jwt, NULL), STATUS_INVALID);
        grant = grant_for("u");
        grant.account_id = refused[i];
        assert_int_equal(token_sign(group.keys, "h", &grant, &jwt, NULL), STATUS_INVALID);
    }
    struct token_grant grant = grant_for("u");
    grant.account_claim = "sub"; /* would be there twice */
    assert_int_equal(token_sign(group.keys, "h", &grant, &jwt, NULL), STATUS_CONFIG);
    assert_int_equal(jwt.len, 0);
    buffer_dispose(&jwt);
}

/* ---- times ---- */

static void times_are_checked_with_leeway(void **state)
{
    (void)state;
    static const struct {
        const char *claims;
        int64_t now;
        status expected;
    } CASES[] = {
        {"\"exp\":1000", 1000, STATUS_OK},
        {"\"exp\":1000", 1029, STATUS_OK},
        {"\"exp\":1000", 1030, STATUS_UNAUTHENTICATED},
        {"\"exp\":1000,\"nbf\":900", 870, STATUS_OK},
        {"\"exp\":1000,\"nbf\":900", 869, STATUS_UNAUTHENTICATED},
        {"\"exp\":1000,\"iat\":900", 870, STATUS_OK},
        {"\"exp\":1000,\"iat\":900", 869, STATUS_UNAUTHENTICATED},
        {"\"exp\":1000,\"iat\":0,\"nbf\":0", 0, STATUS_OK},
        {"\"exp\":9007199254740992", INT64_MAX, STATUS_UNAUTHENTICATED},
        {"\"exp\":9007199254740992", 9007199254740992, STATUS_OK},
        {"\"exp\":1000", INT64_MIN, STATUS_OK},
        {"\"exp\":1000,\"nbf\":9007199254740992", INT64_MIN, STATUS_UNAUTHENTICATED},
        {"\"nbf\":0", 1000, STATUS_UNAUTHENTICATED},
        {"\"x\":1", 0, STATUS_UNAUTHENTICATED},
    };
    struct token_rules rules = rules_of(NULL, NULL);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char claims[200];
        snprintf(claims, sizeof claims, "{\"sub\":\"u\",\"account_id\":\"a\",%s}", CASES[i].claims);
        assert_int_equal(verify_claims(&rules, claims, CASES[i].now), CASES[i].expected);
    }
}

static void a_time_is_a_number_from_0_to_2_53_cut_to_seconds(void **state)
{
    (void)state;
    enum { REFUSED = -1 };
    static const struct {
        const char *number;
        int64_t seconds;
    } CASES[] = {
        {"0", 0},
        {"1700000000", 1700000000},
        {"1700000000.999", 1700000000},
        {"1.7e9", 1700000000},
        {"1.7E+9", 1700000000},
        {"17e8", 1700000000},
        {"17000000000e-1", 1700000000},
        {"17000000009e-1", 1700000000},
        {"1700000000.5e0", 1700000000},
        {"1700000000123e-3", 1700000000},
        {"0.0017e12", 1700000000},
        {"1e0", 1},
        {"1e-1", 0},
        {"5e-400", 0},
        {"0e400", 0},
        {"0.000e999999999999", 0},
        {"9007199254740992", 9007199254740992},
        {"9007199254740992.9", 9007199254740992},
        {"9007199254740993", REFUSED},
        {"9.007199254740993e15", REFUSED},
        {"9.007199254740992e15", 9007199254740992},
        {"1e16", REFUSED},
        {"1e400", REFUSED},
        {"1e99999999999999999999", REFUSED},
        {"18446744073709551617", REFUSED},
        {"36893488147419103232", REFUSED},
        {"-0", REFUSED},
        {"-1", REFUSED},
        {"", REFUSED},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        int64_t seconds = REFUSED;
        bool read = token_read_time(slice_of(CASES[i].number), &seconds);
        if (read != (CASES[i].seconds != REFUSED) || (read && seconds != CASES[i].seconds))
            fail_msg("%s: %d, %" PRId64, CASES[i].number, read, seconds);
    }
}

static void times_that_are_no_such_numbers_are_refused(void **state)
{
    (void)state;
    static const char *const TIMES[] = {"\"1000\"", "null", "true",  "[1000]",
                                        "{}",       "-1",   "1e300", "9007199254740993"};
    static const char *const NAMES[] = {"exp", "nbf", "iat"};
    struct token_rules rules = rules_of(NULL, NULL);

    for (size_t i = 0; i < sizeof TIMES / sizeof TIMES[0]; i++) {
        for (size_t j = 0; j < sizeof NAMES / sizeof NAMES[0]; j++) {
            char claims[200];
            snprintf(claims, sizeof claims, "{\"sub\":\"u\",\"account_id\":\"a\",%s\"%s\":%s}",
                     j > 0 ? "\"exp\":1000," : "", NAMES[j], TIMES[i]);
            assert_int_equal(verify_claims(&rules, claims, 500), STATUS_UNAUTHENTICATED);
        }
    }
}

static void a_cached_token_expires(void **state)
{
    (void)state;
    struct token_rules rules = rules_of(NULL, NULL);
    struct token_verifier *v = verifier(&rules);
    struct token_grant grant = grant_for("u");
    struct token_grant other = grant_for("w");
    struct buffer jwt = {0};
    struct buffer second = {0};
    struct token_claims out;

    assert_int_equal(token_sign(group.keys, "h", &grant, &jwt, NULL), STATUS_OK);
    assert_int_equal(token_sign(group.keys, "h", &other, &second, NULL), STATUS_OK);
    /* As the last token, and as one of the cache. */
    for (int round = 0; round < 2; round++) {
        assert_int_equal(token_verify(v, buffer_slice(&jwt), FORGE_NOW + 89, &out, NULL), STATUS_OK);
        if (round > 0)
            assert_int_equal(token_verify(v, buffer_slice(&second), FORGE_NOW, &out, NULL), STATUS_OK);
        assert_int_equal(token_verify(v, buffer_slice(&jwt), FORGE_NOW + 90, &out, NULL),
                         STATUS_UNAUTHENTICATED);
        assert_int_equal(token_verify(v, buffer_slice(&jwt), FORGE_NOW + 90, &out, NULL),
                         STATUS_UNAUTHENTICATED);
    }
    /* The worker's time is the broker's append time: it may be earlier for the next partition. */
    assert_int_equal(token_verify(v, buffer_slice(&jwt), FORGE_NOW, &out, NULL), STATUS_OK);
    assert_int_equal(token_verify(v, buffer_slice(&jwt), FORGE_NOW - 31, &out, NULL), STATUS_UNAUTHENTICATED);
    assert_int_equal(token_verify(v, buffer_slice(&jwt), FORGE_NOW - 30, &out, NULL), STATUS_OK);
    assert_true(slice_is(out.subject, "u"));
    buffer_dispose(&jwt);
    buffer_dispose(&second);
    token_verifier_free(v);
}

/* ---- other claims ---- */

static void issuer_and_audience_are_checked_when_configured(void **state)
{
    (void)state;
    static const struct {
        const char *issuer, *audience; /* configured */
        const char *claims;
        status expected;
    } CASES[] = {
        {NULL, NULL, "\"x\":1", STATUS_OK},
        {NULL, NULL, "\"iss\":5,\"aud\":{}", STATUS_OK},
        {"us", NULL, "\"iss\":\"us\"", STATUS_OK},
        {"us", NULL, "\"iss\":\"\\u0075s\"", STATUS_OK},
        {"us", NULL, "\"iss\":\"US\"", STATUS_UNAUTHENTICATED},
        {"us", NULL, "\"iss\":\"us \"", STATUS_UNAUTHENTICATED},
        {"us", NULL, "\"iss\":\"\"", STATUS_UNAUTHENTICATED},
        {"us", NULL, "\"iss\":[\"us\"]", STATUS_UNAUTHENTICATED},
        {"us", NULL, "\"iss\":null", STATUS_UNAUTHENTICATED},
        {"us", NULL, "\"aud\":\"us\"", STATUS_UNAUTHENTICATED},
        {"17", NULL, "\"iss\":17", STATUS_UNAUTHENTICATED},
        {NULL, "w", "\"aud\":\"w\"", STATUS_OK},
        {NULL, "w", "\"aud\":[\"w\"]", STATUS_OK},
        {NULL, "w", "\"aud\":[\"a\",\"w\",\"b\"]", STATUS_OK},
        {NULL, "w", "\"aud\":[\"\\u0077\"]", STATUS_OK},
        {NULL, "w", "\"aud\":\"ww\"", STATUS_UNAUTHENTICATED},
        {NULL, "w", "\"aud\":[]", STATUS_UNAUTHENTICATED},
        {NULL, "w", "\"aud\":[\"a\"]", STATUS_UNAUTHENTICATED},
        {NULL, "w", "\"aud\":[[\"w\"]]", STATUS_UNAUTHENTICATED},
        {NULL, "w", "\"aud\":[\"w\",1]", STATUS_UNAUTHENTICATED},
        {NULL, "w", "\"aud\":[1,\"w\"]", STATUS_UNAUTHENTICATED},
        {NULL, "w", "\"aud\":{\"w\":1}", STATUS_UNAUTHENTICATED},
        {NULL, "w", "\"aud\":null", STATUS_UNAUTHENTICATED},
        {NULL, "w", "\"x\":1", STATUS_UNAUTHENTICATED},
        {"us", "w", "\"iss\":\"us\",\"aud\":\"w\"", STATUS_OK},
        {"us", "w", "\"iss\":\"us\",\"aud\":\"us\"", STATUS_UNAUTHENTICATED},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct token_rules rules = rules_of(CASES[i].issuer, CASES[i].audience);
        char claims[200];
        snprintf(claims, sizeof claims, "{\"sub\":\"u\",\"account_id\":\"a\",\"exp\":1000,%s}",
                 CASES[i].claims);
        status st = verify_claims(&rules, claims, 1000);
        if (st != CASES[i].expected)
            fail_msg("%s", claims);
    }
}

/* `n` times the character, as a JSON string. */
static void add_repeated(struct buffer *b, const char *character, int n)
{
    buffer_add_char(b, '"');
    for (int i = 0; i < n; i++)
        buffer_add_text(b, character);
    buffer_add_char(b, '"');
}

static void subject_and_account_are_1_to_255_characters(void **state)
{
    (void)state;
    static const struct {
        const char *character;
        int n;
        status expected;
    } CASES[] = {
        {"x", 0, STATUS_UNAUTHENTICATED},
        {"x", 1, STATUS_OK},
        {"x", 255, STATUS_OK},
        {"x", 256, STATUS_UNAUTHENTICATED},
        {"\xf0\x9f\x8f\xb7", 255, STATUS_OK},
        {"\xf0\x9f\x8f\xb7", 256, STATUS_UNAUTHENTICATED},
        {"\\u00fc", 255, STATUS_OK},
        {" ", 1, STATUS_OK},
        {"\\u0000", 1, STATUS_UNAUTHENTICATED},
        {"\\n", 1, STATUS_UNAUTHENTICATED},
        {"\\u007f", 1, STATUS_UNAUTHENTICATED},
        {"\\u0085", 1, STATUS_UNAUTHENTICATED},
        {"\\ud800", 1, STATUS_UNAUTHENTICATED},
    };
    struct token_rules rules = rules_of(NULL, NULL);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        for (int which = 0; which < 2; which++) {
            struct buffer claims = {0};
            buffer_add_text(&claims, which ? "{\"exp\":1000,\"sub\":\"u\",\"account_id\":"
                                           : "{\"exp\":1000,\"account_id\":\"a\",\"sub\":");
            add_repeated(&claims, CASES[i].character, CASES[i].n);
            buffer_add(&claims, "}", 2);
            assert_int_equal(verify_claims(&rules, claims.at, 1000), CASES[i].expected);
            buffer_dispose(&claims);
        }
    }
    assert_int_equal(verify_claims(&rules, "{\"exp\":1000,\"sub\":\"u\"}", 1000), STATUS_UNAUTHENTICATED);
    assert_int_equal(verify_claims(&rules, "{\"exp\":1000,\"account_id\":\"u\"}", 1000),
                     STATUS_UNAUTHENTICATED);
    assert_int_equal(verify_claims(&rules, "{\"exp\":1000,\"sub\":1,\"account_id\":\"a\"}", 1000),
                     STATUS_UNAUTHENTICATED);
    assert_int_equal(verify_claims(&rules, "{\"exp\":1000,\"sub\":\"u\",\"account_id\":null}", 1000),
                     STATUS_UNAUTHENTICATED);
}

static void the_account_claim_has_the_configured_name(void **state)
{
    (void)state;
    struct token_rules rules = rules_of(NULL, NULL);
    rules.account_claim = "https://example.org/tenant";
    assert_int_equal(
        verify_claims(&rules, "{\"exp\":1000,\"sub\":\"u\",\"https://example.org/tenant\":\"a\"}", 1000),
        STATUS_OK);
    assert_int_equal(verify_claims(&rules, "{\"exp\":1000,\"sub\":\"u\",\"account_id\":\"a\"}", 1000),
                     STATUS_UNAUTHENTICATED);
    rules.account_claim = "sub";
    assert_int_equal(verify_claims(&rules, "{\"exp\":1000,\"sub\":\"u\"}", 1000), STATUS_OK);
}

/* ---- the cache ---- */

static void a_small_cache_still_tells_tokens_apart(void **state)
{
    (void)state;
    enum { TOKENS = 7, ROUNDS = 200 };
    struct token_rules rules = rules_of(NULL, NULL);
    struct buffer jwts[TOKENS] = {{0}};
    char subjects[TOKENS][24];

    for (int i = 0; i < TOKENS; i++) {
        snprintf(subjects[i], sizeof subjects[i], "user-%d", i);
        struct token_grant grant = grant_for(subjects[i]);
        grant.expires_at += i * 100;
        assert_int_equal(token_sign(group.keys, "h", &grant, &jwts[i], NULL), STATUS_OK);
    }
    for (size_t size = 0; size < TOKENS + 2; size++) {
        struct token_verifier *v = token_verifier_new(group.keys, &rules, size);
        unsigned random = 12345;
        for (int round = 0; round < ROUNDS; round++) {
            struct token_claims out;
            random = random * 1103515245U + 12345U;
            unsigned i = (random >> 16) % TOKENS;
            int64_t now = FORGE_NOW + (random >> 8) % 400;
            bool good = now < FORGE_NOW + 60 + (int64_t)i * 100 + 30;
            assert_int_equal(token_verify(v, buffer_slice(&jwts[i]), now, &out, NULL),
                             good ? STATUS_OK : STATUS_UNAUTHENTICATED);
            if (good)
                assert_true(slice_is(out.subject, subjects[i]));
        }
        token_verifier_free(v);
    }
    for (int i = 0; i < TOKENS; i++)
        buffer_dispose(&jwts[i]);
}

static void the_least_recently_used_token_is_given_up(void **state)
{
    (void)state;
    const struct token_content content = {.claims = {SLICE_LITERAL("u"), SLICE_LITERAL("a"), 1}};
    uint8_t digests[4][TOKEN_DIGEST_SIZE] = {
        {1}, {2}, {3}, {1, [31] = 1}}; /* the last shares a bucket with the first */
    struct token_cache *c = token_cache_new(3);

    for (int i = 0; i < 3; i++)
        assert_non_null(token_cache_put(c, digests[i], &content));
    assert_non_null(token_cache_find(c, digests[0]));
    assert_null(token_cache_find(c, digests[3]));
    assert_non_null(token_cache_put(c, digests[3], &content)); /* in place of 1 */
    assert_null(token_cache_find(c, digests[1]));
    assert_non_null(token_cache_find(c, digests[0]));
    assert_non_null(token_cache_find(c, digests[2]));
    assert_non_null(token_cache_find(c, digests[3]));

    token_cache_drop(c, token_cache_find(c, digests[0]));
    assert_null(token_cache_find(c, digests[0]));
    assert_non_null(token_cache_put(c, digests[1], &content)); /* in place of what was dropped */
    assert_non_null(token_cache_find(c, digests[1]));
    assert_non_null(token_cache_find(c, digests[2]));
    assert_non_null(token_cache_find(c, digests[3]));
    token_cache_free(c);
}

/* ---- keys ---- */

static void every_fault_of_the_keys_names_kid_and_file(void **state)
{
    (void)state;
    static const struct {
        const char *setting;
        const char *faults; /* parts, in order, each on a line of its own */
    } CASES[] = {
        {"", "a key is not named as kid=ALGORITHM:path\n"},
        {"h=HS256:%/secret,", "a key is not named as kid=ALGORITHM:path\n"},
        {"h", "a key is not named as kid=ALGORITHM:path\n"},
        {"h=HS256", "a key is not named as kid=ALGORITHM:path\n"},
        {"=HS256:%/secret", "a key is not named as kid=ALGORITHM:path\n"},
        {"h=HS256:", "a key is not named as kid=ALGORITHM:path\n"},
        {"h\x01=HS256:%/secret", "a kid is not plain text\n"},
        {"h=HS512:%/secret", "key h: its algorithm is not HS256, RS256 or ES256\n"},
        {"h=none:%/secret", "key h: its algorithm is not HS256, RS256 or ES256\n"},
        {"h=hs256:%/secret", "key h: its algorithm is not HS256, RS256 or ES256\n"},
        {"h=HS256:%/secret,h=HS256:%/secret", "key h: is named twice\n"},
        {"h=HS256:%/none", "key h: %/none: No such file or directory\n"},
        {"h=HS256:%/short", "key h: %/short: is an HS256 secret of less than 32 bytes\n"},
        {"h=HS256:%/rsa.pub.pem", "key h: %/rsa.pub.pem: is PEM, which is no HS256 secret\n"},
        {"h=HS256:%/rsa.pem", "key h: %/rsa.pem: is PEM, which is no HS256 secret\n"},
        {"h=HS256:%/large", "key h: %/large: larger than 4096 bytes\n"},
        {"r=RS256:%/secret", "key r: %/secret: is no PEM key that can be read without a pass phrase\n"},
        {"r=RS256:%/locked.pem",
         "key r: %/locked.pem: is no PEM key that can be read without a pass phrase\n"},
        {"r=RS256:%/small.pem", "key r: %/small.pem: is an RSA key of less than 2048 bits\n"},
        {"r=RS256:%/small.pub.pem", "key r: %/small.pub.pem: is an RSA key of less than 2048 bits\n"},
        {"r=RS256:%/ec.pub.pem", "key r: %/ec.pub.pem: is no RSA key\n"},
        {"e=ES256:%/rsa.pem", "key e: %/rsa.pem: is no elliptic curve key\n"},
        {"e=ES256:%/p384.pem", "key e: %/p384.pem: is not on the curve P-256\n"},
        {"a=HS256:%/none, b=HS256:%/short ,c=ES256:%/p384.pub.pem",
         "key a: %/none: No such file or directory\n"
         "key b: %/short: is an HS256 secret of less than 32 bytes\n"
         "key c: %/p384.pub.pem: is not on the curve P-256\n"},
    };
    static const char LARGE[4097];
    char path[FORGE_PATH_SIZE];
    forge_file(group.directory, "large", (struct slice){LARGE, sizeof LARGE});
    snprintf(path, sizeof path, "%s/locked.pem", group.directory);
    FILE *locked = fopen(path, "we");
    EVP_PKEY *key = EVP_EC_gen("P-256");
    PEM_write_PKCS8PrivateKey(locked, key, EVP_aes_128_cbc(), "pass", 4, NULL, NULL);
    EVP_PKEY_free(key);
    fclose(locked);

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct buffer faults = {0};
        struct buffer expected = {0};
        for (const char *c = CASES[i].faults; *c; c++) {
            if (*c == '%')
                buffer_add_text(&expected, group.directory);
            else
                buffer_add_char(&expected, *c);
        }
        buffer_add_char(&expected, '\0');
        assert_null(load(CASES[i].setting, &faults));
        buffer_add_char(&faults, '\0');
        assert_string_equal(faults.at, expected.at);
        buffer_dispose(&faults);
        buffer_dispose(&expected);
    }
}

/* ---- Authorization ---- */

static void the_token_is_taken_out_of_an_authorization_value(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        const char *token; /* NULL: absent */
    } CASES[] = {
        {NULL, NULL},
        {"", NULL},
        {"Bearer a.b.c", "a.b.c"},
        {"bEARER a.b.c", "a.b.c"},
        {"Bearer   a", "a"},
        {"Bearer", ""},
        {"Bearer ", ""},
        {"Basic dTpw", NULL},
        {"Bearerx a", NULL},
        {"BearerBearer", NULL},
        {" Bearer a", NULL},
        {"a.b.c", NULL},
        {"Bearer a b", "a b"},
        {"Bearer\ta", "\ta"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct slice token = token_of_authorization(slice_of(CASES[i].value));
        assert_true(slice_equal(token, slice_of(CASES[i].token)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_signed_verifies_with_every_algorithm),
        cmocka_unit_test(a_public_key_verifies_and_cannot_sign),
        cmocka_unit_test(the_key_to_sign_with_is_named_or_alone),
        cmocka_unit_test(nothing_is_signed_that_would_not_verify),
        cmocka_unit_test(times_are_checked_with_leeway),
        cmocka_unit_test(a_time_is_a_number_from_0_to_2_53_cut_to_seconds),
        cmocka_unit_test(times_that_are_no_such_numbers_are_refused),
        cmocka_unit_test(a_cached_token_expires),
        cmocka_unit_test(issuer_and_audience_are_checked_when_configured),
        cmocka_unit_test(subject_and_account_are_1_to_255_characters),
        cmocka_unit_test(the_account_claim_has_the_configured_name),
        cmocka_unit_test(a_small_cache_still_tells_tokens_apart),
        cmocka_unit_test(the_least_recently_used_token_is_given_up),
        cmocka_unit_test(every_fault_of_the_keys_names_kid_and_file),
        cmocka_unit_test(the_token_is_taken_out_of_an_authorization_value),
    };
    return cmocka_run_group_tests_name("token", tests, make_group, drop_group);
}
