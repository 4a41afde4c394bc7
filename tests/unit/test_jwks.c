/* Which keys of a key set are taken, and as what. The numbers are made up: no key is built of them here. */
#include "common/jwks.h"

#include "common/buffer.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* `n` bytes, all of `letter` in base64url: A is zero, _ is all ones. */
#define A43 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define B43 "____________________________________________"
#define COORDINATE "__________________________________________8" /* 32 bytes */
#define SECRET_32 COORDINATE
#define SECRET_31 "_________________________________________w"

struct seen {
    struct buffer keys;  /* "kid:ALG " each */
    struct buffer skips; /* "kid: why\n" each */
    status answer;
};

static status take(void *ctx, const struct jwk *key)
{
    static const char *const NAMES[] = {
        [TOKEN_HS256] = "HS256", [TOKEN_RS256] = "RS256", [TOKEN_ES256] = "ES256"};
    struct seen *seen = ctx;
    buffer_printf(&seen->keys, "%.*s:%s ", (int)key->kid.len, key->kid.at, NAMES[key->algorithm]);
    assert_int_equal(key->n.at != NULL, key->algorithm == TOKEN_RS256);
    assert_int_equal(key->x.at != NULL, key->algorithm == TOKEN_ES256);
    assert_int_equal(key->secret.at != NULL, key->algorithm == TOKEN_HS256);
    return seen->answer;
}

static void note_skip(void *ctx, struct slice kid, const char *why)
{
    struct seen *seen = ctx;
    buffer_printf(&seen->skips, "%.*s: %s\n", (int)kid.len, kid.at ? kid.at : "", why);
}

static status read_set(struct slice text, bool secrets, struct seen *seen, struct fault *f)
{
    const struct jwks_reader reader = {.secrets = secrets, .key = take, .skipped = note_skip, .ctx = seen};
    struct arena *a = arena_new(4096);
    assert_non_null(a);
    status st = jwks_read(text, a, &reader, f);
    arena_free(a);
    return st;
}

static void forget(struct seen *seen)
{
    buffer_dispose(&seen->keys);
    buffer_dispose(&seen->skips);
}

/* `len` bytes of a number as base64url: the first byte is `first` (0 to 3 in its top bits), all others ones; odd. */
static void add_modulus(struct buffer *b, size_t bytes, char first)
{
    size_t characters = (bytes * 8 + 5) / 6;
    buffer_add_char(b, first);
    for (size_t i = 1; i + 1 < characters; i++)
        buffer_add_char(b, '_');
    buffer_add_text(b, bytes % 3 == 1 ? "w" : bytes % 3 == 2 ? "8" : "_");
}

/* A set of one RSA key with these members besides kty, n and kid. */
static void rsa_set(struct buffer *b, size_t bytes, char first, const char *more)
{
    buffer_clear(b);
    buffer_add_text(b, "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"r\",\"n\":\"");
    add_modulus(b, bytes, first);
    buffer_printf(b, "\"%s}]}", more);
}

static void assert_set(struct slice text, bool secrets, const char *keys, const char *skips)
{
    struct seen seen = {0};
    struct fault f = {0};
    assert_int_equal(read_set(text, secrets, &seen, &f), STATUS_OK);
    buffer_add_char(&seen.keys, '\0');
    buffer_add_char(&seen.skips, '\0');
    assert_string_equal(seen.keys.at, keys);
    assert_string_equal(seen.skips.at, skips);
    forget(&seen);
}

static void an_algorithm_follows_from_the_type_or_is_said(void **state)
{
    (void)state;
    struct buffer set = {0};
    rsa_set(&set, 256, '_', ",\"e\":\"AQAB\"");
    assert_set(buffer_slice(&set), false, "r:RS256 ", "");
    rsa_set(&set, 256, '_', ",\"e\":\"AQAB\",\"alg\":\"RS256\",\"use\":\"sig\",\"key_ops\":[\"verify\"]");
    assert_set(buffer_slice(&set), false, "r:RS256 ", "");
    rsa_set(&set, 1024, '_', ",\"e\":\"Aw\",\"x5c\":[\"AA==\"],\"x5t\":\"AA\",\"n2\":{\"a\":[1,2]}");
    assert_set(buffer_slice(&set), false, "r:RS256 ", "");
    buffer_dispose(&set);

    assert_set(SLICE_LITERAL("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"e\",\"x\":\"" COORDINATE
                             "\",\"y\":\"" COORDINATE "\"}]}"),
               false, "e:ES256 ", "");
    assert_set(SLICE_LITERAL("{\"keys\":[{\"kty\":\"oct\",\"kid\":\"s\",\"k\":\"" SECRET_32 "\"}],\"x\":1}"),
               true, "s:HS256 ", "");
}

