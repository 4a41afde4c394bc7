/* The fields of a request that the ingress reads by itself; the first byte says which: p Prefer, k Idempotency-Key, m Content-Type,
 * t traceparent. */
#include "ingress/idempotency_key.h"
#include "ingress/media_type.h"
#include "ingress/prefer.h"
#include "ingress/traceparent.h"

#include "common/buffer.h"
#include "common/label.h"
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* As several headers, one a line. What was honoured is said in the words of the header: read again, it is the same. */
static void check_prefer(struct slice lines)
{
    struct preference p = {false, 0};
    struct preference again = {false, 0};
    char applied[PREFER_APPLIED_SIZE];

    while (lines.len > 0) {
        const char *end = memchr(lines.at, '\n', lines.len);
        size_t len = end ? (size_t)(end - lines.at) : lines.len;
        prefer_read(slice_make(lines.at, len), &p);
        lines = slice_make(lines.at + len, lines.len - len);
        if (end)
            lines = slice_make(lines.at + 1, lines.len - 1);
    }
    require(p.wait_s <= PREFER_WAIT_MAX_S);
    require(prefer_is_immediate(&p) == (p.respond_async && p.wait_s == 0));
    prefer_applied(&p, true, applied);
    prefer_read(slice_of(applied), &again);
    require(again.respond_async == p.respond_async && again.wait_s == p.wait_s);
}

/* A key in quotes, with what must be escaped escaped, is the key. */
static void check_key(struct slice value)
{
    struct arena *a = arena_new(1024);
    struct slice key = SLICE_NONE;
    struct slice again = SLICE_NONE;
    struct fault fault = {0};
    char quoted[2 * LABEL_KEY_MAX + 2];
    size_t n = 0;

    require(a != NULL);
    status st = idempotency_key_read(value, a, &key, &fault);
    if (st != STATUS_OK) {
        require(st == STATUS_MALFORMED && fault.code && fault.message[0]);
        arena_free(a);
        return;
    }
    require(key.len >= 1 && key.len <= LABEL_KEY_MAX);
    quoted[n++] = '"';
    for (size_t i = 0; i < key.len; i++) {
        require(key.at[i] >= ' ' && key.at[i] <= '~');
        if (key.at[i] == '"' || key.at[i] == '\\')
            quoted[n++] = '\\';
        quoted[n++] = key.at[i];
    }
    quoted[n++] = '"';
    require(idempotency_key_read(slice_make(quoted, n), a, &again, &fault) == STATUS_OK);
    require(slice_equal(key, again));
    arena_free(a);
}

static bool is_json_with(struct slice value, struct slice parameter)
{
    struct buffer longer = {0};

    buffer_add_slice(&longer, value);
    buffer_add_slice(&longer, parameter);
    require(!longer.failed);
    bool is_json = media_type_is_json(buffer_slice(&longer));
    buffer_dispose(&longer);
    return is_json;
}

/* A parameter that does not matter changes nothing, and another charset is another type. */
static void check_media_type(struct slice value)
{
    bool is_json = media_type_is_json(value);

    require(!is_json || is_json_with(value, SLICE_LITERAL(";a=\"b;c\"")));
    require(!is_json || !is_json_with(value, SLICE_LITERAL(";charset=latin1")));
}

/* What is valid is logged and passed on as it is. */
static void check_traceparent(struct slice value)
{
    if (!traceparent_is_valid(value))
        return;
    require(value.len == 55);
    for (size_t i = 0; i < value.len; i++)
        require(memchr("0123456789abcdef-", value.at[i], 17) != NULL);
    (void)traceparent_is_sampled(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct slice value = slice_make((const char *)data + 1, size - 1);

    switch (data[0]) {
    case 'p':
        check_prefer(value);
        break;
    case 'k':
        check_key(value);
        break;
    case 'm':
        check_media_type(value);
        break;
    case 't':
        check_traceparent(value);
        break;
    default:
        break;
    }
    return 0;
}
