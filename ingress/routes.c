#include "ingress/routes.h"

#include "common/log.h"
#include "ingress/answer.h"
#include "ingress/labels.h"
#include "ingress/read_routes.h"
#include "ingress/reads.h"
#include "ingress/traceparent.h"
#include <stdio.h>
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

enum { IDS_MAX = 2 };

static const struct route ROUTES[] = {
    {"/v1/run/{id}/gold-labels", "GET, HEAD", true, read_list_head, read_list_body},
    {"/v1/run/{id}/gold-labels", "POST", false, labels_head, labels_body},
    {"/v1/run/{id}/gold-label/{id}", "GET, HEAD", true, read_label_head, read_label_body},
    {"/openapi.yaml", "GET, HEAD", false, send_openapi, NULL},
};

bool route_matches(const char *pattern, struct slice path, struct slice *ids)
{
    size_t i = 0;

    while (*pattern) {
        if (strncmp(pattern, "{id}", 4) == 0) {
            size_t from = i;
            while (i < path.len && path.at[i] != '/')
                i++;
            *ids++ = slice_make(path.at + from, i - from);
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

/* The route of path and method, or NULL; `allow` gets the methods that the path has. */
static const struct route *find_route(const struct ingress *in, const struct http_request *r,
                                      struct slice ids[IDS_MAX], char *allow, size_t size)
{
    size_t len = 0;

    for (size_t i = 0; i < sizeof ROUTES / sizeof ROUTES[0]; i++) {
        const struct route *route = &ROUTES[i];
        if ((route->needs_reads && !in->reads) || !route_matches(route->path, http_request_path(r), ids))
            continue;
        if (route_allows(route->allow, http_request_method(r)))
            return route;
        len += (size_t)snprintf(allow + len, size - len, "%s%s", len > 0 ? ", " : "", route->allow);
    }
    return NULL;
}

/* What is not valid, or there twice, is left out (W3C Trace Context §3.2). */
static struct slice trace_of(const struct http_request *r)
{
    struct slice trace = http_request_header(r, "traceparent", 0);
    bool is_one = trace.at && !http_request_header(r, "traceparent", 1).at;
    return is_one && traceparent_is_valid(trace) ? trace : SLICE_NONE;
}

static void on_head(void *ctx, struct http_request *r)
{
    struct ingress *in = ctx;
    struct exchange *x = http_request_state(r);
    struct slice ids[IDS_MAX] = {SLICE_NONE, SLICE_NONE};
    char allow[64] = "";

    if (!x) {
        answer_error(r, ANSWER_OVERLOADED);
        return;
    }
    x->trace = arena_copy(http_request_arena(r), trace_of(r));
    x->route = find_route(in, r, ids, allow, sizeof allow);
    x->run_id_text = ids[0];
    x->label_id_text = ids[1];
    if (x->route)
        x->route->head(in, r, x);
    else if (allow[0])
        answer_method(r, allow);
    else
        answer_error(r, ANSWER_NO_PATH);
}

static void on_body(void *ctx, struct http_request *r, struct slice body)
{
    struct exchange *x = http_request_state(r);
    x->route->body(ctx, r, x, body);
}

static bool is_known(const struct uuid *id)
{
    static const struct uuid NONE;
    return memcmp(id, &NONE, sizeof NONE) != 0;
}

/* Whoever traces a request finds it here, without a line for each of the others. */
static void log_traced(const struct exchange *x, unsigned status_code, int64_t duration_us)
{
    struct log_field fields[6] = {LOG_SLICE("traceparent", x->trace),
                                  LOG_STR("path", x->route ? x->route->path : "unknown")};
    size_t n = 2;

    if (is_known(&x->run_id))
        fields[n++] = (struct log_field)LOG_UUID("run_id", x->run_id);
    if (is_known(&x->label_id))
        fields[n++] = (struct log_field)LOG_UUID("id", x->label_id);
    fields[n++] = (struct log_field)LOG_INT("status", status_code);
    fields[n++] = (struct log_field)LOG_INT("duration_us", duration_us);
    log_write(traceparent_is_sampled(x->trace) ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, "request answered", fields,
              n);
}

static void on_done(void *ctx, struct http_request *r, unsigned status_code, int64_t duration_us)
{
    struct ingress *in = ctx;
    const struct exchange *x = http_request_state(r);

    stats_request(&in->stats, status_code, duration_us);
    if (!x)
        return;
    reads_release(in->reads, x->held);
    if (x->answer_held)
        answer_memory_give_back(&in->answers, x->answer_held);
    if (x->result_us && status_code)
        histogram_observe(in->stats.reply, http_request_started_us(r) + duration_us - x->result_us);
    if (x->trace.at)
        log_traced(x, status_code, duration_us);
}

static void on_turned_away(void *ctx, unsigned status_code)
{
    struct ingress *in = ctx;
    stats_turned_away(&in->stats, status_code);
}

struct http_handler routes_handler(void)
{
    return (struct http_handler){
        .head = on_head, .body = on_body, .done = on_done, .turned_away = on_turned_away};
}
