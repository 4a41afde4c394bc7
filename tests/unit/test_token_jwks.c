/* Keys of key sets, and of several issuers. */
#include "tests/unit/token_sets.h"

static void keys_of_a_set_verify_with_their_own_algorithm(void **state)
{
    (void)state;
    write_set("set", (const struct named[]){{"r", RSA_ONE}, {"e", EC_ONE}, {NULL, 0}});
    struct token_keys *keys = open_good(NULL, "%/set", NULL);
    struct token_verifier *v = verifier_of(keys, NULL);

    assert_token(v, RSA_ONE, "r", NULL, NULL);
    assert_token(v, EC_ONE, "e", NULL, NULL);
    assert_token(v, RSA_TWO, "r", NULL, SIGNATURE);
    assert_token(v, RSA_ONE, "e", NULL, "the token's alg is not the key's");
    assert_token(v, RSA_ONE, "x", NULL, UNKNOWN);
    token_verifier_free(v);
    token_keys_free(keys);
}

static void a_second_key_of_a_kid_is_not_used(void **state)
{
    (void)state;
    write_set("set", (const struct named[]){{"k", RSA_ONE}, {"k", RSA_TWO}, {"other", EC_ONE}, {NULL, 0}});
    write_set("more",
              (const struct named[]){{"k", RSA_TWO}, {"other", RSA_TWO}, {"third", RSA_TWO}, {NULL, 0}});
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT, "test");
    struct token_keys *keys = open_good(NULL, "%/set, %/more", NULL);
    struct token_verifier *v = verifier_of(keys, NULL);

    assert_token(v, RSA_ONE, "k", NULL, NULL);
    assert_token(v, RSA_TWO, "k", NULL, SIGNATURE);
    assert_token(v, EC_ONE, "other", NULL, NULL);
    assert_token(v, RSA_TWO, "third", NULL, NULL);
    token_verifier_free(v);
    token_keys_free(keys);
}

static void a_point_beside_the_curve_is_no_key(void **state)
{
    (void)state;
#define ONES "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"
    forge_file(group.directory, "set",
               SLICE_LITERAL("{\"keys\":[{\"kid\":\"e\",\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" ONES
                             "\",\"y\":\"" ONES "\"}]}"));
    struct buffer faults = {0};
    assert_null(open_keys(NULL, "%/set", NULL, &faults));
    assert_non_null(memmem(faults.at, faults.len, "has no key that can be used", 27));
    buffer_dispose(&faults);
}

