#include "producer-tool/load.h"

#include "common/log.h"
#include "common/signals.h"
#include "producer-tool/load_line.h"
#include <poll.h>
#include <unistd.h>

enum {
    BURST = 256,  /* lines between two looks at what has come */
    NAP_MS = 200, /* the longest sleep: deadlines, refused produces and the token are looked at again */
    ARENA_BLOCK = 256 * 1024,
    TOKEN_US = 500000,   /* between two looks at the token's file */
    QUIET_US = 10000000, /* nothing moves: say so */
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
    int64_t now_us;      /* of this turn of the loop */
    int64_t deadline_us; /* for the next progress, where progress is owed to us */
    bool was_stuck;      /* in the last turn */
    bool is_quiet;       /* that nothing moves has been said */

    struct arena *arena;         /* of the line at hand */
    struct ledger_line *holding; /* `command` was read, and the sender has not taken it yet; NULL: none */
    struct label_command command;
    bool has_random_ids; /* that has been said */

    struct pace pace;
    int64_t token_at_us; /* when to look at the token again */
    bool has_expired;

    bool hungry; /* no whole line is here: wait for input */
    bool eager;  /* there is more to do without waiting */
};

/* Something moved. After an interrupt the deadline stays: the user waits for the prompt. */
static void postpone(struct load *l)
{
    l->is_quiet = false;
    if (l->end != SUMMARY_INTERRUPTED)
        l->deadline_us = l->now_us + l->o->timeout_us;
}

/* Reads no further. */
static void finish(struct load *l, enum summary_end end)
{
    if (l->phase == LOAD_READING)
        postpone(l);
    l->phase = LOAD_FINISHING;
    if (l->end != SUMMARY_INTERRUPTED)
        l->end = end;
    l->hungry = l->eager = false;
    if (l->holding)
        ledger_settle(l->o->ledger, l->holding, SUMMARY_NOT_SENT, "not_sent", SLICE_NONE);
    l->holding = NULL;
}

static void stop(struct load *l, const char *what, const struct fault *f)
{
    progress_clear(&l->o->journal->progress);
    log_error(what, LOG_STR("reason", f->message));
    finish(l, SUMMARY_STOPPED);
}

/* ---- one line ---- */

static void reject(struct load *l, struct ledger_line *line, const struct fault *f)
{
    ledger_settle(l->o->ledger, line, SUMMARY_REJECTED, f->code, slice_of(f->message));
}

/* Returns whether the next line may be looked at. */
static bool send_held(struct load *l)
{
    struct fault f = {0};
    struct ledger_line *line = l->holding;
    status st = sender_send(l->o->sender, line, &l->command, &f);

    switch (st) {
    case STATUS_FULL:
    case STATUS_RETRY:
        return false;
    case STATUS_OK:
        l->holding = NULL;
        pace_count(&l->pace, l->now_us);
        return true;
    case STATUS_INVALID:
    case STATUS_TOO_LARGE:
        l->holding = NULL;
        reject(l, line, &f);
        return true;
    default:
        stop(l, "cannot send", &f);
        return false;
    }
}

static struct ledger_line *enter(struct load *l, struct slice text)
{
    const struct lines *lines = l->o->lines;
    struct ledger_line *line =
        ledger_add(l->o->ledger, lines_number(lines), lines_start(lines), lines_end(lines), text);
    if (!line) {
        const struct fault f = {"no_memory", "no memory for a line"};
        stop(l, "stopped reading", &f);
    }
    return line;
}

/* Once: it is about all lines of this kind. */
static void warn_of_random_id(struct load *l)
{
    if (!l->has_random_ids)
        log_warning(
            "lines without id and key get new ids each time, because this input cannot be read twice: "
            "sent again they are stored again",
            LOG_INT("line", lines_number(l->o->lines)));
    l->has_random_ids = true;
}

