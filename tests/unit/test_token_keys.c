#include "tests/unit/token_group.h"

static void every_fault_of_the_keys_names_kid_and_file(void **state)
{
    (void)state;
    static const struct {
        const char *setting;
        const char *faults; /* parts, in order, each on a line of its own */
    } CASES[] = {
        {"", "a key is not named as kid=ALGORITHM:path\n"},
        {"h=HS256:%/secret,", "a key is not named as kid=ALGORITHM:path\n"},
        {"h", "a key is not named as kid=ALGORITHM:path\n"},
        {"h=HS256", "a key is not named as kid=ALGORITHM:path\n"},
        {"=HS256:%/secret", "a key is not named as kid=ALGORITHM:path\n"},
        {"h=HS256:", "a key is not named as kid=ALGORITHM:path\n"},
        {"h\x01=HS256:%/secret", "a kid is not plain text\n"},
        {"h=HS512:%/secret", "key h: its algorithm is not HS256, RS256 or ES256\n"},
        {"h=none:%/secret", "key h: its algorithm is not HS256, RS256 or ES256\n"},
        {"h=hs256:%/secret", "key h: its algorithm is not HS256, RS256 or ES256\n"},
        {"h=HS256:%/secret,h=HS256:%/secret", "key h: is named twice\n"},
        {"h=HS256:%/none", "key h: %/none: No such file or directory\n"},
        {"h=HS256:%/short", "key h: %/short: is an HS256 secret of less than 32 bytes\n"},
        {"h=HS256:%/rsa.pub.pem",
         "key h: %/rsa.pub.pem: is PEM, which is no HS256 secret: RS256 and ES256 have such keys\n"},
        {"h=HS256:%/rsa.pem",
         "key h: %/rsa.pem: is PEM, which is no HS256 secret: RS256 and ES256 have such keys\n"},
        {"h=HS256:%/large", "key h: %/large: larger than 4096 bytes\n"},
        {"r=RS256:%/secret", "key r: %/secret: is no PEM key that can be read without a pass phrase\n"},
        {"r=RS256:%/locked.pem",
         "key r: %/locked.pem: is no PEM key that can be read without a pass phrase\n"},
        {"r=RS256:%/small.pem", "key r: %/small.pem: is an RSA key of less than 2048 bits\n"},
        {"r=RS256:%/small.pub.pem", "key r: %/small.pub.pem: is an RSA key of less than 2048 bits\n"},
        {"r=RS256:%/ec.pub.pem", "key r: %/ec.pub.pem: is no RSA key\n"},
        {"e=ES256:%/rsa.pem", "key e: %/rsa.pem: is no elliptic curve key\n"},
        {"e=ES256:%/p384.pem", "key e: %/p384.pem: is not on the curve P-256\n"},
        {"a=HS256:%/none, b=HS256:%/short ,c=ES256:%/p384.pub.pem",
         "key a: %/none: No such file or directory\n"
         "key b: %/short: is an HS256 secret of less than 32 bytes\n"
         "key c: %/p384.pub.pem: is not on the curve P-256\n"},
    };
    static const char LARGE[4097];
    char path[FORGE_PATH_SIZE];
    forge_file(group.directory, "large", (struct slice){LARGE, sizeof LARGE});
    snprintf(path, sizeof path, "%s/locked.pem", group.directory);
    FILE *locked = fopen(path, "we");
    EVP_PKEY *key = EVP_EC_gen("P-256");
    PEM_write_PKCS8PrivateKey(locked, key, EVP_aes_128_cbc(), "pass", 4, NULL, NULL);
    EVP_PKEY_free(key);
    fclose(locked);

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct buffer faults = {0};
        struct buffer expected = {0};
        for (const char *c = CASES[i].faults; *c; c++) {
            if (*c == '%')
                buffer_add_text(&expected, group.directory);
            else
                buffer_add_char(&expected, *c);
        }
        buffer_add_char(&expected, '\0');
        assert_null(load(CASES[i].setting, &faults));
        buffer_add_char(&faults, '\0');
        assert_string_equal(faults.at, expected.at);
        buffer_dispose(&faults);
        buffer_dispose(&expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fault_of_the_keys_names_kid_and_file),
    };
    return cmocka_run_group_tests_name("token_keys", tests, make_group, drop_group);
}
