/* The options of `gold-label send`. */
#pragma once
#include "producer-tool/options.h"

struct send_options {
    const char *config;
    const char *run;
    const char *token_file;
    const char *account;
    int wait; /* enum summary_wait */
    int64_t timeout_s;
    int64_t in_flight;
    int64_t rate;
    struct summary_limit max_errors;
    const char *results;
    const char *rejects;
    const char *checkpoint;
    bool resume;
    bool dry_run;
    const char *file;
};

enum { SEND_N_OPTIONS = 14 };
extern const struct verb_option SEND_OPTIONS[SEND_N_OPTIONS];
