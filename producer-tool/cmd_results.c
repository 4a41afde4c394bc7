#include "common/avro_codec.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/text.h"
#include "producer-tool/output.h"
#include "producer-tool/reader.h"
#include "producer-tool/result_print.h"
#include "producer-tool/verbs.h"
#include <poll.h>
#include <unistd.h>

enum {
    EXIT_STOPPED = 3,
    EXIT_INTERRUPTED = 130,
    CONNECT_FOR_S = 30,
    NAP_MS = 200,
    TURN_MESSAGES = 500,      /* then signals, time and the output have their turn: most may not be wanted */
    OUTPUT_BYTES = 64 * 1024, /* held back for a slow reader before fetching waits for it */
};

enum format { FORMAT_AUTO, FORMAT_JSON, FORMAT_TABLE };
enum wanted { WANTED_ALL, WANTED_STORED, WANTED_REPLAYED, WANTED_REJECTED };

struct results_options {
    const char *config;
    const char *run;
    int outcome; /* enum wanted */
    const char *from;
    int64_t partition;
    int64_t count;
    int64_t timeout_s;
    bool no_follow;
    int format; /* enum format */
};

static const char *const WANTED[] = {"all", "stored", "replayed", "rejected", NULL};
static const char *const FORMATS[] = {"auto", "json", "table", NULL};

#define MEMBER(name) offsetof(struct results_options, name)
static const struct verb_option OPTIONS[] = {
    {.name = "run", .value = "ID", .kind = OPTION_UUID, .offset = MEMBER(run), .help = "of this run only"},
    {.name = "outcome",
     .value = "stored|replayed|rejected",
     .kind = OPTION_CHOICE,
     .offset = MEMBER(outcome),
     .choices = WANTED,
     .help = "of this outcome only"},
    {.name = "from",
     .value = "PLACE",
     .offset = MEMBER(from),
     .help = "oldest, end, an offset, a time or an age (default: end, with --no-follow oldest)",
     .details = "A time is 2026-01-02T03:04:05Z or 2026-01-02, an age 90s, 15m, 24h or 7d. An offset is that "
                "of every "
                "partition that is read."},
    {.name = "partition",
     .value = "N",
     .kind = OPTION_PARTITION,
     .offset = MEMBER(partition),
     .fallback = "all",
     .min = 0,
     .max = 99999,
     .help = "of this partition only"},
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
    {.name = "no-follow",
     .value = "",
     .kind = OPTION_FLAG,
     .offset = MEMBER(no_follow),
     .help = "end where the topic ends now"},
    {.name = "format",
     .value = "auto|json|table",
     .kind = OPTION_CHOICE,
     .offset = MEMBER(format),
     .fallback = "auto",
     .choices = FORMATS,
     .help = "auto: a table on a terminal, else JSON lines"},
    {.name = "config", .value = "FILE", .offset = MEMBER(config), .help = "settings; see gold-label --help"},
};

struct follow {
    struct results_options options;
    struct tool_settings settings;
    struct config *config;
    struct reader reader;
    struct avro_codec *codec;
    struct output output;
    bool as_table;
    bool behind; /* there may be more to fetch at once: taking stopped before the queue was empty */
    int64_t found;
    int64_t deadline_us; /* for the next one, where there is a timeout */
};

static int64_t now_us(void)
{
    return clock_monotonic_us(clock_system());
}

/* ---- one result ---- */

static bool is_wanted(const struct follow *w, const struct label_result *r)
{
    enum wanted outcome = r->outcome != LABEL_CREATED ? WANTED_REJECTED
                          : r->replayed               ? WANTED_REPLAYED
                                                      : WANTED_STORED;
    if (w->options.outcome != WANTED_ALL && w->options.outcome != (int)outcome)
        return false;
    return !w->options.run || text_equal_nocase(r->run_id_text, w->options.run);
}

static void print_result(struct follow *w, const struct kafka_message *m)
{
    struct kafka_record record = kafka_view(m);
    struct label_result result = {0};
    struct fault f = {0};

    if (avro_decode_result(w->codec, record.value, &result, &f) != STATUS_OK) {
        log_warning("a result cannot be read", LOG_STR("topic", record.topic),
                    LOG_INT("partition", record.partition), LOG_INT("offset", record.offset),
                    LOG_STR("code", f.code), LOG_STR("reason", f.message));
        return;
    }
    if (!is_wanted(w, &result))
        return;
    if (w->as_table) {
        result_print_row(&w->output.text, &result, &record);
    } else {
        json_write_result(&w->output.text, &result);
        buffer_add_char(&w->output.text, '\n');
    }
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
    for (int n = 0; n < TURN_MESSAGES && nothing < 2 && output_has_room(w) && !has_enough(w); n++) {
        struct kafka_message *m = reader_next(&w->reader, 0);
        if (!m) {
            nothing++;
            continue;
        }
        nothing = 0;
        print_result(w, m);
        kafka_message_free(m);
    }
    w->behind = nothing < 2 && !has_enough(w);
}

/* ---- the loop ---- */

/* False when nobody reads the output any more. */
static bool sleep_until_something(const struct follow *w)
{
    struct pollfd fds[] = {
        {.fd = w->reader.signal_fd, .events = POLLIN},
        {.fd = w->reader.event_fd, .events = POLLIN},
        {.fd = w->output.fd, .events = output_is_empty(&w->output) ? 0 : POLLOUT},
    };
    uint64_t events;
    int nap_ms = w->behind && output_has_room(w) ? 0 : NAP_MS;
    if (poll(fds, sizeof fds / sizeof *fds, nap_ms) > 0 && fds[1].revents &&
        read(w->reader.event_fd, &events, sizeof events) < 0)
        log_debug("no event after all");
    return (fds[2].revents & POLLERR) == 0;
}

