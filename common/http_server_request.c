#include "common/http_server_internal.h"

#include "common/log.h"
#include <stdio.h>
#include <string.h>

/* ---- decisions ---- */

void http_request_decide(struct http_request *r)
{
    struct MHD_Connection *mhd = r->mhd;
    struct http_server *s = r->server;

    /* From the decision on the request may end, and with the last one the listener: it waits for whoever is in here. */
    atomic_fetch_add(&s->deciding, 1);
    if (atomic_exchange(&r->decision, DECISION_MADE) == DECISION_SUSPENDED) {
        MHD_resume_connection(mhd);
        http_server_wake(s);
    }
    atomic_fetch_sub(&s->deciding, 1);
}

/* Whether the handler has decided. Where it has not, the connection sleeps, and libmicrohttpd calls on_request() again when
 * it has. */
static bool is_decided(struct http_request *r)
{
    int open = DECISION_OPEN;

    if (atomic_load(&r->decision) == DECISION_MADE)
        return true;
    MHD_suspend_connection(r->mhd);
    if (!atomic_compare_exchange_strong(&r->decision, &open, DECISION_SUSPENDED)) {
        MHD_resume_connection(r->mhd); /* decided just now, by somebody who did not see it suspended */
        http_server_wake(r->server);
    }
    return false;
}

void http_accept_body(struct http_request *r, size_t max, uint32_t party)
{
    r->body_max = max;
    r->body_party = party;
    r->accepted = true;
    http_request_decide(r);
}

void http_ignore_body(struct http_request *r)
{
    r->body_state = BODY_IGNORED;
    r->accepted = true;
    http_request_decide(r);
}

/* ---- the steps of a request ---- */

static enum MHD_Result queue(struct http_request *r)
{
    if (!r->response || !http_socket_answering(&connection_of(r)->socket))
        return MHD_NO;
    enum MHD_Result queued = MHD_queue_response(r->mhd, r->status, r->response);
    MHD_destroy_response(r->response);
    r->response = NULL;
    r->step = STEP_QUEUED;
    http_socket_sending(&connection_of(r)->socket, clock_monotonic_us(r->server->options.clock));
    return queued;
}

/* libmicrohttpd 0.9.75 ends the connection after an answer that is given in its first call: right where the head is not
 * in order, or where the body of a POST or PUT is still to come. After other methods it would take the body for the next
 * request, so that is read first. */
static bool may_answer_early(const struct http_request *r)
{
    return r->misread || slice_is(r->head.method, "POST") || slice_is(r->head.method, "PUT");
}

/* A head with a body sleeps. It is the client that waits for us meanwhile, even if it is the one that has more to send. One that was late
 * just now finds its end when it wakes. */
static void sleep_before_body(struct http_request *r)
{
    r->slept_us = clock_monotonic_us(r->server->options.clock);
    if (!http_socket_answering(&connection_of(r)->socket))
        log_debug("a request is late at its head");
}

static void wake_before_body(struct http_request *r)
{
    http_socket_receiving_on(&connection_of(r)->socket,
                             clock_monotonic_us(r->server->options.clock) - r->slept_us);
}

/* The decision on a head with a body is there: answers at once, or lets the body come. */
static enum MHD_Result end_head(struct http_request *r)
{
    if (r->response && may_answer_early(r)) {
        connection_of(r)->unread = true;
        return queue(r);
    }
    r->step = STEP_READING;
    return r->response || r->accepted ? MHD_YES : MHD_NO;
}

static enum MHD_Result take_head(struct http_request *r, const char *method, const char *version)
{
    struct http_server *s = r->server;
    struct fault fault = {0};

    if (!http_request_gather_head(r, method, version))
        return MHD_NO;
    (void)pthread_mutex_lock(&s->mutex);
    s->in_progress++;
    (void)pthread_mutex_unlock(&s->mutex);

