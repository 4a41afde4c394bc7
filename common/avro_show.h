/* What a message's bytes say, as far as they go: for people who look at one that cannot be read. */
#pragma once
#include "common/buffer.h"
#include "common/slice.h"

/* Adds a line about the frame, then lines of "  name: value" in the order of the writer's schema, and where reading breaks off,
 * at which byte and why. A writer's schema that is not built in, or named by a registry's id, is taken for the command's in force.
 * Long texts are cut and control characters escaped, as in JSON. Takes any bytes. `to` fails when memory is short. */
void avro_show(struct slice value, struct buffer *to);
