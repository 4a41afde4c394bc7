/* What must never be accepted: RFC 8725 and the ways in which libjwt can be led astray. */
#include "common/label.h"
#include "common/token.h"
#include "common/token_internal.h"
#include "tests/unit/token_forge.h"
#include <dirent.h>
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

static int make_group(void **state)
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

static int drop_group(void **state)
{
    (void)state;
    char path[300];
    token_keys_free(group.keys);
    EVP_PKEY_free(group.rsa);
    EVP_PKEY_free(group.ec);
    DIR *d = opendir(group.directory);
    for (struct dirent *e; d && (e = readdir(d));) {
        snprintf(path, sizeof path, "%s/%s", group.directory, e->d_name);
        unlink(path);
    }
    if (d)
        closedir(d);
    return rmdir(group.directory);
}

static int make_verifier(void **state)
{
    (void)state;
    const struct token_rules rules = {.account_claim = "account_id", .leeway_s = 30};
    group.verifier = token_verifier_new(group.keys, &rules, 16);
    return group.verifier ? 0 : -1;
}

static int drop_verifier(void **state)
{
    (void)state;
    token_verifier_free(group.verifier);
    return 0;
}

static status verify(struct slice jwt)
{
    struct token_claims out;
    struct fault f = {0};
    status st = token_verify(group.verifier, jwt, FORGE_NOW, &out, &f);
    if (st != STATUS_OK)
        assert_string_equal(f.code, "invalid_token");
    return st;
}

/* The reason, so that a case is known to fail for what it is about. */
static void assert_refused(struct slice jwt, const char *reason)
{
    struct token_claims out;
    struct fault f = {0};
    assert_int_equal(token_verify(group.verifier, jwt, FORGE_NOW, &out, &f), STATUS_UNAUTHENTICATED);
    assert_string_equal(f.code, "invalid_token");
    assert_string_equal(f.message, reason);
}

/* Signed with the good secret. */
static void assert_signed(const char *header, const char *claims, const char *reason)
{
    struct buffer jwt = {0};
    forge_hs256(&jwt, slice_of(header), slice_of(claims), SLICE_LITERAL(SECRET));
    if (reason)
        assert_refused(buffer_slice(&jwt), reason);
    else
        assert_int_equal(verify(buffer_slice(&jwt)), STATUS_OK);
    buffer_dispose(&jwt);
}

static struct buffer good_token(void)
{
    struct buffer jwt = {0};
    forge_hs256(&jwt, SLICE_LITERAL(HS_HEADER), SLICE_LITERAL(CLAIMS), SLICE_LITERAL(SECRET));
    return jwt;
}

static const char HEADER_SHAPE[] = "the token's header is not one JSON object with different member names";
static const char CLAIMS_SHAPE[] = "the token's claims are not one JSON object with different member names";
static const char WRONG_ALG[] = "the token's alg is not the key's";
static const char BASE64URL[] = "a part of the token is not canonical base64url";
static const char SIGNATURE[] = "the token's signature does not verify";
static const char THREE_PARTS[] = "the token has not three parts";

/* ---- the algorithm ---- */

static void forged_tokens_of_the_right_kind_are_accepted(void **state)
{
    (void)state;
    struct buffer jwt = {0};
    assert_signed(HS_HEADER, CLAIMS, NULL);
    forge_signed(&jwt, SLICE_LITERAL("{\"alg\":\"RS256\",\"kid\":\"r\"}"), SLICE_LITERAL(CLAIMS), group.rsa);
    assert_int_equal(verify(buffer_slice(&jwt)), STATUS_OK);
    buffer_clear(&jwt);
    forge_signed(&jwt, SLICE_LITERAL("{\"alg\":\"ES256\",\"kid\":\"e\"}"), SLICE_LITERAL(CLAIMS), group.ec);
    assert_int_equal(verify(buffer_slice(&jwt)), STATUS_OK);
    buffer_dispose(&jwt);
}

