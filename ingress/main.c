/* gold-label-ingress: HTTP in, commands out, results back. */
#include "common/admin.h"
#include "common/config.h"
#include "common/http_server.h"
#include "common/http_tls.h"
#include "common/log.h"
#include "common/signals.h"
#include "common/streams.h"
#include "ingress/ingress.h"
#include "ingress/outcome.h"
#include "ingress/publish.h"
#include "ingress/reads.h"
#include "ingress/replies.h"
#include "ingress/routes.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    EXIT_CONFIG = 2,
    SCRATCH_BLOCK = 64 * 1024,
    SPARE_DESCRIPTORS = 256, /* brokers, listeners, the admin's connections */
    LAST_ANSWERS_STEP_MS = 100,
    LAST_ANSWERS_MS = 2000, /* for the answers of the shutdown to be sent */
    FLUSH_MS = 1000,        /* for acknowledgements that nobody waits for any more */
    TICK_MS = 1000,
};

/* Everything that main() makes, for one place to free it. */
struct parts {
    struct ingress in;
    struct config *config;
    struct metrics *metrics;
    struct token_keys *signing_keys;
    struct admin *admin;
    struct replies *replies;
    struct http_tls *tls; /* NULL: plain HTTP */
    struct http_server *server;
    char name[320];
    int signal_fd;
    int reload_fd;
    int ready_fd; /* written to when the reply partition is assigned, or keys have come */
};

static int fail(status st, const struct fault *f)
{
    log_error("cannot start", LOG_STR("reason", f->message));
    return st == STATUS_CONFIG ? EXIT_CONFIG : EXIT_FAILURE;
}

static bool is_ready(void *ctx, struct buffer *why)
{
    const struct parts *p = ctx;

    switch (atomic_load(&p->in.phase)) {
    case PHASE_STARTING:
        if (replies_are_ready(p->replies, why) && token_keys_are_ready(p->in.token_keys, why))
            buffer_add_text(why, "opening the listener");
        return false;
    case PHASE_RUNNING:
        return replies_are_ready(p->replies, why);
    default:
        buffer_add_text(why, "shutting down");
        return false;
    }
}

/* The default name tells instances of one host apart by their port. */
static void make_name(struct parts *p)
{
    const struct ingress_settings *s = &p->in.settings;
    char host[256] = "";

    if (s->name) {
        (void)snprintf(p->name, sizeof p->name, "%s", s->name);
        return;
    }
    if (gethostname(host, sizeof host - 1) != 0)
        (void)snprintf(host, sizeof host, "gold-label-ingress");
    (void)snprintf(p->name, sizeof p->name, "%s:%lld", host, (long long)s->http_port);
}

static void allow_descriptors(const struct ingress_settings *s)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)s->connections + SPARE_DESCRIPTORS;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < wanted)
        log_warning("fewer descriptors than connections", LOG_INT("descriptors", limit.rlim_cur),
                    LOG_INT("connections", s->connections));
}

static status make_parts(struct parts *p, struct fault *f)
{
    struct ingress *in = &p->in;
    const struct ingress_settings *s = &in->settings;
    struct buffer faults = {0};
    uint8_t random[16];

    in->clock = clock_system();
    uuid_random_bytes(random);
    memcpy(&in->secret, random, sizeof in->secret);
    atomic_init(&in->reply_partition, -1);
    atomic_init(&in->topic_is_gone, false);
    p->metrics = metrics_new();
    in->token_keys = token_keys_open(&s->token, &faults);
    p->signing_keys = token_keys_load_signer(s->signing_keys, &faults);
    buffer_dispose(&faults); /* config_start() has told them */
    if (!p->metrics || !in->token_keys || !p->signing_keys)
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "memory is short, or a key file has just changed");

    stats_register(&in->stats, p->metrics);
    in->answers = (struct answer_memory){.max = (size_t)s->answer_bytes, .gauge = in->stats.answer_memory};
    in->verifier = token_verifier_new(in->token_keys,
                                      &(struct token_rules){.issuer = s->token.issuer,
                                                            .audience = s->token_audience,
                                                            .account_claim = s->account_claim,
                                                            .leeway_s = s->leeway_s},
                                      (size_t)s->token_cache);
    in->grants = grants_new(&(struct grants_options){.keys = p->signing_keys,
                                                     .issuer = s->signing_issuer,
                                                     .audience = s->signing_audience,
                                                     .account_claim = s->signing_account_claim,
                                                     .lifetime_s = s->signing_lifetime_s,
                                                     .size = (size_t)s->signing_cache,
                                                     .clock = in->clock});
    in->codec = avro_codec_new(&(struct avro_codec_options){.command_schema_id = s->command_schema_id,
                                                            .result_schema_id = s->result_schema_id});
    in->scratch = arena_new(SCRATCH_BLOCK);
    /* A connection has one request at a time. */
    in->pending = pending_new((size_t)(s->max_pending < s->connections ? s->max_pending : s->connections),
                              (size_t)s->queue_bytes);
    in->gather = gather_new(s->linger_us, publish_emit, in);
    in->key_waits = key_waits_new();
    p->ready_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (!in->verifier || !in->grants || !in->codec || !in->scratch || !in->pending || !in->gather ||
        !in->key_waits || p->ready_fd < 0)
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "memory is short");
    return STATUS_OK;
}

