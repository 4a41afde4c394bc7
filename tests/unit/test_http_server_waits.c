#include "tests/unit/http_listener.h"
#include "tests/unit/raw_http.h"
#include <stdatomic.h>
#include <stdlib.h>

#include <cmocka.h>

enum { TICKS = 3 };

#define FIELDS "/held HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"

struct fixture {
    struct http_server *server;
    struct shifted clock;
    _Atomic(struct http_request *) held;
    _Atomic bool pausing; /* the listener's thread does not come back from the handler */
};

static void hold_head(void *ctx, struct http_request *r)
{
    struct fixture *f = ctx;
    atomic_store(&f->held, r);
    while (atomic_load(&f->pausing))
        (void)poll(NULL, 0, 1);
}

static void answer_body(void *ctx, struct http_request *r, struct slice body)
{
    (void)ctx;
    http_reply(r, &(struct http_reply){.status = 200, .body = body});
}

static int start_with(void **state, bool ticks_itself)
{
    struct fixture *f = calloc(1, sizeof *f);

    if (!f)
        return -1;
    *state = f;
    return listen_on_loopback(&f->clock, (struct http_handler){.head = hold_head, .body = answer_body}, f,
                              ticks_itself, &f->server);
}

static int start(void **state)
{
    return start_with(state, false);
}

static int start_with_ticks(void **state)
{
    return start_with(state, true);
}

static int stop(void **state)
{
    struct fixture *f = *state;

    http_server_stop(f->server);
    free(f);
    return 0;
}

static struct http_request *wait_for_held(struct fixture *f)
{
    struct http_request *r;

    for (int waited_ms = 0; !(r = atomic_exchange(&f->held, NULL)); waited_ms++) {
        assert_true(waited_ms < RAW_HTTP_DEADLINE_MS);
        (void)poll(NULL, 0, 1);
    }
    return r;
}

static void serve_another(struct fixture *f)
{
    char answer[4096];
    int fd = raw_http_dial(http_server_port(f->server));

    raw_http_put(fd, SLICE_LITERAL("GET " FIELDS "\r\n"));
    http_reply(wait_for_held(f), &(struct http_reply){.status = 200, .body = SLICE_LITERAL("other")});
    assert_true(raw_http_get(fd, answer, sizeof answer, NULL, 0));
    (void)close(fd);
}

static void let_time_pass(struct fixture *f)
{
    for (int i = 0; i < TICKS; i++) {
        atomic_fetch_add(&f->clock.by_us, (REQUEST_MS + 1) * 1000);
        (void)http_server_tick(f->server);
    }
}

/* Holds its head up for long; `accept`: lets its body come then, otherwise answers. */
static void assert_answered(struct fixture *f, struct slice request, bool ends_its_side, bool accept,
                            const char *expected)
{
    char answer[4096];
    int fd = raw_http_dial(http_server_port(f->server));

    raw_http_put(fd, request);
    struct http_request *held = wait_for_held(f);
    if (ends_its_side)
        assert_int_equal(shutdown(fd, SHUT_WR), 0);
    let_time_pass(f);
    if (accept)
        http_accept_body(held, 100, 0);
    else
        http_reply(held, &(struct http_reply){.status = 200, .body = SLICE_LITERAL("at last")});
    assert_true(raw_http_get(fd, answer, sizeof answer, NULL, 0));
    if (!strstr(answer, " 200 ") || !strstr(answer, expected))
        fail_msg("%.4s, its side %s: %s", request.at, ends_its_side ? "ended" : "open", answer);
    (void)close(fd);
}

/* Its sender has done its part: that we take long is no reason to be told 408, or to be hung up on. */
static void a_request_that_is_whole_is_answered_however_long_that_takes(void **state)
{
    assert_answered(*state, SLICE_LITERAL("GET " FIELDS "\r\n"), false, false, "at last");
    assert_answered(*state, SLICE_LITERAL("GET " FIELDS "\r\n"), true, false, "at last");
}

static void a_body_is_not_late_because_its_head_was_held_up(void **state)
{
    static const struct slice POST = SLICE_LITERAL("POST " FIELDS "Content-Length: 4\r\n\r\nbody");
    static const struct slice GET = SLICE_LITERAL("GET " FIELDS "Content-Length: 4\r\n\r\nbody");

    assert_answered(*state, POST, false, true, "body");
    assert_answered(*state, GET, false, false, "at last");
}

