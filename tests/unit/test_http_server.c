/* A real listener on loopback and raw sockets: what libmicrohttpd makes of a request before and after our code. */
#include "tests/unit/http_listener.h"
#include "tests/unit/raw_http.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { BODY_MAX = 100000, DEADLINE_MS = RAW_HTTP_DEADLINE_MS };

#define HOST "Host: a\r\n"

struct fixture {
    struct http_server *server;
    struct shifted clock;
    _Atomic unsigned last_status; /* of the request that was over last */
};

static void *answer_from_another_thread(void *request)
{
    http_reply(request, &(struct http_reply){.status = 200, .body = SLICE_LITERAL("later")});
    return NULL;
}

static void answer_later(struct http_request *r)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, answer_from_another_thread, r) != 0)
        abort();
    (void)pthread_detach(thread);
}

static void on_head(void *ctx, struct http_request *r)
{
    (void)ctx;
    if (slice_is(http_request_path(r), "/refused"))
        http_reply_error(r, 401, "refused", "Refused.", NULL, 0);
    else if (slice_is(http_request_path(r), "/head-later"))
        answer_later(r);
    else
        http_accept_body(r, BODY_MAX, 0);
}

static void on_body(void *ctx, struct http_request *r, struct slice body)
{
    char text[64];

    (void)ctx;
    if (slice_is(http_request_path(r), "/later")) {
        answer_later(r);
        return;
    }
    int n = snprintf(text, sizeof text, "got %zu", body.len);
    http_reply(r, &(struct http_reply){.status = 200, .body = slice_make(text, (size_t)n)});
}

static void on_done(void *ctx, struct http_request *r, unsigned status_code, int64_t duration_us)
{
    struct fixture *f = ctx;

    (void)r;
    (void)duration_us;
    atomic_store(&f->last_status, status_code);
}

static int start(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    if (!f)
        return -1;
    *state = f;
    return listen_on_loopback(&f->clock,
                              (struct http_handler){.head = on_head, .body = on_body, .done = on_done}, f,
                              false, &f->server);
}

static int stop(void **state)
{
    struct fixture *f = *state;

    http_server_stop(f->server);
    free(f);
    return 0;
}

/* ---- a client ---- */

static int dial(const struct fixture *f)
{
    return raw_http_dial(http_server_port(f->server));
}

static void exchange(const struct fixture *f, struct slice request, char *answer, size_t size)
{
    raw_http_exchange(http_server_port(f->server), request, answer, size);
}

/* ---- promises ---- */

