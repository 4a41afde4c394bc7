#include "ingress/routes.h"

#include "ingress/answer.h"
#include "ingress/labels.h"
#include <string.h>

static const char OPENAPI[] =
#include "gen/schemas/openapi.yaml.inc"
    ;

static void send_openapi(struct ingress *in, struct http_request *r, struct exchange *x)
{
    (void)in;
    (void)x;
    http_reply(r, &(struct http_reply){.status = 200,
                                       .content_type = "application/yaml",
                                       .body = {OPENAPI, sizeof OPENAPI - 1}});
}

static const struct route ROUTES[] = {
    {"/v1/run/{id}/gold-labels", "POST", labels_head, labels_body},
    {"/openapi.yaml", "GET, HEAD", send_openapi, NULL},
};

bool route_matches(const char *pattern, struct slice path, struct slice *id)
{
    size_t i = 0;

    while (*pattern) {
        if (strncmp(pattern, "{id}", 4) == 0) {
            size_t from = i;
            while (i < path.len && path.at[i] != '/')
                i++;
            *id = slice_make(path.at + from, i - from);
            pattern += 4;
        } else if (i == path.len || path.at[i++] != *pattern++) {
            return false;
        }
    }
    return i == path.len;
}

bool route_allows(const char *allow, struct slice method)
{
    while (*allow) {
        size_t n = strcspn(allow, ", ");
        if (slice_equal(slice_make(allow, n), method))
            return true;
        allow += n;
        allow += strspn(allow, ", ");
    }
    return false;
}

static void on_head(void *ctx, struct http_request *r)
{
    struct ingress *in = ctx;
    struct exchange *x = http_request_state(r);
    size_t i = 0;

    if (!x) {
        answer_error(r, ANSWER_OVERLOADED);
        return;
    }
    while (i < sizeof ROUTES / sizeof ROUTES[0] &&
           !route_matches(ROUTES[i].path, http_request_path(r), &x->run_id_text))
        i++;
    if (i == sizeof ROUTES / sizeof ROUTES[0]) {
        answer_error(r, ANSWER_NO_PATH);
    } else if (!route_allows(ROUTES[i].allow, http_request_method(r))) {
        answer_method(r, ROUTES[i].allow);
    } else {
        x->route = &ROUTES[i];
        ROUTES[i].head(in, r, x);
    }
}

static void on_body(void *ctx, struct http_request *r, struct slice body)
{
    struct exchange *x = http_request_state(r);
    x->route->body(ctx, r, x, body);
}

static void on_done(void *ctx, struct http_request *r, unsigned status_code, int64_t duration_us)
{
    struct ingress *in = ctx;

    (void)r;
    stats_request(&in->stats, status_code, duration_us);
}

struct http_handler routes_handler(void)
{
    return (struct http_handler){.head = on_head, .body = on_body, .done = on_done};
}
