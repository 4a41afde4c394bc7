#include "common/http_server_internal.h"

#include "common/log.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    ARENA_BLOCK = 2048, /* an ordinary request fits */
    BACKLOG = 511,
    MAX_WAIT_MS = 1000,
    ACCEPT_AGAIN_MS = 100,
    SPARE_CONNECTIONS = 64, /* libmicrohttpd's own bound is none: what is too many is turned away before */
};

#define TOO_SLOW_BODY "{\"error\":\"The request did not arrive in time.\",\"code\":\"request_timeout\"}"
static const char TOO_SLOW[] = "HTTP/1.1 408 Request Timeout\r\nContent-Type: application/json\r\n"
                               "Content-Length: 72\r\nConnection: close\r\n\r\n" TOO_SLOW_BODY;
_Static_assert(sizeof TOO_SLOW_BODY - 1 == 72, "the Content-Length above");

/* ---- what libmicrohttpd calls ---- */

static struct connection *find_connection(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static void open_connection(struct http_server *s, struct MHD_Connection *mhd, void **socket_context)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct connection *c = calloc(1, sizeof *c);

    if (c)
        c->request.arena = arena_new(ARENA_BLOCK);
    if (!info || !c || !c->request.arena) {
        free(c);
        return; /* its requests find no connection and are dropped */
    }
    c->peer = s->arriving;
    s->arriving = NULL;
    c->request.server = s;
    http_watch_add(&s->watch, &c->socket, info->connect_fd, clock_monotonic_us(s->options.clock));
    *socket_context = c;
}

static void on_connection(void *ctx, struct MHD_Connection *mhd, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http_server *s = ctx;
    struct connection *c = *socket_context;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        open_connection(s, mhd, socket_context);
        return;
    }
    if (!c)
        return;
    if (http_socket_is_late(&c->socket)) /* its request line has never come */
        http_server_turned_away(s, MHD_HTTP_REQUEST_TIMEOUT);
    http_watch_remove(&s->watch, &c->socket, c->unread, clock_monotonic_us(s->options.clock));
    http_peers_give_back(s->peers, c->peer);
    arena_free(c->request.arena);
    free(c);
    *socket_context = NULL;
}

static void *on_target(void *ctx, const char *target, struct MHD_Connection *mhd)
{
    struct connection *c = find_connection(mhd);

    (void)ctx;
    if (!c)
        return NULL;
    http_request_begin(&c->request, mhd, target);
    return &c->request;
}

static void on_completed(void *ctx, struct MHD_Connection *mhd, void **request,
                         enum MHD_RequestTerminationCode how)
{
    (void)ctx;
    (void)mhd;
    (void)how;
    if (*request)
        http_request_end(*request);
    *request = NULL;
}

/* Nothing is percent-decoded. */
static size_t leave_escaped(void *ctx, struct MHD_Connection *mhd, char *text)
{
    (void)ctx;
    (void)mhd;
    return strlen(text);
}

/* It reports what clients do wrong. */
static void on_log(void *ctx, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
static void on_log(void *ctx, const char *format, va_list args)
{
    char text[256];

    (void)ctx;
    if (vsnprintf(text, sizeof text, format, args) >= 0)
        log_debug("libmicrohttpd", LOG_STR("message", text));
}

/* ---- start and stop ---- */

/* An address that is no address is wrong for good; one that is in use, or not there yet, may be free at the next start. */
static status open_socket(const struct http_server_options *o, int *out, struct fault *f)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *address = NULL;
    char port[8];
    int fd = -1;
    int on = 1;

    (void)snprintf(port, sizeof port, "%u", (unsigned)o->port);
    int wrong = getaddrinfo(o->address, port, &hints, &address);
    if (wrong)
        return fault_set(f, STATUS_CONFIG, "bad_address", "cannot listen on %s: %s", o->address,
                         gai_strerror(wrong));
    status st = STATUS_OK;
    fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 || /* what is accepted inherits it */
        bind(fd, address->ai_addr, address->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        st = fault_set(f, STATUS_FATAL, "cannot_listen", "cannot listen on %s port %s: %s", o->address, port,
                       strerror(errno));
        if (fd >= 0)
            (void)close(fd);
        fd = -1;
    }
    freeaddrinfo(address);
    *out = fd;
    return st;
}

static uint16_t port_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4; /* the port of IPv6 lies at the same place */
        struct sockaddr_in6 v6;
    } address = {.v6 = {0}};
    socklen_t len = sizeof address;

    return getsockname(fd, &address.any, &len) == 0 ? ntohs(address.v4.sin_port) : 0;
}

static struct http_server *server_new(const struct http_server_options *options)
{
    struct http_server *s = calloc(1, sizeof *s);
    pthread_condattr_t attributes;

