#include "ingress/gather.h"

#include "common/arena.h"
#include "common/log.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    MEMORY_BLOCK = 64 * 1024,
    WORTH_MOST = 8,
    /* What comes in the first quarter of a wait is of one burst: librdkafka would have put it into one request all the same. */
    BURST_PART = 4,
};

struct gather {
    int64_t linger_us;
    gather_emit_fn emit;
    void *ctx;
    int timer_fd;

    pthread_mutex_t lock; /* of what follows; held while emitting, so that the order stays */
    size_t n;
    struct gathered waiting[GATHER_MOST]; /* what they point to is in `memory` */
    struct arena *memory;
    int64_t first_us, last_us; /* when the first of them came, and the last */
    /* Rises with each wait that brought something, falls with each in vain; above half of WORTH_MOST every wait is made. */
    int worth;
};

struct gather *gather_new(int64_t linger_us, gather_emit_fn emit, void *ctx)
{
    struct gather *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;

    g->linger_us = linger_us;
    g->emit = emit;
    g->ctx = ctx;
    pthread_mutex_init(&g->lock, NULL);
    g->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    g->memory = arena_new(MEMORY_BLOCK);
    if (g->timer_fd >= 0 && g->memory)
        return g;
    gather_free(g);
    return NULL;
}

void gather_free(struct gather *g)
{
    if (!g)
        return;
    if (g->timer_fd >= 0)
        (void)close(g->timer_fd);
    pthread_mutex_destroy(&g->lock);
    if (g->memory)
        arena_free(g->memory);
    free(g);
}

int gather_fd(const struct gather *g)
{
    return g->timer_fd;
}

static size_t bytes_of(const struct gathered *m)
{
    size_t bytes = m->key.len + m->value.len;
    for (size_t i = 0; i < m->n_headers; i++)
        bytes += m->headers[i].value.len;
    return bytes;
}

static bool copy(struct arena *memory, const struct gathered *m, struct gathered *out)
{
    *out = *m;
    out->key = arena_copy(memory, m->key);
    out->value = arena_copy(memory, m->value);
    bool copied = out->key.at && out->value.at;
    for (size_t i = 0; i < m->n_headers; i++) {
        out->headers[i].value = arena_copy(memory, m->headers[i].value);
        copied = copied && out->headers[i].value.at;
    }
    return copied;
}

static void start_timer(const struct gather *g)
{
    const struct itimerspec once = {
        .it_value = {.tv_sec = g->linger_us / 1000000, .tv_nsec = g->linger_us % 1000000 * 1000}};
    if (timerfd_settime(g->timer_fd, 0, &once, NULL) != 0)
        log_error("timerfd", LOG_INT("errno", errno));
}

static void emit(struct gather *g)
{
    if (g->n > 0)
        g->emit(g->ctx, g->waiting, g->n);
    g->n = 0;
    arena_reset(g->memory);
}

static void learn(struct gather *g, bool was_right)
{
    if (was_right && g->worth < WORTH_MOST)
        g->worth++;
    else if (!was_right && g->worth > 0)
        g->worth--;
}

static void learn_of_a_whole_wait(struct gather *g)
{
    learn(g, BURST_PART * (g->last_us - g->first_us) >= g->linger_us);
}

static bool may_wait(const struct gather *g, const struct gathered *m, size_t waiting, int64_t now_us)
{
    if (g->linger_us == 0 || waiting < GATHER_FROM || bytes_of(m) > GATHER_LARGE_BYTES)
        return false;
    return g->n > 0 || 2 * g->worth > WORTH_MOST || now_us - g->first_us >= GATHER_PROBE * g->linger_us;
}

/* False: it has to be emitted now. */
static bool keep(struct gather *g, const struct gathered *m, size_t waiting, int64_t now_us)
{
    if (!may_wait(g, m, waiting, now_us))
        return false;
    if (g->n > 0 && now_us - g->first_us >= g->linger_us) { /* whoever releases them is late */
        learn_of_a_whole_wait(g);
        return false;
    }
    if (g->n + 1 >= waiting || g->n + 1 == GATHER_MOST) {
        learn(g, true);
        return false;
    }
    if (!copy(g->memory, m, &g->waiting[g->n]))
        return false;
    g->last_us = now_us;
    if (g->n++ > 0)
        return true;
    g->first_us = now_us;
    start_timer(g);
    return true;
}

void gather_add(struct gather *g, const struct gathered *m, size_t waiting, int64_t now_us)
{
    pthread_mutex_lock(&g->lock);
    if (!keep(g, m, waiting, now_us)) {
        g->waiting[g->n++] = *m;
        emit(g);
    }
    pthread_mutex_unlock(&g->lock);
}

void gather_serve(struct gather *g)
{
    uint64_t expirations;

    pthread_mutex_lock(&g->lock);
    /* The timer is not stopped where what waited has gone early, but set anew for the next ones: that forgets what has expired. */
    bool is_due = read(g->timer_fd, &expirations, sizeof expirations) > 0;
    if (!is_due && errno != EAGAIN)
        log_error("timerfd", LOG_INT("errno", errno));
    if (is_due && g->n > 0) {
        learn_of_a_whole_wait(g);
        emit(g);
    }
    pthread_mutex_unlock(&g->lock);
}

void gather_release(struct gather *g)
{
    pthread_mutex_lock(&g->lock);
    emit(g);
    pthread_mutex_unlock(&g->lock);
}