static void unusable_rsa_keys_are_skipped_with_a_reason(void **state)
{
    (void)state;
    static const char NOT_OURS[] = "r: its alg is not RS256, ES256 or HS256, or not its kty's\n";
    static const char NOT_VERIFY[] = "r: is not for verifying signatures\n";
    static const char SMALL[] = "r: is an RSA key of less than 2048 bits\n";
    static const char NUMBERS[] = "r: its n or e is no number of an RSA key\n";
    static const char TEXTS[] = "r: its n or e is no base64url text\n";
    static const struct {
        size_t bytes;
        char first;
        const char *more;
        const char *skipped;
    } CASES[] = {
        {255, '_', ",\"e\":\"AQAB\"", SMALL},
        {256, 'f', ",\"e\":\"AQAB\"", SMALL}, /* 2047 bits */
        {257, 'A', ",\"e\":\"AQAB\"", ""},    /* 2050 bits: leading zeros do not count */
        {128, '_', ",\"e\":\"AQAB\"", SMALL},
        {1025, '_', ",\"e\":\"AQAB\"", "r: is an RSA key of more than 8192 bits\n"},
        {256, '_', ",\"e\":\"AQ\"", NUMBERS},           /* 1 */
        {256, '_', ",\"e\":\"AA\"", NUMBERS},           /* 0 */
        {256, '_', ",\"e\":\"Ag\"", NUMBERS},           /* 2 */
        {256, '_', ",\"e\":\"____________\"", NUMBERS}, /* 9 bytes */
        {256, '_', ",\"e\":\"AQAB==\"", TEXTS},         /* padded */
        {256, '_', ",\"e\":65537", TEXTS},
        {256, '_', "", TEXTS},
        {256, '_', ",\"e\":\"AQAB\",\"alg\":\"RS512\"", NOT_OURS},
        {256, '_', ",\"e\":\"AQAB\",\"alg\":\"PS256\"", NOT_OURS},
        {256, '_', ",\"e\":\"AQAB\",\"alg\":\"HS256\"", NOT_OURS},
        {256, '_', ",\"e\":\"AQAB\",\"alg\":\"ES256\"", NOT_OURS},
        {256, '_', ",\"e\":\"AQAB\",\"alg\":\"none\"", NOT_OURS},
        {256, '_', ",\"e\":\"AQAB\",\"alg\":\"rs256\"", NOT_OURS},
        {256, '_', ",\"e\":\"AQAB\",\"alg\":null", NOT_OURS},
        {256, '_', ",\"e\":\"AQAB\",\"alg\":\"RSA-OAEP\",\"use\":\"enc\"", NOT_VERIFY},
        {256, '_', ",\"e\":\"AQAB\",\"use\":\"enc\"", NOT_VERIFY},
        {256, '_', ",\"e\":\"AQAB\",\"use\":[\"sig\"]", NOT_VERIFY},
        {256, '_', ",\"e\":\"AQAB\",\"key_ops\":[\"sign\"]", NOT_VERIFY},
        {256, '_', ",\"e\":\"AQAB\",\"key_ops\":[]", NOT_VERIFY},
        {256, '_', ",\"e\":\"AQAB\",\"key_ops\":\"verify\"", NOT_VERIFY},
        {256, '_', ",\"e\":\"AQAB\",\"d\":\"AQAB\"", "r: is secret, and yet was published\n"},
        {256, '_', ",\"e\":\"AQAB\",\"qi\":1", "r: is secret, and yet was published\n"},
    };
    struct buffer set = {0};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        rsa_set(&set, CASES[i].bytes, CASES[i].first, CASES[i].more);
        const char *skipped = CASES[i].skipped;
        assert_set(buffer_slice(&set), false, *skipped ? "" : "r:RS256 ", skipped);
    }
    buffer_dispose(&set);
}