static void what_libmicrohttpd_alters_is_refused(void **state)
{
    static const struct slice CASES[] = {
        SLICE_LITERAL("GET / HTTP/1.1\r\n" HOST "X: a\0b\r\n\r\n"),
        SLICE_LITERAL("GET / HTTP/1.1\r\n" HOST "X: a\0\0\r\n\r\n"),
        SLICE_LITERAL("GET / HTTP/1.1\r\n" HOST "X: a\0b\r\nY: c\r\n\r\n"),
        SLICE_LITERAL("GET /a\0b HTTP/1.1\r\n" HOST "\r\n"),
        SLICE_LITERAL("GET / HTTP/1.1\n" HOST "\r\n"),
        SLICE_LITERAL("GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"),
        SLICE_LITERAL("GET / HTTP/1.1\r\nHost: a\n\r\n"),
        SLICE_LITERAL("GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n"),
        SLICE_LITERAL("GET / HTTP/1.1\r\n" HOST "X: a\r\n\tb\r\nY: c\r\n\r\n"),
        SLICE_LITERAL("GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
        SLICE_LITERAL("POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n 5\r\n\r\nGET /"),
        SLICE_LITERAL("GET  / HTTP/1.1\r\n" HOST "\r\n"),
        SLICE_LITERAL("GET / HTTP/1.1\r\n\r\n"),
        SLICE_LITERAL("POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
        SLICE_LITERAL("POST / HTTP/1.1\r\n" HOST "Content-Length : 3\r\n\r\nabc"),
        SLICE_LITERAL("DELETE / HTTP/1.1\r\n" HOST
                      "X : a\r\nContent-Length: 30\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n"),
    };
    char answer[4096];

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        exchange(*state, CASES[i], answer, sizeof answer);
        if (strncmp(answer, "HTTP/1.1 400 ", 13) != 0 || !strstr(answer, "\"code\":\"bad_request\"") ||
            strstr(answer + 1, "HTTP/1.1 200"))
            fail_msg("case %zu: %s", i, answer);
    }
}

static void a_head_in_many_pieces_is_taken(void **state)
{
    char head[HTTP_HEAD_MAX + 1];
    char answer[4096];
    int fd = dial(*state);
    size_t len = (size_t)snprintf(head, sizeof head, "GET / HTTP/1.1\r\n" HOST "Connection: close\r\n");

    for (int i = 0; len < HTTP_HEAD_MAX - 300; i++)
        len += (size_t)snprintf(head + len, sizeof head - len, "X%d: %0200d\r\n", i, i);
    len += (size_t)snprintf(head + len, sizeof head - len, "\r\n");
    for (size_t i = 0; i < len; i += 97)
        raw_http_put(fd, slice_make(head + i, len - i < 97 ? len - i : 97));
    assert_true(raw_http_get(fd, answer, sizeof answer, NULL, 0));
    assert_non_null(strstr(answer, "HTTP/1.1 200"));
    (void)close(fd);
}

static void a_head_of_16_kib_is_taken_and_a_larger_one_is_431(void **state)
{
    static const char BEGIN[] = "GET / HTTP/1.1\r\n" HOST "Connection: close\r\nX: ";
    char head[HTTP_HEAD_MAX + 2];
    char answer[4096];

    for (size_t len = HTTP_HEAD_MAX; len <= HTTP_HEAD_MAX + 1; len++) {
        memset(head, 'x', len);
        memcpy(head, BEGIN, sizeof BEGIN - 1);
        memcpy(head + len - 4, "\r\n\r\n", 4);
        exchange(*state, slice_make(head, len), answer, sizeof answer);
        assert_non_null(strstr(answer, len == HTTP_HEAD_MAX ? "HTTP/1.1 200" : "HTTP/1.1 431"));
    }
}

static void a_body_is_taken_up_to_its_bound(void **state)
{
    char *request = malloc(2 * BODY_MAX);
    char answer[4096];

    assert_non_null(request);
    for (size_t len = BODY_MAX; len <= BODY_MAX + 1; len++) {
        int head =
            snprintf(request, BODY_MAX,
                     "POST / HTTP/1.1\r\n" HOST "Connection: close\r\nContent-Length: %zu\r\n\r\n", len);
        memset(request + head, 'x', len);
        exchange(*state, slice_make(request, (size_t)head + len), answer, sizeof answer);
        assert_non_null(strstr(answer, len == BODY_MAX ? "got 100000" : "HTTP/1.1 413"));

        head = snprintf(
            request, BODY_MAX,
            "POST / HTTP/1.1\r\n" HOST "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n%zx\r\n", len);
        memset(request + head, 'x', len);
        memcpy(request + head + len, "\r\n0\r\n\r\n", 7);
        exchange(*state, slice_make(request, (size_t)head + len + 7), answer, sizeof answer);
        assert_non_null(strstr(answer, len == BODY_MAX ? "got 100000" : "HTTP/1.1 413"));
    }
    free(request);
}

static void a_body_far_too_large_is_answered_too(void **state)
{
    enum { FAR_TOO_LARGE = 16 * 1024 * 1024 };
    static const struct {
        const char *line, *status;
    } CASES[] = {{"POST /", "HTTP/1.1 413"}, {"PATCH /refused", "HTTP/1.1 401"}};
    char *request = malloc(FAR_TOO_LARGE + 1024);
    char answer[4096];

    assert_non_null(request);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        int head =
            snprintf(request, 1024,
                     "%s HTTP/1.1\r\n" HOST "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n",
                     CASES[i].line, (unsigned)FAR_TOO_LARGE);
        memset(request + head, 'x', FAR_TOO_LARGE);
        memcpy(request + head + FAR_TOO_LARGE, "\r\n0\r\n\r\n", 7);
        exchange(*state, slice_make(request, (size_t)head + FAR_TOO_LARGE + 7), answer, sizeof answer);
        assert_non_null(strstr(answer, CASES[i].status));
        if (i == 0)
            assert_non_null(strstr(answer, "The body has more than 100000 bytes."));
    }
    free(request);
}

