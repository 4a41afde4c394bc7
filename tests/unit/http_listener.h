/* A listener on loopback whose time a test can let pass. */
#pragma once
#include "common/http_server.h"
#include <stdatomic.h>

enum { REQUEST_MS = 1000 };

/* The real clock, and as much later as a test wants it to be. */
struct shifted {
    struct clock clock;
    _Atomic int64_t by_us;
};

static inline int64_t shifted_monotonic_us(const struct clock *c)
{
    const struct shifted *s = (const struct shifted *)(const void *)c;
    return clock_monotonic_us(clock_system()) + atomic_load(&s->by_us);
}

/* 0, or -1: what a cmocka fixture returns. */
static inline int listen_on_loopback(struct shifted *clock, struct http_handler handler, void *ctx,
                                     bool ticks_itself, struct http_server **out)
{
    struct fault fault;

    clock->clock = (struct clock){.monotonic_us = shifted_monotonic_us};
    return http_server_start(&(struct http_server_options){.address = "127.0.0.1",
                                                           .connections = 100,
                                                           .connection_memory = 24 * 1024,
                                                           .body_memory = 1024 * 1024,
                                                           .request_ms = REQUEST_MS,
                                                           .ticks_itself = ticks_itself,
                                                           .idle_s = 60,
                                                           .clock = &clock->clock,
                                                           .handler = handler,
                                                           .ctx = ctx},
                             out, &fault) == STATUS_OK
               ? 0
               : -1;
}
