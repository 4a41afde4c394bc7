/* The admin listener: GET /healthz, /readyz and /metrics, on an address of its own (default loopback). */
#pragma once
#include "common/buffer.h"
#include "common/metrics.h"
#include "common/status.h"
#include <stdbool.h>
#include <stdint.h>

struct admin;

struct admin_options {
    const char *address; /* numeric IPv4 or IPv6 address to bind */
    uint16_t port;
    const struct metrics *metrics;
    /* Called by the listener's thread: whether the program can do its work; where it cannot, `why` gets one line. */
    bool (*ready)(void *ctx, struct buffer *why);
    void *ctx;
};

/* Binds and starts. Errors, named in `f`: STATUS_CONFIG (no address), STATUS_FATAL (in use …), STATUS_NO_MEMORY. */
status admin_start(const struct admin_options *options, struct admin **out, struct fault *f) must_check;
void admin_stop(struct admin *a);
