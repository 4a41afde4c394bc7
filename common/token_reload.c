#include "common/token_internal.h"

#include "common/http_fetch.h"
#include "common/log.h"
#include "common/signals.h"
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* ---- the signal to reload ---- */

static void log_faults(struct slice faults)
{
    while (faults.len > 0) {
        struct slice line = token_cut(&faults, '\n');
        log_error("keys cannot be read anew: they stay as they were",
                  LOG_SLICE("reason", line.at ? line : faults));
        if (!line.at)
            return;
    }
}

static void reload_source(const struct token_keys *keys, struct token_source *source)
{
    struct token_key_list read = {0};
    struct buffer faults = {0};

    bool good = token_source_read(source, &read, &faults);
    size_t n = read.n;
    if (good && !token_keys_replace(keys, source, &read)) {
        good = false;
        buffer_add_text(&faults, "out of memory\n");
    }
    counter_add(good ? source->refreshes : source->failures, 1);
    if (good)
        log_info("keys were read anew", LOG_STR("source", source->name), LOG_INT("keys", n));
    else
        log_faults(buffer_slice(&faults));
    buffer_dispose(&faults);
}

static void reload(const struct token_keys *keys)
{
    struct token_shared *shared = keys->shared;

    for (size_t i = 0; i < keys->n_sources; i++) {
        struct token_source *source = &keys->sources[i];
        if (source->kind != TOKEN_JWKS_URL) {
            reload_source(keys, source);
            continue;
        }
        (void)pthread_mutex_lock(&shared->mutex);
        source->wanted = true;
        (void)pthread_cond_broadcast(&shared->changed);
        (void)pthread_mutex_unlock(&shared->mutex);
    }
}

static void *reload_on_signal(void *arg)
{
    const struct token_keys *keys = arg;
    const struct token_shared *shared = keys->shared;
    struct pollfd fds[] = {{.fd = shared->watch.reload_fd, .events = POLLIN},
                           {.fd = shared->stop_fd, .events = POLLIN}};

    while (!atomic_load(&shared->stopping)) {
        if (poll(fds, sizeof fds / sizeof fds[0], -1) < 0 && errno != EINTR)
            break;
        if (signals_read(shared->watch.reload_fd) != SIGNAL_RELOAD)
            continue;
        reload(keys);
        if (shared->watch.reload_too)
            reload(shared->watch.reload_too);
        if (shared->watch.reloaded)
            shared->watch.reloaded(shared->watch.ctx);
    }
    return NULL;
}

/* ---- starting and stopping ---- */

static void register_metrics(struct token_keys *keys)
{
    struct metrics *m = keys->shared->watch.metrics;

    keys->shared->known =
        metrics_gauge(m, "gold_label_token_keys", NULL, "Keys that tokens are verified with.");
    gauge_set(keys->shared->known, (int64_t)keys->shared->current->keys.n);
    for (size_t i = 0; i < keys->n_sources; i++) {
        struct token_source *source = &keys->sources[i];
        struct buffer label = {0};

        buffer_add_text(&label, "source=\"");
        for (const char *c = source->name; *c; c++) {
            if (*c == '"' || *c == '\\')
                buffer_add_char(&label, '\\');
            buffer_add_char(&label, *c);
        }
        buffer_add(&label, "\"", 2);
        if (!label.failed) {
            source->refreshes = metrics_counter(m, "gold_label_token_key_refreshes_total", label.at,
                                                "Keys read or fetched anew.");
            source->failures = metrics_counter(m, "gold_label_token_key_failures_total", label.at,
                                               "Keys that could not be read or fetched anew.");
            if (source->kind == TOKEN_JWKS_URL)
                source->fetched_at = metrics_gauge(m, "gold_label_token_keys_fetched_timestamp_seconds",
                                                   label.at, "When the key set was fetched last.");
        }
        buffer_dispose(&label);
    }
}

status token_keys_start(struct token_keys *keys, const struct token_watch *watch, struct fault *f)
{
    struct token_shared *shared = keys->shared;
    bool good = http_fetch_init();

    shared->watch = *watch;
    shared->started = true;
    register_metrics(keys);
    shared->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    good = good && shared->stop_fd >= 0;
    /* A thread that has started looks at all of them. */
    (void)pthread_mutex_lock(&shared->mutex);
    for (size_t i = 0; good && i < keys->n_sources; i++) {
        struct token_source *source = &keys->sources[i];
        if (source->kind != TOKEN_JWKS_URL)
            continue;
        source->wanted = true;
        good = source->has_thread = pthread_create(&source->thread, NULL, token_keep_fresh, source) == 0;
    }
    (void)pthread_mutex_unlock(&shared->mutex);
    if (good && watch->reload_fd >= 0)
        good = shared->has_reload_thread =
            pthread_create(&shared->reload_thread, NULL, reload_on_signal, keys) == 0;
    if (good)
        return STATUS_OK;
    token_keys_stop(keys);
    return fault_set(f, STATUS_FATAL, "no_threads", "the threads that refresh keys cannot be started");
}

void token_keys_stop(struct token_keys *keys)
{
    const uint64_t one = 1;
    struct token_shared *shared = keys ? keys->shared : NULL;
    if (!shared || !shared->started)
        return;

    (void)pthread_mutex_lock(&shared->mutex);
    atomic_store(&shared->stopping, true);
    (void)pthread_cond_broadcast(&shared->changed);
    (void)pthread_mutex_unlock(&shared->mutex);
    if (shared->stop_fd >= 0 && write(shared->stop_fd, &one, sizeof one) != (ssize_t)sizeof one)
        log_debug("the stop event is full");
    for (size_t i = 0; i < keys->n_sources; i++) {
        if (keys->sources[i].has_thread)
            (void)pthread_join(keys->sources[i].thread, NULL);
        keys->sources[i].has_thread = false;
    }
    if (shared->has_reload_thread)
        (void)pthread_join(shared->reload_thread, NULL);
    shared->has_reload_thread = false;
    if (shared->stop_fd >= 0)
        close(shared->stop_fd);
    shared->stop_fd = -1;
    (void)pthread_mutex_lock(&shared->mutex); /* requests may still ask for keys */
    shared->started = false;
    (void)pthread_mutex_unlock(&shared->mutex);
    http_fetch_dispose();
}
