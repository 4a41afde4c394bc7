#include "worker/pipeline_internal.h"

#include "common/log.h"
#include "common/signals.h"
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    TICK_US = 500 * 1000,         /* the longest sleep: health, heartbeats of a paused consumer */
    TRANSACTION_US = 2 * 1000000, /* a transaction that takes longer is in trouble */
    SLACK = 64,                   /* entries beyond max_rows */
};

/* ---- making and freeing ---- */

static bool make_parts(struct pipeline *p)
{
    const struct worker_settings *s = p->o.settings;
    const struct token_rules rules = {.issuer = s->token_issuer,
                                      .audience = s->token_audience,
                                      .account_claim = s->account_claim,
                                      .leeway_s = s->leeway_s};
    const struct avro_codec_options codec = {.command_schema_id = s->command_schema_id,
                                             .result_schema_id = s->result_schema_id};

    for (size_t i = 0; i < pipeline_ring(p); i++) {
        p->ring[i] = batch_new((size_t)s->max_rows + SLACK);
        if (!p->ring[i])
            return false;
    }
    const struct store_options store = {.conninfo = s->conninfo,
                                        .statement_timeout_ms = s->statement_timeout_ms,
                                        .clock = p->o.clock,
                                        .metrics = p->o.metrics};
    p->store = store_new(&store);
    p->codec = avro_codec_new(&codec);
    if (p->o.keys)
        p->verifier = token_verifier_new(p->o.keys, &rules, (size_t)s->token_cache);
    p->reply_topics =
        reply_topics_new(s->results_topic, s->reply_topics, s->delivery == WORKER_EXACTLY_ONCE, p->o.metrics);
    const struct intake_options intake = {.codec = p->codec,
                                          .verifier = p->verifier,
                                          .reply_topics = p->reply_topics,
                                          .clock = p->o.clock,
                                          .metrics = p->o.metrics,
                                          .unreadable_percent = s->unreadable_percent};
    p->intake = intake_new(&intake);
    const struct answers_options answers = {.codec = p->codec,
                                            .results_topic = s->results_topic,
                                            .dlq_topic = s->dlq_topic,
                                            .clock = p->o.clock,
                                            .metrics = p->o.metrics};
    p->answers = answers_new(&answers);
    return p->store && p->codec && (p->verifier || !p->o.keys) && p->reply_topics && p->intake && p->answers;
}

static void make_metrics(struct pipeline *p)
{
    struct metrics *m = p->o.metrics;
    p->rows =
        metrics_counter(m, "gold_label_worker_rows_total", NULL, "Rows that PostgreSQL gave a verdict on.");
    p->batches = metrics_counter(m, "gold_label_worker_batches_total", NULL, "Batches taken up.");
    p->commits = metrics_counter(m, "gold_label_worker_commits_total", NULL, "Offset commits.");
    p->in_hand =
        metrics_gauge(m, "gold_label_worker_batches_in_hand", NULL, "Batches not yet fully answered.");
    p->store_time =
        metrics_histogram(m, "gold_label_worker_store_seconds", NULL, "Time of a batch in PostgreSQL.");
}

status pipeline_new(const struct pipeline_options *options, struct pipeline **out, struct fault *f)
{
    struct pipeline *p = calloc(1, sizeof *p);
    if (!p)
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "no memory for the pipeline");
    p->o = *options;
    p->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    p->acknowledged_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    p->full_since_us = -1;
    p->gather_until_us = -1;
    p->linger.most_us = options->settings->linger_us;
    p->transaction_busy_since_us = -1;
    make_metrics(p);

    status st = STATUS_OK;
    if (p->event_fd < 0 || p->acknowledged_fd < 0)
        st = fault_set(f, STATUS_FATAL, "eventfd", "no event descriptor");
    else if (!make_parts(p))
        st = fault_set(f, STATUS_NO_MEMORY, "no_memory", "no memory for the pipeline");
    else
        st = pipeline_make_kafka(p, f); /* last: its threads may use all the others */
    if (st != STATUS_OK) {
        /* Always true: the transactor, which may get stuck, is the last that is made. */
        (void)pipeline_free(p);
        return st;
    }
    *out = p;
    return STATUS_OK;
}

bool pipeline_free(struct pipeline *p)
{
    if (!p)
        return true;
    /* Reports refer to entries of the batches: the producer goes first. Messages belong to the consumer: it goes last. */
    p->phase = PIPELINE_CLOSING;
    if (!pipeline_free_producers(p))
        return false;
    for (size_t i = 0; i < RING_MAX; i++)
        batch_free(p->ring[i]);
    kafka_consumer_close(p->consumer);
    answers_free(p->answers);
    intake_free(p->intake);
    reply_topics_free(p->reply_topics);
    token_verifier_free(p->verifier);
    avro_codec_free(p->codec);
    store_free(p->store);
    offsets_dispose(&p->finished);
    offsets_dispose(&p->committing);
    offsets_dispose(&p->transaction);
    if (p->event_fd >= 0)
        close(p->event_fd);
    if (p->acknowledged_fd >= 0)
        close(p->acknowledged_fd);
    free(p);
    return true;
}

/* ---- the loop ---- */

static int64_t earliest(int64_t a, int64_t b)
{
    return b >= 0 && b < a ? b : a;
}

