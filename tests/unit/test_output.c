#include "producer-tool/output.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void what_was_added_comes_out_once_and_in_order(void **state)
{
    (void)state;
    int fds[2];
    char got[64] = "";
    assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
    struct output o = {.fd = fds[1]};

    buffer_add_text(&o.text, "one\n");
    assert_false(output_is_empty(&o));
    assert_int_equal(output_write(&o, NULL), STATUS_OK);
    assert_true(output_is_empty(&o));
    assert_int_equal(output_write(&o, NULL), STATUS_OK);
    buffer_add_text(&o.text, "two\n");
    assert_int_equal(output_write(&o, NULL), STATUS_OK);
    assert_int_equal(read(fds[0], got, sizeof got - 1), 8);
    assert_string_equal(got, "one\ntwo\n");
    output_dispose(&o);
    close(fds[0]);
    close(fds[1]);
}

static void a_full_pipe_takes_the_rest_later(void **state)
{
    (void)state;
    enum { BYTES = 300000 };
    static char got[BYTES];
    int fds[2];
    size_t n_got = 0;
    assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
    struct output o = {.fd = fds[1]};

    for (int i = 0; i < BYTES; i++)
        buffer_add_char(&o.text, (char)('a' + i % 23));
    while (n_got < BYTES) {
        for (int i = 0; i < 100; i++) /* more than a pipe holds */
            assert_int_equal(output_write(&o, NULL), STATUS_OK);
        ssize_t n = read(fds[0], got + n_got, BYTES - n_got);
        assert_true(n > 0);
        n_got += (size_t)n;
    }
    assert_true(output_is_empty(&o));
    for (int i = 0; i < BYTES; i++)
        assert_int_equal(got[i], 'a' + i % 23);
    output_dispose(&o);
    close(fds[0]);
    close(fds[1]);
}

static void a_reader_that_has_gone_is_told_from_a_fault(void **state)
{
    (void)state;
    int fds[2];
    struct fault f = {0};
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(fds), 0);
    close(fds[0]);
    struct output gone = {.fd = fds[1]};
    buffer_add_text(&gone.text, "x");
    assert_int_equal(output_write(&gone, &f), STATUS_NOT_FOUND);
    output_dispose(&gone);
    close(fds[1]);

    struct output full = {.fd = open("/dev/full", O_WRONLY)};
    buffer_add_text(&full.text, "x");
    assert_int_equal(output_write(&full, &f), STATUS_FATAL);
    assert_non_null(strstr(f.message, "No space"));
    output_dispose(&full);
    close(full.fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_comes_out_once_and_in_order),
        cmocka_unit_test(a_full_pipe_takes_the_rest_later),
        cmocka_unit_test(a_reader_that_has_gone_is_told_from_a_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