static bool take_line(struct load *l, struct slice text)
{
    struct fault f = {0};
    enum send_line_id from = SEND_LINE_GIVEN;
    if (send_line_is_blank(text))
        return true;

    struct ledger_line *line = enter(l, text);
    if (!line)
        return false;
    arena_reset(l->arena);
    status st = send_line_read(text, line->number, &l->o->rules, clock_unix_us(l->o->clock) / 1000, l->arena,
                               &l->command, &from, &f);
    if (st == STATUS_OK) {
        if (from == SEND_LINE_RANDOM)
            warn_of_random_id(l);
        line->id = l->command.command_id;
        line->has_id = true;
        l->holding = line;
        return send_held(l);
    }
    if (status_class(st) == STATUS_CLASS_INVALID) {
        reject(l, line, &f);
        load_locate(text, &f, &line->reason);
        return true;
    }
    l->holding = line;
    stop(l, "cannot read a line", &f);
    return false;
}

static bool pass_over_long_line(struct load *l)
{
    struct fault f;
    struct ledger_line *line = enter(l, SLICE_NONE);
    if (!line)
        return false;
    load_too_long(&f);
    reject(l, line, &f);
    return true;
}

/* One line further; false when nothing can be done at once. */
static bool step(struct load *l)
{
    struct slice line;
    if (l->holding)
        return !l->has_expired && send_held(l);
    if (!ledger_has_room(l->o->ledger) || !pace_allows(&l->pace, l->now_us) || l->has_expired)
        return false;

    switch (lines_next(l->o->lines, &line)) {
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
    uint64_t before = lines_number(l->o->lines);
    int steps = 0;
    while (steps < BURST && step(l))
        steps++;
    l->eager = steps == BURST;
    if (lines_number(l->o->lines) != before)
        postpone(l);
}

/* ---- what is looked at now and then ---- */

static void take_signals(struct load *l)
{
    while (signals_read(l->o->signal_fd) != SIGNAL_NONE) {
        if (l->end == SUMMARY_INTERRUPTED) {
            l->phase = LOAD_DONE;
            return;
        }
        progress_clear(&l->o->journal->progress);
        log_info("interrupted: waiting for what is in flight; once more ends at once",
                 LOG_INT("lines", ledger_open(l->o->ledger)));
        finish(l, SUMMARY_INTERRUPTED);
    }
}

/* Faults are lines; a log's is one. */
static struct slice first_line(const struct buffer *faults)
{
    const char *end = memchr(faults->at, '\n', faults->len);
    return slice_make(faults->at, end ? (size_t)(end - faults->at) : faults->len);
}

static void look_at_token(struct load *l)
{
    struct buffer faults = {0};
    if (l->now_us < l->token_at_us)
        return;
    l->token_at_us = l->now_us + TOKEN_US;

    enum credentials_news news = credentials_renew(l->o->credentials, &faults);
    if (news == CREDENTIALS_BROKEN)
        log_warning("the old token stays", LOG_SLICE("reason", first_line(&faults)));
    if (news == CREDENTIALS_RENEWED) {
        log_info("a new token was read");
        sender_set_authorization(l->o->sender, credentials_authorization(l->o->credentials));
    }
    buffer_dispose(&faults);

    bool expired = credentials_have_expired(l->o->credentials, clock_unix_us(l->o->clock) / 1000000);
    if (expired && !l->has_expired && l->phase == LOAD_READING) {
        const struct fault f = {"expired", "the token has expired"};
        if (l->o->credentials->token_file)
            log_warning("the token has expired: waiting for a new one in its file");
        else
            stop(l, "stopped reading", &f);
    }
    l->has_expired = expired;
}

/* Whether somebody else has to move before we can. */
static bool is_stuck(const struct load *l)
{
    return l->phase == LOAD_FINISHING || l->holding || l->has_expired || ledger_open(l->o->ledger) > 0;
}

static void look_at_deadline(struct load *l)
{
    bool was_stuck = l->was_stuck;
    l->was_stuck = is_stuck(l);
    if (!l->was_stuck)
        return;
    /* Until now nobody owed us anything, however long the input was silent. */
    if (!was_stuck)
        postpone(l);
    if (!l->is_quiet && l->now_us > l->deadline_us - l->o->timeout_us + QUIET_US) {
        l->is_quiet = true;
        progress_clear(&l->o->journal->progress);
        log_warning("nothing moves: waiting", LOG_INT("lines", ledger_open(l->o->ledger)),
                    LOG_INT("timeout_s", l->o->timeout_us / 1000000));
    }
    if (l->now_us > l->deadline_us) {
        const struct fault f = {"timeout", "nothing moved within --timeout"};
        stop(l, "gave up waiting", &f);
        l->phase = LOAD_DONE;
    }
}

/* `was_reading`: in this turn; the last line may have been the one too many. */
static void look_at_the_end(struct load *l, bool was_reading)
{
    struct fault f = {0};
    if (ledger_close(l->o->ledger) > 0 && l->phase == LOAD_READING && !l->hungry &&
        ledger_has_room(l->o->ledger))
        l->eager = true;
    if (journal_tick(l->o->journal, l->o->summary, l->now_us, &f) != STATUS_OK && l->phase == LOAD_READING)
        stop(l, "stopped reading", &f);
    if (l->phase == LOAD_READING && sender_is_broken(l->o->sender)) {
        fault_set(&f, STATUS_RETRY, "kafka", "Kafka refuses or is away");
        stop(l, "stopped reading", &f);
    }
    if (was_reading && l->end == SUMMARY_COMPLETE && summary_is_over(l->o->summary, &l->o->limit)) {
        fault_set(&f, STATUS_INVALID, "max_errors", "%llu of %llu lines are rejected: more than --max-errors",
                  (unsigned long long)l->o->summary->outcomes[SUMMARY_REJECTED],
                  (unsigned long long)l->o->summary->read);
        stop(l, "stopped reading", &f);
    }
    if (l->phase == LOAD_FINISHING && ledger_open(l->o->ledger) == 0)
        l->phase = LOAD_DONE;
    else if (l->phase != LOAD_DONE)
        look_at_deadline(l);
}

/* ---- the loop ---- */

static void feed(struct load *l)
{
    struct fault f;
    status st = lines_fill(l->o->lines, &f);
    l->hungry = st == STATUS_RETRY;
    if (st != STATUS_OK && st != STATUS_RETRY)
        stop(l, "stopped reading", &f);
}

static int nap_ms(const struct load *l)
{
    if (l->eager || (l->hungry && source_is_ready(l->o->source)))
        return 0;
    int64_t wait = pace_wait_ms(&l->pace, l->now_us);
    int64_t nap = wait > 0 && wait < NAP_MS ? wait : NAP_MS;
    /* Rounded up: a millisecond early would be a turn of the loop for nothing. */
    int64_t due = sender_deadline_us(l->o->sender);
    int64_t until = due > l->now_us ? (due - l->now_us + 999) / 1000 : 0;
    return due >= 0 && until < nap ? (int)until : (int)nap;
}

static void sleep_until_something(struct load *l)
{
    struct pollfd fds[] = {
        {.fd = l->o->signal_fd, .events = POLLIN},
        {.fd = l->o->event_fd, .events = POLLIN},
        {.fd = l->hungry ? l->o->input_fd : -1, .events = POLLIN},
    };
    uint64_t events;
    int ready = poll(fds, sizeof fds / sizeof *fds, nap_ms(l));
    if (ready > 0 && fds[1].revents && read(l->o->event_fd, &events, sizeof events) < 0)
        log_debug("no event after all");
    if (l->hungry && ((ready > 0 && fds[2].revents) || source_is_ready(l->o->source)))
        feed(l);
}

static void load_loop(struct load *l)
{
    l->now_us = clock_monotonic_us(l->o->clock);
    postpone(l);
    while (l->phase != LOAD_DONE) {
        l->now_us = clock_monotonic_us(l->o->clock);
        take_signals(l);
        look_at_token(l);
        if (sender_serve(l->o->sender) > 0)
            postpone(l);
        bool was_reading = l->phase == LOAD_READING;
        if (was_reading)
            read_burst(l);
        look_at_the_end(l, was_reading);
        if (l->phase != LOAD_DONE)
            sleep_until_something(l);
    }
}

enum summary_end load_run(const struct load_options *options)
{
    struct load l = {
        .o = options, .end = SUMMARY_COMPLETE, .arena = arena_new(ARENA_BLOCK), .pace = options->pace};
    if (l.arena) {
        load_loop(&l);
    } else {
        log_error("no memory for a load");
        l.end = SUMMARY_STOPPED;
    }
    if (l.end == SUMMARY_COMPLETE && source_has_changed(options->source)) {
        log_error("the input was changed while it was read: what was sent is a mixture");
        l.end = SUMMARY_STOPPED;
    }
    arena_free(l.arena);
    return l.end;
}
