/* What of fetching needs no server. The rest is in tests/integration/test_jwks.py. */
#include "common/http_fetch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void only_https_and_http_of_this_machine_are_fetched(void **state)
{
    (void)state;
    static const char PLAIN[] = "is http and not of this machine: whoever is on the way could change it";
    static const struct {
        const char *url;
        const char *wrong;
        const char *wrong_with_plain_http;
    } CASES[] = {
        {"https://issuer.example/keys", NULL, NULL},
        {"HTTPS://issuer.example:8443/keys?a=b", NULL, NULL},
        {"https://10.0.0.1/keys", NULL, NULL},
        {"http://127.0.0.1:80/keys", NULL, NULL},
        {"http://127.9.9.9/keys", NULL, NULL},
        {"http://localhost/keys", NULL, NULL},
        {"http://[::1]:1/keys", NULL, NULL},
        {"http://issuer.example/keys", PLAIN, NULL},
        {"http://localhost.example/keys", PLAIN, NULL},
        {"http://127.0.0.1.example/keys", PLAIN, NULL},
        {"http://10.0.0.1/keys", PLAIN, NULL},
        {"http://0.0.0.0/keys", PLAIN, NULL},
        {"https://user:secret@issuer.example/keys", "holds a user's name", "holds a user's name"},
        {"http://127.0.0.1@issuer.example/keys", "holds a user's name", "holds a user's name"},
        {"https://", "is no URL", "is no URL"},
        {"https:", "is no URL", "is no URL"},
        {"http://a b/", "is no URL", "is no URL"},
        {"file:///etc/passwd", "is no URL with a host", "is no URL with a host"},
        {"ftp://127.0.0.1/keys", "is neither https nor http", "is neither https nor http"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        for (int plain = 0; plain <= 1; plain++) {
            const char *expected = plain ? CASES[i].wrong_with_plain_http : CASES[i].wrong;
            const char *wrong = http_fetch_check_url(CASES[i].url, plain);
            if (expected && wrong)
                assert_string_equal(wrong, expected);
            else if (expected || wrong)
                fail_msg("%s: %s", CASES[i].url, wrong ? wrong : "good");
        }
    }
}

static void a_max_age_is_read_out_of_cache_control(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        int64_t seconds;
    } CASES[] = {
        {"", -1},
        {"public", -1},
        {"max-age=300", 300},
        {"public, max-age=19008, must-revalidate, no-transform", 19008},
        {" Max-Age=60 ,s-maxage=1\r\n", 60},
        {"max-age=0", 0},
        {"max-age=", -1},
        {"max-age=-1", -1},
        {"max-age=\"60\"", -1},
        {"max-age=1e3", -1},
        {"max-age=99999999999999999999", -1},
        {"x-max-age=60", -1},
        {"no-store", 0},
        {"max-age=60, no-cache", 0},
        {",,,", -1},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
        assert_int_equal(http_fetch_max_age(slice_of(CASES[i].value)), CASES[i].seconds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_https_and_http_of_this_machine_are_fetched),
        cmocka_unit_test(a_max_age_is_read_out_of_cache_control),
    };
    return cmocka_run_group_tests_name("http_fetch", tests, NULL, NULL);
}
