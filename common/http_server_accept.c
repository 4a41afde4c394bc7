#include "common/http_server_internal.h"

#include "common/json.h"
#include <errno.h>
#include <sys/socket.h>

enum { AT_ONCE = 64 }; /* then those that are already here have their turn */

static void turn_away(struct http_server *s, int fd)
{
    struct buffer answer = {0};
    struct buffer body = {0};

    json_write_error(&body, "overloaded", "Too many connections are open.");
    buffer_printf(&answer,
                  "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\n"
                  "Content-Length: %zu\r\nConnection: close\r\n\r\n",
                  body.len);
    buffer_add_slice(&answer, buffer_slice(&body));
    if (!s->options.tls && !answer.failed && !body.failed)
        (void)send(fd, answer.at, answer.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    buffer_dispose(&answer);
    buffer_dispose(&body);
    http_watch_linger(&s->watch, fd, clock_monotonic_us(s->options.clock));
    http_server_turned_away(s, MHD_HTTP_SERVICE_UNAVAILABLE);
}

static void take(struct http_server *s, int fd, const struct sockaddr *from, socklen_t len)
{
    if (http_peers_take(s->peers, from, &s->arriving) != HTTP_PEERS_TAKEN) {
        turn_away(s, fd);
        return;
    }
    (void)MHD_add_connection(s->daemon, fd, from, len); /* closes it where it fails */
    if (s->arriving)
        http_peers_give_back(s->peers, s->arriving); /* nobody took it */
    s->arriving = NULL;
}

bool http_server_accept(struct http_server *s)
{
    for (int i = 0; i < AT_ONCE; i++) {
        union {
            struct sockaddr any;
            struct sockaddr_storage room;
        } from;
        socklen_t len = sizeof from;
        int fd = accept4(s->listen_fd, &from.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM;
        take(s, fd, &from.any, len);
    }
    return true;
}
