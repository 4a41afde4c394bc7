/* The head of an HTTP request: what the guard lets pass has one reading. */
#include "common/http_guard.h"
#include "common/text.h"
#include "tests/fuzz/http_head.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* Counted without the guard's own functions. */
static size_t count(const struct http_head *head, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; i < head->n_fields; i++)
        n += text_equal_nocase(head->fields[i].name, name);
    return n;
}

static void require_one_reading(const struct http_head *head, const struct http_framing *framing)
{
    size_t lengths = count(head, "content-length");
    size_t codings = count(head, "transfer-encoding");

    require(lengths + codings <= 1);
    require(count(head, "authorization") <= 1 && count(head, "host") <= 1);
    require(count(head, "host") == 1 || slice_is(head->version, "HTTP/1.0"));
    require((framing->body == HTTP_BODY_CHUNKED) == (codings == 1));
    require((framing->body == HTTP_BODY_LENGTH) == (framing->length > 0));
    require(framing->body != HTTP_BODY_LENGTH || lengths == 1);
    require(head->bytes <= HTTP_HEAD_MAX && head->n_fields <= HTTP_FIELDS_MAX);

    for (size_t i = 0; i < head->n_fields; i++) {
        const struct http_field *f = &head->fields[i];
        require(f->name.len > 0);
        for (size_t k = 0; k < f->name.len; k++)
            require(f->name.at[k] > ' ' && f->name.at[k] < 0x7f && f->name.at[k] != ':');
        for (size_t k = 0; k < f->value.len; k++)
            require((unsigned char)f->value.at[k] >= ' ' || f->value.at[k] == '\t');
    }
    struct slice path = http_target_path(head->target);
    require(path.len <= head->target.len || slice_is(path, "/"));
    require(path.len == 0 || !memchr(path.at, '?', path.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_field fields[HTTP_HEAD_FIELDS];
    struct http_head head = http_head_of(slice_make(data, size), fields);
    struct http_framing framing;
    struct fault fault = {0};
    unsigned refused = http_guard(&head, &framing, &fault);

    if (refused) {
        require(refused == 400 || refused == 417 || refused == 431 || refused == 501 || refused == 505);
        require(fault.code && fault.code[0] && fault.message[0]);
    } else {
        require_one_reading(&head, &framing);
    }
    return 0;
}
