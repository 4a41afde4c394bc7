#include "ingress/reads.h"

#include "ingress/read_answer.h"
#include "ingress/reads_connection.h"
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct reads {
    struct reads_options o;
    struct reads_connection_options connection;
    struct answer_memory memory;
    pthread_t thread;
    int wake_fd;

    pthread_mutex_t mutex; /* of these */
    struct read *first, *last;
    size_t n_queued;
    bool closing;
    bool is_down; /* no connection is open, and none could be opened: waiting is of no use */

    /* The thread's own. */
    struct reads_connection **connections;
    struct pollfd *fds; /* of the connections, and behind them wake_fd */
};

/* ---- the queue ---- */

static enum read_outcome put(struct reads *s, struct read *r)
{
    enum read_outcome refused = READ_SHOWN;

    (void)pthread_mutex_lock(&s->mutex);
    if (s->closing)
        refused = READ_CLOSING;
    else if (s->is_down)
        refused = READ_UNAVAILABLE;
    else if (s->n_queued == s->o.queue)
        refused = READ_QUEUE_FULL;
    else {
        r->next = NULL;
        *(s->last ? &s->last->next : &s->first) = r;
        s->last = r;
        gauge_set(s->o.stats->reads_queued, (int64_t)++s->n_queued);
    }
    (void)pthread_mutex_unlock(&s->mutex);
    return refused;
}

static void put_back(struct reads *s, struct read *r)
{
    (void)pthread_mutex_lock(&s->mutex);
    r->next = s->first;
    s->first = r;
    s->last = s->last ? s->last : r;
    gauge_set(s->o.stats->reads_queued, (int64_t)++s->n_queued);
    (void)pthread_mutex_unlock(&s->mutex);
}

/* The oldest; where `late_us` is not 0 only one whose deadline is not behind that. */
static struct read *take(struct reads *s, int64_t late_us)
{
    (void)pthread_mutex_lock(&s->mutex);
    struct read *r = s->first;
    if (r && late_us && r->deadline_us > late_us)
        r = NULL;
    if (r) {
        s->first = r->next;
        s->last = s->first ? s->last : NULL;
        gauge_set(s->o.stats->reads_queued, (int64_t)--s->n_queued);
    }
    (void)pthread_mutex_unlock(&s->mutex);
    return r;
}

static void refuse(struct reads *s, struct read *r, enum read_outcome outcome)
{
    read_answer(s->o.stats, r, &(struct read_page){.outcome = outcome},
                clock_monotonic_us(s->o.clock) - r->asked_us);
}

static void refuse_all(struct reads *s, enum read_outcome outcome)
{
    for (struct read *r; (r = take(s, 0));)
        refuse(s, r, outcome);
}

void reads_submit(struct reads *s, struct read *r)
{
    r->asked_us = clock_monotonic_us(s->o.clock);
    r->deadline_us = r->asked_us + s->o.timeout_ms * 1000;

    enum read_outcome refused = put(s, r);
    if (refused == READ_SHOWN)
        (void)eventfd_write(s->wake_fd, 1);
    else
        refuse(s, r, refused);
}

void reads_release(struct reads *s, size_t bytes)
{
    if (s && bytes > 0)
        answer_memory_give_back(&s->memory, bytes);
}

/* ---- the thread ---- */

/* A connection that was lost may only have been an old one: such a read is repeated once. */
static void settled(void *ctx, struct read *r, struct read_page *page)
{
    struct reads *s = ctx;

    gauge_add(s->o.stats->reads_busy, -1);
    if (page->outcome == READ_UNAVAILABLE && !r->is_repeated) {
        r->is_repeated = true;
        put_back(s, r);
        return;
    }
    read_answer(s->o.stats, r, page, clock_monotonic_us(s->o.clock) - r->asked_us);
}

static void wait_for_something(struct reads *s)
{
    int64_t due_us = INT64_MAX;

    for (size_t i = 0; i < s->o.connections; i++) {
        int64_t at_us = reads_connection_due_us(s->connections[i]);
        s->fds[i].fd = reads_connection_fd(s->connections[i], &s->fds[i].events);
        s->fds[i].revents = 0;
        due_us = at_us < due_us ? at_us : due_us;
    }
    (void)pthread_mutex_lock(&s->mutex);
    if (s->first && s->first->deadline_us < due_us)
        due_us = s->first->deadline_us;
    (void)pthread_mutex_unlock(&s->mutex);

    int timeout_ms = -1;
    if (due_us != INT64_MAX) {
        int64_t left_us = due_us - clock_monotonic_us(s->o.clock);
        timeout_ms = left_us > 0 ? (int)(left_us / 1000 + 1) : 0;
    }
    (void)poll(s->fds, s->o.connections + 1, timeout_ms);

    eventfd_t count;
    if (s->fds[s->o.connections].revents)
        (void)eventfd_read(s->wake_fd, &count);
}

