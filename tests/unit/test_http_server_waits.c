#include "common/http_server.h"

#include "tests/unit/raw_http.h"
#include <stdatomic.h>
#include <stdlib.h>

#include <cmocka.h>

enum { REQUEST_MS = 1000, TICKS = 3 };

#define HEAD "GET /held HTTP/1.1\r\nHost: a\r\n"

/* The real clock, and as much later as a test wants it to be. */
struct shifted {
    struct clock clock;
    _Atomic int64_t by_us;
};

struct fixture {
    struct http_server *server;
    struct shifted clock;
    _Atomic(struct http_request *) held;
};

static int64_t shifted_monotonic_us(const struct clock *c)
{
    const struct shifted *s = (const struct shifted *)(const void *)c;
    return clock_monotonic_us(clock_system()) + atomic_load(&s->by_us);
}

static void hold_head(void *ctx, struct http_request *r)
{
    struct fixture *f = ctx;
    atomic_store(&f->held, r);
}

static void refuse_body(void *ctx, struct http_request *r, struct slice body)
{
    (void)ctx;
    (void)body;
    http_reply_error(r, 400, "body", "Nobody asked for it.", NULL, 0);
}

static int start(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct fault fault;

    if (!f)
        return -1;
    f->clock.clock = (struct clock){.monotonic_us = shifted_monotonic_us};
    *state = f;
    return http_server_start(
               &(struct http_server_options){.address = "127.0.0.1",
                                             .connections = 100,
                                             .connection_memory = 24 * 1024,
                                             .body_memory = 1024 * 1024,
                                             .request_ms = REQUEST_MS,
                                             .idle_s = 60,
                                             .clock = &f->clock.clock,
                                             .handler = {.head = hold_head, .body = refuse_body},
                                             .ctx = f},
               &f->server, &fault) == STATUS_OK
               ? 0
               : -1;
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

/* Its sender has done its part: that we take long is no reason to be told 408, or to be hung up on. */
static void a_request_that_is_whole_is_answered_however_long_that_takes(void **state)
{
    struct fixture *f = *state;

    for (int ends_its_side = 0; ends_its_side < 2; ends_its_side++) {
        char answer[4096];
        int fd = raw_http_dial(http_server_port(f->server));
        raw_http_put(fd, SLICE_LITERAL(HEAD "Connection: close\r\n\r\n"));
        struct http_request *held = wait_for_held(f);
        if (ends_its_side)
            assert_int_equal(shutdown(fd, SHUT_WR), 0);
        for (int i = 0; i < TICKS; i++) {
            atomic_fetch_add(&f->clock.by_us, (REQUEST_MS + 1) * 1000);
            (void)http_server_tick(f->server);
        }
        http_reply(held, &(struct http_reply){.status = 200, .body = SLICE_LITERAL("at last")});
        assert_true(raw_http_get(fd, answer, sizeof answer, NULL, 0));
        if (!strstr(answer, " 200 ") || !strstr(answer, "at last"))
            fail_msg("case %d: %s", ends_its_side, answer);
        (void)close(fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_request_that_is_whole_is_answered_however_long_that_takes, start,
                                        stop),
    };
    return cmocka_run_group_tests_name("http_server_waits", tests, NULL, NULL);
}