static void free_parts(struct parts *p)
{
    struct ingress *in = &p->in;

    token_keys_stop(in->token_keys); /* what follows may be in the hands of its threads */
    gather_free(in->gather);
    pending_free(in->pending);
    key_waits_free(in->key_waits);
    arena_free(in->scratch);
    buffer_dispose(&in->encoded);
    if (in->codec)
        avro_codec_free(in->codec);
    grants_free(in->grants);
    token_verifier_free(in->verifier);
    http_tls_free(p->tls);
    token_keys_free(p->signing_keys);
    token_keys_free(in->token_keys);
    metrics_free(p->metrics);
    config_free(p->config);
}

static void on_fetched(void *ctx, uint32_t source)
{
    const struct parts *p = ctx;
    key_waits_release(p->in.key_waits, p->in.token_keys, source);
}

/* A certificate may have been renewed. */
static void on_reloaded(void *ctx)
{
    const struct parts *p = ctx;
    struct fault f;

    if (p->tls && http_tls_reload(p->tls, &f) != STATUS_OK)
        log_error("the certificate for TLS cannot be read anew: it stays as it was",
                  LOG_STR("reason", f.message));
}

/* Keeps both sorts of keys up to date, and the public listener waits for the first ones. */
static status watch_keys(struct parts *p, struct fault *f)
{
    const struct token_watch watch = {.metrics = p->metrics,
                                      .reload_fd = p->reload_fd,
                                      .reloaded = on_reloaded,
                                      .ready_fd = p->ready_fd,
                                      .reload_too = p->signing_keys,
                                      .fetched = on_fetched,
                                      .ctx = p};
    return token_keys_start(p->in.token_keys, &watch, f);
}

static status open_admin(struct parts *p, struct fault *f)
{
    return admin_start(&(struct admin_options){.address = p->in.settings.admin_address,
                                               .port = (uint16_t)p->in.settings.admin_port,
                                               .metrics = p->metrics,
                                               .ready = is_ready,
                                               .ctx = p},
                       &p->admin, f);
}

/* Where a database is configured. Whether it can be reached does not matter to readiness: labels are taken without it. */
static status open_reads(struct parts *p, struct fault *f)
{
    const struct ingress_settings *s = &p->in.settings;

    if (!s->conninfo)
        return STATUS_OK;
    return reads_start(&(struct reads_options){.conninfo = s->conninfo,
                                               .connections = (size_t)s->read_connections,
                                               .queue = (size_t)s->read_queue,
                                               .memory = (size_t)s->read_memory,
                                               .timeout_ms = s->read_timeout_ms,
                                               .page_bytes = s->read_page_bytes,
                                               .clock = p->in.clock,
                                               .stats = &p->in.stats},
                       &p->in.reads, f);
}

static status open_tls(struct parts *p, struct fault *f)
{
    const struct ingress_settings *s = &p->in.settings;
    const struct http_tls_options options = {s->tls_certificate, s->tls_key, s->tls_priorities};
    return s->tls_certificate ? http_tls_open(&options, &p->tls, f) : STATUS_OK;
}

/* Only when no reply can be lost any more. */
static status open_public(struct parts *p, struct fault *f)
{
    const struct ingress_settings *s = &p->in.settings;
    const struct http_server_options options = {.address = s->http_address,
                                                .port = (uint16_t)s->http_port,
                                                .connections = (unsigned)s->connections,
                                                .connections_per_ip = (unsigned)s->connections_per_ip,
                                                .connection_memory = (size_t)s->connection_memory,
                                                .body_memory = (size_t)s->body_memory,
                                                .request_ms = s->request_ms,
                                                .idle_s = (unsigned)s->idle_s,
                                                .tls = p->tls,
                                                .state_size = sizeof(struct exchange),
                                                .clock = p->in.clock,
                                                .handler = routes_handler(),
                                                .ctx = &p->in};
    atomic_store(&p->in.phase, PHASE_RUNNING);
    status st = http_server_start(&options, &p->server, f);
    if (st == STATUS_OK)
        log_info("listening", LOG_STR("address", s->http_address),
                 LOG_INT("port", http_server_port(p->server)), LOG_STR("name", p->name));
    return st;
}

