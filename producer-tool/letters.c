#include "producer-tool/letters.h"

#include "common/clock.h"
#include "common/log.h"
#include <poll.h>

enum { EXIT_STOPPED = 3, EXIT_INTERRUPTED = 130 };
enum { CONNECT_FOR_S = 30, WAIT_MS = 200 };

const char *const LETTERS_CODES[] = {"any", "null_value", "unknown_schema", "broken_avro", NULL};

static void check_place(const char *option, const char *text, struct buffer *faults)
{
    struct place place;
    if (text && !place_parse(text, 0, &place))
        buffer_printf(
            faults, "--%s %s must be oldest, end, an offset, a time (2026-01-02T03:04:05Z) or an age (15m)\n",
            option, text);
}

void letters_init(struct letters *l, const struct letters_options *options, struct buffer *faults)
{
    *l = (struct letters){.options = options, .reader = {.signal_fd = -1, .event_fd = -1}};
    check_place("from", options->from, faults);
    check_place("to", options->to, faults);
    l->config = tool_settings_load(options->config, &l->settings, faults);
}

void letters_dispose(struct letters *l)
{
    reader_dispose(&l->reader);
    config_free(l->config);
}

status letters_open(struct letters *l, struct fault *f)
{
    int64_t now_ms = clock_unix_us(clock_system()) / 1000;
    struct reader_options reader = {
        .settings = &l->settings,
        .properties = config_kafka(l->config),
        .topic = l->settings.dlq_topic,
        .partition = l->options->partition,
        .connect_s = CONNECT_FOR_S,
    };
    if (!place_parse(l->options->from ? l->options->from : "oldest", now_ms, &reader.from) ||
        !place_parse(l->options->to ? l->options->to : "end", now_ms, &reader.to))
        return fault_set(f, STATUS_CONFIG, "place", "no place");
    return reader_open(&l->reader, &reader, f);
}

static bool is_wanted(const struct letters *l, const struct kafka_message *m)
{
    int code = l->options->code;
    return code == 0 || slice_is(kafka_header_find(m, "dlq-code"), LETTERS_CODES[code]);
}

struct kafka_message *letters_next(struct letters *l)
{
    while (!reader_is_done(&l->reader)) {
        struct kafka_message *m = reader_next(&l->reader, WAIT_MS);
        if (!m)
            continue;
        if (is_wanted(l, m))
            return m;
        kafka_message_free(m);
    }
    return NULL;
}

status letters_write(struct letters *l, struct output *o, struct fault *f)
{
    while (!output_is_empty(o) || o->text.failed) {
        struct pollfd fds[] = {
            {.fd = l->reader.signal_fd, .events = POLLIN},
            {.fd = o->fd, .events = POLLOUT},
        };
        if (poll(fds, sizeof fds / sizeof *fds, -1) < 0)
            continue;
        (void)reader_is_done(&l->reader);
        if (l->reader.stopped && !fds[1].revents)
            return fault_set(f, STATUS_TIMEOUT, "interrupted", "interrupted");
        status st = fds[1].revents ? output_write(o, f) : STATUS_OK;
        if (st)
            return st;
    }
    return STATUS_OK;
}

int letters_exit_code(const struct letters *l, status st, struct fault *f)
{
    if (l->reader.stopped)
        return EXIT_INTERRUPTED;
    if (st == STATUS_OK)
        st = reader_end(&l->reader, f);
    if (st && st != STATUS_NOT_FOUND)
        log_error("stopped", LOG_STR("reason", f->message));
    return st ? EXIT_STOPPED : 0;
}
