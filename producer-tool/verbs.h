/* The verbs of `gold-label`, one per cmd_*.c. */
#pragma once
#include "producer-tool/options.h"

extern const struct verb VERB_SEND;
extern const struct verb VERB_RESULTS;
extern const struct verb VERB_TOKEN;
