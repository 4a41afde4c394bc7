#include "ingress/grants.h"

#include "common/buffer.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { LIFETIME_S = 300, NOW_S = 1800000000 };

struct still {
    struct clock clock;
    int64_t now_s;
};

static int64_t still_unix_us(const struct clock *c)
{
    return ((const struct still *)(const void *)c)->now_s * 1000000;
}

struct fixture {
    struct still clock;
    struct token_keys *keys;
    struct token_verifier *verifier;
    struct grants *grants;
};

static int make(void **state)
{
    static const struct token_rules RULES = {
        .issuer = "ingress", .audience = "worker", .account_claim = "account_id"};
    struct fixture *f = calloc(1, sizeof *f);
    char path[] = "/tmp/test_grants.XXXXXX";
    char setting[64];
    struct buffer faults = {0};
    int fd = mkstemp(path);

    assert_non_null(f);
    *state = f;
    if (fd < 0 || write(fd, "0123456789abcdef0123456789abcdef", 32) != 32)
        return -1;
    (void)close(fd);
    (void)snprintf(setting, sizeof setting, "k1=HS256:%s", path);
    f->keys = token_keys_load(setting, &faults);
    (void)unlink(path);
    buffer_dispose(&faults);
    f->clock = (struct still){{.unix_us = still_unix_us}, NOW_S};
    f->verifier = token_verifier_new(f->keys, &RULES, 16);
    f->grants = grants_new(&(struct grants_options){.keys = f->keys,
                                                    .issuer = "ingress",
                                                    .audience = "worker",
                                                    .account_claim = "account_id",
                                                    .lifetime_s = LIFETIME_S,
                                                    .size = 1, /* every two users meet */
                                                    .clock = &f->clock.clock});
    return f->keys && f->verifier && f->grants ? 0 : -1;
}

static int dispose(void **state)
{
    struct fixture *f = *state;

    grants_free(f->grants);
    token_verifier_free(f->verifier);
    token_keys_free(f->keys);
    free(f);
    return 0;
}

/* A copy of the header's value. */
static void grant(struct fixture *f, const char *account, const char *subject, char *to, size_t size)
{
    struct slice value;
    struct fault fault;

    assert_int_equal(grants_authorization(f->grants, slice_of(account), slice_of(subject), &value, &fault),
                     STATUS_OK);
    assert_true(value.len < size);
    memcpy(to, value.at, value.len);
    to[value.len] = '\0';
}

static void require_claims(struct fixture *f, const char *value, const char *account, const char *subject,
                           int64_t until_s)
{
    struct token_claims claims;
    struct fault fault = {0};
    struct slice token = token_of_authorization(slice_of(value));

    if (token_verify(f->verifier, token, f->clock.now_s, &claims, &fault) != STATUS_OK)
        fail_msg("%s", fault.message);
    assert_true(slice_is(claims.account_id, account));
    assert_true(slice_is(claims.subject, subject));
    assert_true(claims.expires_at == until_s);
}

static void a_token_says_who_sent_the_label(void **state)
{
    char value[1024];

    grant(*state, "acme", "kim", value, sizeof value);
    require_claims(*state, value, "acme", "kim", NOW_S + LIFETIME_S);
}

static void a_token_is_kept_for_half_of_its_life(void **state)
{
    struct fixture *f = *state;
    char first[1024];
    char again[1024];

    grant(f, "acme", "kim", first, sizeof first);
    f->clock.now_s += LIFETIME_S / 2 - 1;
    grant(f, "acme", "kim", again, sizeof again);
    assert_string_equal(first, again);
    f->clock.now_s += 1;
    grant(f, "acme", "kim", again, sizeof again);
    assert_string_not_equal(first, again);
    require_claims(f, again, "acme", "kim", f->clock.now_s + LIFETIME_S);
}

static void a_clock_that_was_set_back_does_not_prolong_a_token(void **state)
{
    struct fixture *f = *state;
    char value[1024];

    grant(f, "acme", "kim", value, sizeof value);
    f->clock.now_s -= 100;
    grant(f, "acme", "kim", value, sizeof value);
    require_claims(f, value, "acme", "kim", f->clock.now_s + LIFETIME_S);
}

static void users_that_share_a_place_do_not_share_a_token(void **state)
{
    struct fixture *f = *state;
    char value[1024];

    for (int i = 0; i < 2; i++) {
        grant(f, "acme", "kim", value, sizeof value);
        require_claims(f, value, "acme", "kim", NOW_S + LIFETIME_S);
        grant(f, "acmek", "im", value, sizeof value);
        require_claims(f, value, "acmek", "im", NOW_S + LIFETIME_S);
    }
}

int main(void)
{
#define WITH_KEYS(test) cmocka_unit_test_setup_teardown(test, make, dispose)
    const struct CMUnitTest tests[] = {
        WITH_KEYS(a_token_says_who_sent_the_label),
        WITH_KEYS(a_token_is_kept_for_half_of_its_life),
        WITH_KEYS(a_clock_that_was_set_back_does_not_prolong_a_token),
        WITH_KEYS(users_that_share_a_place_do_not_share_a_token),
    };
    return cmocka_run_group_tests_name("grants", tests, NULL, NULL);
}
