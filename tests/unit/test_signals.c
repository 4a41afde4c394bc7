#include "common/signals.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
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
        cmocka_unit_test(threads_started_later_do_not_get_the_signals),
        cmocka_unit_test(a_descriptor_that_is_none_has_no_event),
    };
    return cmocka_run_group_tests_name("signals", tests, NULL, NULL);
}
