/* The compact form (RFC 7515 §7.1): one spelling, every byte counts. */
#include "common/label.h"
#include "tests/unit/token_attack.h"

static struct buffer good_token(void)
{
    struct buffer jwt = {0};
    forge_hs256(&jwt, SLICE_LITERAL(HS_HEADER), SLICE_LITERAL(CLAIMS), SLICE_LITERAL(SECRET));
    return jwt;
}

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_VERIFIER(a_token_has_three_parts),
        WITH_VERIFIER(base64url_has_one_spelling),
        WITH_VERIFIER(no_changed_byte_is_accepted),
        WITH_VERIFIER(a_long_token_is_refused_before_it_is_read),
    };
    return cmocka_run_group_tests_name("token_form", tests, make_group, drop_group);
}