static void equal_kids_of_two_issuers_are_two_keys(void **state)
{
    (void)state;
    forge_key_files(group.directory, "three", group.keys[EC_ONE]);
    write_set("one", (const struct named[]){{"k", RSA_ONE}, {NULL, 0}});
    write_set("two", (const struct named[]){{"k", RSA_TWO}, {"only-two", EC_ONE}, {NULL, 0}});
    struct token_keys *keys = open_good("k=ES256:%/three.pub.pem",
                                        "https://one.example=%/one,https://two.example = %/two", "three");
    struct token_verifier *v = verifier_of(keys, "three");
    static const struct {
        int key;
        const char *kid, *issuer, *refusal;
    } CASES[] = {
        {RSA_ONE, "k", "\"https://one.example\"", NULL},
        {RSA_TWO, "k", "\"https://two.example\"", NULL},
        {EC_ONE, "k", "\"three\"", NULL},
        {EC_ONE, "only-two", "\"https://two.example\"", NULL},
        {RSA_TWO, "k", "\"https://one.example\"", SIGNATURE},
        {RSA_ONE, "k", "\"https://two.example\"", SIGNATURE},
        {RSA_ONE, "k", "\"three\"", "the token's alg is not the key's"},
        {EC_ONE, "only-two", "\"https://one.example\"", UNKNOWN},
        {EC_ONE, "only-two", "\"three\"", UNKNOWN},
        {RSA_ONE, "k", "\"https://one.example/\"", UNKNOWN},
        {RSA_ONE, "k", "\"HTTPS://ONE.EXAMPLE\"", UNKNOWN},
        {RSA_ONE, "k", "\"\"", UNKNOWN},
        {RSA_ONE, "k", NULL, "the token's iss is not a string"},
        {RSA_ONE, "k", "null", "the token's iss is not a string"},
        {RSA_ONE, "k", "[\"https://one.example\"]", "the token's iss is not a string"},
        {RSA_ONE, "k", "\"https://two.example\",\"iss\":\"https://one.example\"",
         "the token's claims are not one JSON object with different member names"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
        assert_token(v, CASES[i].key, CASES[i].kid, CASES[i].issuer, CASES[i].refusal);
    token_verifier_free(v);
    token_keys_free(keys);
}

static void every_fault_of_key_sets_names_them(void **state)
{
    (void)state;
    write_set("good", (const struct named[]){{"k", RSA_ONE}, {NULL, 0}});
    write_set("none", (const struct named[]){{NULL, 0}});
    forge_file(group.directory, "broken", SLICE_LITERAL("{\"keys\":[}"));
    static const struct {
        const char *keys, *jwks, *issuer, *faults;
    } CASES[] = {
        {NULL, "%/missing", NULL, "[token] jwks: %/missing: No such file or directory\n"},
        {NULL, "%/broken", NULL,
         "[token] jwks: %/broken: the key set is not one JSON object with different member names\n"},
        {NULL, "%/none", NULL, "[token] jwks: %/none: the key set has no key that can be used\n"},
        {NULL, "%/missing,%/none", NULL,
         "[token] jwks: %/missing: No such file or directory\n"
         "[token] jwks: %/none: the key set has no key that can be used\n"},
        {NULL, "", NULL, "[token] jwks: an entry is not [ISSUER=]path or [ISSUER=]URL\n"},
        {NULL, "%/good,", NULL, "[token] jwks: an entry is not [ISSUER=]path or [ISSUER=]URL\n"},
        {NULL, "=%/good", NULL, "[token] jwks: an entry is not [ISSUER=]path or [ISSUER=]URL\n"},
        {NULL, "us=", NULL, "[token] jwks: an entry is not [ISSUER=]path or [ISSUER=]URL\n"},
        {NULL, "http://issuer.example/keys?secret=1", NULL,
         "[token] jwks: http://issuer.example/keys: is http and not of this machine: whoever is on the way "
         "could change it\n"},
        {NULL, "https://user:secret@issuer.example/keys@home?secret=1", NULL,
         "[token] jwks: https://issuer.example/keys@home: holds a user's name\n"},
        {NULL, "ftp://user:secret@issuer.example/keys", NULL,
         "[token] jwks: ftp://issuer.example/keys: is neither a path nor an http or https URL\n"},
        {NULL, "us=%/good,%/good", NULL, "[token] issuer: required for %/good, where jwks names issuers\n"},
        {"k=HS256:%/missing", "us=%/good", NULL,
         "[token] issuer: required for keys, where jwks names issuers\n"},
        {"k=HS256:%/missing", "us=%/good", "them",
         "[token] keys: key k: %/missing: No such file or directory\n"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct buffer faults = {0};
        struct buffer expected = expand(CASES[i].faults);
        assert_null(open_keys(CASES[i].keys, CASES[i].jwks, CASES[i].issuer, &faults));
        buffer_add_char(&faults, '\0');
        assert_string_equal(faults.at, expected.at);
        buffer_dispose(&faults);
        buffer_dispose(&expected);
    }
}

static void a_url_is_no_issuer_for_its_query(void **state)
{
    (void)state;
    struct token_keys *keys =
        open_good(NULL, "https://i.example/keys?p=q,https://j.example=https://j.example/keys?p=q=r", "i");
    assert_int_equal(keys->n_sources, 2);
    assert_string_equal(keys->sources[0].at, "https://i.example/keys?p=q");
    assert_string_equal(keys->sources[0].name, "https://i.example/keys");
    assert_string_equal(keys->sources[0].issuer, "i");
    assert_string_equal(keys->sources[1].at, "https://j.example/keys?p=q=r");
    assert_string_equal(keys->sources[1].issuer, "https://j.example");
    struct buffer why = {0};
    assert_false(token_keys_are_ready(keys, &why));
    buffer_add_char(&why, '\0');
    assert_string_equal(why.at, "no key set from https://i.example/keys yet");
    buffer_dispose(&why);
    token_keys_free(keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_a_set_verify_with_their_own_algorithm),
        cmocka_unit_test(a_second_key_of_a_kid_is_not_used),
        cmocka_unit_test(a_point_beside_the_curve_is_no_key),
        cmocka_unit_test(equal_kids_of_two_issuers_are_two_keys),
        cmocka_unit_test(every_fault_of_key_sets_names_them),
        cmocka_unit_test(a_url_is_no_issuer_for_its_query),
    };
    return cmocka_run_group_tests_name("token_jwks", tests, make_group, drop_group);
}
