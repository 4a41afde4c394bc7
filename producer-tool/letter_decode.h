/* The bytes of a command that could not be read, read as far as they go. */
#pragma once
#include "common/buffer.h"
#include "common/slice.h"

/* Adds lines of "  name: value" and, where reading breaks off, at which byte and why. Long values are cut and control characters
 * escaped, as in JSON. Pure; takes any bytes. */
void letter_decode(struct slice value, struct buffer *to);

/* Adds lines of offset, 16 bytes in hexadecimal and as ASCII; at most `max` bytes, and then how many more there are. */
void letter_dump(struct slice value, size_t max, struct buffer *to);
