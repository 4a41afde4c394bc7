/* A raw HTTP head cut into what http_guard() judges: for its fuzz entry and its unit test. Cuts only at CR LF, the first two spaces and
 * the first colon of a line, so that everything else is left to the guard. */
#pragma once
#include "common/http_guard.h"
#include <string.h>

enum { HTTP_HEAD_FIELDS = HTTP_FIELDS_MAX + 2 };

static inline struct slice http_head_take(struct slice *rest, const char *delimiter)
{
    const char *at = rest->len ? memmem(rest->at, rest->len, delimiter, strlen(delimiter)) : NULL;
    size_t len = at ? (size_t)(at - rest->at) : rest->len;
    size_t skip = at ? len + strlen(delimiter) : len;
    struct slice taken = {rest->at, len};

    *rest = (struct slice){rest->at + skip, rest->len - skip};
    return taken;
}

static inline struct http_head http_head_of(struct slice text, struct http_field fields[HTTP_HEAD_FIELDS])
{
    struct http_head head = {.fields = fields, .bytes = text.len};
    struct slice line = http_head_take(&text, "\r\n");

    head.method = http_head_take(&line, " ");
    head.target = http_head_take(&line, " ");
    head.version = line;
    while (text.len > 0 && head.n_fields < HTTP_HEAD_FIELDS) {
        line = http_head_take(&text, "\r\n");
        if (line.len == 0)
            break;
        fields[head.n_fields].name = http_head_take(&line, ":");
        fields[head.n_fields++].value = line;
    }
    return head;
}