static void a_refusal_does_not_wait_for_the_body_and_ends_the_connection(void **state)
{
    char answer[4096];

    exchange(*state, SLICE_LITERAL("POST /refused HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\n"), answer,
             sizeof answer);
    assert_non_null(strstr(answer, "HTTP/1.1 401"));
    assert_non_null(strstr(answer, "\r\n\r\n{\"error\":\"Refused.\",\"code\":\"refused\"}"));
}

static void a_refusal_reaches_a_client_that_is_still_sending(void **state)
{
    enum { LEN = 3 * 1000 * 1000 };
    const struct fixture *f = *state;
    char *body = calloc(1, LEN);
    char answer[4096];
    int fd = dial(f);

    assert_non_null(body);
    raw_http_put(fd, SLICE_LITERAL("POST /refused HTTP/1.1\r\n" HOST "Content-Length: 3000000\r\n\r\n"));
    assert_false(raw_http_get(fd, answer, sizeof answer, "\"code\"", 1));
    for (size_t sent = 0; sent < LEN;) { /* the socket takes it as long as somebody reads it */
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        (void)http_server_tick(f->server);
        assert_true(poll(&p, 1, DEADLINE_MS) == 1 && !(p.revents & POLLERR));
        ssize_t n =
            send(fd, body + sent, LEN - sent < 65536 ? LEN - sent : 65536, MSG_NOSIGNAL | MSG_DONTWAIT);
        assert_true(n > 0);
        sent += (size_t)n;
    }
    free(body);
    (void)close(fd);
}

static void the_body_of_a_refused_request_is_not_the_next_request(void **state)
{
    char answer[4096];
    int fd = dial(*state);

    raw_http_put(fd, SLICE_LITERAL("DELETE /refused HTTP/1.1\r\n" HOST
                                   "Content-Length: 28\r\n\r\nGET /x HTTP/1.1\r\n" HOST "\r\n"
                                   "GET / HTTP/1.1\r\n" HOST "\r\n"));
    assert_false(raw_http_get(fd, answer, sizeof answer, "got 0", 1));
    assert_null(strstr(strstr(answer, "got 0"), "HTTP/1.1"));
    assert_non_null(strstr(answer, "HTTP/1.1 401"));
    (void)close(fd);
}

static void a_refusal_without_a_body_keeps_the_connection(void **state)
{
    char answer[4096];
    int fd = dial(*state);

    for (int i = 0; i < 3; i++) {
        raw_http_put(fd, SLICE_LITERAL("GET /refused HTTP/1.1\r\n" HOST "\r\n"));
        assert_false(raw_http_get(fd, answer, sizeof answer, "\"code\":\"refused\"}", 1));
    }
    (void)close(fd);
}

static void an_answer_of_another_thread_keeps_the_connection(void **state)
{
    char answer[8192];
    int fd = dial(*state);

    for (int i = 0; i < 200; i++) {
        raw_http_put(fd, SLICE_LITERAL("POST /later HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc"));
        assert_false(raw_http_get(fd, answer, sizeof answer, "later", 1));
        raw_http_put(fd, SLICE_LITERAL("GET /head-later HTTP/1.1\r\n" HOST "\r\n"));
        assert_false(raw_http_get(fd, answer, sizeof answer, "later", 1));
    }
    raw_http_put(fd, SLICE_LITERAL("GET /later HTTP/1.1\r\n" HOST "\r\nGET /head-later HTTP/1.1\r\n" HOST
                                   "\r\nGET / HTTP/1.1\r\n" HOST "\r\n"));
    assert_false(raw_http_get(fd, answer, sizeof answer, "got 0", 1));
    (void)close(fd);
}

static void a_client_that_goes_away_while_it_waits_does_no_harm(void **state)
{
    struct fixture *f = *state;
    char answer[4096];

    for (int i = 0; i < 50; i++) {
        int fd = dial(f);
        raw_http_put(fd, SLICE_LITERAL("POST /later HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc"));
        (void)close(fd);
    }
    exchange(f, SLICE_LITERAL("GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"), answer, sizeof answer);
    assert_non_null(strstr(answer, "got 0"));
    assert_true(http_server_wait_idle(f->server, DEADLINE_MS));
}

