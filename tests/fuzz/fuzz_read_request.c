/* A read's request target (the first line) and its If-None-Match headers (the others): what comes out can be handed to PostgreSQL. */
#include "ingress/if_none_match.h"
#include "ingress/read_query.h"
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void require_digests(const char *text)
{
    size_t len = strlen(text);

    if (strcmp(text, "*") == 0 || len == 0)
        return;
    require((len + 1) % (IF_NONE_MATCH_DIGEST_LEN + 1) == 0);
    for (size_t i = 0; i < len; i++) {
        bool is_digit = memchr("0123456789abcdef", text[i], 16) != NULL;
        require((i + 1) % (IF_NONE_MATCH_DIGEST_LEN + 1) == 0 ? text[i] == ',' : is_digit);
    }
}

static struct slice line_of(struct slice *rest)
{
    const char *end = memchr(rest->at, '\n', rest->len);
    size_t len = end ? (size_t)(end - rest->at) : rest->len;
    struct slice line = slice_make(rest->at, len);
    size_t used = end ? len + 1 : len;

    *rest = slice_make(rest->at + used, rest->len - used);
    return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_make(size > 0 ? (const char *)data : "", size);
    struct known_digests known = {{0}};
    struct read_query query;
    struct fault fault = {0};

    if (read_query_parse(line_of(&rest), &query, &fault) == STATUS_OK)
        require(query.limit >= 1 && query.limit <= READ_LIMIT_MAX);
    else
        require(fault.code && fault.message[0]);
    while (rest.len > 0) {
        if_none_match_read(line_of(&rest), &known);
        require_digests(known.text);
    }
    return 0;
}
