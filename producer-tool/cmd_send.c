#include "common/log.h"
#include "common/signals.h"
#include "producer-tool/load.h"
#include "producer-tool/output.h"
#include "producer-tool/send_options.h"
#include "producer-tool/send_setup.h"
#include "producer-tool/verbs.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    EXIT_CONFIG = 2,
    EXIT_STOPPED = 3,
    CONNECT_MS = 1000, /* one attempt; a signal is seen between two */
    PAUSE_MS = 200,    /* between two: a broker may answer at once that it will not say */
};

static int64_t now_us(void)
{
    return clock_monotonic_us(clock_system());
}

static int print_summary(const struct send *s, enum summary_end end, int64_t duration_us)
{
    struct buffer text = {0};
    if (!summary_holds(&s->summary))
        log_error("the accounting does not add up: this is a bug of gold-label");
    summary_write(&s->summary, end, duration_us, &text);
    bool ok = output_print(&text);
    buffer_dispose(&text);
    return ok ? summary_exit_code(&s->summary, end) : EXIT_STOPPED;
}

static struct load_options load_options(struct send *s)
{
    return (struct load_options){
        .input_fd = s->input_fd,
        .signal_fd = s->signal_fd,
        .event_fd = s->event_fd,
        .source = s->source,
        .lines = s->lines,
        .rules = {.run_id = slice_of(s->options.run),
                  .account_id = credentials_account(&s->credentials),
                  .account_in_record = s->credentials.account_was_given,
                  .check_only = s->options.dry_run,
                  .digest = s->has_digest ? &s->journal.at.digest : NULL},
        .timeout_us = s->options.timeout_s * 1000000,
        .limit = s->options.max_errors,
        .pace = {.per_second = s->options.rate},
        .credentials = &s->credentials,
        .sender = s->sender,
        .ledger = s->ledger,
        .journal = &s->journal,
        .summary = &s->summary,
        .clock = clock_system(),
    };
}

/* Every line has an outcome now: write them down and count. */
static int account(struct send *s, enum summary_end end, int64_t start_us)
{
    struct fault f = {0};
    if (s->ledger)
        ledger_close_all(s->ledger);
    s->journal.is_stale = s->source && source_has_changed(s->source);
    if (journal_end(&s->journal, end, &f) != STATUS_OK) {
        log_error("stopped", LOG_STR("reason", f.message));
        end = SUMMARY_STOPPED;
    }
    return print_summary(s, end, now_us() - start_us);
}

/* ---- sending ---- */

static status open_sender(struct send *s, struct fault *f)
{
    const struct ledger_options ledger = {
        .in_flight = (size_t)s->options.in_flight,
        .bytes = SENDER_QUEUE_BYTES,
        .keep_text = s->options.rejects != NULL,
        .summary = &s->summary,
        .closed = journal_line,
        .ctx = &s->journal,
    };
    s->ledger = ledger_new(&ledger);
    if (!s->ledger)
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "no memory for %lld lines in flight",
                         (long long)s->options.in_flight);
    const struct sender_options options = {
        .settings = &s->settings,
        .properties = config_kafka(s->config),
        .authorization = credentials_authorization(&s->credentials),
        .message_timeout_ms = s->options.timeout_s * 1000,
        .in_flight = (size_t)s->options.in_flight,
        .event_fd = s->event_fd,
        .ledger = s->ledger,
        .follow = s->summary.wait == SUMMARY_WAIT_STORED,
    };
    return sender_new(&options, &s->sender, f);
}

/* STATUS_TIMEOUT when a signal ended the waiting. */
static status connect_sender(struct send *s, struct fault *f)
{
    int64_t deadline = now_us() + s->options.timeout_s * 1000000;
    for (;;) {
        status st = sender_connect(s->sender, CONNECT_MS, f);
        if (st != STATUS_RETRY || now_us() > deadline)
            return st;
        if (signals_wait(s->signal_fd, PAUSE_MS) != SIGNAL_NONE)
            return fault_set(f, STATUS_TIMEOUT, "interrupted", "interrupted before anything was sent");
    }
}

/* A load that could have begun has its accounting too; one that is wrong has none. */
static int end_before_sending(const struct send *s, status st)
{
    switch (st) {
    case STATUS_CONFIG:
    case STATUS_CONFLICT:
    case STATUS_MALFORMED:
    case STATUS_NOT_FOUND:
        return EXIT_CONFIG;
    case STATUS_TIMEOUT:
        return print_summary(s, SUMMARY_INTERRUPTED, 0);
    default:
        return print_summary(s, SUMMARY_STOPPED, 0);
    }
}

