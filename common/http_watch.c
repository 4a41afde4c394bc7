#include "common/http_watch.h"

#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TICK_MS = 1000, LINGER_TICK_MS = 50, LINGER_US = 2000000 };

void http_watch_init(struct http_watch *w, int64_t request_us, struct slice too_slow)
{
    *w = (struct http_watch){.request_us = request_us, .too_slow = too_slow};
    (void)pthread_mutex_init(&w->mutex, NULL);
}

void http_watch_dispose(struct http_watch *w)
{
    for (unsigned i = 0; i < w->n_lingering; i++)
        (void)close(w->lingering[i].fd);
    (void)pthread_mutex_destroy(&w->mutex);
}

void http_watch_add(struct http_watch *w, struct http_socket *s, int fd, int64_t now_us)
{
    s->fd = fd;
    s->prev = NULL;
    s->checked_since_us = now_us;
    s->first_byte_us = 0;
    s->bytes_then = 0;
    http_socket_idle(s, now_us);

    (void)pthread_mutex_lock(&w->mutex);
    s->next = w->first;
    if (w->first)
        w->first->prev = s;
    w->first = s;
    (void)pthread_mutex_unlock(&w->mutex);
}

/* Reads and forgets what is there. False at the end of the stream. */
static bool drain(int fd)
{
    char bytes[16 * 1024];

    for (int i = 0; i < 64; i++) {
        ssize_t got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (got == 0)
            return false;
        if (got < 0)
            return true; /* nothing more for now; an error shows at the deadline */
    }
    return true;
}

static void linger(struct http_watch *w, int fd, int64_t now_us)
{
    if (w->n_lingering == sizeof w->lingering / sizeof w->lingering[0])
        return;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return;
    (void)shutdown(copy, SHUT_WR);
    if (!drain(copy)) {
        (void)close(copy);
        return;
    }
    w->lingering[w->n_lingering].fd = copy;
    w->lingering[w->n_lingering].until_us = now_us + LINGER_US;
    w->n_lingering++;
}

void http_watch_remove(struct http_watch *w, struct http_socket *s, bool linger_on, int64_t now_us)
{
    (void)pthread_mutex_lock(&w->mutex);
    if (s->prev)
        s->prev->next = s->next;
    else
        w->first = s->next;
    if (s->next)
        s->next->prev = s->prev;
    if (linger_on)
        linger(w, s->fd, now_us);
    (void)pthread_mutex_unlock(&w->mutex);
}

void http_socket_idle(struct http_socket *s, int64_t now_us)
{
    atomic_store_explicit(&s->since_us, now_us, memory_order_relaxed);
    atomic_store_explicit(&s->phase, HTTP_PHASE_IDLE, memory_order_release);
}

void http_socket_receiving(struct http_socket *s, int64_t now_us)
{
    int idle = HTTP_PHASE_IDLE;

    atomic_store_explicit(&s->since_us, now_us, memory_order_relaxed);
    (void)atomic_compare_exchange_strong(&s->phase, &idle, HTTP_PHASE_RECEIVING);
}

bool http_socket_answering(struct http_socket *s)
{
    int receiving = HTTP_PHASE_RECEIVING;
    return atomic_compare_exchange_strong(&s->phase, &receiving, HTTP_PHASE_ANSWERING) ||
           receiving == HTTP_PHASE_ANSWERING;
}

static uint64_t bytes_received(int fd)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 ? info.tcpi_bytes_received : 0;
}

/* Since when the client is sending a request; INT64_MAX: it is not. Nobody tells us of the first bytes of a request line:
 * they show in the socket's count. */
static int64_t sending_since(struct http_socket *s, int phase, int64_t now_us)
{
    int64_t since_us = atomic_load_explicit(&s->since_us, memory_order_relaxed);

    if (phase == HTTP_PHASE_RECEIVING)
        return since_us;
    if (phase != HTTP_PHASE_IDLE)
        return INT64_MAX;

    uint64_t bytes = bytes_received(s->fd);
    if (s->checked_since_us != since_us) {
        s->checked_since_us = since_us;
        s->first_byte_us = 0;
        s->bytes_then = bytes;
    }
    if (s->first_byte_us == 0 && bytes != s->bytes_then)
        s->first_byte_us = now_us;
    return s->first_byte_us ? s->first_byte_us : INT64_MAX;
}

static void expire(struct http_watch *w, struct http_socket *s, int phase)
{
    if (!atomic_compare_exchange_strong(&s->phase, &phase, HTTP_PHASE_EXPIRED))
        return;
    if (w->too_slow.len)
        (void)send(s->fd, w->too_slow.at, w->too_slow.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)shutdown(s->fd, SHUT_RDWR); /* the owner sees the end and closes */
}

static void drain_lingering(struct http_watch *w, int64_t now_us)
{
    for (unsigned i = w->n_lingering; i-- > 0;) {
        if (drain(w->lingering[i].fd) && now_us < w->lingering[i].until_us)
            continue;
        (void)close(w->lingering[i].fd);
        w->lingering[i] = w->lingering[--w->n_lingering];
    }
}

int http_watch_tick(struct http_watch *w, int64_t now_us)
{
    (void)pthread_mutex_lock(&w->mutex);
    for (struct http_socket *s = w->first; s; s = s->next) {
        int phase = atomic_load(&s->phase);
        int64_t since_us = sending_since(s, phase, now_us);
        if (since_us != INT64_MAX && now_us - since_us >= w->request_us)
            expire(w, s, phase);
    }
    drain_lingering(w, now_us);
    int next_ms = w->n_lingering ? LINGER_TICK_MS : TICK_MS;
    (void)pthread_mutex_unlock(&w->mutex);
    return next_ms;
}
