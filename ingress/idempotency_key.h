/* The Idempotency-Key header (contract §2): a structured-field string, or the same characters bare. Pure. */
#pragma once
#include "common/arena.h"
#include "common/slice.h"
#include "common/status.h"

/* The key without quotes and backslashes; in `a` where it had to be changed. Errors: STATUS_MALFORMED, STATUS_NO_MEMORY. */
status idempotency_key_read(struct slice value, struct arena *a, struct slice *out, struct fault *f)
    must_check;
