/* The head of an HTTP/1 request, judged before anybody acts on it: what two parties (a proxy and us) could read in two ways
 * is refused (RFC 9112 §3.2, §5.1, §6.1–6.3, §11.2). A pure function; http_server.c calls it for every request.
 *
 * libmicrohttpd 0.9.75 (MHD_OPTION_STRICT_FOR_CLIENT 0), measured with raw sockets, does this before us:
 *   refuses   with a body of its own: request lines of other than three parts or without HTTP/ (400; with tabs between the parts
 *             it only closes), HTTP/2.0 and above (505), lines without a colon (400), a Content-Length that is empty or not
 *             plain digits (400, its status line sent twice) or above 2^64 (413), broken chunk sizes (400, 413), heads that
 *             do not fit into its memory (414, 431);
 *   lets pass two Content-Length (the first counts), Host or Authorization headers, Content-Length with chunked (chunked
 *             counts), any other transfer coding (read as a body until the connection ends), chunked in HTTP/1.0, HTTP/1.2,
 *             no Host, white space and anything else in names, controls and bare CR in values, blanks behind values, an
 *             empty line before the request; and in a chunked body, where we cannot look, chunk extensions and bare LF;
 *   alters    a NUL ends a value or the target unseen; bare LF ends a line; a folded line is glued to the NAME of the header
 *             before it (`Content-Length:` + fold `2` becomes `Content-Length2` with no value, and no body is read).
 * With STRICT_FOR_CLIENT 1 it would also refuse a missing Host, and not see more of the rest: its guard is not ours.
 * What it altered cannot be seen in the pairs any more: http_server_request.c finds that, and what it skipped before the request
 * line, by the places of the parts in memory, and says so in `altered`. */
#pragma once
#include "common/slice.h"
#include "common/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HTTP_HEAD_MAX = 16 * 1024, /* bytes of request line and headers */
    HTTP_FIELDS_MAX = 128,     /* headers of one request */
};

struct http_field {
    struct slice name;
    struct slice value; /* blanks around it are not part of it */
};

struct http_head {
    struct slice method;
    struct slice target; /* as sent, with the query */
    struct slice version;
    const struct http_field *fields;
    size_t n_fields;
    size_t bytes; /* of the whole head, as sent; 0: not known */
    bool altered; /* the parser before us has lost bytes of it, or before it */
};

enum http_body { HTTP_BODY_NONE, HTTP_BODY_LENGTH, HTTP_BODY_CHUNKED };

struct http_framing {
    enum http_body body;
    uint64_t length; /* of HTTP_BODY_LENGTH */
    bool expects_continue;
};

/* 0 when the head is in order, with `out` filled; otherwise the status to answer (400, 417, 431, 501, 505), and `f` says why in a
 * stable code and a sentence. */
unsigned http_guard(const struct http_head *head, struct http_framing *out, struct fault *f);

/* The value of the nth header of that name (no case), without blanks around it; absent behind the last. */
struct slice http_field_find(const struct http_field *fields, size_t n_fields, const char *name, size_t nth);

/* The path of a target in origin form or absolute form (RFC 9112 §3.2), without the query. Nothing is decoded. */
struct slice http_target_path(struct slice target);

/* RFC 9110 §5.6.2: one or more of its characters. */
bool http_is_token(struct slice s);
bool http_is_token_char(char c);
/* `s` without spaces and tabs at its ends. */
struct slice http_trim(struct slice s);