static void unusable_keys_of_other_kinds_are_skipped_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        const char *skipped;
    } CASES[] = {
        {"{\"kty\":\"EC\",\"crv\":\"P-384\",\"kid\":\"e\"}", "e: is not on the curve P-256\n"},
        {"{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"kid\":\"e\"}", "e: is not on the curve P-256\n"},
        {"{\"kty\":\"EC\",\"kid\":\"e\"}", "e: is not on the curve P-256\n"},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"e\",\"x\":\"" COORDINATE "\"}",
         "e: its x or y is not 32 bytes in base64url\n"},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"e\",\"x\":\"" COORDINATE "\",\"y\":\"AQAB\"}",
         "e: its x or y is not 32 bytes in base64url\n"},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"e\",\"x\":\"" COORDINATE "\",\"y\":\"" B43 "\"}",
         "e: its x or y is not 32 bytes in base64url\n"},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"e\",\"alg\":\"ES384\"}",
         "e: its alg is not RS256, ES256 or HS256, or not its kty's\n"},
        {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"o\",\"x\":\"" A43 "\"}",
         "o: its kty is not RSA, EC or oct\n"},
        {"{\"kid\":\"o\"}", "o: its kty is not RSA, EC or oct\n"},
        {"{\"kty\":\"rsa\",\"kid\":\"o\"}", "o: its kty is not RSA, EC or oct\n"},
        {"{\"kty\":\"oct\",\"kid\":\"s\",\"k\":\"" SECRET_31 "\"}",
         "s: is an HS256 secret of less than 32 bytes\n"},
        {"{\"kty\":\"oct\",\"kid\":\"s\"}", "s: its k is no base64url text\n"},
        {"{\"kty\":\"oct\",\"kid\":\"s\",\"k\":\"" SECRET_32 "=\"}", "s: its k is no base64url text\n"},
        {"{\"kty\":\"oct\",\"kid\":\"s\",\"alg\":\"HS512\",\"k\":\"" SECRET_32 "\"}",
         "s: its alg is not RS256, ES256 or HS256, or not its kty's\n"},
        {"{\"kty\":\"oct\",\"k\":\"" SECRET_32 "\"}",
         ": has no kid that is a text of 1 to 255 bytes without control characters\n"},
        {"{\"kty\":\"oct\",\"kid\":\"\",\"k\":\"" SECRET_32 "\"}",
         ": has no kid that is a text of 1 to 255 bytes without control characters\n"},
        {"{\"kty\":\"oct\",\"kid\":7,\"k\":\"" SECRET_32 "\"}",
         ": has no kid that is a text of 1 to 255 bytes without control characters\n"},
        {"{\"kty\":\"oct\",\"kid\":\"a\\nb\",\"k\":\"" SECRET_32 "\"}",
         ": has no kid that is a text of 1 to 255 bytes without control characters\n"},
        {"7", ": is no JSON object\n"},
        {"null", ": is no JSON object\n"},
        {"[]", ": is no JSON object\n"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct buffer set = {0};
        /* Others of the set are not touched by it. */
        buffer_printf(&set, "{\"keys\":[%s,{\"kty\":\"oct\",\"kid\":\"good\",\"k\":\"" SECRET_32 "\"}]}",
                      CASES[i].key);
        assert_set(buffer_slice(&set), true, "good:HS256 ", CASES[i].skipped);
        buffer_dispose(&set);
    }
}

static void a_secret_that_everybody_could_read_is_none(void **state)
{
    (void)state;
    struct slice set = SLICE_LITERAL("{\"keys\":[{\"kty\":\"oct\",\"kid\":\"s\",\"k\":\"" SECRET_32 "\"}]}");
    assert_set(set, false, "", "s: is secret, and yet was published\n");
    assert_set(set, true, "s:HS256 ", "");
}

