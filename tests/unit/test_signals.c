#include "common/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

static void each_signal_is_read_as_its_event(void **state)
{
    (void)state;
    static const struct {
        int signal;
        enum signal_event event;
    } CASES[] = {{SIGINT, SIGNAL_STOP}, {SIGTERM, SIGNAL_STOP}, {SIGHUP, SIGNAL_RELOAD}};
    int stop = signals_open();
    int reload = signals_open_reload();

    assert_true(stop >= 0 && reload >= 0);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        bool is_reload = CASES[i].event == SIGNAL_RELOAD;
        struct pollfd p = {.fd = is_reload ? reload : stop, .events = POLLIN};
        int other = is_reload ? stop : reload;
        assert_int_equal(signals_read(p.fd), SIGNAL_NONE);
        assert_int_equal(poll(&p, 1, 0), 0);
        kill(getpid(), CASES[i].signal);
        assert_int_equal(poll(&p, 1, 5000), 1);
        assert_int_equal(signals_read(other), SIGNAL_NONE);
        assert_int_equal(signals_read(p.fd), CASES[i].event);
        assert_int_equal(signals_read(p.fd), SIGNAL_NONE);
    }
    close(stop);
    close(reload);
}

static void a_closed_pipe_does_not_kill(void **state)
{
    (void)state;
    int fd = signals_open();
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    close(ends[0]);
    assert_int_equal(write(ends[1], "x", 1), -1);
    close(ends[1]);
    close(fd);
}

static void a_file_that_may_not_grow_does_not_kill(void **state)
{
    (void)state;
    char path[] = "/tmp/gold-label-signals-XXXXXX";
    struct rlimit before;
    int fd = signals_open();
    int file = mkstemp(path);

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit one_byte = {1, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &one_byte), 0);
    ssize_t first = write(file, "x", 1);
    ssize_t second = write(file, "x", 1);
    int reason = errno;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(first, 1);
    assert_int_equal(second, -1);
    assert_int_equal(reason, EFBIG);
    close(file);
    unlink(path);
    close(fd);
}

static void *mask_of_thread(void *arg)
{
    pthread_sigmask(SIG_BLOCK, NULL, arg);
    return NULL;
}

static void threads_started_later_do_not_get_the_signals(void **state)
{
    (void)state;
    int fd = signals_open();
    sigset_t set;
    pthread_t thread;

    sigemptyset(&set);
    assert_int_equal(pthread_create(&thread, NULL, mask_of_thread, &set), 0);
    pthread_join(thread, NULL);
    assert_true(sigismember(&set, SIGINT) && sigismember(&set, SIGTERM));
    close(fd);
}

/* First of all: what is blocked stays so. */
static void a_hang_up_is_blocked_only_where_it_is_read(void **state)
{
    (void)state;
    sigset_t set;
    int stop = signals_open();

    mask_of_thread(&set);
    assert_false(sigismember(&set, SIGHUP));
    int reload = signals_open_reload();
    mask_of_thread(&set);
    assert_true(sigismember(&set, SIGHUP));
    close(stop);
    close(reload);
}

static void a_descriptor_that_is_none_has_no_event(void **state)
{
    (void)state;
    assert_int_equal(signals_read(-1), SIGNAL_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hang_up_is_blocked_only_where_it_is_read),
        cmocka_unit_test(each_signal_is_read_as_its_event),
        cmocka_unit_test(a_closed_pipe_does_not_kill),
        cmocka_unit_test(a_file_that_may_not_grow_does_not_kill),
        cmocka_unit_test(threads_started_later_do_not_get_the_signals),
        cmocka_unit_test(a_descriptor_that_is_none_has_no_event),
    };
    return cmocka_run_group_tests_name("signals", tests, NULL, NULL);
}
