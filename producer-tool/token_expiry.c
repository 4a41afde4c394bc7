#include "producer-tool/token_expiry.h"

#include "common/json.h"
#include <stdlib.h>

enum { DEPTH_MAX = 32, ARENA_BLOCK = 16 * 1024 };
#define TIME_MAX 9007199254740992.0 /* 2^53 */

static int sextet(char c)
{
    static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *found = c ? strchr(ALPHABET, c) : NULL;
    return found ? (int)(found - ALPHABET) : -1;
}

/* Base64url without padding (RFC 4648 §5); absent where it is something else. */
static struct slice decode(struct slice from, struct arena *a)
{
    char *to = arena_alloc(a, from.len + 1);
    size_t len = 0;
    unsigned bits = 0;
    unsigned n_bits = 0;
    for (size_t i = 0; to && i < from.len; i++) {
        int value = sextet(from.at[i]);
        if (value < 0)
            return SLICE_NONE;
        bits = bits << 6 | (unsigned)value;
        n_bits += 6;
        if (n_bits < 8)
            continue;
        n_bits -= 8;
        to[len++] = (char)(unsigned char)(bits >> n_bits);
        bits &= (1U << n_bits) - 1;
    }
    return to ? slice_make(to, len) : SLICE_NONE;
}

static status take_member(void *ctx, const struct json_member *m, struct fault *f)
{
    (void)f;
    char text[32];
    if (m->kind != JSON_NUMBER || !slice_is(m->name, "exp") || m->value.len >= sizeof text)
        return STATUS_OK;
    memcpy(text, m->value.at, m->value.len);
    text[m->value.len] = '\0';
    double number = strtod(text, NULL);
    if (number >= 0 && number <= TIME_MAX)
        *(int64_t *)ctx = (int64_t)number;
    return STATUS_OK;
}

int64_t token_expiry(struct slice jwt)
{
    int64_t expiry = -1;
    const char *first = jwt.len ? memchr(jwt.at, '.', jwt.len) : NULL;
    if (!first)
        return -1;
    size_t left = jwt.len - (size_t)(first + 1 - jwt.at);
    const char *second = memchr(first + 1, '.', left);
    if (!second)
        return -1;

    struct arena *a = arena_new(ARENA_BLOCK);
    if (!a)
        return -1;
    struct slice claims = decode(slice_make(first + 1, (size_t)(second - first - 1)), a);
    if (!claims.at || json_read_object(claims, DEPTH_MAX, a, take_member, &expiry, NULL) != STATUS_OK)
        expiry = -1;
    arena_free(a);
    return expiry;
}
