#include "common/config.h"
#include "common/token_internal.h"
#include "tests/unit/token_group.h"

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

static void a_signer_has_one_key_that_can_sign(void **state)
{
    (void)state;
    static const struct {
        const char *setting;
        const char *fault; /* NULL: it is good */
    } CASES[] = {
        {"h=HS256:%/secret", NULL},
        {"e=ES256:%/ec.pem", NULL},
        {"e=ES256:%/ec.pub.pem", "key e: is a public key, which cannot sign"},
        {"h=HS256:%/secret,e=ES256:%/ec.pem", "must be one, not 2"},
        {"h=HS256:%/nothing", "No such file"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct buffer faults = {0};
        struct token_keys *keys = load_with(token_keys_load_signer, CASES[i].setting, &faults);
        buffer_add_char(&faults, '\0');
        assert_int_equal(keys != NULL, CASES[i].fault == NULL);
        if (CASES[i].fault && !strstr(faults.at, CASES[i].fault))
            fail_msg("%s: %s", CASES[i].setting, faults.at);
        token_keys_free(keys);
        buffer_dispose(&faults);
    }
}

static void copy_key(const char *from, const char *to)
{
    char path[FORGE_PATH_SIZE];
    struct buffer text = {0};
    snprintf(path, sizeof path, "%s/%s", group.directory, from);
    assert_int_equal(config_read_file(path, 4096, &text, NULL), STATUS_OK);
    forge_file(group.directory, to, buffer_slice(&text));
    buffer_dispose(&text);
}

static void a_signer_that_is_read_anew_must_still_be_able_to(void **state)
{
    (void)state;
    struct buffer faults = {0};
    struct buffer jwt = {0};
    struct token_key_list read = {0};
    struct token_grant grant = grant_for("u");

    copy_key("ec.pem", "signer.pem");
    struct token_keys *keys = load_with(token_keys_load_signer, "e=ES256:%/signer.pem", &faults);
    assert_non_null(keys);
    copy_key("ec.pub.pem", "signer.pem");
    assert_false(token_source_read(&keys->sources[0], &read, &faults));
    assert_int_equal(token_sign(keys, NULL, &grant, &jwt, NULL), STATUS_OK);
    copy_key("ec.pem", "signer.pem");
    assert_true(token_source_read(&keys->sources[0], &read, &faults));
    token_key_list_dispose(&read);
    token_keys_free(keys);
    buffer_dispose(&jwt);
    buffer_dispose(&faults);
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
    assert_int_equal(jwt.len, 0);
    buffer_dispose(&jwt);
}

/* "sub" would be there twice, "nbf" would be no time. */
static void the_account_does_not_stand_in_a_claim_that_says_something_else(void **state)
{
    (void)state;
    for (const char *const *name = (const char *const[]){"sub", "iss", "aud", "exp", "nbf", "iat", NULL};
         *name; name++) {
        struct token_grant grant = grant_for("u");
        struct buffer jwt = {0};
        struct fault f;
        grant.account_claim = *name;
        assert_false(token_claim_is_free(*name));
        assert_int_equal(token_sign(group.keys, "h", &grant, &jwt, &f), STATUS_CONFIG);
        assert_non_null(strstr(f.message, *name));
        assert_int_equal(jwt.len, 0);
        buffer_dispose(&jwt);
    }
    assert_true(token_claim_is_free("account_id"));
    assert_true(token_claim_is_free("https://example.org/sub"));
}

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
        cmocka_unit_test(a_signer_has_one_key_that_can_sign),
        cmocka_unit_test(a_signer_that_is_read_anew_must_still_be_able_to),
        cmocka_unit_test(a_public_key_verifies_and_cannot_sign),
        cmocka_unit_test(the_key_to_sign_with_is_named_or_alone),
        cmocka_unit_test(nothing_is_signed_that_would_not_verify),
        cmocka_unit_test(the_account_does_not_stand_in_a_claim_that_says_something_else),
        cmocka_unit_test(the_token_is_taken_out_of_an_authorization_value),
    };
    return cmocka_run_group_tests_name("token_sign", tests, make_group, drop_group);
}
