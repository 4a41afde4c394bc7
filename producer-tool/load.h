/* One load: reads lines, sends them and waits for what becomes of them, in one thread that sleeps in poll(2). */
#pragma once
#include "common/clock.h"
#include "producer-tool/send_line.h"
#include "producer-tool/sender.h"
#include "producer-tool/summary.h"
#include <stdint.h>

struct load_options {
    int input_fd;
    int signal_fd; /* of signals_open() */
    int event_fd;  /* that the sender writes to */
    struct send_line_rules rules;
    int64_t timeout_us;    /* without progress: give up */
    struct sender *sender; /* connected */
    struct summary *summary;
    const struct clock *clock;
};

/* Runs to the end of the input, of the sender or of the user's patience. A first signal ends the reading, a second one the
 * waiting. What is still in flight then is counted by sender_close(). */
enum summary_end load_run(const struct load_options *options);