    atomic_store(&r->decision, DECISION_OPEN);
    unsigned refused = http_guard(&r->head, &r->framing, &fault);
    if (!refused && r->framing.body == HTTP_BODY_NONE) {
        r->step = STEP_WHOLE;
        return MHD_YES;
    }
    r->step = STEP_HEAD;
    if (refused) {
        r->misread = true;
        http_reply_error(r, refused, fault.code, fault.message, NULL, 0);
    } else {
        s->options.handler.head(s->options.ctx, r);
    }
    if (is_decided(r))
        return end_head(r);
    sleep_before_body(r);
    return MHD_YES;
}

static void release_body(struct http_request *r)
{
    shares_give_back(&r->server->bodies, r->body_party, r->body_held);
    r->body_held = 0;
    buffer_dispose(&r->body);
}

static enum MHD_Result take_body(struct http_request *r, const char *data, size_t size)
{
    struct http_server *s = r->server;

    /* libmicrohttpd answers nothing in the middle of a body. What is refused is read to its end, or to the 408 of the watch: ending the
     * connection would leave the client without a word of why. */
    if (!r->accepted || r->body_state != BODY_FITS)
        return MHD_YES;

    r->body_seen += size;
    if (r->body_seen > r->body_max) {
        r->body_state = BODY_TOO_LARGE;
        release_body(r);
        return MHD_YES;
    }
    buffer_add(&r->body, data, size);
    size_t more = r->body.capacity - r->body_held;
    if (r->body.failed || !shares_take(&s->bodies, r->body_party, more)) {
        r->body_state = BODY_NO_ROOM;
        release_body(r);
        return MHD_YES;
    }
    r->body_held += more;
    return MHD_YES;
}

static void refuse_large(struct http_request *r)
{
    char text[64];

    (void)snprintf(text, sizeof text, "The body has more than %zu bytes.", r->body_max);
    http_reply_error(r, MHD_HTTP_CONTENT_TOO_LARGE, "body_too_large", text, NULL, 0);
}

static enum MHD_Result end_body(struct http_request *r)
{
    static const struct http_field RETRY_SOON = {SLICE_LITERAL("Retry-After"), SLICE_LITERAL("1")};
    const struct http_server *s = r->server;

    if (!r->accepted)
        return queue(r);
    if (!http_socket_answering(&connection_of(r)->socket))
        return MHD_NO;

    r->step = STEP_BODY;
    atomic_store(&r->decision, DECISION_OPEN);
    if (r->body_state == BODY_TOO_LARGE)
        refuse_large(r);
    else if (r->body_state == BODY_NO_ROOM)
        http_reply_error(r, MHD_HTTP_SERVICE_UNAVAILABLE, "overloaded",
                         "Too much is being received just now.", &RETRY_SOON, 1);
    else
        s->options.handler.body(s->options.ctx, r, buffer_slice(&r->body));
    release_body(r); /* it may be long until the answer */
    return is_decided(r) ? queue(r) : MHD_YES;
}

/* The decision on a head without a body: there, or slept for. */
static enum MHD_Result end_whole(struct http_request *r)
{
    if (!is_decided(r))
        return MHD_YES;
    r->step = STEP_READING;
    return end_body(r);
}

/* The second call without a body. The handler has had nothing yet: before it comes, libmicrohttpd may write a 100 to a client that has gone,
 * and then it ends the request, suspended or not. */
static enum MHD_Result take_whole(struct http_request *r)
{
    const struct http_server *s = r->server;

    if (!http_socket_answering(&connection_of(r)->socket))
        return MHD_NO; /* it was whole too late */
    r->step = STEP_HEAD;
    s->options.handler.head(s->options.ctx, r);
    return end_whole(r);
}

