#include "common/avro_codec.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/kafka.h"
#include "common/log.h"
#include "common/signals.h"
#include "common/text.h"
#include "producer-tool/output.h"
#include "producer-tool/tool_settings.h"
#include "producer-tool/verbs.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    EXIT_CONFIG = 2,
    EXIT_STOPPED = 3,
    CONNECT_MS = 1000,
    CONNECT_FOR_S = 30,
    NAP_MS = 200,
    ARENA_BLOCK = 64 * 1024,
    QUEUE_BYTES = 64 * 1024 * 1024,
    OUTPUT_BYTES = 64 * 1024, /* held back for a slow reader before fetching waits for it */
};

struct results_options {
    const char *config;
    const char *run;
    int from;
    int64_t count;
    int64_t timeout_s;
};

/* In the order of enum kafka_start. */
static const char *const STARTS[] = {"oldest", "end", NULL};

#define MEMBER(name) offsetof(struct results_options, name)
static const struct verb_option OPTIONS[] = {
    {.name = "config", .value = "FILE", .offset = MEMBER(config), .help = "settings; see gold-label --help"},
    {.name = "run", .value = "ID", .kind = OPTION_UUID, .offset = MEMBER(run), .help = "of this run only"},
    {.name = "from",
     .value = "end|oldest",
     .kind = OPTION_CHOICE,
     .offset = MEMBER(from),
     .fallback = "end",
     .choices = STARTS,
     .help = "only what comes from now on, or everything that is still there"},
    {.name = "count",
     .value = "N",
     .kind = OPTION_INTEGER,
     .offset = MEMBER(count),
     .min = 1,
     .max = INT64_MAX,
     .help = "end after N results"},
    {.name = "timeout",
     .value = "S",
     .kind = OPTION_DURATION,
     .offset = MEMBER(timeout_s),
     .min = 1,
     .max = 86400,
     .help = "end after so long without one (default: never)"},
};

struct follow {
    struct results_options options;
    struct tool_settings settings;
    struct config *config;
    int signal_fd;
    int event_fd;
    struct kafka_consumer *consumer;
    struct avro_codec *codec;
    struct arena *arena; /* of one result */
    struct output output;
    bool behind; /* there may be more to fetch at once: taking stopped before the queue was empty */
    int64_t found;
    int64_t deadline_us; /* for the next one, where there is a timeout */
};

static int64_t now_us(void)
{
    return clock_monotonic_us(clock_system());
}

/* ---- one result ---- */

static void print_result(struct follow *w, const struct kafka_message *m)
{
    struct kafka_record record = kafka_view(m);
    struct label_result result = {0};
    struct fault f = {0};

    if (avro_decode_result(w->codec, record.value, w->arena, &result, &f) != STATUS_OK) {
        log_warning("a result cannot be read", LOG_STR("topic", record.topic),
                    LOG_INT("partition", record.partition), LOG_INT("offset", record.offset),
                    LOG_STR("code", f.code), LOG_STR("reason", f.message));
        return;
    }
    if (w->options.run && !text_equal_nocase(result.run_id_text, w->options.run))
        return;
    json_write_result(&w->output.text, &result);
    buffer_add_char(&w->output.text, '\n');
    w->found++;
    w->deadline_us = now_us() + w->options.timeout_s * 1000000;
}

static bool has_enough(const struct follow *w)
{
    return w->options.count > 0 && w->found == w->options.count;
}

static bool output_has_room(const struct follow *w)
{
    return w->output.text.len - w->output.written < OUTPUT_BYTES;
}

static void take_results(struct follow *w)
{
    /* A NULL may stand for an event, with messages behind it; the eventfd would not tell of those again. */
    int nothing = 0;
    while (nothing < 2 && output_has_room(w) && !has_enough(w)) {
        struct kafka_message *m = kafka_consumer_poll(w->consumer, 0);
        if (!m) {
            nothing++;
            continue;
        }
        print_result(w, m);
        arena_reset(w->arena);
        kafka_message_free(m);
    }
    w->behind = nothing < 2 && !has_enough(w);
}

/* ---- the loop ---- */

static void sleep_until_something(const struct follow *w)
{
    struct pollfd fds[] = {
        {.fd = w->signal_fd, .events = POLLIN},
        {.fd = w->event_fd, .events = POLLIN},
        {.fd = output_is_empty(&w->output) ? -1 : w->output.fd, .events = POLLOUT},
    };
    uint64_t events;
    int nap_ms = w->behind && output_has_room(w) ? 0 : NAP_MS;
    if (poll(fds, sizeof fds / sizeof *fds, nap_ms) > 0 && fds[1].revents &&
        read(w->event_fd, &events, sizeof events) < 0)
        log_debug("no event after all");
}

static bool output_is_writable(const struct follow *w)
{
    struct pollfd fd = {.fd = w->output.fd, .events = POLLOUT};
    return !output_is_empty(&w->output) && poll(&fd, 1, 0) > 0;
}

/* Returns the exit code. A follow is meant to be ended by its user: a signal, or a reader that has seen enough (`| head`), is
 * a good end. Ended by --timeout before --count results came is not. */
