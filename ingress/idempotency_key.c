#include "ingress/idempotency_key.h"

#include "common/label.h"
#include <stdbool.h>
#include <string.h>

static status malformed(struct fault *f)
{
    return fault_set(
        f, STATUS_MALFORMED, "invalid_idempotency_key",
        "Idempotency-Key must be 1 to %d visible ASCII characters, in quotes or without quotes, commas, "
        "semicolons and spaces.",
        LABEL_KEY_MAX);
}

static bool is_printable(char c)
{
    return c >= ' ' && c <= '~';
}

/* RFC 8941 §4.2.5; the first quote is taken already. The string must be all there is. */
static status read_quoted(struct slice value, struct arena *a, struct slice *out, struct fault *f)
{
    char *key = arena_alloc(a, value.len);
    size_t n = 0;
    size_t i = 0;

    if (!key)
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "memory is short");
    for (; i < value.len && value.at[i] != '"'; i++) {
        if (!is_printable(value.at[i]))
            return malformed(f);
        if (value.at[i] == '\\' && (++i == value.len || (value.at[i] != '"' && value.at[i] != '\\')))
            return malformed(f);
        key[n++] = value.at[i];
    }
    if (i + 1 != value.len || n == 0 || n > LABEL_KEY_MAX)
        return malformed(f);
    *out = slice_make(key, n);
    return STATUS_OK;
}

status idempotency_key_read(struct slice value, struct arena *a, struct slice *out, struct fault *f)
{
    if (value.len > 0 && value.at[0] == '"')
        return read_quoted(slice_make(value.at + 1, value.len - 1), a, out, f);

    if (value.len == 0 || value.len > LABEL_KEY_MAX)
        return malformed(f);
    for (size_t i = 0; i < value.len; i++)
        if (!is_printable(value.at[i]) || memchr("\",; ", value.at[i], 4))
            return malformed(f);
    *out = value;
    return STATUS_OK;
}
