#include "producer-tool/load.h"

#include "common/log.h"
#include "common/signals.h"
#include "producer-tool/lines.h"
#include <poll.h>
#include <unistd.h>

enum {
    BURST = 256,  /* lines between two looks at what has come */
    NAP_MS = 200, /* the longest sleep: deadlines and refused produces are looked at again */
    ARENA_BLOCK = 256 * 1024,
};

enum load_phase {
    LOAD_READING,   /* lines are read and sent */
    LOAD_FINISHING, /* nothing is read any more; what is in flight is waited for */
    LOAD_DONE,
};

struct load {
    const struct load_options *o;
    enum load_phase phase;
    enum summary_end end;
    int64_t deadline_us; /* for the next progress, where progress is owed to us */

    struct lines *lines;
    struct arena *arena; /* of the line at hand */
    bool holding;        /* `command` was read, and the sender has not taken it yet */
    struct label_command command;

    bool hungry; /* no whole line is here: wait for input */
    bool eager;  /* there is more to do without waiting */
};

static int64_t now_us(const struct load *l)
{
    return clock_monotonic_us(l->o->clock);
}

/* Something moved. After an interrupt the deadline stays: the user waits for the prompt. */
static void postpone(struct load *l)
{
    if (l->end != SUMMARY_INTERRUPTED)
        l->deadline_us = now_us(l) + l->o->timeout_us;
}

/* Reads no further. */
static void finish(struct load *l, enum summary_end end)
{
    postpone(l);
    l->phase = LOAD_FINISHING;
    l->end = end;
    l->hungry = l->eager = false;
    if (!l->holding)
        return;
    l->holding = false;
    summary_count(l->o->summary, SUMMARY_NOT_SENT);
    log_warning("line not sent", LOG_INT("line", lines_number(l->lines)));
}

/* ---- one line ---- */

static void reject(struct load *l, const struct fault *f)
{
    summary_reject(l->o->summary, lines_number(l->lines), f->code, slice_of(f->message));
}

/* Returns whether the next line may be looked at. */
static bool send_held(struct load *l)
{
    struct fault f = {0};
    status st = sender_send(l->o->sender, lines_number(l->lines), &l->command, &f);

    switch (st) {
    case STATUS_FULL:
    case STATUS_RETRY:
        return false;
    case STATUS_OK:
        l->holding = false;
        return true;
    case STATUS_INVALID:
    case STATUS_TOO_LARGE:
        l->holding = false;
        reject(l, &f);
        return true;
    default:
        log_error("cannot send", LOG_STR("reason", f.message), LOG_STR("status", status_text(st)));
        finish(l, SUMMARY_STOPPED);
        return false;
    }
}

static bool take_line(struct load *l, struct slice line)
{
    struct fault f = {0};
    if (send_line_is_blank(line))
        return true;

    l->o->summary->read++;
    l->holding = true;
    arena_reset(l->arena);
    status st =
        send_line_read(line, &l->o->rules, clock_unix_us(l->o->clock) / 1000, l->arena, &l->command, &f);
    if (st == STATUS_OK)
        return send_held(l);
    if (status_class(st) == STATUS_CLASS_INVALID) {
        l->holding = false;
        reject(l, &f);
        return true;
    }
    log_error("cannot read a line", LOG_STR("reason", f.message));
    finish(l, SUMMARY_STOPPED);
    return false;
}

static bool pass_over_long_line(struct load *l)
{
    struct fault f;
    fault_set(&f, STATUS_TOO_LARGE, "too_large", "a line has at most %d bytes", LABEL_BODY_MAX);
    l->o->summary->read++;
    reject(l, &f);
    return true;
}

/* One line further; false when nothing can be done at once. */
static bool step(struct load *l)
{
    struct slice line;
    if (l->holding)
        return send_held(l);
    if (!sender_has_room(l->o->sender))
        return false;

    switch (lines_next(l->lines, &line)) {
    case LINES_LINE:
        return take_line(l, line);
    case LINES_TOO_LONG:
        return pass_over_long_line(l);
    case LINES_MORE:
        l->hungry = true;
        return false;
    default:
        finish(l, SUMMARY_COMPLETE);
        return false;
    }
}