static bool output_is_writable(const struct follow *w)
{
    struct pollfd fd = {.fd = w->output.fd, .events = POLLOUT};
    return !output_is_empty(&w->output) && poll(&fd, 1, 0) > 0;
}

static int end_of_reading(const struct follow *w)
{
    struct fault f = {0};
    if (reader_end(&w->reader, &f) == STATUS_OK)
        return w->options.count > 0 ? EXIT_STOPPED : 0;
    log_error("stopped", LOG_STR("reason", f.message));
    return EXIT_STOPPED;
}

/* Whether it ends by itself: ended otherwise, something may be missing. */
static bool has_end(const struct follow *w)
{
    return w->options.no_follow || w->options.count > 0;
}

/* Returns the exit code. A follow without an end is meant to be ended by its user: a signal is a good end of it, and so is always a
 * reader that has seen enough (`| head`). */
static int follow(struct follow *w)
{
    struct fault f = {0};
    w->deadline_us = now_us() + w->options.timeout_s * 1000000;
    for (;;) {
        if (reader_grow(&w->reader, &f) != STATUS_OK) {
            log_error("stopped", LOG_STR("reason", f.message));
            return EXIT_STOPPED;
        }
        take_results(w);
        /* Asked in every turn: where the output is stuck, nothing is taken, and nobody else looks at the signals. */
        bool is_done = reader_is_done(&w->reader);
        if (w->reader.stopped)
            return has_end(w) ? EXIT_INTERRUPTED : 0;
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
            if (is_done)
                return end_of_reading(w);
            if (w->options.timeout_s > 0 && now_us() > w->deadline_us)
                return has_end(w) ? EXIT_STOPPED : 0;
        }
        if (!sleep_until_something(w))
            return 0;
    }
}

/* ---- opening and closing ---- */

static status open_follow(struct follow *w, struct fault *f)
{
    const struct avro_codec_options codec = {w->settings.command_schema_id, w->settings.result_schema_id};
    struct reader_options reader = {
        .settings = &w->settings,
        .properties = config_kafka(w->config),
        .topic = w->settings.results_topic,
        .to = {PLACE_END, 0},
        .partition = w->options.partition,
        .follow = !w->options.no_follow,
        .connect_s = CONNECT_FOR_S,
    };
    const char *otherwise = w->options.no_follow ? "oldest" : "end";
    const char *from = w->options.from ? w->options.from : otherwise;
    w->codec = avro_codec_new(&codec);
    if (!w->codec)
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "no memory for reading results");
    if (!place_parse(from, clock_unix_us(clock_system()) / 1000, &reader.from))
        return fault_set(f, STATUS_CONFIG, "place", "--from %.60s is no place", from);
    return reader_open(&w->reader, &reader, f);
}

static int open_and_follow(struct follow *w)
{
    struct fault f = {0};
    status st = open_follow(w, &f);
    if (st == STATUS_TIMEOUT && !has_end(w))
        return 0;
    if (st) {
        log_error("cannot follow the results", LOG_STR("reason", f.message));
        return reader_exit_code(st);
    }
    w->as_table =
        w->options.format == FORMAT_TABLE || (w->options.format == FORMAT_AUTO && isatty(STDOUT_FILENO) == 1);
    if (w->as_table)
        result_print_head(&w->output.text);
    return follow(w);
}

static void follow_dispose(struct follow *w)
{
    reader_dispose(&w->reader);
    avro_codec_free(w->codec);
    output_dispose(&w->output);
    config_free(w->config);
}

static void check_options(const struct results_options *o, struct buffer *faults)
{
    struct place place;
    if (o->from && !place_parse(o->from, 0, &place))
        buffer_printf(
            faults,
            "--from %s must be oldest, end, an offset, a time (2026-01-02T03:04:05Z) or an age (15m)\n",
            o->from);
}

static int run(int argc, char **argv)
{
    struct follow w = {.reader = {.signal_fd = -1, .event_fd = -1}, .output = {.fd = STDOUT_FILENO}};
    struct buffer faults = {0};

    if (options_parse(&VERB_RESULTS, argc, argv, &w.options, &faults) == OPTIONS_HELP) {
        options_print_help(&VERB_RESULTS, stdout);
        buffer_dispose(&faults);
        return 0;
    }
    check_options(&w.options, &faults);
    w.config = tool_settings_load(w.options.config, &w.settings, &faults);

    int code = !w.config || faults.len ? options_refuse(&VERB_RESULTS, &faults) : open_and_follow(&w);
    follow_dispose(&w);
    buffer_dispose(&faults);
    return code;
}

const struct verb VERB_RESULTS = {
    .name = "results",
    .summary = "Follows the results, as JSON lines or as a table",
    .options = OPTIONS,
    .n_options = sizeof OPTIONS / sizeof *OPTIONS,
    .notes = "Results are in order within a partition, and in none across partitions.\n"
             "A result that cannot be read is named on stderr and passed over.\n"
             "Exit: 0 ended by --count or --no-follow, or, without both, by --timeout or\n"
             "Ctrl-C (a follow is meant to be ended so), 2 usage or settings, 3 stopped, or\n"
             "ended by --timeout or the end of the topic before that, 130 interrupted.\n",
    .examples = "  gold-label results --run $RUN_ID\n"
                "  gold-label results --no-follow > results.ndjson\n"
                "  gold-label results --from 15m --outcome rejected\n",
    .run = run,
};