enum MHD_Result http_request_step(void *ctx, struct MHD_Connection *mhd, const char *target,
                                  const char *method, const char *version, const char *data, size_t *size,
                                  void **request)
{
    struct http_request *r = *request;

    (void)ctx;
    (void)mhd;
    (void)target;
    if (!r)
        return MHD_NO;

    size_t n = *size;
    *size = 0;
    /* A body of length 0 is announced with bytes behind it and Expect: 100-continue: the end is still to come. */
    if (data && n == 0)
        return MHD_YES;
    switch (r->step) {
    case STEP_TARGET:
        return take_head(r, method, version);
    case STEP_WHOLE:
        return take_whole(r);
    case STEP_HEAD: /* when it has slept, the decision is there */
        if (r->framing.body == HTTP_BODY_NONE)
            return end_whole(r);
        if (!is_decided(r))
            return MHD_YES;
        /* It has slept in its first call, and this is that call again. */
        wake_before_body(r);
        return end_head(r);
    case STEP_READING:
        return n > 0 ? take_body(r, data, n) : end_body(r);
    case STEP_BODY: /* likewise */
        return is_decided(r) ? queue(r) : MHD_YES;
    case STEP_QUEUED:
        return MHD_YES;
    case STEP_NONE:
        break;
    }
    return MHD_NO;
}

void http_request_begin(struct http_request *r, struct MHD_Connection *mhd, const char *target)
{
    const struct http_server_options *o = &r->server->options;

    r->mhd = mhd;
    r->target_at = target;
    r->head = (struct http_head){.target = arena_copy(r->arena, slice_of(target))};
    r->state = o->state_size ? arena_alloc(r->arena, o->state_size) : NULL;
    if (r->state)
        memset(r->state, 0, o->state_size);
    r->accepted = false;
    r->body_party = 0;
    r->misread = false;
    r->preceded = false;
    r->body_seen = 0;
    r->body_state = BODY_FITS;
    r->status = 0;
    r->started_us = clock_monotonic_us(o->clock);
    r->step = STEP_TARGET;
    http_socket_receiving(&connection_of(r)->socket, r->started_us);
}

static unsigned status_told(struct http_request *r)
{
    if (r->step == STEP_QUEUED)
        return r->status;
    return http_socket_is_late(&connection_of(r)->socket) ? MHD_HTTP_REQUEST_TIMEOUT : 0;
}

void http_request_end(struct http_request *r)
{
    struct http_server *s = r->server;
    int64_t now_us = clock_monotonic_us(s->options.clock);

    /* Where the client has gone while it slept, this is the first that we hear after the decision: see what it wrote. */
    (void)atomic_load(&r->decision);
    if (r->step > STEP_TARGET) {
        if (s->options.handler.done)
            s->options.handler.done(s->options.ctx, r, status_told(r), now_us - r->started_us);
        (void)pthread_mutex_lock(&s->mutex);
        if (--s->in_progress == 0)
            (void)pthread_cond_signal(&s->idle);
        (void)pthread_mutex_unlock(&s->mutex);
    } else if (status_told(r)) {
        http_server_turned_away(s, status_told(r));
    }
    if (r->response)
        MHD_destroy_response(r->response);
    r->response = NULL;
    release_body(r);
    arena_reset(r->arena);
    r->step = STEP_NONE;
    http_socket_idle(&connection_of(r)->socket, now_us);
}

/* ---- what the handler asks ---- */

struct slice http_request_method(const struct http_request *r)
{
    return r->head.method;
}

struct slice http_request_path(const struct http_request *r)
{
    return r->path;
}

struct slice http_request_target(const struct http_request *r)
{
    return r->head.target;
}

struct slice http_request_header(const struct http_request *r, const char *name, size_t nth)
{
    return http_field_find(r->head.fields, r->head.n_fields, name, nth);
}

struct http_framing http_request_framing(const struct http_request *r)
{
    return r->framing;
}

int64_t http_request_started_us(const struct http_request *r)
{
    return r->started_us;
}

struct arena *http_request_arena(const struct http_request *r)
{
    return r->arena;
}

void *http_request_state(struct http_request *r)
{
    return r->state;
}