static void no_spelling_of_none_is_an_algorithm(void **state)
{
    (void)state;
    static const char *const SPELLINGS[] = {"none", "None",  "NONE",  "nOnE", "n\\u006fne",
                                            "",     " none", "none ", "null"};
    static const char *const KIDS[] = {"h", "r", "e"};

    for (size_t i = 0; i < sizeof SPELLINGS / sizeof SPELLINGS[0]; i++) {
        for (size_t k = 0; k < sizeof KIDS / sizeof KIDS[0]; k++) {
            char header[100];
            struct buffer jwt = {0};
            snprintf(header, sizeof header, "{\"alg\":\"%s\",\"kid\":\"%s\"}", SPELLINGS[i], KIDS[k]);
            forge_signing_input(&jwt, slice_of(header), SLICE_LITERAL(CLAIMS));
            assert_refused(buffer_slice(&jwt), THREE_PARTS);
            buffer_add_char(&jwt, '.');
            assert_refused(buffer_slice(&jwt), BASE64URL);
            buffer_add_text(&jwt, "AA");
            assert_refused(buffer_slice(&jwt), WRONG_ALG);
            buffer_dispose(&jwt);
        }
    }
}

static void an_rsa_public_key_is_no_hmac_secret(void **state)
{
    (void)state;
    static const struct {
        const char *header, *reason;
    } CASES[] = {
        {"{\"alg\":\"HS256\",\"kid\":\"r\"}", WRONG_ALG},
        {"{\"alg\":\"RS256\",\"kid\":\"r\"}", SIGNATURE},
        {"{\"alg\":\"HS256\",\"kid\":\"h\"}", SIGNATURE},
        {"{\"alg\":\"HS256\",\"kid\":\"e\"}", WRONG_ALG},
    };
    struct slice pem = slice_make(token_keys_find(group.keys, SLICE_LITERAL("r"))->verify.at,
                                  token_keys_find(group.keys, SLICE_LITERAL("r"))->verify.len);

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        /* With its last line feed and without. */
        for (size_t cut = 0; cut < 2; cut++) {
            struct buffer jwt = {0};
            forge_hs256(&jwt, slice_of(CASES[i].header), SLICE_LITERAL(CLAIMS),
                        (struct slice){pem.at, pem.len - cut});
            assert_refused(buffer_slice(&jwt), CASES[i].reason);
            buffer_dispose(&jwt);
        }
    }
}

static void the_algorithm_must_be_the_keys_in_its_exact_spelling(void **state)
{
    (void)state;
    static const char *const HEADERS[] = {
        "{\"alg\":\"hs256\",\"kid\":\"h\"}", "{\"alg\":\"HS384\",\"kid\":\"h\"}",
        "{\"alg\":\"RS256\",\"kid\":\"h\"}", "{\"alg\":\"ES256\",\"kid\":\"r\"}",
        "{\"alg\":\"RS256\",\"kid\":\"e\"}", "{\"alg\":\"HS256 \",\"kid\":\"h\"}",
        "{\"alg\":\"RS384\",\"kid\":\"r\"}", "{\"alg\":\"PS256\",\"kid\":\"r\"}",
    };
    for (size_t i = 0; i < sizeof HEADERS / sizeof HEADERS[0]; i++)
        assert_signed(HEADERS[i], CLAIMS, WRONG_ALG);
    assert_signed("{\"alg\":\"\\u0048S256\",\"kid\":\"\\u0068\"}", CLAIMS,
                  NULL); /* JSON's own other spelling */
}

static void a_key_of_another_kid_does_not_count(void **state)
{
    (void)state;
    struct buffer jwt = {0};
    EVP_PKEY *stranger = EVP_EC_gen("P-256");
    forge_signed(&jwt, SLICE_LITERAL("{\"alg\":\"ES256\",\"kid\":\"e\"}"), SLICE_LITERAL(CLAIMS), stranger);
    assert_refused(buffer_slice(&jwt), SIGNATURE);
    EVP_PKEY_free(stranger);
    buffer_clear(&jwt);
    forge_signed(&jwt, SLICE_LITERAL("{\"alg\":\"ES256\",\"kid\":\"e\"}"), SLICE_LITERAL(CLAIMS), group.rsa);
    assert_refused(buffer_slice(&jwt), SIGNATURE);
    buffer_dispose(&jwt);
}

