/* When our own token ends: read, not verified (the worker does that). */
#pragma once
#include "common/slice.h"
#include <stdint.h>

/* The `exp` of a compact JWT in Unix seconds (a fraction is cut off); -1 where none can be read. Pure. */
int64_t token_expiry(struct slice jwt);
