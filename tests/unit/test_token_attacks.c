/* What must never be accepted: RFC 8725 and the ways in which libraries can be led astray. */
#include "common/token_internal.h"
#include "tests/unit/token_attack.h"

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
    const struct token_key *rsa = token_set_find(group.keys->shared->current, SLICE_NONE, SLICE_LITERAL("r"));
    struct slice pem = slice_make(rsa->verify.at, rsa->verify.len);

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
        {"{\"alg\":\"HS256\",\"kid\":\"h\",\"typ\":\"JWE\"}", WRONG_TYPE},
        {"{\"alg\":\"HS256\",\"kid\":\"h\",\"typ\":\"\"}", WRONG_TYPE},
        {"{\"alg\":\"HS256\",\"kid\":\"h\",\"typ\":\"dpop+jwt\"}", WRONG_TYPE},
        {"{\"alg\":\"HS256\",\"kid\":\"h\",\"typ\":\"text/at+jwt\"}", WRONG_TYPE},
        {"{\"alg\":\"HS256\",\"kid\":\"h\",\"typ\":\"jwt\"}", NULL},
        {"{\"alg\":\"HS256\",\"kid\":\"h\",\"cty\":\"JWT\",\"x\":null}", NULL},
        {" {\n\"kid\":\"h\" ,\t\"alg\":\"HS256\"}\r\n", NULL},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
        assert_signed(CASES[i].header, CLAIMS, CASES[i].reason);
}

/* RFC 9068 §2.1 */
static void an_access_token_may_say_that_it_is_one(void **state)
{
    (void)state;
    static const char *const TYPES[] = {"at+jwt", "AT+JWT", "application/at+jwt", "application/jwt"};

    for (size_t i = 0; i < sizeof TYPES / sizeof TYPES[0]; i++) {
        char header[100];
        struct buffer jwt = {0};
        snprintf(header, sizeof header, "{\"alg\":\"HS256\",\"kid\":\"h\",\"typ\":\"%s\"}", TYPES[i]);
        assert_signed(header, CLAIMS, NULL);
        snprintf(header, sizeof header, "{\"alg\":\"RS256\",\"kid\":\"r\",\"typ\":\"%s\"}", TYPES[i]);
        forge_signed(&jwt, slice_of(header), SLICE_LITERAL(CLAIMS), group.rsa);
        assert_int_equal(verify(buffer_slice(&jwt)), STATUS_OK);
        buffer_clear(&jwt);
        snprintf(header, sizeof header, "{\"alg\":\"ES256\",\"kid\":\"e\",\"typ\":\"%s\"}", TYPES[i]);
        forge_signed(&jwt, slice_of(header), SLICE_LITERAL(CLAIMS), group.ec);
        assert_int_equal(verify(buffer_slice(&jwt)), STATUS_OK);
        buffer_dispose(&jwt);
    }
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
        WITH_VERIFIER(an_access_token_may_say_that_it_is_one),
        WITH_VERIFIER(a_raw_nul_does_not_end_a_header),
        WITH_VERIFIER(a_key_that_the_token_brings_is_not_used),
        WITH_VERIFIER(claims_are_read_strictly),
        WITH_VERIFIER(a_refusal_quotes_nothing_of_the_token),
    };
    return cmocka_run_group_tests_name("token_attacks", tests, make_group, drop_group);
}