static void signatures_of_nothing_are_refused(void **state)
{
    (void)state;
    static const char ZERO[256] = {0};
    unsigned char der[128];
    size_t der_len = sizeof der;
    struct buffer jwt = {0};

    /* r = s = 0, and other lengths of nothing. */
    for (size_t len = 1; len <= sizeof ZERO; len++) {
        buffer_clear(&jwt);
        forge_signing_input(&jwt, SLICE_LITERAL("{\"alg\":\"ES256\",\"kid\":\"e\"}"), SLICE_LITERAL(CLAIMS));
        forge_add_signature(&jwt, (struct slice){ZERO, len});
        assert_refused(buffer_slice(&jwt), SIGNATURE);
    }
    buffer_clear(&jwt);
    forge_signing_input(&jwt, SLICE_LITERAL("{\"alg\":\"RS256\",\"kid\":\"r\"}"), SLICE_LITERAL(CLAIMS));
    forge_add_signature(&jwt, (struct slice){ZERO, sizeof ZERO});
    assert_refused(buffer_slice(&jwt), SIGNATURE);

    /* An ES256 signature in DER is not JOSE's form. */
    buffer_clear(&jwt);
    forge_signing_input(&jwt, SLICE_LITERAL("{\"alg\":\"ES256\",\"kid\":\"e\"}"), SLICE_LITERAL(CLAIMS));
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, group.ec), 1);
    assert_int_equal(EVP_DigestSign(ctx, der, &der_len, (const unsigned char *)jwt.at, jwt.len), 1);
    EVP_MD_CTX_free(ctx);
    forge_add_signature(&jwt, slice_make(der, der_len));
    assert_refused(buffer_slice(&jwt), SIGNATURE);
    buffer_dispose(&jwt);
}

/* ---- the header ---- */