static void advance_all(struct reads *s)
{
    size_t open = 0;
    size_t failing = 0;
    bool connects = false; /* one at a time: each may wait for a name, and the others' answers with it */

    for (size_t i = 0; i < s->o.connections; i++) {
        struct reads_connection *c = s->connections[i];
        connects |= reads_connection_advance(c, s->fds[i].revents != 0, !connects);
        open += reads_connection_is_open(c);
        failing += reads_connection_is_failing(c);
    }
    gauge_set(s->o.stats->reads_open, (int64_t)open);
    bool is_down = open == 0 && failing == s->o.connections;
    (void)pthread_mutex_lock(&s->mutex);
    s->is_down = is_down;
    (void)pthread_mutex_unlock(&s->mutex);
    if (is_down)
        refuse_all(s, READ_UNAVAILABLE);
}

static void dispatch(struct reads *s)
{
    for (struct read *late; (late = take(s, clock_monotonic_us(s->o.clock)));)
        refuse(s, late, READ_LATE);
    for (size_t i = 0; i < s->o.connections; i++) {
        struct read *r = reads_connection_is_idle(s->connections[i]) ? take(s, 0) : NULL;
        if (!r)
            continue;
        gauge_add(s->o.stats->reads_busy, 1);
        reads_connection_read(s->connections[i], r);
    }
}

static void abandon_all(struct reads *s)
{
    refuse_all(s, READ_CLOSING);
    for (size_t i = 0; i < s->o.connections; i++)
        reads_connection_abandon(s->connections[i], READ_CLOSING);
}

static void *run(void *ctx)
{
    struct reads *s = ctx;

    for (;;) {
        wait_for_something(s);
        (void)pthread_mutex_lock(&s->mutex);
        bool closing = s->closing;
        (void)pthread_mutex_unlock(&s->mutex);
        if (closing) {
            abandon_all(s);
            return NULL;
        }
        advance_all(s);
        dispatch(s);
    }
}

/* ---- start and stop ---- */

static void reads_free(struct reads *s)
{
    for (size_t i = 0; s->connections && i < s->o.connections; i++)
        reads_connection_free(s->connections[i]);
    free(s->connections);
    free(s->fds);
    if (s->wake_fd >= 0)
        (void)close(s->wake_fd);
    (void)pthread_mutex_destroy(&s->mutex);
    free(s);
}

static bool make_connections(struct reads *s)
{
    s->connections = calloc(s->o.connections, sizeof *s->connections);
    s->fds = calloc(s->o.connections + 1, sizeof *s->fds);
    s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!s->connections || !s->fds || s->wake_fd < 0)
        return false;
    s->fds[s->o.connections] = (struct pollfd){.fd = s->wake_fd, .events = POLLIN};
    for (size_t i = 0; i < s->o.connections; i++) {
        s->connections[i] = reads_connection_new(&s->connection);
        if (!s->connections[i])
            return false;
    }
    return true;
}

status reads_start(const struct reads_options *options, struct reads **out, struct fault *f)
{
    struct reads *s = calloc(1, sizeof *s);

    if (!s)
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "memory is short");
    s->o = *options;
    s->memory = (struct answer_memory){
        .max = options->memory, .spared = ANSWER_MEMORY_SPARED, .gauge = options->stats->reads_memory};
    s->connection = (struct reads_connection_options){.conninfo = options->conninfo,
                                                      .timeout_ms = options->timeout_ms,
                                                      .page_bytes = options->page_bytes,
                                                      .clock = options->clock,
                                                      .memory = &s->memory,
                                                      .settled = settled,
                                                      .ctx = s};
    (void)pthread_mutex_init(&s->mutex, NULL);
    if (!make_connections(s) || pthread_create(&s->thread, NULL, run, s) != 0) {
        reads_free(s);
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "memory is short for the pool of reads");
    }
    *out = s;
    return STATUS_OK;
}

void reads_close(struct reads *s)
{
    if (!s)
        return;
    (void)pthread_mutex_lock(&s->mutex);
    bool was_closed = s->closing;
    s->closing = true;
    (void)pthread_mutex_unlock(&s->mutex);
    if (was_closed)
        return;
    (void)eventfd_write(s->wake_fd, 1);
    (void)pthread_join(s->thread, NULL);
}

void reads_stop(struct reads *s)
{
    if (!s)
        return;
    reads_close(s);
    reads_free(s);
}
