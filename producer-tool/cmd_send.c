#include "common/log.h"
#include "common/signals.h"
#include "producer-tool/credentials.h"
#include "producer-tool/load.h"
#include "producer-tool/verbs.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    EXIT_CONFIG = 2,
    EXIT_STOPPED = 3,
    CONNECT_MS = 1000, /* one attempt; a signal is seen between two */
};

struct send_options {
    const char *config;
    const char *run;
    const char *token_file;
    const char *account;
    int wait;
    int64_t timeout_s;
    int64_t in_flight;
    const char *file;
};

/* In the order of enum summary_wait. */
static const char *const WAITS[] = {"stored", "accepted", NULL};

#define MEMBER(name) offsetof(struct send_options, name)
static const struct verb_option OPTIONS[] = {
    {.name = "config", .value = "FILE", .offset = MEMBER(config), .help = "settings; see gold-label --help"},
    {.name = "run",
     .value = "ID",
     .kind = OPTION_UUID,
     .offset = MEMBER(run),
     .help = "the run of lines without a run_id"},
    {.name = "token-file",
     .value = "FILE",
     .offset = MEMBER(token_file),
     .help = "the bearer token for the worker; otherwise GOLD_LABEL_TOKEN of the environment"},
    {.name = "account",
     .value = "ACC",
     .offset = MEMBER(account),
     .help = "the account keys belong to, otherwise the token's account_id; also written into the commands, "
             "and enough "
             "without a token for a worker with auth = trusted"},
    {.name = "wait",
     .value = "stored|accepted",
     .kind = OPTION_CHOICE,
     .offset = MEMBER(wait),
     .fallback = "stored",
     .choices = WAITS,
     .help = "until the worker has answered, or until Kafka has the command"},
    {.name = "timeout",
     .value = "S",
     .kind = OPTION_DURATION,
     .offset = MEMBER(timeout_s),
     .fallback = "30s",
     .min = 1,
     .max = 86400,
     .help = "give up when nothing moves for so long"},
    {.name = "in-flight",
     .value = "N",
     .kind = OPTION_INTEGER,
     .offset = MEMBER(in_flight),
     .fallback = "10000",
     .min = 1,
     .max = 1000000,
     .help = "lines sent and not yet answered"},
};

/* Everything a load needs, opened in this order and closed in the other. */
struct send {
    struct send_options options;
    struct tool_settings settings;
    struct config *config;
    struct credentials credentials;
    int input_fd;
    int signal_fd;
    int event_fd;
    struct sender *sender;
    struct summary summary;
};

static int open_input(const char *path, struct buffer *faults)
{
    struct stat about;
    if (!path || strcmp(path, "-") == 0)
        return STDIN_FILENO;

    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        buffer_printf(faults, "FILE cannot be opened: %s\n", strerror(errno));
    } else if (fstat(fd, &about) == 0 && S_ISDIR(about.st_mode)) {
        buffer_add_text(faults, "FILE is a folder\n");
    }
    return fd;
}

static status open_sender(struct send *s, struct fault *f)
{
    const struct sender_options options = {
        .settings = &s->settings,
        .properties = config_kafka(s->config),
        .authorization = credentials_authorization(&s->credentials),
        .message_timeout_ms = s->options.timeout_s * 1000,
        .in_flight = (size_t)s->options.in_flight,
        .event_fd = s->event_fd,
        .summary = &s->summary,
    };
    if (s->signal_fd < 0 || s->event_fd < 0)
        return fault_set(f, STATUS_FATAL, "descriptors", "no file descriptors: %s", strerror(errno));
    return sender_new(&options, &s->sender, f);
}

/* STATUS_TIMEOUT when a signal ended the waiting. */
static status connect_sender(struct send *s, struct fault *f)
{
    int64_t deadline = clock_monotonic_us(clock_system()) + s->options.timeout_s * 1000000;
    for (;;) {
        status st = sender_connect(s->sender, CONNECT_MS, f);
        if (st != STATUS_RETRY || clock_monotonic_us(clock_system()) > deadline)
            return st;
        if (signals_read(s->signal_fd) != SIGNAL_NONE)
            return fault_set(f, STATUS_TIMEOUT, "interrupted", "interrupted before anything was read");
    }
}

