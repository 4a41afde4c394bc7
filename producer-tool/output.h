/* Standard output for a verb that may have much to say: kept in memory, written only when there is room, so that a reader who has stopped reading
 * cannot keep a signal from being seen. */
#pragma once
#include "common/buffer.h"
#include "common/status.h"
#include <stdbool.h>

/* Zero-initialised with `fd` set is empty and valid. */
struct output {
    int fd;
    struct buffer text; /* add whole lines here */
    size_t written;     /* bytes of it that are gone */
};

/* For a verb that has little to say: prints it all. Whether it could be written is seen at the end of main(). False, and logged, where
 * memory was short for the text. */
bool output_print(const struct buffer *text);

void output_dispose(struct output *o);
bool output_is_empty(const struct output *o);
/* Writes what one write(2) takes without waiting; call when poll(2) says POLLOUT.
 * Errors: STATUS_NOT_FOUND (the reader has gone), STATUS_NO_MEMORY, STATUS_FATAL (`f` has the reason). */
status output_write(struct output *o, struct fault *f) must_check;
