#include "producer-tool/credentials.h"

#include "common/label.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* {"account_id":"acme?~?","sub":"me???"} */
#define WITH_ACCOUNT "e30.eyJhY2NvdW50X2lkIjoiYWNtZT9-PyIsInN1YiI6Im1lPz8_In0.c2ln"
#define WITHOUT_ACCOUNT "e30.eyJzdWIiOiJtZSJ9.c2ln"

struct loaded {
    struct credentials c;
    struct buffer faults;
};

static struct loaded load(const char *file, const char *token, const char *account)
{
    struct loaded l = {0};
    credentials_load(&l.c, file, token, account, &l.faults);
    buffer_add_char(&l.faults, '\0');
    return l;
}

static void drop(struct loaded *l)
{
    credentials_dispose(&l->c);
    buffer_dispose(&l->faults);
}

static void a_token_becomes_a_bearer_header(void **state)
{
    (void)state;
    struct loaded l = load(NULL, WITH_ACCOUNT, NULL);
    assert_string_equal(l.faults.at, "");
    assert_true(slice_is(credentials_authorization(&l.c), "Bearer " WITH_ACCOUNT));
    drop(&l);
}

static void the_account_is_read_out_of_the_token(void **state)
{
    (void)state;
    struct loaded l = load(NULL, WITH_ACCOUNT, NULL);
    assert_true(slice_is(credentials_account(&l.c), "acme?~?"));
    assert_false(l.c.account_was_given);
    drop(&l);
}

static void a_given_account_comes_before_the_tokens(void **state)
{
    (void)state;
    struct loaded l = load(NULL, WITH_ACCOUNT, "other");
    assert_true(slice_is(credentials_account(&l.c), "other"));
    assert_true(l.c.account_was_given);
    drop(&l);
}

static void a_token_without_account_is_no_fault(void **state)
{
    (void)state;
    static const char *const tokens[] = {WITHOUT_ACCOUNT,
                                         "opaque",
                                         "a.b",
                                         "e30.!!.c2ln",
                                         "e30.bm8.c2ln",
                                         "..",
                                         "e30.eyJhY2NvdW50X2lkIjo1fQ.c2ln" /* a number */};
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        struct loaded l = load(NULL, tokens[i], NULL);
        assert_string_equal(l.faults.at, "");
        assert_null(credentials_account(&l.c).at);
        drop(&l);
    }
}

static void an_account_alone_is_enough(void **state)
{
    (void)state;
    struct loaded l = load(NULL, NULL, "acme");
    assert_string_equal(l.faults.at, "");
    assert_null(credentials_authorization(&l.c).at);
    drop(&l);
}

static void neither_token_nor_account_is_a_fault(void **state)
{
    (void)state;
    struct loaded l = load(NULL, NULL, NULL);
    assert_non_null(strstr(l.faults.at, "there is no token"));
    drop(&l);
}

static void a_broken_token_is_refused_and_not_quoted(void **state)
{
    (void)state;
    static char huge[LABEL_TOKEN_MAX + 2];
    memset(huge, 'S', sizeof huge - 1);
    const char *const tokens[] = {"", "SECRET SECRET", "SECRET\nSECRET", "SECRET\xc3\xa4", huge};
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        struct loaded l = load(NULL, tokens[i], NULL);
        assert_non_null(strstr(l.faults.at, "GOLD_LABEL_TOKEN"));
        assert_null(strstr(l.faults.at, "SS"));
        assert_null(strstr(l.faults.at, "SECRET"));
        assert_null(credentials_authorization(&l.c).at);
        drop(&l);
    }
}

static void a_token_in_place_of_its_file_is_not_quoted(void **state)
{
    (void)state;
    struct loaded l = load("eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJTRUNSRVQiOjF9.c2lnbmF0dXJl", NULL, NULL);
    assert_non_null(strstr(l.faults.at, "--token-file"));
    assert_null(strstr(l.faults.at, "eyJ"));
    drop(&l);
    l = load("no-such-folder/v1.2.token", NULL, NULL);
    assert_non_null(strstr(l.faults.at, "no-such-folder/v1.2.token"));
    drop(&l);
}

static void a_broken_account_is_refused(void **state)
{
    (void)state;
    static char huge[LABEL_PRINCIPAL_MAX + 2];
    memset(huge, 'a', sizeof huge - 1);
    const char *const accounts[] = {"a\nb", "\xff", huge};
    for (size_t i = 0; i < sizeof accounts / sizeof *accounts; i++) {
        struct loaded l = load(NULL, NULL, accounts[i]);
        assert_non_null(strstr(l.faults.at, "--account"));
        drop(&l);
    }
}

static void a_token_file_comes_first_and_may_end_in_a_line_feed(void **state)
{
    (void)state;
    char path[] = "/tmp/gold-label-token-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "a.b.c\r\n", 7), 7);
    close(fd);
    struct loaded l = load(path, "other", NULL);
    unlink(path);
    assert_string_equal(l.faults.at, "");
    assert_true(slice_is(credentials_authorization(&l.c), "Bearer a.b.c"));
    drop(&l);

    l = load(path, "other", NULL);
    assert_non_null(strstr(l.faults.at, "--token-file"));
    assert_null(credentials_authorization(&l.c).at);
    drop(&l);
}

/* ---- a file that changes ---- */

/* {"account_id":"acme?~?","exp":1900000000.9} and {"account_id":"other","exp":1} */
#define UNTIL_2030 "e30.eyJhY2NvdW50X2lkIjoiYWNtZT9-PyIsImV4cCI6MTkwMDAwMDAwMC45fQ.c2ln"
#define OF_ANOTHER "e30.eyJhY2NvdW50X2lkIjoib3RoZXIiLCJleHAiOjF9.c2ln"