static void read_burst(struct load *l)
{
    uint64_t before = lines_number(l->lines);
    int steps = 0;
    while (steps < BURST && step(l))
        steps++;
    l->eager = steps == BURST;
    if (lines_number(l->lines) != before)
        postpone(l);
}

/* ---- the loop ---- */

static void take_signals(struct load *l)
{
    /* A lost terminal (SIGHUP) ends a load like a Ctrl-C. */
    while (signals_read(l->o->signal_fd) != SIGNAL_NONE) {
        if (l->end == SUMMARY_INTERRUPTED) {
            l->phase = LOAD_DONE;
            return;
        }
        log_info("interrupted: waiting for what is in flight", LOG_INT("lines", sender_open(l->o->sender)));
        finish(l, SUMMARY_INTERRUPTED);
    }
}

/* Whether somebody else has to move before we can. */
static bool is_stuck(const struct load *l)
{
    return l->phase == LOAD_FINISHING || l->holding || !sender_has_room(l->o->sender);
}

static void look_at_the_end(struct load *l)
{
    if (l->phase == LOAD_READING && sender_is_broken(l->o->sender)) {
        log_error("stopped reading: Kafka refuses or is away");
        finish(l, SUMMARY_STOPPED);
    }
    if (l->phase == LOAD_FINISHING && sender_open(l->o->sender) == 0) {
        l->phase = LOAD_DONE;
    } else if (l->phase != LOAD_DONE && is_stuck(l) && now_us(l) > l->deadline_us) {
        log_error("gave up waiting", LOG_INT("lines", sender_open(l->o->sender)),
                  LOG_INT("timeout_s", l->o->timeout_us / 1000000));
        if (l->phase == LOAD_READING)
            finish(l, SUMMARY_STOPPED);
        l->phase = LOAD_DONE;
    }
}

static void feed(struct load *l)
{
    struct fault f;
    status st = lines_fill(l->lines, &f);
    l->hungry = st == STATUS_RETRY;
    if (st != STATUS_OK && st != STATUS_RETRY) {
        log_error("stopped reading", LOG_STR("reason", f.message));
        finish(l, SUMMARY_STOPPED);
    }
}

static void sleep_until_something(struct load *l)
{
    struct pollfd fds[] = {
        {.fd = l->o->signal_fd, .events = POLLIN},
        {.fd = l->o->event_fd, .events = POLLIN},
        {.fd = l->hungry ? l->o->input_fd : -1, .events = POLLIN},
    };
    uint64_t events;
    if (poll(fds, sizeof fds / sizeof *fds, l->eager ? 0 : NAP_MS) <= 0)
        return;
    if (fds[1].revents && read(l->o->event_fd, &events, sizeof events) < 0)
        return;
    if (fds[2].revents)
        feed(l);
}

static void load_loop(struct load *l)
{
    postpone(l);
    while (l->phase != LOAD_DONE) {
        take_signals(l);
        if (sender_serve(l->o->sender) > 0)
            postpone(l);
        if (l->phase == LOAD_READING)
            read_burst(l);
        look_at_the_end(l);
        if (l->phase != LOAD_DONE)
            sleep_until_something(l);
    }
}

enum summary_end load_run(const struct load_options *options)
{
    struct load l = {
        .o = options,
        .end = SUMMARY_COMPLETE,
        .lines = lines_new(options->input_fd, LABEL_BODY_MAX),
        .arena = arena_new(ARENA_BLOCK),
    };
    if (l.lines && l.arena) {
        load_loop(&l);
    } else {
        log_error("no memory for a load");
        l.end = SUMMARY_STOPPED;
    }
    lines_free(l.lines);
    arena_free(l.arena);
    return l.end;
}