static void what_is_no_key_set_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        status expected;
    } CASES[] = {
        {"", STATUS_MALFORMED},
        {"{", STATUS_MALFORMED},
        {"<html>", STATUS_MALFORMED},
        {"{\"keys\":[]} x", STATUS_MALFORMED},
        {"{\"keys\":[],\"keys\":[]}", STATUS_INVALID},
        {"{\"keys\":[{\"kid\":\"a\",\"kid\":\"b\"}]}", STATUS_INVALID},
        {"[]", STATUS_INVALID},
        {"{}", STATUS_INVALID},
        {"{\"keys\":{}}", STATUS_INVALID},
        {"{\"keys\":null}", STATUS_INVALID},
        {"{\"Keys\":[]}", STATUS_INVALID},
        {"{\"keys\":[{\"x\":\"\\ud800\"}]}", STATUS_INVALID},
        {"{\"keys\":[]}", STATUS_OK},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct seen seen = {0};
        struct fault f = {0};
        assert_int_equal(read_set(slice_of(CASES[i].text), true, &seen, &f), CASES[i].expected);
        assert_int_equal(seen.keys.len, 0);
        if (CASES[i].expected != STATUS_OK)
            assert_true(f.code && *f.message);
        forget(&seen);
    }
}

static void a_set_is_bounded_in_keys_and_bytes(void **state)
{
    (void)state;
    struct buffer set = {0};
    struct seen seen = {0};
    struct fault f = {0};

    for (int n = JWKS_KEYS_MAX; n <= JWKS_KEYS_MAX + 1; n++) {
        buffer_clear(&set);
        buffer_add_text(&set, "{\"keys\":[");
        for (int i = 0; i < n; i++)
            buffer_printf(&set, "%s{\"kty\":\"oct\",\"kid\":\"%d\",\"k\":\"" SECRET_32 "\"}", i ? "," : "",
                          i);
        buffer_add_text(&set, "]}");
        assert_int_equal(read_set(buffer_slice(&set), true, &seen, &f),
                         n > JWKS_KEYS_MAX ? STATUS_TOO_LARGE : STATUS_OK);
    }
    assert_string_equal(f.message, "the key set has more than 256 keys");

    for (int more = 0; more <= 1; more++) {
        buffer_clear(&set);
        buffer_add_text(&set, "{\"keys\":[]}");
        while (set.len < (size_t)JWKS_SIZE_MAX + (size_t)more)
            buffer_add_char(&set, ' ');
        assert_int_equal(read_set(buffer_slice(&set), true, &seen, &f), more ? STATUS_TOO_LARGE : STATUS_OK);
    }
    forget(&seen);
    buffer_dispose(&set);
}

static void reading_ends_where_a_key_cannot_be_kept(void **state)
{
    (void)state;
    struct seen seen = {.answer = STATUS_NO_MEMORY};
    struct fault f = {0};
    struct slice set = SLICE_LITERAL("{\"keys\":[{\"kty\":\"oct\",\"kid\":\"s\",\"k\":\"" SECRET_32
                                     "\"},{\"kty\":\"oct\",\"kid\":\"t\",\"k\":\"" SECRET_32 "\"}]}");
    assert_int_equal(read_set(set, true, &seen, &f), STATUS_NO_MEMORY);
    buffer_add_char(&seen.keys, '\0');
    assert_string_equal(seen.keys.at, "s:HS256 ");
    forget(&seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_algorithm_follows_from_the_type_or_is_said),
        cmocka_unit_test(unusable_rsa_keys_are_skipped_with_a_reason),
        cmocka_unit_test(unusable_keys_of_other_kinds_are_skipped_with_a_reason),
        cmocka_unit_test(a_secret_that_everybody_could_read_is_none),
        cmocka_unit_test(what_is_no_key_set_is_refused),
        cmocka_unit_test(a_set_is_bounded_in_keys_and_bytes),
        cmocka_unit_test(reading_ends_where_a_key_cannot_be_kept),
    };
    return cmocka_run_group_tests_name("jwks", tests, NULL, NULL);
}
