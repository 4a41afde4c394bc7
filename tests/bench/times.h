/* Measured times as quantiles. */
#pragma once
#include "common/buffer.h"

/* Sorts `n` times and appends "p50_ms": … to "max_ms": … as members of a JSON object; null where there are none. */
void times_write(int64_t *times_us, size_t n, struct buffer *out);
