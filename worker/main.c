/* gold-label-worker: commands in, rows, results and dead letters out. */
#include "common/admin.h"
#include "common/config.h"
#include "common/log.h"
#include "common/signals.h"
#include "common/token.h"
#include "worker/pipeline.h"
#include <stdio.h>
#include <stdlib.h>

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
};

static int run(struct parts *p)
{
    struct fault fault = {0};
    const struct pipeline_options pipeline = {
        .settings = &p->settings,
        .kafka = config_kafka(p->config),
        .keys = p->keys,
        .clock = clock_system(),
        .metrics = p->metrics,
        .signal_fd = signals_open(),
    };
    if (pipeline.signal_fd < 0 || !p->metrics) {
        log_error("cannot start: no memory or descriptors");
        return EXIT_FAILURE;
    }
    status st = pipeline_new(&pipeline, &p->pipeline, &fault);
    if (st == STATUS_OK) {
        const struct admin_options admin = {
            .address = p->settings.admin_address,
            .port = (uint16_t)p->settings.admin_port,
            .metrics = p->metrics,
            .ready = pipeline_is_ready,
            .ctx = p->pipeline,
        };
        st = admin_start(&admin, &p->admin, &fault);
    }
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
    return st == STATUS_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Keys are part of the configuration: their faults are reported like its other faults. */
static bool load_keys(struct parts *p)
{
    struct buffer faults = {0};
    if (p->settings.auth == WORKER_AUTH_TRUSTED)
        return true;
    p->keys = token_keys_load(p->settings.token_keys, &faults);
    if (!p->keys)
        (void)fprintf(stderr, "[token] keys: %.*s", (int)faults.len, faults.at ? faults.at : "no memory\n");
    buffer_dispose(&faults);
    return p->keys != NULL;
}

int main(int argc, char **argv)
{
    struct parts p = {0};
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
    pipeline_free(p.pipeline);
    metrics_free(p.metrics);
    token_keys_free(p.keys);
    config_free(p.config);
    return code;
}