void pipeline_wait(struct pipeline *p, int64_t until_us)
{
    int64_t now = clock_monotonic_us(p->o.clock);
    struct pollfd fds[] = {
        {.fd = p->event_fd, .events = POLLIN},
        {.fd = p->o.signal_fd, .events = POLLIN},
        {.fd = pipeline_needs_acknowledgements(p) ? p->acknowledged_fd : -1, .events = POLLIN},
        {.fd = -1},
    };
    fds[3].fd = store_fd(p->store, &fds[3].events);

    int64_t wake = earliest(now + TICK_US, until_us);
    wake = earliest(wake, p->gather_until_us);
    wake = earliest(wake, linger_until_us(&p->linger));
    wake = earliest(wake, store_deadline_us(p->store));
    wake = earliest(wake, pipeline_untold_us(p));
    if (p->finished.n > 0 && !p->is_committing)
        wake = earliest(wake, p->commit_at_us);
    if (p->resend_at_us > now)
        wake = earliest(wake, p->resend_at_us);
    int64_t wait_us = wake > now ? wake - now : 0;
    struct timespec wait = {.tv_sec = wait_us / 1000000, .tv_nsec = wait_us % 1000000 * 1000};
    if (ppoll(fds, sizeof fds / sizeof *fds, &wait, NULL) <= 0)
        return;
    if (fds[0].revents & POLLIN)
        (void)eventfd_read(p->event_fd, &(eventfd_t){0});
    if (fds[2].revents & POLLIN)
        (void)eventfd_read(p->acknowledged_fd, &(eventfd_t){0});
}

static void report_health(struct pipeline *p)
{
    const char *why = NULL;
    atomic_store(&p->health.database, store_is_connected(p->store, &why));
    atomic_store(&p->health.broker, kafka_producer_reachable(p->producer));
    atomic_store(&p->health.placed, kafka_consumer_is_placed(p->consumer));
    atomic_store(&p->health.assigned, p->partitions > 0);

    int64_t now = clock_monotonic_us(p->o.clock);
    if (pipeline_owns_producer(p))
        p->transaction_busy_since_us = -1;
    else if (p->transaction_busy_since_us < 0)
        p->transaction_busy_since_us = now;
    atomic_store(&p->health.transactions,
                 p->transaction_busy_since_us < 0 || now - p->transaction_busy_since_us < TRANSACTION_US);
}

void pipeline_read_signals(struct pipeline *p)
{
    if (signals_read(p->o.signal_fd) != SIGNAL_STOP || p->phase == PIPELINE_DRAINING)
        return;
    log_info("stopping: what is in hand is finished first");
    atomic_store(&p->health.stopping, true);
    p->phase = PIPELINE_DRAINING;
    p->drain_by_us = clock_monotonic_us(p->o.clock) + p->o.settings->drain_ms * 1000;
    pipeline_drop_collected(p);
}

static bool is_finished(const struct pipeline *p)
{
    return p->phase == PIPELINE_DRAINING &&
           (!pipeline_is_busy(p) || clock_monotonic_us(p->o.clock) >= p->drain_by_us);
}

status pipeline_advance(struct pipeline *p)
{
    status st = pipeline_move(p);
    return st == STATUS_OK ? pipeline_commit(p, false) : st;
}

/* When this loop has to look at something that announces nothing. Others that wait do not look at it. */
static int64_t look_again_us(const struct pipeline *p)
{
    int64_t at = p->phase == PIPELINE_DRAINING ? p->drain_by_us : INT64_MAX;
    if (pipeline_owns_producer(p))
        at = earliest(at, pipeline_look_due_us(p));
    if (p->phase == PIPELINE_RUNNING && pipeline_has_room(p))
        at = earliest(at, kafka_consumer_deadline_us(p->consumer));
    return at;
}

status pipeline_run(struct pipeline *p)
{
    while (p->failed == STATUS_OK && !is_finished(p)) {
        pipeline_read_signals(p);
        pipeline_look_at_topics(p);
        pipeline_serve_producers(p);
        pipeline_fail(p, pipeline_collect(p));
        if (p->failed == STATUS_OK)
            pipeline_fail(p, pipeline_advance(p));
        report_health(p);
        /* A queue that is not empty announces nothing: where there is room again, it must be looked at. */
        bool more = p->phase == PIPELINE_RUNNING && !p->consumer_dry && pipeline_has_room(p);
        if (p->failed == STATUS_OK && !more && !is_finished(p))
            pipeline_wait(p, look_again_us(p));
    }
    status st = p->failed;
    if (st == STATUS_OK)
        st = pipeline_commit(p, true);
    return st;
}

bool pipeline_is_fenced(const struct pipeline *p)
{
    return kafka_consumer_is_broken(p->consumer);
}

bool pipeline_is_ready(void *pipeline, struct buffer *why)
{
    struct pipeline *p = pipeline;
    const struct {
        bool ok;
        const char *text;
    } conditions[] = {
        {!atomic_load(&p->health.stopping), "shutting down"},
        {atomic_load(&p->health.database), "no connection to PostgreSQL"},
        {atomic_load(&p->health.broker), "no Kafka broker can be reached"},
        {atomic_load(&p->health.transactions), "no Kafka transaction can be made"},
        {atomic_load(&p->health.assigned), "no partition is assigned"},
        {atomic_load(&p->health.placed), "where to begin is not known yet"},
    };
    for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++) {
        if (!conditions[i].ok) {
            buffer_add_text(why, conditions[i].text);
            return false;
        }
    }
    return true;
}
