/* Decisions on a head that another thread makes, later, for requests with and without a body. */
#include "common/http_server.h"

#include "tests/unit/raw_http.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define HOST "Host: a\r\n"

enum { BODY_MAX = 1000 };

static void *accept_body(void *request)
{
    http_accept_body(request, BODY_MAX, 0);
    return NULL;
}

static void *refuse(void *request)
{
    http_reply_error(request, 401, "refused", "Refused.", NULL, 0);
    return NULL;
}

static void on_head(void *ctx, struct http_request *r)
{
    pthread_t thread;

    (void)ctx;
    if (pthread_create(&thread, NULL, slice_is(http_request_path(r), "/refused") ? refuse : accept_body, r) !=
        0)
        abort();
    (void)pthread_detach(thread);
}

static void on_body(void *ctx, struct http_request *r, struct slice body)
{
    char text[64];

    (void)ctx;
    int n = snprintf(text, sizeof text, "got %zu.", body.len);
    http_reply(r, &(struct http_reply){.status = 200, .body = slice_make(text, (size_t)n)});
}

static int start(void **state)
{
    struct http_server *server = NULL;
    struct fault fault;
    status st = http_server_start(&(struct http_server_options){.address = "127.0.0.1",
                                                                .connections = 100,
                                                                .connection_memory = 24 * 1024,
                                                                .body_memory = 1024 * 1024,
                                                                .request_ms = 30000,
                                                                .idle_s = 60,
                                                                .clock = clock_system(),
                                                                .handler = {on_head, on_body, NULL}},
                                  &server, &fault);
    *state = server;
    return st == STATUS_OK ? 0 : -1;
}

static int stop(void **state)
{
    struct http_server *server = *state;

    if (!http_server_wait_idle(server, RAW_HTTP_DEADLINE_MS))
        return -1;
    http_server_stop(server);
    return 0;
}

static void a_body_is_accepted_later(void **state)
{
    static const struct {
        const char *request;
        const char *answer;
    } CASES[] = {
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc", "got 3."},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", "got 0."},
        {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
         "got 5."},
        {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "got 0."},
        {"GET / HTTP/1.1\r\n" HOST "\r\n", "got 0."},
        {"DELETE / HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nab", "got 2."},
    };
    struct http_server *server = *state;
    char answer[4096];

    for (size_t i = 0; i < 600; i++) {
        const size_t which = i % (sizeof CASES / sizeof CASES[0]);
        int fd = raw_http_dial(http_server_port(server));
        raw_http_put(fd, slice_of(CASES[which].request));
        assert_false(raw_http_get(fd, answer, sizeof answer, CASES[which].answer, 1));
        assert_non_null(strstr(answer, "HTTP/1.1 200"));
        (void)close(fd);
    }
}

static void the_connection_is_kept(void **state)
{
    struct http_server *server = *state;
    char answer[4096];
    int fd = raw_http_dial(http_server_port(server));

    for (int i = 0; i < 200; i++) {
        raw_http_put(fd, SLICE_LITERAL("POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc"));
        assert_false(raw_http_get(fd, answer, sizeof answer, "got 3.", 1));
    }
    (void)close(fd);
}

static void a_body_that_comes_after_its_acceptance_is_whole(void **state)
{
    struct http_server *server = *state;
    char answer[4096];
    int fd = raw_http_dial(http_server_port(server));

    raw_http_put(
        fd, SLICE_LITERAL("POST / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n"));
    assert_false(raw_http_get(fd, answer, sizeof answer, "HTTP/1.1 100", 1));
    raw_http_put(fd, SLICE_LITERAL("abc"));
    assert_false(raw_http_get(fd, answer, sizeof answer, "got 3.", 1));
    (void)close(fd);
}

static void a_later_refusal_does_not_wait_for_the_body(void **state)
{
    struct http_server *server = *state;
    char answer[4096];

    for (int i = 0; i < 50; i++) {
        raw_http_exchange(http_server_port(server),
                          SLICE_LITERAL("POST /refused HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\n"),
                          answer, sizeof answer);
        assert_non_null(strstr(answer, "HTTP/1.1 401"));
        assert_non_null(strstr(answer, "Connection: close"));
    }
}

int main(void)
{
#define SERVED(test) cmocka_unit_test_setup_teardown(test, start, stop)
    const struct CMUnitTest tests[] = {
        SERVED(a_body_is_accepted_later),
        SERVED(the_connection_is_kept),
        SERVED(a_body_that_comes_after_its_acceptance_is_whole),
        SERVED(a_later_refusal_does_not_wait_for_the_body),
    };
    return cmocka_run_group_tests_name("http_decision", tests, NULL, NULL);
}
