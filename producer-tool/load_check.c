#include "common/log.h"
#include "common/signals.h"
#include "producer-tool/load_line.h"
#include <poll.h>
#include <stdlib.h>

enum { ARENA_BLOCK = 256 * 1024, NAP_MS = 200 };

struct check {
    const struct load_options *o;
    struct arena *arena;
    enum summary_end end;
    bool done;
};

static void finish(struct check *c, enum summary_end end, const char *why)
{
    c->done = true;
    c->end = end;
    progress_clear(&c->o->journal->progress);
    if (why)
        log_error("stopped reading", LOG_STR("reason", why));
}

static void close_line(struct check *c, struct slice text, enum summary_outcome outcome,
                       const struct fault *f)
{
    const struct lines *lines = c->o->lines;
    struct ledger_line line = {
        .number = lines_number(lines),
        .start = lines_start(lines),
        .end = lines_end(lines),
        .outcome = outcome,
        .text = (char *)(uintptr_t)text.at, /* only read */
        .len = text.len,
    };
    struct fault copy; /* a reason's message is not const */
    if (f) {
        copy = *f;
        line.reason.code = copy.code;
        line.reason.message = copy.message;
        if (text.at)
            load_locate(text, f, &line.reason);
    }
    c->o->summary->read++;
    summary_count(c->o->summary, outcome);
    journal_line(c->o->journal, &line);
}

static void check_line(struct check *c, struct slice text)
{
    struct fault f = {0};
    struct label_command command;
    enum send_line_id from;
    if (send_line_is_blank(text))
        return;
    arena_reset(c->arena);
    status st =
        send_line_read(text, lines_number(c->o->lines), &c->o->rules, 0, c->arena, &command, &from, &f);
    if (st == STATUS_OK)
        close_line(c, text, SUMMARY_VALID, NULL);
    else if (status_class(st) == STATUS_CLASS_INVALID)
        close_line(c, text, SUMMARY_REJECTED, &f);
    else
        finish(c, SUMMARY_STOPPED, f.message);
}

/* Takes every whole line that is here. */
static bool check_lines(struct check *c)
{
    struct slice text;
    struct fault f;
    while (!c->done && !summary_is_over(c->o->summary, &c->o->limit)) {
        switch (lines_next(c->o->lines, &text)) {
        case LINES_LINE:
            check_line(c, text);
            break;
        case LINES_TOO_LONG:
            load_too_long(&f);
            close_line(c, SLICE_NONE, SUMMARY_REJECTED, &f);
            break;
        case LINES_MORE:
            return true;
        default:
            finish(c, SUMMARY_COMPLETE, NULL);
            return false;
        }
    }
    if (!c->done)
        finish(c, SUMMARY_STOPPED, "more lines are rejected than --max-errors");
    return false;
}

/* Returns whether reading would not wait: signals are blocked, nothing would end a read(2) of a silent input. */
static bool wait_for_input(struct check *c)
{
    struct pollfd fds[] = {
        {.fd = c->o->signal_fd, .events = POLLIN},
        {.fd = c->o->input_fd, .events = POLLIN},
    };
    bool is_here = source_is_ready(c->o->source);
    if (!is_here)
        is_here = poll(fds, sizeof fds / sizeof *fds, NAP_MS) > 0 && fds[1].revents;
    if (signals_read(c->o->signal_fd) != SIGNAL_NONE)
        finish(c, SUMMARY_INTERRUPTED, NULL);
    return is_here && !c->done;
}

enum summary_end load_check(const struct load_options *options)
{
    struct check c = {.o = options, .arena = arena_new(ARENA_BLOCK)};
    if (!c.arena)
        finish(&c, SUMMARY_STOPPED, "no memory");
    while (!c.done && check_lines(&c)) {
        struct fault f = {0};
        status st = wait_for_input(&c) ? lines_fill(options->lines, &f) : STATUS_OK;
        if (st == STATUS_OK || st == STATUS_RETRY)
            st = journal_tick(options->journal, options->summary, clock_monotonic_us(options->clock), &f);
        if (st)
            finish(&c, SUMMARY_STOPPED, f.message);
    }
    arena_free(c.arena);
    return c.end;
}
