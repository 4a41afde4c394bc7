#include "ingress/traceparent.h"

#include <stddef.h>
#include <string.h>

/* Lower-case hexadecimal digits, at least one of them not 0 where `nonzero` is set. */
static bool is_hex(struct slice s, size_t from, size_t n, bool nonzero)
{
    bool seen = false;

    for (size_t i = from; i < from + n; i++) {
        char c = s.at[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
        seen |= c != '0';
    }
    return seen || !nonzero;
}

bool traceparent_is_valid(struct slice v)
{
    return v.len == 55 && v.at[0] == '0' && v.at[1] == '0' && v.at[2] == '-' && is_hex(v, 3, 32, true) &&
           v.at[35] == '-' && is_hex(v, 36, 16, true) && v.at[52] == '-' && is_hex(v, 53, 2, false);
}

bool traceparent_is_sampled(struct slice v)
{
    return strchr("13579bdf", v.at[v.len - 1]) != NULL;
}
