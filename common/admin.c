#include "common/admin.h"

#include "common/clock.h"
#include "common/http_server.h"
#include <stdlib.h>
#include <string.h>

/* A few scrapers and probes, no more. */
enum {
    CONNECTIONS = 64,
    CONNECTION_MEMORY = 24 * 1024,
    REQUEST_MS = 30000,
    IDLE_S = 60,
};

struct admin {
    struct admin_options options;
    struct http_server *server;
};

static void write_health(const struct admin *a, struct http_reply *reply, struct buffer *out)
{
    (void)a;
    (void)reply;
    buffer_add_text(out, "ok\n");
}

static void write_readiness(const struct admin *a, struct http_reply *reply, struct buffer *out)
{
    if (a->options.ready(a->options.ctx, out)) {
        buffer_clear(out);
        buffer_add_text(out, "ready\n");
        return;
    }
    buffer_add_char(out, '\n');
    reply->status = 503;
}

static void write_metrics(const struct admin *a, struct http_reply *reply, struct buffer *out)
{
    reply->content_type = "text/plain; version=0.0.4; charset=utf-8";
    metrics_write(a->options.metrics, out);
}

static const struct {
    const char *path;
    void (*write)(const struct admin *a, struct http_reply *reply, struct buffer *out);
} PAGES[] = {
    {"/healthz", write_health},
    {"/readyz", write_readiness},
    {"/metrics", write_metrics},
};

static void on_head(void *ctx, struct http_request *r)
{
    static const struct http_field ALLOW = {SLICE_LITERAL("Allow"), SLICE_LITERAL("GET, HEAD")};
    const struct admin *a = ctx;
    struct slice method = http_request_method(r);
    size_t page = 0;

    while (page < sizeof PAGES / sizeof PAGES[0] && !slice_is(http_request_path(r), PAGES[page].path))
        page++;
    if (page == sizeof PAGES / sizeof PAGES[0]) {
        http_reply_error(r, 404, "not_found", "There is nothing at this path.", NULL, 0);
        return;
    }
    if (!slice_is(method, "GET") && !slice_is(method, "HEAD")) {
        http_reply_error(r, 405, "method_not_allowed", "This path only has GET and HEAD.", &ALLOW, 1);
        return;
    }

    struct buffer text = {0};
    struct http_reply reply = {.status = 200, .content_type = "text/plain; charset=utf-8"};
    PAGES[page].write(a, &reply, &text);
    reply.body = buffer_slice(&text);
    http_reply(r, &reply);
    buffer_dispose(&text);
}

status admin_start(const struct admin_options *options, struct admin **out, struct fault *f)
{
    struct admin *a = calloc(1, sizeof *a);
    if (!a)
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "memory is short");

    a->options = *options;
    status st = http_server_start(&(struct http_server_options){.address = options->address,
                                                                .port = options->port,
                                                                .connections = CONNECTIONS,
                                                                .connection_memory = CONNECTION_MEMORY,
                                                                .request_ms = REQUEST_MS,
                                                                .ticks_itself = true,
                                                                .idle_s = IDLE_S,
                                                                .clock = clock_system(),
                                                                .handler = {.head = on_head},
                                                                .ctx = a},
                                  &a->server, f);
    if (st != STATUS_OK) {
        free(a);
        return st;
    }
    *out = a;
    return STATUS_OK;
}

void admin_stop(struct admin *a)
{
    if (!a)
        return;
    http_server_stop(a->server);
    free(a);
}
