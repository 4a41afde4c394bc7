/* What a load needs, opened and checked before the first line is read. */
#pragma once
#include "common/config.h"
#include "producer-tool/credentials.h"
#include "producer-tool/journal.h"
#include "producer-tool/lines.h"
#include "producer-tool/send_options.h"
#include "producer-tool/sender.h"
#include "producer-tool/source.h"
#include "producer-tool/tool_settings.h"

struct send {
    struct send_options options;
    struct tool_settings settings;
    struct config *config;
    struct credentials credentials;
    int input_fd;
    int signal_fd;
    int event_fd;
    struct source *source;
    struct lines *lines;
    struct buffer checkpoint_path; /* with a NUL; empty: none */
    bool has_digest;
    struct journal journal;
    struct summary summary;
    struct ledger *ledger;
    struct sender *sender;
};

/* Settings, token, input; for a dry run also the files to write. Every fault is one line in `faults`. */
void send_open(struct send *s, struct buffer *faults);

/* Takes the digest of the input, reads the checkpoint where that is wanted, goes to where it says, opens the files to write.
 * Errors: STATUS_TIMEOUT (interrupted), STATUS_CONFLICT and STATUS_MALFORMED (the checkpoint is not of this load),
 * STATUS_CONFIG, STATUS_FATAL, STATUS_NO_MEMORY. */
status send_prepare(struct send *s, struct fault *f) must_check;

/* The last step before the first line: replaces an older checkpoint, and then cuts off what the files to write have from an older load. Until
 * here nothing of that load is lost. Errors: STATUS_CONFIG where a checkpoint was asked for and cannot be written, or a file not be cut. */
status send_begin(struct send *s, struct fault *f) must_check;
