/* What http_server.c (listener, connections), http_server_accept.c, http_server_head.c, http_server_request.c (the steps of a request) and
 * http_server_reply.c share. Nobody else includes this. */
#pragma once
#include "common/buffer.h"
#include "common/http_peers.h"
#include "common/http_server.h"
#include "common/http_watch.h"
#include "common/shares.h"
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

/* Where a request is. */
enum step {
    STEP_NONE,    /* between requests */
    STEP_TARGET,  /* its request line has come */
    STEP_WHOLE,   /* its head has come, and there is no body; our 100, where it expects one, is on its way */
    STEP_HEAD,    /* the handler has its head */
    STEP_READING, /* its body is coming (to be thrown away where `response` is there already) */
    STEP_BODY,    /* the handler has its body */
    STEP_QUEUED,  /* libmicrohttpd has the response */
};

/* Who may resume: libmicrohttpd must be resumed exactly once per suspend, and never before it. */
enum decision {
    DECISION_OPEN,      /* not made; the handler's callback is still running */
    DECISION_SUSPENDED, /* not made; the connection is suspended and whoever decides resumes it */
    DECISION_MADE,
};

struct http_request {
    struct http_server *server;
    struct MHD_Connection *mhd;
    enum step step;
    _Atomic int decision;
    bool accepted;         /* http_accept_body() was the decision on the head */
    bool misread;          /* the head is not in order: where its body ends is anybody's guess */
    bool preceded;         /* by what libmicrohttpd took for an empty line */
    const char *target_at; /* where libmicrohttpd has the target */
    struct slice path;
    struct http_head head;
    struct http_framing framing;
    size_t body_max;
    size_t body_held; /* of the server's `bodies` */
    uint32_t body_party;
    uint64_t body_seen;
    struct buffer body;
    enum { BODY_FITS, BODY_IGNORED, BODY_TOO_LARGE, BODY_NO_ROOM } body_state;
    struct MHD_Response *response;
    unsigned status;
    int64_t started_us;
    int64_t slept_us; /* STEP_HEAD: since when it has slept with a body still to come */
    struct arena *arena;
    void *state;
};

/* A connection has one request at a time. */
struct connection {
    struct http_peer *peer;
    struct http_socket socket;
    struct http_request request;
    bool unread; /* it was answered before its request was whole */
};

struct http_server {
    struct MHD_Daemon *daemon;
    pthread_t thread; /* runs the daemon until `stopping` */
    int wake_fd;      /* ends its waiting; written once per wake-up (`woken`) */
    _Atomic bool woken;
    atomic_uint deciding; /* threads in http_request_decide() */
    _Atomic bool stopping;
    struct http_server_options options;
    struct http_watch watch;
    int listen_fd;
    struct http_peers *peers;   /* the listener's thread only */
    struct http_peer *arriving; /* of the connection that is just handed to libmicrohttpd */
    uint16_t port;
    struct shares bodies; /* their memory; the listener's thread only */
    _Atomic bool quiescing;
    pthread_mutex_t mutex;
    pthread_cond_t idle;
    unsigned in_progress; /* under the mutex */
};

static inline struct connection *connection_of(struct http_request *r)
{
    return (struct connection *)((char *)r - offsetof(struct connection, request));
}

/* Takes the connections that wait, and turns away those that are too many. False: descriptors or memory are short, so try
 * again later. */
bool http_server_accept(struct http_server *s) must_check;
/* libmicrohttpd's options for TLS, of http_tls.c; none without one. */
enum { HTTP_TLS_OPTIONS = 3 };
void http_tls_listen(const struct http_tls *t, struct MHD_OptionItem out[HTTP_TLS_OPTIONS]);
/* Tells the handler of an answer to what was no request yet. */
void http_server_turned_away(const struct http_server *s, unsigned status_code);
/* Makes the listener's thread look at resumed connections. */
void http_server_wake(struct http_server *s);

/* A request line has come: `target` is what libmicrohttpd has not cut up yet. */
void http_request_begin(struct http_request *r, struct MHD_Connection *mhd, const char *target);
/* The head that has come, as libmicrohttpd cut it up, and whether all of its bytes are in there. False: memory is short. */
bool http_request_gather_head(struct http_request *r, const char *method, const char *version) must_check;
/* The one function that libmicrohttpd calls for every piece of a request (MHD_AccessHandlerCallback). */
enum MHD_Result http_request_step(void *ctx, struct MHD_Connection *mhd, const char *target,
                                  const char *method, const char *version, const char *data, size_t *size,
                                  void **request);
/* The handler has decided: its members say what. Any thread; the request must not be touched afterwards. */
void http_request_decide(struct http_request *r);
/* The request is over, whatever became of it; its connection is ready for the next one. */
void http_request_end(struct http_request *r);