static void headers_are_read_strictly(void **state)
{
    (void)state;
    static const struct {
        const char *header, *reason;
    } CASES[] = {
        {"{\"kid\":\"h\"}", "the token's header has no alg"},
        {"{\"alg\":\"HS256\"}", "the token's header has no kid"},
        {"{\"alg\":\"HS256\",\"kid\":\"x\"}", "the token's kid is unknown"},
        {"{\"alg\":\"HS256\",\"kid\":\"H\"}", "the token's kid is unknown"},
        {"{\"alg\":\"HS256\",\"kid\":\"h \"}", "the token's kid is unknown"},
        {"{\"alg\":\"HS256\",\"kid\":\"../h\"}", "the token's kid is unknown"},
        {"{\"alg\":\"HS256\",\"kid\":\"\"}", "the token's kid is not a string, or empty"},
        {"{\"alg\":\"HS256\",\"kid\":[\"h\"]}", "the token's kid is not a string, or empty"},
        {"{\"alg\":\"HS256\",\"kid\":null}", "the token's kid is not a string, or empty"},
        {"{\"alg\":[\"HS256\"],\"kid\":\"h\"}", "the token's alg is not a string"},
        {"{\"alg\":null,\"kid\":\"h\"}", "the token's alg is not a string"},
        {"{\"alg\":\"HS256\",\"kid\":\"h\",\"crit\":[\"exp\"],\"exp\":1}",
         "the token's header has crit or b64"},
        {"{\"crit\":null,\"alg\":\"HS256\",\"kid\":\"h\"}", "the token's header has crit or b64"},
        {"{\"alg\":\"HS256\",\"kid\":\"h\",\"b64\":true}", "the token's header has crit or b64"},
        {"{\"alg\":\"HS256\",\"kid\":\"h\",\"\\u0062\\u00364\":true}", "the token's header has crit or b64"},
        {"{\"alg\":\"HS256\",\"kid\":\"h\",\"kid\":\"h\"}", HEADER_SHAPE},
        {"{\"alg\":\"HS256\",\"kid\":\"h\",\"alg\":\"none\"}", HEADER_SHAPE},
        {"{\"alg\":\"none\",\"kid\":\"h\",\"\\u0061lg\":\"HS256\"}", HEADER_SHAPE},
        {"{\"alg\":\"HS256\",\"kid\":\"h\",\"x\":{\"y\":1,\"y\":1}}", HEADER_SHAPE},
        {"{\"alg\":\"HS256\",\"kid\":\"h\\u0000\"}", HEADER_SHAPE},
        {"{\"alg\":\"HS256\",\"kid\":\"h\"} x", HEADER_SHAPE},
        {"{\"alg\":\"HS256\",\"kid\":\"h\"}{}", HEADER_SHAPE},
        {"\xef\xbb\xbf{\"alg\":\"HS256\",\"kid\":\"h\"}", HEADER_SHAPE},
        {"[\"alg\",\"HS256\"]", HEADER_SHAPE},
        {"\"HS256\"", HEADER_SHAPE},
        {"{'alg':'HS256','kid':'h'}", HEADER_SHAPE},
        {"{\"alg\":\"HS256\",\"kid\":\"h\",\"x\":\"\xff\"}", HEADER_SHAPE},
        {"{\"alg\":\"HS256\",\"kid\":\"h\",\"x\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}", HEADER_SHAPE},
        {"{\"alg\":\"HS256\",\"kid\":\"h\",\"typ\":\"JWE\"}", "the token's typ is not JWT"},
        {"{\"alg\":\"HS256\",\"kid\":\"h\",\"typ\":\"jwt\"}", NULL},
        {"{\"alg\":\"HS256\",\"kid\":\"h\",\"cty\":\"JWT\",\"x\":null}", NULL},
        {" {\n\"kid\":\"h\" ,\t\"alg\":\"HS256\"}\r\n", NULL},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
        assert_signed(CASES[i].header, CLAIMS, CASES[i].reason);
}

static void a_raw_nul_does_not_end_a_header(void **state)
{
    (void)state;
    struct buffer jwt = {0};
    forge_hs256(&jwt, SLICE_LITERAL(HS_HEADER "\0{\"alg\":\"none\"}"), SLICE_LITERAL(CLAIMS),
                SLICE_LITERAL(SECRET));
    assert_refused(buffer_slice(&jwt), HEADER_SHAPE);
    buffer_clear(&jwt);
    forge_hs256(&jwt, SLICE_LITERAL(HS_HEADER), SLICE_LITERAL(CLAIMS "\0"), SLICE_LITERAL(SECRET));
    assert_refused(buffer_slice(&jwt), CLAIMS_SHAPE);
    buffer_dispose(&jwt);
}

static void a_key_that_the_token_brings_is_not_used(void **state)
{
    (void)state;
    static const char HEADER[] =
        "{\"alg\":\"HS256\",\"kid\":\"h\",\"jwk\":{\"kty\":\"oct\",\"k\":\"YXR0YWNrZXI\"},"
        "\"jku\":\"http://127.0.0.1:1/keys\",\"x5u\":\"http://127.0.0.1:1/"
        "\",\"x5c\":[\"AA==\"],\"x5t\":\"AA\"}";
    struct buffer jwt = {0};
    forge_hs256(&jwt, slice_of(HEADER), SLICE_LITERAL(CLAIMS), SLICE_LITERAL("attacker"));
    assert_refused(buffer_slice(&jwt), SIGNATURE);
    buffer_dispose(&jwt);
    assert_signed(HEADER, CLAIMS, NULL); /* passed over, where the configured key has signed */
}

/* ---- the claims ---- */

static void claims_are_read_strictly(void **state)
{
    (void)state;
    static const char *const CASES[] = {
        "{\"sub\":\"u\",\"account_id\":\"a\",\"exp\":1700000060,\"account_id\":\"b\"}",
        "{\"sub\":\"u\",\"account_id\":\"a\",\"exp\":1,\"exp\":1700000060}",
        "{\"sub\":\"u\",\"account_id\":\"a\",\"exp\":1700000060,\"\\u0073ub\":\"root\"}",
        "{\"sub\":\"u\",\"account_id\":\"a\",\"exp\":1700000060,\"x\":{\"y\":1,\"y\":2}}",
        "{\"sub\":\"u\",\"account_id\":\"a\",\"exp\":1700000060}x",
        "{\"sub\":\"\\ud800\",\"account_id\":\"a\",\"exp\":1700000060}",
        "\xef\xbb\xbf{\"sub\":\"u\",\"account_id\":\"a\",\"exp\":1700000060}",
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct buffer jwt = {0};
        forge_hs256(&jwt, SLICE_LITERAL(HS_HEADER), slice_of(CASES[i]), SLICE_LITERAL(SECRET));
        assert_int_equal(verify(buffer_slice(&jwt)), STATUS_UNAUTHENTICATED);
        buffer_dispose(&jwt);
    }
    assert_signed(HS_HEADER, CASES[0], CLAIMS_SHAPE);
    assert_signed(HS_HEADER, "{\"sub\":\"u\",\"account_id\":\"a\",\"exp\":\"1700000060\"}",
                  "a time of the token is not a number from 0 to 2^53");
    assert_signed(HS_HEADER, "{\"sub\":\"u\",\"account_id\":\"a\",\"exp\":1699999970}",
                  "the token has expired");
}

/* ---- the compact form ---- */

static void a_token_has_three_parts(void **state)
{
    (void)state;
    struct buffer good = good_token();
    struct buffer jwt = {0};
    static const char *const NONE[] = {".", "..", "...", "a", "a.b", "a..b", ".a.b", "a.b.", "a.b.c.d"};

    for (size_t i = 0; i < sizeof NONE / sizeof NONE[0]; i++)
        assert_int_equal(verify(slice_of(NONE[i])), STATUS_UNAUTHENTICATED);
    assert_refused(SLICE_LITERAL(""), "the token is empty");
    assert_refused(SLICE_NONE, "the token is empty");
    assert_int_equal(verify(buffer_slice(&good)), STATUS_OK);

    static const char *const BEHIND[] = {".", ".e30", "=", " ", "\n", "A", "AA"};
    for (size_t i = 0; i < sizeof BEHIND / sizeof BEHIND[0]; i++) {
        buffer_clear(&jwt);
        buffer_add_slice(&jwt, buffer_slice(&good));
        buffer_add_text(&jwt, BEHIND[i]);
        assert_int_equal(verify(buffer_slice(&jwt)), STATUS_UNAUTHENTICATED);
    }
    buffer_clear(&jwt);
    buffer_add_slice(&jwt, buffer_slice(&good));
    buffer_add(&jwt, "", 1);
    assert_refused(buffer_slice(&jwt), BASE64URL);
    buffer_dispose(&jwt);
    buffer_dispose(&good);
}

static void base64url_has_one_spelling(void **state)
{
    (void)state;
    static const struct {
        const char
            *header; /* already encoded; `{"alg":"HS256","kid":"h"}` has 25 bytes: two unused bits in pairs */
        bool canonical;
    } CASES[] = {
        {"eyJhbGciOiJIUzI1NiIsImtpZCI6ImgifQ", true},     {"eyJhbGciOiJIUzI1NiIsImtpZCI6ImgifR", false},
        {"eyJhbGciOiJIUzI1NiIsImtpZCI6ImgifQ==", false},  {"eyJhbGciOiJIUzI1NiIsImtpZCI6ImgifQ=", false},
        {"eyJhbGciOiJIUzI1NiIsImtpZCI6ImgifQ\n", false},  {"eyJh bGciOiJIUzI1NiIsImtpZCI6ImgifQ", false},
        {"eyJhbGciOiJIUzI1NiIsImtpZCI6ImgifQAAA", false}, {"eyJhbGciOiJIUzI1NiIsImtpZCI6Imgif+", false},
        {"eyJhbGciOiJIUzI1NiIsImtpZCI6Imgif/", false},    {"eyJhbGciOiJIUzI1NiIsImtpZCI6ImgifQ%3D", false},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        unsigned char mac[EVP_MAX_MD_SIZE];
        unsigned len = 0;
        struct buffer jwt = {0};
        buffer_add_text(&jwt, CASES[i].header);
        buffer_add_char(&jwt, '.');
        forge_base64url(&jwt, SLICE_LITERAL(CLAIMS));
        HMAC(EVP_sha256(), SECRET, (int)strlen(SECRET), (const unsigned char *)jwt.at, jwt.len, mac, &len);
        forge_add_signature(&jwt, slice_make(mac, len));
        if (CASES[i].canonical)
            assert_int_equal(verify(buffer_slice(&jwt)), STATUS_OK);
        else
            assert_refused(buffer_slice(&jwt), BASE64URL);
        buffer_dispose(&jwt);
    }
}

static void no_changed_byte_is_accepted(void **state)
{
    (void)state;
    struct buffer good = good_token();
    /* Before anything is cached, and with the good one as the last and in the cache. */
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < good.len; i++) {
            for (unsigned bit = 1; bit < 256; bit <<= 1) {
                good.at[i] = (char)((unsigned char)good.at[i] ^ bit);
                assert_int_equal(verify(buffer_slice(&good)), STATUS_UNAUTHENTICATED);
                good.at[i] = (char)((unsigned char)good.at[i] ^ bit);
            }
        }
        for (size_t len = 0; len < good.len; len++)
            assert_int_equal(verify((struct slice){good.at, len}), STATUS_UNAUTHENTICATED);
        assert_int_equal(verify(buffer_slice(&good)), STATUS_OK);
    }
    buffer_dispose(&good);
}