static void put_token(const char *path, const char *token)
{
    char other[64];
    snprintf(other, sizeof other, "%s.new", path);
    FILE *file = fopen(other, "w");
    assert_non_null(file);
    fprintf(file, "%s\n", token);
    fclose(file);
    assert_int_equal(rename(other, path), 0);
}

/* Of a new file at `path`, a template of mkstemp(3). */
static struct loaded load_new(char *path)
{
    close(mkstemp(path));
    put_token(path, WITH_ACCOUNT);
    return load(path, NULL, NULL);
}

static void a_new_token_is_taken_from_its_file(void **state)
{
    (void)state;
    char path[] = "/tmp/gold-label-token-XXXXXX";
    struct buffer faults = {0};
    struct loaded l = load_new(path);
    assert_string_equal(l.faults.at, "");
    assert_int_equal(l.c.expires_at, -1);
    assert_false(credentials_have_expired(&l.c, INT64_MAX));
    assert_int_equal(credentials_renew(&l.c, &faults), CREDENTIALS_SAME);

    put_token(path, UNTIL_2030);
    assert_int_equal(credentials_renew(&l.c, &faults), CREDENTIALS_RENEWED);
    assert_int_equal(credentials_renew(&l.c, &faults), CREDENTIALS_SAME);
    assert_true(slice_is(credentials_authorization(&l.c), "Bearer " UNTIL_2030));
    assert_int_equal(l.c.expires_at, 1900000000);
    assert_false(credentials_have_expired(&l.c, 1899999999));
    assert_true(credentials_have_expired(&l.c, 1900000000));

    static const char *const refused[] = {OF_ANOTHER, "two words", ""};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        buffer_clear(&faults);
        put_token(path, refused[i]);
        assert_int_equal(credentials_renew(&l.c, &faults), CREDENTIALS_BROKEN);
        assert_int_not_equal(faults.len, 0);
        assert_int_equal(credentials_renew(&l.c, &faults), CREDENTIALS_SAME);
        assert_true(slice_is(credentials_authorization(&l.c), "Bearer " UNTIL_2030));
    }
    unlink(path);
    assert_int_equal(credentials_renew(&l.c, &faults), CREDENTIALS_SAME);
    buffer_dispose(&faults);
    drop(&l);
}

/* Until the clock of the file system has moved. */
static void change_rights(const char *path)
{
    struct stat before;
    struct stat after;
    assert_int_equal(stat(path, &before), 0);
    do {
        assert_int_equal(chmod(path, 0640), 0);
        assert_int_equal(stat(path, &after), 0);
    } while (memcmp(&before.st_ctim, &after.st_ctim, sizeof before.st_ctim) == 0);
}

/* As by chmod(1): the token was there before its reader was let in. */
static void a_file_of_which_only_the_rights_change_is_read_again(void **state)
{
    (void)state;
    char path[] = "/tmp/gold-label-token-XXXXXX";
    struct buffer faults = {0};
    struct loaded l = load_new(path);

    change_rights(path);
    assert_int_equal(credentials_renew(&l.c, &faults), CREDENTIALS_SAME); /* the token is the same */

    put_token(path, "two words");
    assert_int_equal(credentials_renew(&l.c, &faults), CREDENTIALS_BROKEN);
    buffer_clear(&faults);
    change_rights(path);
    assert_int_equal(credentials_renew(&l.c, &faults), CREDENTIALS_BROKEN); /* it was looked at */
    unlink(path);
    buffer_dispose(&faults);
    drop(&l);
}

/* A pipe gives its token once; to open it again would be to wait for somebody who writes another one. */
static void the_token_of_a_pipe_is_read_once(void **state)
{
    (void)state;
    char folder[] = "/tmp/gold-label-token-XXXXXX";
    char path[64];
    struct buffer faults = {0};
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/pipe", folder);
    assert_int_equal(mkfifo(path, 0600), 0);

    pid_t writer = fork();
    if (writer == 0) {
        int fd = open(path, O_WRONLY);
        _exit(write(fd, WITH_ACCOUNT "\n", sizeof WITH_ACCOUNT) < 0);
    }
    struct loaded l = load(path, NULL, NULL);
    assert_int_equal(waitpid(writer, NULL, 0), writer);
    assert_string_equal(l.faults.at, "");
    assert_true(slice_is(credentials_authorization(&l.c), "Bearer " WITH_ACCOUNT));

    alarm(5); /* it would wait for ever */
    assert_int_equal(utimensat(AT_FDCWD, path, (struct timespec[2]){{1, 0}, {1, 0}}, 0), 0);
    assert_int_equal(credentials_renew(&l.c, &faults), CREDENTIALS_SAME);
    assert_null(l.c.token_file);
    alarm(0);
    unlink(path);
    rmdir(folder);
    buffer_dispose(&faults);
    drop(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_becomes_a_bearer_header),
        cmocka_unit_test(the_account_is_read_out_of_the_token),
        cmocka_unit_test(a_given_account_comes_before_the_tokens),
        cmocka_unit_test(a_token_without_account_is_no_fault),
        cmocka_unit_test(an_account_alone_is_enough),
        cmocka_unit_test(neither_token_nor_account_is_a_fault),
        cmocka_unit_test(a_broken_token_is_refused_and_not_quoted),
        cmocka_unit_test(a_token_in_place_of_its_file_is_not_quoted),
        cmocka_unit_test(a_broken_account_is_refused),
        cmocka_unit_test(a_token_file_comes_first_and_may_end_in_a_line_feed),
        cmocka_unit_test(a_new_token_is_taken_from_its_file),
        cmocka_unit_test(a_file_of_which_only_the_rights_change_is_read_again),
        cmocka_unit_test(the_token_of_a_pipe_is_read_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