    if (!s)
        return NULL;
    s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    s->peers = http_peers_new(options->connections, options->connections_per_ip);
    if (s->wake_fd < 0 || !s->peers) {
        if (s->wake_fd >= 0)
            (void)close(s->wake_fd);
        http_peers_free(s->peers);
        free(s);
        return NULL;
    }
    s->options = *options;
    s->bodies.max = options->body_memory;
    s->listen_fd = -1;
    http_watch_init(&s->watch, options->request_ms * 1000, options->tls ? SLICE_NONE : slice_of(TOO_SLOW));
    (void)pthread_mutex_init(&s->mutex, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&s->idle, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    return s;
}

static void server_free(struct http_server *s)
{
    while (atomic_load(&s->deciding) > 0)
        (void)sched_yield();
    http_watch_dispose(&s->watch);
    (void)pthread_cond_destroy(&s->idle);
    (void)pthread_mutex_destroy(&s->mutex);
    if (s->listen_fd >= 0)
        (void)close(s->listen_fd);
    (void)close(s->wake_fd);
    http_peers_free(s->peers);
    free(s);
}

void http_server_turned_away(const struct http_server *s, unsigned status_code)
{
    if (s->options.handler.turned_away)
        s->options.handler.turned_away(s->options.ctx, status_code);
}

void http_server_wake(struct http_server *s)
{
    if (!atomic_exchange(&s->woken, true))
        (void)eventfd_write(s->wake_fd, 1);
}

/* libmicrohttpd's own thread waits with its whole timeout after every 128 events (MAX_EVENTS in its epoll loop), although
 * those are not served yet: with more connections than that all of them can stand still for a minute. MHD_run() never
 * waits, so the waiting is ours. */
static void *serve(void *ctx)
{
    struct http_server *s = ctx;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    struct pollfd fds[] = {{.fd = info->listen_fd, .events = POLLIN},
                           {.fd = s->wake_fd, .events = POLLIN},
                           {.fd = s->listen_fd, .events = POLLIN}};
    bool can_accept = true;
    int64_t tick_at_us = s->options.ticks_itself ? 0 : INT64_MAX;

    while (!atomic_load(&s->stopping)) {
        MHD_UNSIGNED_LONG_LONG wait_ms = MAX_WAIT_MS;
        unsigned max_wait_ms = can_accept ? MAX_WAIT_MS : ACCEPT_AGAIN_MS;
        if (MHD_get_timeout(s->daemon, &wait_ms) != MHD_YES || wait_ms > max_wait_ms)
            wait_ms = max_wait_ms;
        fds[2].fd = can_accept && !atomic_load(&s->quiescing) ? s->listen_fd : -1;
        bool has_events = poll(fds, 3, (int)wait_ms) > 0;
        eventfd_t count;
        if (has_events && (fds[1].revents & POLLIN))
            (void)eventfd_read(s->wake_fd, &count);
        can_accept = !has_events || !(fds[2].revents & POLLIN) || http_server_accept(s);
        atomic_store(&s->woken, false); /* before the run: a later wake-up is for the next one */
        (void)MHD_run(s->daemon);
        int64_t now_us = clock_monotonic_us(s->options.clock);
        if (now_us >= tick_at_us)
            tick_at_us = now_us + (int64_t)http_server_tick(s) * 1000;
    }
    return NULL;
}

status http_server_start(const struct http_server_options *o, struct http_server **out, struct fault *f)
{
    int fd = -1;
    status st = open_socket(o, &fd, f);
    if (st)
        return st;

    struct http_server *s = server_new(o);
    if (!s) {
        (void)close(fd);
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "memory is short");
    }
    s->listen_fd = fd;
    s->port = port_of(fd);
    struct MHD_OptionItem tls[HTTP_TLS_OPTIONS];
    http_tls_listen(o->tls, tls);
    s->daemon = MHD_start_daemon(
        (o->tls ? MHD_USE_TLS : 0U) | MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME |
            MHD_USE_ERROR_LOG,
        0, NULL, NULL, http_request_step, s, MHD_OPTION_EXTERNAL_LOGGER, on_log, s,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
        MHD_OPTION_URI_LOG_CALLBACK, on_target, s, MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, s,
        MHD_OPTION_STRICT_FOR_CLIENT, 0, MHD_OPTION_CONNECTION_LIMIT, o->connections + SPARE_CONNECTIONS,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, o->connection_memory, MHD_OPTION_CONNECTION_TIMEOUT, o->idle_s,
        MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
    if (!s->daemon) {
        server_free(s);
        return fault_set(f, STATUS_CONFIG, "cannot_listen", "cannot start a listener on %s", o->address);
    }
    if (pthread_create(&s->thread, NULL, serve, s) != 0) {
        MHD_stop_daemon(s->daemon);
        server_free(s);
        return fault_set(f, STATUS_NO_MEMORY, "no_thread", "cannot start a thread for the listener on %s",
                         o->address);
    }
    *out = s;
    return STATUS_OK;
}

uint16_t http_server_port(const struct http_server *s)
{
    return s->port;
}

int http_server_tick(struct http_server *s)
{
    return http_watch_tick(&s->watch, clock_monotonic_us(s->options.clock));
}

void http_server_quiesce(struct http_server *s)
{
    if (atomic_exchange(&s->quiescing, true))
        return;
    (void)shutdown(s->listen_fd, SHUT_RDWR); /* closed when nobody polls it any more */
}

bool http_server_wait_idle(struct http_server *s, int64_t timeout_ms)
{
    struct timespec until;
    int waited = 0;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(timeout_ms / 1000);
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    (void)pthread_mutex_lock(&s->mutex);
    while (s->in_progress > 0 && waited == 0)
        waited = pthread_cond_timedwait(&s->idle, &s->mutex, &until);
    bool is_idle = s->in_progress == 0;
    (void)pthread_mutex_unlock(&s->mutex);
    return is_idle;
}

void http_server_stop(struct http_server *s)
{
    if (!s)
        return;
    http_server_quiesce(s);
    atomic_store(&s->stopping, true);
    http_server_wake(s);
    (void)pthread_join(s->thread, NULL);
    MHD_stop_daemon(s->daemon);
    server_free(s);
}