static void a_long_token_is_refused_before_it_is_read(void **state)
{
    (void)state;
    struct buffer claims = {0};
    struct buffer jwt = {0};
    static const char HEAD[] = "{\"sub\":\"u\",\"account_id\":\"a\",\"exp\":1700000060,\"x\":\"";

    /* The longest with this header: 8192 = 51 + 1 + 8097 + 43; 8097 is no length of base64url, 8096 is that of 6072 bytes. */
    for (size_t bytes = 6072; bytes <= 6074; bytes++) {
        buffer_clear(&claims);
        buffer_clear(&jwt);
        buffer_add_text(&claims, HEAD);
        while (claims.len < bytes - 2)
            buffer_add_char(&claims, 'x');
        buffer_add_text(&claims, "\"}");
        forge_hs256(&jwt, SLICE_LITERAL(HS_HEADER), buffer_slice(&claims), SLICE_LITERAL(SECRET));
        if (jwt.len <= LABEL_TOKEN_MAX)
            assert_int_equal(verify(buffer_slice(&jwt)), STATUS_OK);
        else
            assert_refused(buffer_slice(&jwt), "the token is longer than 8192 bytes");
    }
    assert_true(jwt.len > LABEL_TOKEN_MAX && jwt.len < LABEL_TOKEN_MAX + 4);

    char *huge = malloc(10000000);
    assert_non_null(huge);
    memset(huge, 'A', 10000000);
    assert_refused((struct slice){huge, 10000000}, "the token is longer than 8192 bytes");
    free(huge);
    buffer_dispose(&claims);
    buffer_dispose(&jwt);
}

