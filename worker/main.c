/* gold-label-worker: commands in, rows, results and dead letters out. */
#include "common/admin.h"
#include "common/config.h"
#include "common/log.h"
#include "common/signals.h"
#include "common/streams.h"
#include "common/token.h"
#include "worker/pipeline.h"
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { EXIT_CONFIG = 2 };

/* Read by jemalloc: one arena for our loop, one for librdkafka's threads, however many processors there are. */
extern const char *malloc_conf;
const char *malloc_conf = "narenas:2";

struct parts {
    struct worker_settings settings;
    struct config *config;
    struct token_keys *keys;
    struct metrics *metrics;
    struct pipeline *pipeline;
    struct admin *admin;
    int signal_fd;
    int reload_fd;
    int keys_fd; /* an eventfd: keys have come */
};

static status open_admin(struct parts *p, bool (*ready)(void *ctx, struct buffer *why), void *ctx,
                         struct fault *f)
{
    const struct admin_options admin = {
        .address = p->settings.admin_address,
        .port = (uint16_t)p->settings.admin_port,
        .metrics = p->metrics,
        .ready = ready,
        .ctx = ctx,
    };
    return admin_start(&admin, &p->admin, f);
}

static bool keys_are_ready(void *ctx, struct buffer *why)
{
    const struct parts *p = ctx;
    return token_keys_are_ready(p->keys, why);
}

/* Without keys every command would be rejected, for good: nothing is consumed, and other workers have the partitions. False when
 * a signal said stop. The admin listener is opened anew for the pipeline, which adds metrics to what it shows. */
static status wait_for_keys(struct parts *p, bool *go_on, struct fault *f)
{
    const struct token_watch watch = {
        .metrics = p->metrics, .reload_fd = p->reload_fd, .ready_fd = p->keys_fd};
    struct pollfd fds[] = {{.fd = p->signal_fd, .events = POLLIN}, {.fd = p->keys_fd, .events = POLLIN}};

    status st = token_keys_start(p->keys, &watch, f);
    if (st == STATUS_OK && !token_keys_are_ready(p->keys, NULL))
        st = open_admin(p, keys_are_ready, p, f);
    while (st == STATUS_OK && *go_on && !token_keys_are_ready(p->keys, NULL)) {
        (void)poll(fds, sizeof fds / sizeof fds[0], -1);
        (void)eventfd_read(p->keys_fd, &(eventfd_t){0});
        *go_on = signals_read(p->signal_fd) != SIGNAL_STOP;
    }
    admin_stop(p->admin);
    p->admin = NULL;
    return st;
}

static int run(struct parts *p)
{
    struct fault fault = {0};
    bool go_on = true;

    if (p->signal_fd < 0 || p->reload_fd < 0 || p->keys_fd < 0 || !p->metrics) {
        log_error("cannot start: no memory or descriptors");
        return EXIT_FAILURE;
    }
    const struct pipeline_options pipeline = {
        .settings = &p->settings,
        .kafka = config_kafka(p->config),
        .keys = p->keys,
        .clock = clock_system(),
        .metrics = p->metrics,
        .signal_fd = p->signal_fd,
    };
    status st = p->keys ? wait_for_keys(p, &go_on, &fault) : STATUS_OK;
    if (st == STATUS_OK && !go_on) {
        log_info("stopped");
        return EXIT_SUCCESS;
    }
    if (st == STATUS_OK)
        st = pipeline_new(&pipeline, &p->pipeline, &fault);
    if (st == STATUS_OK)
        st = open_admin(p, pipeline_is_ready, p->pipeline, &fault);
    if (st != STATUS_OK) {
        log_error("cannot start", LOG_STR("reason", fault.message));
        return st == STATUS_CONFIG ? EXIT_CONFIG : EXIT_FAILURE;
    }
    log_info("started", LOG_STR("version", GOLD_LABEL_VERSION));
    st = pipeline_run(p->pipeline);
    if (st != STATUS_OK)
        log_error("stopped", LOG_STR("status", status_text(st)));
    else
        log_info("stopped");
    if (st == STATUS_OK)
        return EXIT_SUCCESS;
    return pipeline_is_fenced(p->pipeline) ? EXIT_CONFIG : EXIT_FAILURE;
}

/* They could be read when the settings were checked; what has become of them since is said here. */
static bool load_keys(struct parts *p)
{
    const struct token_sources sources = worker_token_sources(&p->settings);
    struct buffer faults = {0};

    if (p->settings.auth == WORKER_AUTH_TRUSTED)
        return true;
    p->keys = token_keys_open(&sources, &faults);
    if (!p->keys)
        log_error("cannot start: memory is short, or a key file has just changed",
                  LOG_SLICE("reason", buffer_slice(&faults)));
    buffer_dispose(&faults);
    return p->keys != NULL;
}

int main(int argc, char **argv)
{
    streams_hold();
    /* Before anything is read: a stop that comes meanwhile waits, and is a clean one. */
    struct parts p = {.signal_fd = signals_open(),
                      .reload_fd = signals_open_reload(),
                      .keys_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    int code = EXIT_SUCCESS;

    if (config_start(worker_program(), argc, argv, &p.settings, &p.config, &code) == CONFIG_EXIT)
        return code;
    log_setup((enum log_level)p.settings.log_level, (enum log_format)p.settings.log_format,
              worker_program()->name);
    if (load_keys(&p)) {
        p.metrics = metrics_new();
        code = run(&p);
    } else {
        code = EXIT_CONFIG;
    }

    admin_stop(p.admin);
    /* What still runs uses the rest, too. Its group notices when the session times out. */
    if (!pipeline_free(p.pipeline))
        _exit(EXIT_FAILURE);
    token_keys_free(p.keys); /* its thread counts until then */
    metrics_free(p.metrics);
    config_free(p.config);
    return code;
}