static int print_summary(const struct send *s, enum summary_end end, int64_t duration_us)
{
    struct buffer text = {0};
    if (!summary_holds(&s->summary))
        log_error("the accounting does not add up: this is a bug of gold-label");
    summary_write(&s->summary, duration_us, &text);
    bool written = !text.failed && fwrite(text.at, 1, text.len, stdout) == text.len && fflush(stdout) == 0;
    buffer_dispose(&text);
    if (!written) {
        log_error("the summary cannot be written", LOG_STR("reason", strerror(errno)));
        return EXIT_STOPPED;
    }
    return summary_exit_code(&s->summary, end);
}

static int load_and_account(struct send *s)
{
    const struct load_options options = {
        .input_fd = s->input_fd,
        .signal_fd = s->signal_fd,
        .event_fd = s->event_fd,
        .rules = {.run_id = slice_of(s->options.run),
                  .account_id = credentials_account(&s->credentials),
                  .account_in_record = s->credentials.account_was_given},
        .timeout_us = s->options.timeout_s * 1000000,
        .sender = s->sender,
        .summary = &s->summary,
        .clock = clock_system(),
    };
    int64_t start = clock_monotonic_us(clock_system());
    enum summary_end end = load_run(&options);
    sender_close(s->sender);
    s->sender = NULL;
    return print_summary(s, end, clock_monotonic_us(clock_system()) - start);
}

static int send_all(struct send *s)
{
    struct fault f = {0};
    s->signal_fd = signals_open(); /* before librdkafka starts threads */
    s->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    s->summary.wait = (enum summary_wait)s->options.wait;

    status st = open_sender(s, &f);
    if (st == STATUS_OK)
        st = connect_sender(s, &f);
    if (st == STATUS_OK)
        return load_and_account(s);

    log_error("nothing was sent", LOG_STR("reason", f.message));
    if (st == STATUS_CONFIG || st == STATUS_NOT_FOUND)
        return EXIT_CONFIG;
    return print_summary(s, st == STATUS_TIMEOUT ? SUMMARY_INTERRUPTED : SUMMARY_STOPPED, 0);
}

static void send_dispose(struct send *s)
{
    sender_close(s->sender);
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
    s.config = tool_settings_load(s.options.config, &s.settings, &faults);
    credentials_load(&s.credentials, s.options.token_file, getenv("GOLD_LABEL_TOKEN"), s.options.account,
                     &faults);
    s.input_fd = open_input(s.options.file, &faults);

    int code = !s.config || faults.len ? options_refuse(&VERB_SEND, &faults) : send_all(&s);
    send_dispose(&s);
    buffer_dispose(&faults);
    return code;
}

const struct verb VERB_SEND = {
    .name = "send",
    .summary = "Sends NDJSON lines as gold labels and accounts for every one of them",
    .operand = "FILE|-",
    .operand_offset = MEMBER(file),
    .operand_help =
        "one JSON object per line (default: standard input): the members of the HTTP body, and run_id, id "
        "or key",
    .options = OPTIONS,
    .n_options = sizeof OPTIONS / sizeof *OPTIONS,
    .notes = "Prints one JSON object at the end, in which read = stored + replayed + rejected\n"
             "+ unknown + not_sent (--wait accepted: accepted in place of stored + replayed).\n"
             "Refused lines are named on stderr. Exit: 0 all stored, 1 some rejected, 2 usage\n"
             "or settings, 3 stopped, unknown or not sent, 130 interrupted.\n",
    .examples = "  gold-label send --token-file token --run $RUN_ID labels.ndjson\n"
                "  export-labels | gold-label send --config gold-label.ini --wait accepted\n",
    .run = run,
};
