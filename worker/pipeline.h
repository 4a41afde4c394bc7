/* The worker's state machine: batches from Kafka through PostgreSQL to their answers.
 *
 * One thread. Batches go round a ring in order: the newest collects, the store has one, or two where the second is full, older ones
 * wait for the acknowledgements of their answers. So PostgreSQL works on batch n while n+1 is fetched and judged and the answers of
 * n-1 are acknowledged. Offsets are committed behind a batch when all its answers are acknowledged. */
#pragma once
#include "common/clock.h"
#include "common/metrics.h"
#include "common/status.h"
#include "worker/settings.h"
#include <stdatomic.h>
#include <stdbool.h>

struct token_keys;
struct pipeline;

struct pipeline_options {
    const struct worker_settings *settings;
    const struct config_properties *kafka;
    const struct token_keys *keys; /* NULL: auth = trusted */
    const struct clock *clock;
    struct metrics *metrics;
    int signal_fd;
};

/* Connects in the background. Errors: STATUS_CONFIG, STATUS_NO_MEMORY. */
status pipeline_new(const struct pipeline_options *options, struct pipeline **out, struct fault *f)
    must_check;
/* Leaves the group and frees. False where a thread of a library never ends (it is logged): nothing is freed then, and the process can
 * only be ended without tidying up. */
bool pipeline_free(struct pipeline *p);

/* Works until a signal says stop and what is in hand is finished (STATUS_OK), or until nothing this process can do will help. */
status pipeline_run(struct pipeline *p) must_check;
/* After that: whether another process has this one's place in the group for good, which only other settings mend. */
bool pipeline_is_fenced(const struct pipeline *p);

/* Whether commands can be worked on; where not, `why` gets one line. Any thread. */
bool pipeline_is_ready(void *pipeline, struct buffer *why);