/* A request whose head was held up for long, and whose body then has not come as a whole. */
static int send_all_but_a_byte(struct fixture *f)
{
    int fd = raw_http_dial(http_server_port(f->server));

    raw_http_put(fd, SLICE_LITERAL("POST " FIELDS "Content-Length: 4\r\n\r\nbod"));
    struct http_request *held = wait_for_held(f);
    let_time_pass(f);
    http_accept_body(held, 100, 0);
    for (int i = 0; i < 2; i++) /* its body is waited for again once another request was served */
        serve_another(f);
    return fd;
}

static void the_time_in_which_a_head_was_held_up_is_not_the_body_s(void **state)
{
    struct fixture *f = *state;
    char answer[4096];
    int fd = send_all_but_a_byte(f);

    (void)http_server_tick(f->server);
    raw_http_put(fd, SLICE_LITERAL("y"));
    assert_true(raw_http_get(fd, answer, sizeof answer, NULL, 0));
    assert_non_null(strstr(answer, " 200 "));
    (void)close(fd);
}

static void a_body_that_does_not_come_after_its_head_was_held_up_is_408(void **state)
{
    struct fixture *f = *state;
    char answer[4096];
    int fd = send_all_but_a_byte(f);

    let_time_pass(f);
    assert_true(raw_http_get(fd, answer, sizeof answer, NULL, 0));
    assert_non_null(strstr(answer, " 408 "));
    (void)close(fd);
}

/* Also between its head and our 100: a request that somebody will answer is there until then. */
static void a_client_that_goes_away_is_harmless(void **state)
{
    static const struct slice REQUESTS[] = {
        SLICE_LITERAL("GET " FIELDS "Expect: 100-continue\r\n\r\n"),
        SLICE_LITERAL("POST " FIELDS "Expect: 100-continue\r\n\r\n"),
        SLICE_LITERAL("POST " FIELDS "Content-Length: 4\r\nExpect: 100-continue\r\n\r\n"),
        SLICE_LITERAL("GET " FIELDS "\r\n"),
    };
    static const struct linger AT_ONCE = {.l_onoff = 1, .l_linger = 0};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof REQUESTS / sizeof REQUESTS[0]; i++) {
        int fd = raw_http_dial(http_server_port(f->server));
        atomic_store(&f->pausing, true);
        raw_http_put(fd, REQUESTS[i]);
        struct http_request *held = wait_for_held(f);
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &AT_ONCE, sizeof AT_ONCE), 0);
        (void)close(fd);
        atomic_store(&f->pausing, false);
        serve_another(f); /* now it knows that the client is gone */
        http_reply(held, &(struct http_reply){.status = 200, .body = SLICE_LITERAL("too late")});
        serve_another(f);
    }
}

/* As the admin listener's: nobody else ends them. */
static void a_listener_that_ticks_itself_ends_slow_senders(void **state)
{
    struct fixture *f = *state;
    char answer[4096];
    int fd = raw_http_dial(http_server_port(f->server));

    raw_http_put(fd, SLICE_LITERAL("GET /held HT"));
    for (int i = 0; i < 40 && recv(fd, answer, 1, MSG_PEEK | MSG_DONTWAIT) < 0; i++) {
        (void)poll(NULL, 0, 200); /* it ticks about once a second */
        atomic_fetch_add(&f->clock.by_us, (REQUEST_MS + 1) * 1000);
    }
    assert_true(raw_http_get(fd, answer, sizeof answer, NULL, 0));
    assert_non_null(strstr(answer, " 408 "));
    (void)close(fd);
}

int main(void)
{
#define SERVED(test) cmocka_unit_test_setup_teardown(test, start, stop)
    const struct CMUnitTest tests[] = {
        SERVED(a_request_that_is_whole_is_answered_however_long_that_takes),
        SERVED(a_body_is_not_late_because_its_head_was_held_up),
        SERVED(the_time_in_which_a_head_was_held_up_is_not_the_body_s),
        SERVED(a_body_that_does_not_come_after_its_head_was_held_up_is_408),
        SERVED(a_client_that_goes_away_is_harmless),
        cmocka_unit_test_setup_teardown(a_listener_that_ticks_itself_ends_slow_senders, start_with_ticks,
                                        stop),
    };
    return cmocka_run_group_tests_name("http_server_waits", tests, NULL, NULL);
}
