/* open_load: labels over HTTP at a steady rate, whatever the answers take (an open loop). A request is due at its place in the
 * schedule and its time counts from then, also where no connection was free for it: a server that stalls is not spared what
 * it made others wait (no "coordinated omission"). Prints one line of JSON. */
#include "common/buffer.h"
#include "common/clock.h"
#include "tests/bench/program.h"
#include "tests/bench/times.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_MAX = 4096, EVENTS = 256, LATE_US = 35 * 1000000, RUN_DIGITS = 12, US_PER_S = 1000000 };

struct settings {
    const char *token, *body;
    int64_t port, rate, seconds, connections, runs;
};

#define AT(member) .required = true, .offset = offsetof(struct settings, member)

static const struct config_option OPTIONS[] = {
    {"bench", "port", CONFIG_INTEGER, AT(port), .min = 1, .max = 65535,
     .help = "of the ingress, on loopback"},
    {"bench", "token", CONFIG_TEXT, AT(token), .max = 8192, .help = "the user's"},
    {"bench", "body", CONFIG_TEXT, AT(body), .max = 65536, .help = "of each request"},
    {"bench", "rate", CONFIG_INTEGER, AT(rate), .min = 1, .max = 100000, .unit = "requests/s",
     .help = "steady"},
    {"bench", "seconds", CONFIG_INTEGER, AT(seconds), .min = 1, .max = 3600, .help = "how long"},
    {"bench", "connections", CONFIG_INTEGER, AT(connections), .min = 1, .max = 10000,
     .help = "open all the time, taking turns"},
    {"bench", "runs", CONFIG_INTEGER, AT(runs), .min = 1, .max = INT32_MAX, .help = "runs that take turns"},
};

struct connection {
    int fd;
    bool busy;
    int64_t due_us; /* of the request under way */
    size_t got;
    char answer[ANSWER_MAX + 1];
};

struct load {
    const struct settings *settings;
    struct buffer request;
    size_t run_at; /* of the run's digits in the request */
    int epoll;
    struct connection *connections;
    uint32_t *idle; /* a ring: who has been idle longest is next */
    size_t first_idle, n_idle;
    uint64_t total, sent, answered, created, broken;
    int64_t *times_us; /* of what was answered */
    int64_t began_us;
};

static int64_t now_us(void)
{
    return clock_monotonic_us(clock_system());
}

static int64_t due_us(const struct load *l, uint64_t n)
{
    return l->began_us + (int64_t)(n * US_PER_S / (uint64_t)l->settings->rate);
}

static void set_idle(struct load *l, uint32_t number)
{
    l->connections[number].busy = false;
    l->idle[(l->first_idle + l->n_idle++) % (size_t)l->settings->connections] = number;
}

static status open_connection(struct load *l, uint32_t number, struct fault *f)
{
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)l->settings->port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = number};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;

    l->connections[number].fd = fd;
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof to) == 0 &&
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
        epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event) == 0)
        return STATUS_OK;
    return fault_set(f, STATUS_RETRY, "connect", "no connection to port %lld: %s",
                     (long long)l->settings->port, strerror(errno));
}

/* It is opened again when its turn comes. */
static void lose_connection(struct load *l, uint32_t number)
{
    struct connection *c = &l->connections[number];
    close(c->fd);
    c->fd = -1;
    if (c->busy) {
        l->broken++;
        set_idle(l, number);
    }
}

/* ---- requests ---- */

static status send_next(struct load *l, struct fault *f)
{
    uint32_t number = l->idle[l->first_idle];
    struct connection *c = &l->connections[number];
    char digits[RUN_DIGITS + 1];

    if (c->fd < 0 && open_connection(l, number, f) != STATUS_OK)
        return STATUS_RETRY;
    l->first_idle = (l->first_idle + 1) % (size_t)l->settings->connections;
    l->n_idle--;
    (void)snprintf(digits, sizeof digits, "%012u", (unsigned)(l->sent % (uint64_t)l->settings->runs));
    memcpy(l->request.at + l->run_at, digits, RUN_DIGITS);
    c->busy = true;
    c->got = 0;
    c->due_us = due_us(l, l->sent++);
    if (send(c->fd, l->request.at, l->request.len, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)l->request.len)
        lose_connection(l, number);
    return STATUS_OK;
}

static status send_what_is_due(struct load *l, struct fault *f)
{
    status st = STATUS_OK;
    while (st == STATUS_OK && l->sent < l->total && l->n_idle > 0 && due_us(l, l->sent) <= now_us())
        st = send_next(l, f);
    return st;
}

/* ---- answers ---- */