static int send_all(struct send *s)
{
    struct fault f = {0};
    status st = send_prepare(s, &f);
    if (st == STATUS_OK)
        st = open_sender(s, &f);
    if (st == STATUS_OK)
        st = connect_sender(s, &f);
    /* Whatever is lost from now on may have been sent: the first checkpoint comes before it. */
    if (st == STATUS_OK)
        st = send_begin(s, &f);
    if (st) {
        log_error("cannot send", LOG_STR("reason", f.message));
        return end_before_sending(s, st);
    }
    const struct load_options options = load_options(s);
    int64_t start = now_us();
    records_heed(s->journal.records, s->signal_fd);
    progress_start(&s->journal.progress, s->journal.at.offset, s->journal.at.size, start);
    enum summary_end end = load_run(&options);
    sender_close(s->sender);
    s->sender = NULL;
    return account(s, end, start);
}

static int check_all(struct send *s)
{
    const struct load_options options = load_options(s);
    int64_t start = now_us();
    records_heed(s->journal.records, s->signal_fd);
    progress_start(&s->journal.progress, 0, source_size(s->source), start);
    return account(s, load_check(&options), start);
}

/* ---- the verb ---- */

static void send_dispose(struct send *s)
{
    sender_close(s->sender);
    ledger_free(s->ledger);
    records_free(s->journal.records);
    checkpoint_dispose(&s->journal.at);
    buffer_dispose(&s->checkpoint_path);
    lines_free(s->lines);
    source_free(s->source);
    if (s->event_fd >= 0)
        close(s->event_fd);
    if (s->signal_fd >= 0)
        close(s->signal_fd);
    if (s->input_fd > STDIN_FILENO)
        close(s->input_fd);
    credentials_dispose(&s->credentials);
    config_free(s->config);
}

static int run(int argc, char **argv)
{
    struct send s = {.input_fd = -1, .signal_fd = -1, .event_fd = -1};
    struct buffer faults = {0};

    if (options_parse(&VERB_SEND, argc, argv, &s.options, &faults) == OPTIONS_HELP) {
        options_print_help(&VERB_SEND, stdout);
        buffer_dispose(&faults);
        return 0;
    }
    /* A named pipe keeps whoever opens it waiting for its other side: only the system's own signals end that. */
    send_open(&s, &faults);
    s.signal_fd = signals_open(); /* before librdkafka starts threads */
    s.event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (s.signal_fd < 0 || s.event_fd < 0)
        buffer_printf(&faults, "no file descriptors: %s\n", strerror(errno));

    int code = 0;
    if (faults.len || faults.failed)
        code = options_refuse(&VERB_SEND, &faults);
    else
        code = s.options.dry_run ? check_all(&s) : send_all(&s);
    send_dispose(&s);
    buffer_dispose(&faults);
    return code;
}

const struct verb VERB_SEND = {
    .name = "send",
    .summary = "Sends NDJSON lines as gold labels and accounts for every one of them",
    .description =
        "Each line is one JSON object: the members of the HTTP body (output_resource_name, text_value or "
        "object_value, "
        "object_value_is_partial), and run_id, id or key. It is checked with the rules of the HTTP interface "
        "before "
        "it is sent.\n"
        "The id of a label is the line's id, or follows from account and key, or from the digest of the "
        "file, the "
        "number of the line, account and run: sending a file again stores nothing twice. An input that "
        "cannot be read "
        "twice (a pipe) has no digest: lines without id and key get new ids each time, which is said once.\n"
        "At the end one JSON object says what became of all lines: read = stored + replayed + rejected + "
        "unknown + "
        "not_sent; with --wait accepted, accepted is in place of stored + replayed. unknown lines may or may "
        "not be "
        "stored: send the file again, or --resume.\n"
        "Ctrl-C ends the reading, waits for what is in flight and leaves a checkpoint; a second one ends at "
        "once.",
    .operand = "FILE|-",
    .operand_offset = offsetof(struct send_options, file),
    .operand_help = "NDJSON, plain or gzip (default: standard input)",
    .options = SEND_OPTIONS,
    .n_options = SEND_N_OPTIONS,
    .notes = "Exit: 0 all stored, 1 some rejected, 2 usage or settings, 3 stopped before the\n"
             "end, or lines unknown or not sent, 130 interrupted. Rejected lines are named on\n"
             "stderr unless --rejects keeps them. More: gold-label help send\n",
    .examples = "  gold-label send --token-file token --run $RUN_ID labels.ndjson\n"
                "  gold-label send --token-file token --rejects bad.ndjson --resume labels.ndjson.gz\n"
                "  gold-label send --dry-run --run $RUN_ID labels.ndjson\n"
                "  export-labels | gold-label send --config gold-label.ini --wait accepted\n",
    .run = run,
};
