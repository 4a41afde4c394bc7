#include "producer-tool/output.h"

#include "common/log.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool output_print(const struct buffer *text)
{
    if (text->failed) {
        log_error("no memory for the output");
        return false;
    }
    fwrite(text->at, 1, text->len, stdout);
    return true;
}

void output_dispose(struct output *o)
{
    buffer_dispose(&o->text);
}

bool output_is_empty(const struct output *o)
{
    return o->written == o->text.len;
}

status output_write(struct output *o, struct fault *f)
{
    if (o->text.failed)
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "no memory for the output");
    if (output_is_empty(o))
        return STATUS_OK;

    /* A pipe that polls as writable takes PIPE_BUF bytes without waiting. */
    size_t left = o->text.len - o->written;
    ssize_t n = write(o->fd, o->text.at + o->written, left < PIPE_BUF ? left : PIPE_BUF);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return STATUS_OK;
    if (n < 0 && errno == EPIPE)
        return fault_set(f, STATUS_NOT_FOUND, "output", "nobody reads the output any more");
    if (n < 0)
        return fault_set(f, STATUS_FATAL, "output", "the output cannot be written: %s", strerror(errno));

    o->written += (size_t)n;
    if (output_is_empty(o)) {
        buffer_clear(&o->text);
        o->written = 0;
    }
    return STATUS_OK;
}
