#include "common/token_internal.h"

#include "common/label.h"
#include "common/text.h"

status token_refused(struct fault *f, const char *why)
{
    return fault_set(f, STATUS_UNAUTHENTICATED, "invalid_token", "%s", why);
}

struct slice token_of_authorization(struct slice value)
{
    if (!value.at)
        return SLICE_NONE;

    size_t end = 0;
    while (end < value.len && value.at[end] != ' ' && value.at[end] != '\t')
        end++;
    if (!text_equal_nocase((struct slice){value.at, end}, "Bearer"))
        return SLICE_NONE;

    while (end < value.len && value.at[end] == ' ')
        end++;
    return (struct slice){value.at + end, value.len - end};
}

/* The value of a base64url character (RFC 4648 §5), or -1. */
static int sextet(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool token_decode_base64url(struct slice from, char *to)
{
    unsigned bits = 0;
    unsigned n_bits = 0;

    if (from.len == 0 || from.len % 4 == 1)
        return false;
    for (size_t i = 0; i < from.len; i++) {
        int value = sextet(from.at[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (unsigned)value;
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            *to++ = (char)(unsigned char)(bits >> n_bits);
            bits &= (1U << n_bits) - 1;
        }
    }
    return bits == 0;
}

status token_check_size(struct slice jwt, struct fault *f)
{
    if (jwt.len == 0)
        return token_refused(f, "the token is empty");
    if (jwt.len > LABEL_TOKEN_MAX)
        return fault_set(f, STATUS_UNAUTHENTICATED, "invalid_token", "the token is longer than %d bytes",
                         LABEL_TOKEN_MAX);
    return STATUS_OK;
}

status token_split(struct slice jwt, struct arena *a, struct token_parts *out, struct fault *f)
{
    enum { HEADER, CLAIMS, SIGNATURE, PARTS };
    struct slice decoded[PARTS];
    struct slice rest = jwt;
    struct slice signed_text = SLICE_NONE;

    for (int i = 0; i < PARTS; i++) {
        const char *dot = i < SIGNATURE ? memchr(rest.at, '.', rest.len) : rest.at + rest.len;
        if (!dot)
            return token_refused(f, "the token has not three parts");
        struct slice part = {rest.at, (size_t)(dot - rest.at)};
        if (i == CLAIMS)
            signed_text = slice_make(jwt.at, (size_t)(dot - jwt.at));
        rest = (struct slice){dot + 1, rest.len - part.len - 1};

        char *to = arena_alloc(a, part.len + 1);
        if (!to)
            return fault_set(f, STATUS_NO_MEMORY, "no_memory", "out of memory");
        if (!token_decode_base64url(part, to))
            return token_refused(f, "a part of the token is not canonical base64url");
        decoded[i] = (struct slice){to, part.len * 3 / 4};
    }
    *out = (struct token_parts){decoded[HEADER], decoded[CLAIMS], decoded[SIGNATURE], signed_text};
    return STATUS_OK;
}
