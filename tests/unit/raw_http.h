/* A client that sends bytes as they are, for tests of listeners on loopback. */
#pragma once
#include "common/slice.h"
#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { RAW_HTTP_DEADLINE_MS = 20000 };

static inline struct sockaddr_in raw_http_address(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static inline int raw_http_dial(uint16_t port)
{
    struct sockaddr_in to = raw_http_address(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static inline void raw_http_put(int fd, struct slice bytes)
{
    while (bytes.len > 0) {
        ssize_t n = send(fd, bytes.at, bytes.len, MSG_NOSIGNAL);
        assert_true(n > 0);
        bytes.at += n;
        bytes.len -= (size_t)n;
    }
}

/* Reads until `until` has come `times` times, or the end. True: the end has come. */
static inline bool raw_http_get(int fd, char *to, size_t size, const char *until, unsigned times)
{
    size_t len = 0;

    to[0] = '\0';
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        unsigned found = 0;
        for (const char *at = to; until && (at = strstr(at, until)) != NULL; at++)
            found++;
        if (until && found >= times)
            return false;
        assert_int_equal(poll(&p, 1, RAW_HTTP_DEADLINE_MS), 1);
        ssize_t n = recv(fd, to + len, size - 1 - len, 0);
        if (n <= 0)
            return true;
        len += (size_t)n;
        to[len] = '\0';
    }
}

/* Sends and reads to the end of the connection. */
static inline void raw_http_exchange(uint16_t port, struct slice request, char *answer, size_t size)
{
    int fd = raw_http_dial(port);

    raw_http_put(fd, request);
    assert_true(raw_http_get(fd, answer, size, NULL, 0));
    (void)close(fd);
}
