/* An HTTP/1.1 listener. The only module that includes libmicrohttpd (0.9.75).
 *
 * One thread of its own runs the handler. A request goes through two steps: `head`, when its head has come and was
 * found in order (http_guard.h), and `body`, when the whole body is there. Each step ends with exactly one decision:
 *
 *     head:  http_accept_body()  or  http_reply()
 *     body:                          http_reply()
 *
 * made inside the callback or later, by any thread. Until then the connection sleeps and costs nothing. After http_reply() the
 * request must not be touched: it may be gone. A client that goes away while its request waits is noticed when the
 * reply is given; the request lives until then. */
#pragma once
#include "common/arena.h"
#include "common/clock.h"
#include "common/http_guard.h"
#include "common/slice.h"
#include "common/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_server;
struct http_request;
struct http_tls;

/* All are called by the listener's thread. */
struct http_handler {
    void (*head)(void *ctx, struct http_request *r);
    /* `body` may be empty, and is gone when the callback returns. May be NULL where no body is ever accepted. */
    void (*body)(void *ctx, struct http_request *r, struct slice body);
    /* The request is over: answered with `status`, or 0 when the connection was lost before. May be NULL. */
    void (*done)(void *ctx, struct http_request *r, unsigned status, int64_t duration_us);
    /* Somebody was answered 408 or 503 who had not sent a whole head yet. May be NULL. */
    void (*turned_away)(void *ctx, unsigned status);
};

struct http_server_options {
    const char *address; /* numeric IPv4 or IPv6 */
    uint16_t port;       /* 0: a free one */
    unsigned connections;
    unsigned
        connections_per_ip; /* 0: no bound; beyond this one or that before, a new connection gets a 503 */
    size_t
        connection_memory; /* for head and buffers of one connection; must hold HTTP_HEAD_MAX and some KiB more */
    size_t body_memory;   /* of all bodies being received, in shares (shares.h); without room: 503 */
    int64_t request_ms;   /* a request must be whole within this (http_server_tick() sees to it) */
    bool ticks_itself;    /* its own thread does that; for a handler that never takes long */
    unsigned idle_s;      /* a connection without traffic is closed */
    size_t state_size;    /* bytes of http_request_state() */
    struct http_tls *tls; /* NULL: plain HTTP; outlives the listener */
    const struct clock *clock;
    struct http_handler handler;
    void *ctx;
};

/* Binds and starts. Errors, named in `f`: STATUS_CONFIG (no address), STATUS_FATAL (in use …), STATUS_NO_MEMORY. */
status http_server_start(const struct http_server_options *options, struct http_server **out, struct fault *f)
    must_check;
uint16_t http_server_port(const struct http_server *s);
/* Ends slow senders. To be called by one thread about once a second (see `ticks_itself`); returns in how many milliseconds again. */
int http_server_tick(struct http_server *s);

/* The three phases of stopping. 1. Closes the listening socket; replies from now on end their connections. */
void http_server_quiesce(struct http_server *s);
/* 2. Waits until no request is in progress; false after `timeout_ms`. */
bool http_server_wait_idle(struct http_server *s, int64_t timeout_ms);
/* 3. Closes every connection and frees. Every request must have had its decision. */
void http_server_stop(struct http_server *s);

/* ---- one request; slices live as long as it does ---- */

struct slice http_request_method(const struct http_request *r);
/* Without the query; nothing is decoded. */
struct slice http_request_path(const struct http_request *r);
struct slice http_request_target(const struct http_request *r);
/* The value of the nth header of that name (no case), without blanks at its ends; absent behind the last. */
struct slice http_request_header(const struct http_request *r, const char *name, size_t nth);
struct http_framing http_request_framing(const struct http_request *r);
/* When its request line had come, in monotonic microseconds. */
int64_t http_request_started_us(const struct http_request *r);
/* Freed with the request. Only for the listener's thread. */
struct arena *http_request_arena(const struct http_request *r);
/* The handler's own `state_size` bytes, zeroed at the start of each request, aligned for any type. */
void *http_request_state(struct http_request *r);

/* Takes a body of at most `max` bytes; a larger one is read to its end, but not kept, and answered with 413. (A larger
 * Content-Length is the handler's to refuse in `head`: see http_request_framing().) `party` (below SHARES_PARTIES) is whose share of
 * the memory of all bodies it takes. */
void http_accept_body(struct http_request *r, size_t max, uint32_t party);
/* Reads the body to its end and keeps nothing: the handler's `body` gets an empty one. */
void http_ignore_body(struct http_request *r);

struct http_reply {
    unsigned status;
    const char *content_type; /* NULL: none */
    struct slice body;        /* copied; a 304 may have one that is absent, with the length of the 200's */
    bool body_is_given;       /* it is malloc's and not copied, but freed when it is sent, or cannot be */
    const struct http_field *headers; /* copied; names and values end with a NUL behind their length */
    size_t n_headers;
};

/* Where memory is short the connection is closed instead. */
void http_reply(struct http_request *r, const struct http_reply *reply);
/* {"error": message, "code": code} as application/json. */
void http_reply_error(struct http_request *r, unsigned status_code, const char *code, const char *message,
                      const struct http_field *headers, size_t n_headers);
