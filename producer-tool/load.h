/* One load: reads lines, sends them and waits for what becomes of them, in one thread that sleeps in poll(2). */
#pragma once
#include "common/clock.h"
#include "producer-tool/credentials.h"
#include "producer-tool/journal.h"
#include "producer-tool/lines.h"
#include "producer-tool/pace.h"
#include "producer-tool/send_line.h"
#include "producer-tool/sender.h"
#include "producer-tool/source.h"
#include "producer-tool/summary.h"
#include <stdint.h>

struct load_options {
    int input_fd;
    int signal_fd; /* of signals_open() */
    int event_fd;  /* that the sender writes to */
    struct source *source;
    struct lines *lines;
    struct send_line_rules rules;
    int64_t timeout_us; /* without progress: give up */
    struct summary_limit limit;
    struct pace pace;
    struct credentials *credentials;
    struct sender *sender; /* connected */
    struct ledger *ledger;
    struct journal *journal;
    struct summary *summary;
    const struct clock *clock;
};

/* Runs to the end of the input, of the sender or of the user's patience. A first signal ends the reading, a second one the
 * waiting. What is still in flight then is settled by sender_close(). */
enum summary_end load_run(const struct load_options *options);

/* Reads and checks every line and sends nothing. The options without sender and credentials. */
enum summary_end load_check(const struct load_options *options);
