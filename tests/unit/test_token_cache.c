#include "common/token_internal.h"
#include "tests/unit/token_group.h"

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
        assert_non_null(token_cache_put(c, digests[i], &content, NULL));
    assert_non_null(token_cache_find(c, digests[0]));
    assert_null(token_cache_find(c, digests[3]));
    assert_non_null(token_cache_put(c, digests[3], &content, NULL)); /* in place of 1 */
    assert_null(token_cache_find(c, digests[1]));
    assert_non_null(token_cache_find(c, digests[0]));
    assert_non_null(token_cache_find(c, digests[2]));
    assert_non_null(token_cache_find(c, digests[3]));

    token_cache_drop(c, token_cache_find(c, digests[0]));
    assert_null(token_cache_find(c, digests[0]));
    assert_non_null(token_cache_put(c, digests[1], &content, NULL)); /* in place of what was dropped */
    assert_non_null(token_cache_find(c, digests[1]));
    assert_non_null(token_cache_find(c, digests[2]));
    assert_non_null(token_cache_find(c, digests[3]));
    token_cache_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cached_token_expires),
        cmocka_unit_test(a_small_cache_still_tells_tokens_apart),
        cmocka_unit_test(the_least_recently_used_token_is_given_up),
    };
    return cmocka_run_group_tests_name("token_cache", tests, make_group, drop_group);
}
