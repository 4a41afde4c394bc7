/* Watches the sockets of one listener for what an inactivity timeout cannot see: senders that trickle a request for ever,
 * readers that trickle an answer, clients that have ended their side unnoticed (libmicrohttpd 0.9.75 overlooks an end that
 * comes together with bytes), and clients that still send while they are refused.
 *
 * Nothing here costs a request more than two atomic stores; the work is done by http_watch_tick(), about once a second. */
#pragma once
#include "common/slice.h"
#include "common/status.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* What a connection is doing. */
enum http_phase {
    HTTP_PHASE_IDLE,      /* between requests, or part of a request line has come */
    HTTP_PHASE_RECEIVING, /* a request line is there, the request is not whole yet */
    HTTP_PHASE_ANSWERING, /* the request is whole or refused: the time is ours */
    HTTP_PHASE_SENDING,   /* the answer is on its way: the time is the client's */
    HTTP_PHASE_LATE,      /* the watch has sent a 408 and shut the socket: nothing more may be sent */
    HTTP_PHASE_SHUT,      /* it has shut the socket without an answer: likewise */
};

/* One connection; embedded in the owner's struct. */
struct http_socket {
    struct http_socket *prev, *next;
    int fd;
    _Atomic int phase;
    _Atomic int64_t since_us; /* of the phase */
    int64_t checked_since_us; /* the tick's own: the idle phase that it knows */
    int64_t first_byte_us;    /* the tick's own: when it saw bytes in that phase; 0: none */
    uint64_t bytes_then;      /* the tick's own: bytes received until it came to know the phase */
    int64_t ended_since_us;   /* the tick's own: the phase in which it saw the client's end; 0: none */
};

struct http_watch {
    pthread_mutex_t mutex; /* the list, and every descriptor on it, stay while it is held */
    struct http_socket *first;
    int64_t request_us;
    struct slice too_slow; /* the whole 408 response, or empty: only close */
    struct {
        int fd;
        int64_t until_us;
    } lingering[64];
    unsigned n_lingering;
};

/* A request must be whole, and its answer taken, within `request_us` each. `too_slow` is static. */
void http_watch_init(struct http_watch *w, int64_t request_us, struct slice too_slow);
/* Closes what lingers. Every socket must have been removed. */
void http_watch_dispose(struct http_watch *w);

void http_watch_add(struct http_watch *w, struct http_socket *s, int fd, int64_t now_us);
/* Before the owner closes the descriptor. `linger`: the client may still be sending, and closing at once would destroy the
 * answer on its way (RFC 9112 §9.6); what it sends is read and thrown away for two seconds more. */
void http_watch_remove(struct http_watch *w, struct http_socket *s, bool linger, int64_t now_us);
/* The same for a descriptor that was never added, and is closed here. */
void http_watch_linger(struct http_watch *w, int fd, int64_t now_us);

void http_socket_idle(struct http_socket *s, int64_t now_us);
void http_socket_receiving(struct http_socket *s, int64_t now_us);
/* False when the watch was quicker: close without an answer. */
bool http_socket_answering(struct http_socket *s) must_check;
/* After http_socket_answering(), where only the head was looked at: more is to come. What the client has `waited_us` for us is not its
 * own time. */
void http_socket_receiving_on(struct http_socket *s, int64_t waited_us);
/* Whether the watch has answered 408. */
bool http_socket_is_late(const struct http_socket *s);
/* The answer is handed over; only after http_socket_answering(). */
void http_socket_sending(struct http_socket *s, int64_t now_us);

/* Answers and shuts what is too slow, shuts what was ended; drains what lingers. Returns in how many milliseconds it wants to be called again. */
int http_watch_tick(struct http_watch *w, int64_t now_us);