/* Length of the whole answer, 0 while its head is not complete. */
static size_t answer_length(const struct connection *c)
{
    const char *end = strstr(c->answer, "\r\n\r\n");
    const char *length = end ? strcasestr(c->answer, "\r\nContent-Length:") : NULL;
    if (!end)
        return 0;
    return (size_t)(end + 4 - c->answer) +
           (length ? strtoul(length + sizeof "\r\nContent-Length:" - 1, NULL, 10) : 0);
}

static void receive(struct load *l, uint32_t number)
{
    struct connection *c = &l->connections[number];
    ssize_t n = recv(c->fd, c->answer + c->got, ANSWER_MAX - c->got, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || !c->busy) {
        lose_connection(l, number);
        return;
    }
    c->got += (size_t)n;
    c->answer[c->got] = '\0';
    size_t whole = answer_length(c);
    if (whole == 0 || c->got < whole)
        return; /* a full buffer makes the next recv() 0 */
    l->times_us[l->answered++] = now_us() - c->due_us;
    l->created += strncmp(c->answer, "HTTP/1.1 201", 12) == 0;
    set_idle(l, number);
}

/* ---- the loop ---- */

/* Waits for answers until the next request is due. Nothing is due while no connection is free. */
static int await_events(const struct load *l, struct epoll_event events[EVENTS])
{
    int64_t wait_us = l->sent < l->total && l->n_idle > 0 ? due_us(l, l->sent) - now_us() : US_PER_S / 2;
    wait_us = wait_us > 0 ? wait_us : 0;
    const struct timespec wait = {.tv_sec = wait_us / US_PER_S, .tv_nsec = wait_us % US_PER_S * 1000};
    return epoll_pwait2(l->epoll, events, EVENTS, &wait, NULL);
}

static status load_loop(struct load *l, struct fault *f)
{
    struct epoll_event events[EVENTS];
    status st = STATUS_OK;

    l->began_us = now_us();
    int64_t end_us = due_us(l, l->total) + LATE_US;
    while (st == STATUS_OK && l->answered + l->broken < l->total && now_us() < end_us) {
        int n = await_events(l, events);
        for (int i = 0; i < n; i++)
            receive(l, events[i].data.u32);
        st = send_what_is_due(l, f);
    }
    return st;
}

static void print(struct load *l)
{
    struct buffer text = {0};
    double seconds = (double)(now_us() - l->began_us) / US_PER_S;
    buffer_printf(&text, "{\"requests\": %llu, \"seconds\": %.3f, \"created\": %llu, \"not_201\": %llu, ",
                  (unsigned long long)l->total, seconds, (unsigned long long)l->created,
                  (unsigned long long)(l->answered - l->created));
    buffer_printf(&text, "\"no_answer\": %llu, \"cpu_us\": %.1f, ",
                  (unsigned long long)(l->total - l->answered),
                  bench_cpu_seconds() * US_PER_S / (double)l->total);
    times_write(l->times_us, l->answered, &text);
    buffer_add_text(&text, "}\n");
    fwrite(text.at, 1, text.len, stdout);
    buffer_dispose(&text);
}

static status open_all(struct load *l, struct fault *f)
{
    const struct settings *s = l->settings;
    size_t n = (size_t)s->connections;

    l->total = (uint64_t)(s->rate * s->seconds);
    l->connections = calloc(n, sizeof *l->connections);
    l->idle = calloc(n, sizeof *l->idle);
    l->times_us = calloc(l->total, sizeof *l->times_us);
    buffer_add_text(&l->request, "POST /v1/run/00000000-0000-4000-8000-");
    l->run_at = l->request.len;
    buffer_printf(&l->request,
                  "%012d/gold-labels HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
                  "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                  0, s->token, strlen(s->body), s->body);
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!l->connections || !l->idle || !l->times_us || l->request.failed || l->epoll < 0)
        return STATUS_NO_MEMORY;
    status st = STATUS_OK;
    for (uint32_t i = 0; st == STATUS_OK && i < n; i++) {
        set_idle(l, i);
        st = open_connection(l, i, f);
    }
    return st;
}

static status run(const void *settings, struct fault *f)
{
    struct load l = {.settings = settings};
    status st = open_all(&l, f);
    if (st == STATUS_OK)
        st = load_loop(&l, f);
    if (st == STATUS_OK)
        print(&l);
    buffer_dispose(&l.request);
    free(l.connections);
    free(l.idle);
    free(l.times_us);
    return st; /* the end of the process closes what is open */
}

static const struct bench_program PROGRAM = {
    .config = {.name = "open_load",
               .summary = "Sends labels over HTTP at a steady rate and prints the times as JSON.",
               .options = OPTIONS,
               .n_options = sizeof OPTIONS / sizeof *OPTIONS},
    .failure = "not measured",
    .run = run,
};

int main(int argc, char **argv)
{
    struct settings settings = {0};
    return bench_main(&PROGRAM, argc, argv, &settings);
}
