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
    s->ended_since_us = 0;
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

/* Takes `fd` over. */
static void linger(struct http_watch *w, int fd, int64_t now_us)
{
    (void)shutdown(fd, SHUT_WR);
    if (w->n_lingering == sizeof w->lingering / sizeof w->lingering[0] || !drain(fd)) {
        (void)close(fd);
        return;
    }
    w->lingering[w->n_lingering].fd = fd;
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
    int copy = linger_on ? fcntl(s->fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (copy >= 0)
        linger(w, copy, now_us);
    (void)pthread_mutex_unlock(&w->mutex);
}

void http_watch_linger(struct http_watch *w, int fd, int64_t now_us)
{
    (void)pthread_mutex_lock(&w->mutex);
    linger(w, fd, now_us);
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

void http_socket_receiving_on(struct http_socket *s, int64_t waited_us)
{
    int answering = HTTP_PHASE_ANSWERING;

    (void)atomic_fetch_add_explicit(&s->since_us, waited_us, memory_order_relaxed);
    (void)atomic_compare_exchange_strong(&s->phase, &answering, HTTP_PHASE_RECEIVING);
}

bool http_socket_is_late(const struct http_socket *s)
{
    return atomic_load(&s->phase) == HTTP_PHASE_LATE;
}

void http_socket_sending(struct http_socket *s, int64_t now_us)
{
    atomic_store_explicit(&s->since_us, now_us, memory_order_relaxed);
    atomic_store_explicit(&s->phase, HTTP_PHASE_SENDING, memory_order_release);
}

static uint64_t bytes_received(int fd)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 ? info.tcpi_bytes_received : 0;
}

/* Since when the client is sending a request or taking an answer; INT64_MAX: neither. Nobody tells us of the first bytes of a request line:
 * they show in the socket's count. */
static int64_t busy_since(struct http_socket *s, int phase, int64_t now_us)
{
    int64_t since_us = atomic_load_explicit(&s->since_us, memory_order_relaxed);

    if (phase == HTTP_PHASE_RECEIVING || phase == HTTP_PHASE_SENDING)
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

/* True when the client has ended its side in this phase, all its bytes were taken, and that was so a tick ago, too: then the
 * owner is not about to see it. */
static bool has_ended(struct http_socket *s, int phase, int64_t now_us)
{
    int64_t since_us = atomic_load_explicit(&s->since_us, memory_order_relaxed);
    char byte;

    if (phase != HTTP_PHASE_IDLE && phase != HTTP_PHASE_RECEIVING)
        return false;
    if (now_us - since_us < TICK_MS * 1000LL || recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0)
        return false;
    bool before = s->ended_since_us == since_us;
    s->ended_since_us = since_us;
    return before;
}

/* `answer`: what to say before the end. Not where an answer is half sent. */
static void expire(struct http_socket *s, int phase, struct slice answer)
{
    bool is_told = answer.len > 0 && phase != HTTP_PHASE_SENDING;

    if (!atomic_compare_exchange_strong(&s->phase, &phase, is_told ? HTTP_PHASE_LATE : HTTP_PHASE_SHUT))
        return;
    if (is_told)
        (void)send(s->fd, answer.at, answer.len, MSG_DONTWAIT | MSG_NOSIGNAL);
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
        int64_t since_us = busy_since(s, phase, now_us);
        if (since_us != INT64_MAX && now_us - since_us >= w->request_us)
            expire(s, phase, w->too_slow);
        else if (has_ended(s, phase, now_us))
            expire(s, phase, SLICE_NONE);
    }
    drain_lingering(w, now_us);
    int next_ms = w->n_lingering ? LINGER_TICK_MS : TICK_MS;
    (void)pthread_mutex_unlock(&w->mutex);
    return next_ms;
}
