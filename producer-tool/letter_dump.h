/* The bytes of a dead letter. */
#pragma once
#include "common/buffer.h"
#include "common/slice.h"

/* Adds lines of offset, 16 bytes in hexadecimal and as ASCII; at most `max` bytes, and then how many more there are. */
void letter_dump(struct slice value, size_t max, struct buffer *to);