static void a_refusal_quotes_nothing_of_the_token(void **state)
{
    (void)state;
    static const char *const HEADERS[] = {
        "{\"alg\":\"canary\",\"kid\":\"h\"}",
        "{\"alg\":\"HS256\",\"kid\":\"canary\"}",
        "{\"canary\":1,\"canary\":2}",
        "{\"alg\":\"HS256\",\"kid\":\"h\",\"typ\":\"canary\"}",
        "{\"alg\":\"HS256\",\"kid\":\"h\",canary}",
        HS_HEADER,
    };
    static const char *const ALL_CLAIMS[] = {"{\"sub\":\"canary\"}", "{\"canary\":1,\"canary\":2}", "canary"};

    for (size_t i = 0; i < sizeof HEADERS / sizeof HEADERS[0]; i++) {
        for (size_t j = 0; j < sizeof ALL_CLAIMS / sizeof ALL_CLAIMS[0]; j++) {
            struct token_claims out;
            struct fault f = {0};
            struct buffer jwt = {0};
            forge_hs256(&jwt, slice_of(HEADERS[i]), slice_of(ALL_CLAIMS[j]), SLICE_LITERAL(SECRET));
            assert_int_equal(token_verify(group.verifier, buffer_slice(&jwt), FORGE_NOW, &out, &f),
                             STATUS_UNAUTHENTICATED);
            assert_null(strstr(f.message, "canary"));
            buffer_dispose(&jwt);
        }
    }
}

#define WITH_VERIFIER(test) cmocka_unit_test_setup_teardown(test, make_verifier, drop_verifier)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_VERIFIER(forged_tokens_of_the_right_kind_are_accepted),
        WITH_VERIFIER(no_spelling_of_none_is_an_algorithm),
        WITH_VERIFIER(an_rsa_public_key_is_no_hmac_secret),
        WITH_VERIFIER(the_algorithm_must_be_the_keys_in_its_exact_spelling),
        WITH_VERIFIER(a_key_of_another_kid_does_not_count),
        WITH_VERIFIER(signatures_of_nothing_are_refused),
        WITH_VERIFIER(headers_are_read_strictly),
        WITH_VERIFIER(a_raw_nul_does_not_end_a_header),
        WITH_VERIFIER(a_key_that_the_token_brings_is_not_used),
        WITH_VERIFIER(claims_are_read_strictly),
        WITH_VERIFIER(a_token_has_three_parts),
        WITH_VERIFIER(base64url_has_one_spelling),
        WITH_VERIFIER(no_changed_byte_is_accepted),
        WITH_VERIFIER(a_long_token_is_refused_before_it_is_read),
        WITH_VERIFIER(a_refusal_quotes_nothing_of_the_token),
    };
    return cmocka_run_group_tests_name("token_attacks", tests, make_group, drop_group);
}
