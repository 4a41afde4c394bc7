#include "common/signals.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/signalfd.h>
#include <unistd.h>

static int open_for(const int *wanted, size_t n)
{
    /* A write that cannot be says so by itself: nobody reads the pipe, or the file has the most bytes that it may have (RLIMIT_FSIZE). */
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    if (sigaction(SIGPIPE, &ignore, NULL) != 0 || sigaction(SIGXFSZ, &ignore, NULL) != 0)
        return -1;

    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < n; i++)
        sigaddset(&set, wanted[i]);
    int failed = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (failed) {
        errno = failed;
        return -1;
    }
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

int signals_open(void)
{
    static const int STOP[] = {SIGINT, SIGTERM};
    return open_for(STOP, sizeof STOP / sizeof STOP[0]);
}

int signals_open_reload(void)
{
    static const int RELOAD[] = {SIGHUP};
    return open_for(RELOAD, sizeof RELOAD / sizeof RELOAD[0]);
}

enum signal_event signals_read(int fd)
{
    struct signalfd_siginfo info;
    ssize_t n;

    do
        n = read(fd, &info, sizeof info);
    while (n < 0 && errno == EINTR);

    if (n != (ssize_t)sizeof info)
        return SIGNAL_NONE;
    return info.ssi_signo == SIGHUP ? SIGNAL_RELOAD : SIGNAL_STOP;
}

enum signal_event signals_wait(int fd, int timeout_ms)
{
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    (void)poll(&readable, 1, timeout_ms);
    return signals_read(fd);
}