/* What was sent before has been read, what was answered is over: one thread does it all in order. */
static void let_it_read(const struct fixture *f)
{
    char answer[256];

    exchange(f, SLICE_LITERAL("GET / HTTP/1.0\r\n\r\n"), answer, sizeof answer);
}

static void a_slow_sender_gets_408_whatever_it_is_sending(void **state)
{
    static const struct slice CASES[] = {
        SLICE_LITERAL("GET /"),
        SLICE_LITERAL("GET / HTTP/1.1\r\nHo"),
        SLICE_LITERAL("POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nabcd"),
    };
    struct fixture *f = *state;
    char answer[4096];

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        int fd = dial(f);
        raw_http_put(fd, CASES[i]);
        let_it_read(f);
        (void)http_server_tick(f->server); /* sees the first bytes */
        atomic_fetch_add(&f->clock.by_us, (REQUEST_MS + 1) * 1000);
        (void)http_server_tick(f->server);
        assert_true(raw_http_get(fd, answer, sizeof answer, NULL, 0));
        if (strncmp(answer, "HTTP/1.1 408 ", 13) != 0)
            fail_msg("case %zu: %s", i, answer);
        (void)close(fd);
    }
}

static void an_idle_connection_is_not_a_slow_sender(void **state)
{
    struct fixture *f = *state;
    char answer[4096];
    int fd = dial(f);

    raw_http_put(fd, SLICE_LITERAL("GET / HTTP/1.1\r\n" HOST "\r\n"));
    assert_false(raw_http_get(fd, answer, sizeof answer, "got 0", 1));
    let_it_read(f);
    for (int i = 0; i < 3; i++) {
        (void)http_server_tick(f->server);
        atomic_fetch_add(&f->clock.by_us, (REQUEST_MS + 1) * 1000);
    }
    raw_http_put(fd, SLICE_LITERAL("GET / HTTP/1.1\r\n" HOST "\r\n"));
    assert_false(raw_http_get(fd, answer, sizeof answer, "got 0", 1));
    (void)close(fd);
}

static void after_quiescing_nobody_is_taken_and_answers_end_their_connections(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_in to = raw_http_address(http_server_port(f->server));
    char answer[4096];
    int fd = dial(f);
    int late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    raw_http_put(fd, SLICE_LITERAL("GET / HTTP/1.1\r\n" HOST "\r\n"));
    assert_false(raw_http_get(fd, answer, sizeof answer, "got 0", 1));
    http_server_quiesce(f->server);
    assert_int_not_equal(connect(late, (const struct sockaddr *)&to, sizeof to), 0);
    raw_http_put(fd, SLICE_LITERAL("GET / HTTP/1.1\r\n" HOST "\r\n"));
    assert_true(raw_http_get(fd, answer, sizeof answer, NULL, 0));
    assert_non_null(strstr(answer, "Connection: close"));
    assert_true(http_server_wait_idle(f->server, DEADLINE_MS));
    assert_int_equal(atomic_load(&f->last_status), 200);
    (void)close(late);
    (void)close(fd);
}

int main(void)
{
#define SERVED(test) cmocka_unit_test_setup_teardown(test, start, stop)
    const struct CMUnitTest tests[] = {
        SERVED(what_libmicrohttpd_alters_is_refused),
        SERVED(a_head_in_many_pieces_is_taken),
        SERVED(a_head_of_16_kib_is_taken_and_a_larger_one_is_431),
        SERVED(a_body_is_taken_up_to_its_bound),
        SERVED(a_body_far_too_large_is_answered_too),
        SERVED(a_refusal_does_not_wait_for_the_body_and_ends_the_connection),
        SERVED(a_refusal_reaches_a_client_that_is_still_sending),
        SERVED(the_body_of_a_refused_request_is_not_the_next_request),
        SERVED(a_refusal_without_a_body_keeps_the_connection),
        SERVED(an_answer_of_another_thread_keeps_the_connection),
        SERVED(a_client_that_goes_away_while_it_waits_does_no_harm),
        SERVED(a_slow_sender_gets_408_whatever_it_is_sending),
        SERVED(an_idle_connection_is_not_a_slow_sender),
        SERVED(after_quiescing_nobody_is_taken_and_answers_end_their_connections),
    };
    return cmocka_run_group_tests_name("http_server", tests, NULL, NULL);
}
