#include "common/http_server_internal.h"

#include "common/json.h"
#include <stdlib.h>

static bool add_header(struct MHD_Response *response, const char *name, const char *value)
{
    return MHD_add_response_header(response, name, value) == MHD_YES;
}

/* Is never called: where there is no body, none is sent. */
static ssize_t read_nothing(void *ctx, uint64_t at, char *to, size_t max)
{
    (void)ctx;
    (void)at;
    (void)to;
    (void)max;
    return MHD_CONTENT_READER_END_WITH_ERROR;
}

static struct MHD_Response *make_response(const struct http_reply *reply)
{
    if (!reply->body.at && reply->body.len > 0)
        return MHD_create_response_from_callback(reply->body.len, 1, read_nothing, NULL, NULL);

    void *body = (void *)(uintptr_t)reply->body.at;
    struct MHD_Response *response = MHD_create_response_from_buffer(
        reply->body.len, body, reply->body_is_given ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_MUST_COPY);
    if (!response && reply->body_is_given)
        free(body);
    return response;
}

/* Where nobody can be sure of the bounds of a request, nothing behind it is another one. libmicrohttpd takes bare LF and any
 * byte in chunk extensions, out of our sight, so chunks count as unsure; so does an empty line before the request, which may be
 * two bare LF. */
static bool must_close(const struct http_request *r)
{
    return r->misread || r->preceded || r->framing.body == HTTP_BODY_CHUNKED;
}

void http_reply(struct http_request *r, const struct http_reply *reply)
{
    struct MHD_Response *response = make_response(reply);
    bool ok = response != NULL;

    if (ok && reply->content_type)
        ok = add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->content_type);
    for (size_t i = 0; ok && i < reply->n_headers; i++)
        ok = add_header(response, reply->headers[i].name.at, reply->headers[i].value.at);
    if (ok && (must_close(r) || atomic_load_explicit(&r->server->quiescing, memory_order_relaxed)))
        ok = add_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    if (!ok && response) {
        MHD_destroy_response(response);
        response = NULL;
    }
    r->response = response;
    r->status = reply->status;
    r->accepted = false;
    http_request_decide(r);
}

void http_reply_error(struct http_request *r, unsigned status_code, const char *code, const char *message,
                      const struct http_field *headers, size_t n_headers)
{
    struct buffer body = {0};

    json_write_error(&body, code, message);
    http_reply(r, &(struct http_reply){.status = status_code,
                                       .content_type = "application/json",
                                       .body = buffer_slice(&body),
                                       .headers = headers,
                                       .n_headers = n_headers});
    buffer_dispose(&body);
}