static int follow(struct follow *w)
{
    struct fault f = {0};
    w->deadline_us = now_us() + w->options.timeout_s * 1000000;
    for (;;) {
        if (signals_read(w->signal_fd) != SIGNAL_NONE)
            return 0;
        take_results(w);
        while (output_is_writable(w)) {
            status st = output_write(&w->output, &f);
            if (st == STATUS_NOT_FOUND)
                return 0;
            if (st) {
                log_error("stopped", LOG_STR("reason", f.message));
                return EXIT_STOPPED;
            }
        }
        if (output_is_empty(&w->output)) {
            if (has_enough(w))
                return 0;
            if (w->options.timeout_s > 0 && now_us() > w->deadline_us)
                return w->options.count > 0 ? EXIT_STOPPED : 0;
        }
        sleep_until_something(w);
    }
}

/* ---- opening and closing ---- */

static status open_follow(struct follow *w, struct fault *f)
{
    const struct avro_codec_options codec = {w->settings.command_schema_id, w->settings.result_schema_id};
    const struct kafka_consumer_options consumer = {
        .client_id = "gold-label-results",
        .brokers = w->settings.brokers,
        .properties = config_kafka(w->config),
        .queue_bytes = QUEUE_BYTES,
        .read_committed = true,
    };
    w->signal_fd = signals_open(); /* before librdkafka starts threads */
    w->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (w->signal_fd < 0 || w->event_fd < 0)
        return fault_set(f, STATUS_FATAL, "descriptors", "no file descriptors: %s", strerror(errno));

    w->codec = avro_codec_new(&codec);
    w->arena = arena_new(ARENA_BLOCK);
    if (!w->codec || !w->arena)
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "no memory for reading results");
    status st = kafka_consumer_new(&consumer, &w->consumer, f);
    if (st == STATUS_OK)
        kafka_consumer_notify(w->consumer, w->event_fd);
    return st;
}

static status assign_all(struct follow *w, struct fault *f)
{
    const char *topic = w->settings.results_topic;
    int32_t partitions = kafka_consumer_partitions(w->consumer, topic, CONNECT_MS);
    if (partitions < 0)
        return fault_set(f, STATUS_RETRY, "kafka", "no Kafka broker answers");
    if (partitions == 0)
        return fault_set(f, STATUS_NOT_FOUND, "kafka", "there is no topic %s", topic);
    return kafka_consumer_assign(w->consumer, topic, NULL, (size_t)partitions,
                                 (enum kafka_start)w->options.from, CONNECT_MS, f);
}

/* STATUS_TIMEOUT when a signal ended the waiting. */
static status connect_follow(struct follow *w, struct fault *f)
{
    int64_t deadline = now_us() + CONNECT_FOR_S * INT64_C(1000000);
    for (;;) {
        status st = assign_all(w, f);
        if (st != STATUS_RETRY || now_us() > deadline)
            return st;
        if (signals_read(w->signal_fd) != SIGNAL_NONE)
            return STATUS_TIMEOUT;
    }
}

static int open_and_follow(struct follow *w)
{
    struct fault f = {0};
    status st = open_follow(w, &f);
    if (st == STATUS_OK)
        st = connect_follow(w, &f);
    if (st == STATUS_OK)
        return follow(w);
    if (st == STATUS_TIMEOUT)
        return 0;

    log_error("cannot follow the results", LOG_STR("reason", f.message));
    return st == STATUS_CONFIG || st == STATUS_NOT_FOUND ? EXIT_CONFIG : EXIT_STOPPED;
}

static void follow_dispose(struct follow *w)
{
    kafka_consumer_close(w->consumer);
    avro_codec_free(w->codec);
    arena_free(w->arena);
    output_dispose(&w->output);
    if (w->event_fd >= 0)
        close(w->event_fd);
    if (w->signal_fd >= 0)
        close(w->signal_fd);
    config_free(w->config);
}

static int run(int argc, char **argv)
{
    struct follow w = {.signal_fd = -1, .event_fd = -1, .output = {.fd = STDOUT_FILENO}};
    struct buffer faults = {0};

    if (options_parse(&VERB_RESULTS, argc, argv, &w.options, &faults) == OPTIONS_HELP) {
        options_print_help(&VERB_RESULTS, stdout);
        buffer_dispose(&faults);
        return 0;
    }
    w.config = tool_settings_load(w.options.config, &w.settings, &faults);

    int code = !w.config || faults.len ? options_refuse(&VERB_RESULTS, &faults) : open_and_follow(&w);
    follow_dispose(&w);
    buffer_dispose(&faults);
    return code;
}

const struct verb VERB_RESULTS = {
    .name = "results",
    .summary = "Follows the results as JSON, one per line",
    .options = OPTIONS,
    .n_options = sizeof OPTIONS / sizeof *OPTIONS,
    .notes = "A result that cannot be read is named on stderr and passed over.\n"
             "Exit: 0 ended by --count, by --timeout without --count, or by Ctrl-C (a follow\n"
             "is meant to be ended so), 2 usage or settings, 3 stopped, or --timeout before\n"
             "--count.\n",
    .examples = "  gold-label results --run $RUN_ID\n"
                "  gold-label results --from oldest --timeout 5s > results.ndjson\n",
    .run = run,
};