/* Until a signal to stop. */
static status serve(struct parts *p, struct fault *f)
{
    struct pollfd fds[] = {{.fd = p->signal_fd, .events = POLLIN}, {.fd = p->ready_fd, .events = POLLIN}};
    int tick_ms = TICK_MS;

    for (;;) {
        (void)poll(fds, p->server ? 1 : 2, tick_ms);
        (void)eventfd_read(p->ready_fd, &(eventfd_t){0});
        if (signals_read(p->signal_fd) == SIGNAL_STOP)
            return STATUS_OK;
        if (p->server) {
            tick_ms = http_server_tick(p->server);
        } else if (atomic_load(&p->in.reply_partition) >= 0 && token_keys_are_ready(p->in.token_keys, NULL)) {
            status st = open_public(p, f);
            if (st != STATUS_OK)
                return st;
        }
    }
}

/* See enum phase. */
static void shut_down(struct parts *p)
{
    log_info("stopping", LOG_INT("pending", pending_count(p->in.pending)));
    atomic_store(&p->in.phase, PHASE_DRAINING);
    if (p->server) {
        http_server_quiesce(p->server);
        (void)http_server_wait_idle(p->server, p->in.settings.drain_ms);
    }

    atomic_store(&p->in.phase, PHASE_CLOSING);
    token_keys_stop(p->in.token_keys);
    outcome_answer_rest(&p->in); /* first: closing the reads may wait for the name of the database's host */
    reads_close(p->in.reads);
    bool is_idle = false;
    for (int waited_ms = 0; !is_idle && waited_ms < LAST_ANSWERS_MS; waited_ms += LAST_ANSWERS_STEP_MS) {
        key_waits_release(p->in.key_waits, NULL, UINT32_MAX);
        outcome_answer_rest(&p->in); /* again: one may just have been on its way into the table */
        is_idle = !p->server || http_server_wait_idle(p->server, LAST_ANSWERS_STEP_MS);
    }
    if (!is_idle)
        log_warning("requests that had not arrived in full are cut off");
    /* Its threads may still have waiters in hand, and every request must be decided. */
    replies_close(p->replies);
    outcome_answer_rest(&p->in);
    http_server_stop(p->server);
    reads_stop(p->in.reads);
    admin_stop(p->admin);
    replies_stop(p->replies, FLUSH_MS);
    log_info("stopped");
}

static int run(struct parts *p)
{
    struct fault fault = {0};

    make_name(p);
    allow_descriptors(&p->in.settings);
    status st = make_parts(p, &fault);
    if (st == STATUS_OK)
        st = open_tls(p, &fault);
    if (st == STATUS_OK)
        st = watch_keys(p, &fault);
    if (st == STATUS_OK)
        st = replies_start(&p->in, p->name, config_kafka(p->config), p->ready_fd, &p->replies, &fault);
    if (st == STATUS_OK)
        st = open_reads(p, &fault);
    if (st == STATUS_OK)
        st = open_admin(p, &fault); /* asks the replies whether they are ready */
    if (st == STATUS_OK)
        st = serve(p, &fault);
    if (st == STATUS_OK) {
        shut_down(p);
        return EXIT_SUCCESS;
    }
    int code = fail(st, &fault);
    atomic_store(&p->in.phase, PHASE_CLOSING);
    admin_stop(p->admin);
    reads_stop(p->in.reads);
    replies_stop(p->replies, 0);
    return code;
}

int main(int argc, char **argv)
{
    streams_hold();
    /* Before anything is read: a stop that comes meanwhile waits, and is a clean one. */
    struct parts parts = {.signal_fd = signals_open(), .reload_fd = signals_open_reload(), .ready_fd = -1};
    int code = EXIT_SUCCESS;

    if (config_start(ingress_program(), argc, argv, &parts.in.settings, &parts.config, &code) == CONFIG_EXIT)
        return code;
    log_setup((enum log_level)parts.in.settings.log_level, (enum log_format)parts.in.settings.log_format,
              ingress_program()->name);
    code = parts.signal_fd < 0 || parts.reload_fd < 0 ? EXIT_FAILURE : run(&parts);
    free_parts(&parts);
    return code;
}
