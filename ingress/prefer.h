/* The Prefer header (RFC 7240): how long a client wants to wait. Pure. */
#pragma once
#include "common/slice.h"
#include <stdbool.h>
#include <stddef.h>

enum { PREFER_WAIT_MAX_S = 30, PREFER_APPLIED_SIZE = 32 };

struct preference {
    bool respond_async;
    unsigned wait_s; /* 1 … PREFER_WAIT_MAX_S; 0: not said */
};

/* Reads one Prefer header into `p`; call it for each of them in order. The first of several equal preferences counts. What is unknown,
 * out of bounds or malformed is ignored (RFC 7240 §2). */
void prefer_read(struct slice value, struct preference *p);

/* True when the answer is to come as soon as the command is published. */
bool prefer_is_immediate(const struct preference *p);

/* The value of Preference-Applied: of a 202, or of an answer that was waited for. Empty when nothing was honoured. */
void prefer_applied(const struct preference *p, bool accepted, char out[PREFER_APPLIED_SIZE]);
