#include "common/token_internal.h"
#include "tests/unit/token_group.h"
#include <inttypes.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_checked_with_leeway),
        cmocka_unit_test(a_time_is_a_number_from_0_to_2_53_cut_to_seconds),
        cmocka_unit_test(times_that_are_no_such_numbers_are_refused),
        cmocka_unit_test(issuer_and_audience_are_checked_when_configured),
        cmocka_unit_test(subject_and_account_are_1_to_255_characters),
        cmocka_unit_test(the_account_claim_has_the_configured_name),
    };
    return cmocka_run_group_tests_name("token_claims", tests, make_group, drop_group);
}
