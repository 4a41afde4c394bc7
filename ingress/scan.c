#include "ingress/scan.h"

#include "common/http_guard.h"

struct scan scan_of(struct slice value)
{
    const char *at = value.at ? value.at : "";
    return (struct scan){at, at + value.len};
}

bool scan_is_done(const struct scan *s)
{
    return s->at == s->end;
}

void scan_blanks(struct scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t'))
        s->at++;
}

bool scan_char(struct scan *s, char c)
{
    if (s->at == s->end || *s->at != c)
        return false;
    s->at++;
    return true;
}

bool scan_token(struct scan *s, struct slice *out)
{
    const char *from = s->at;

    while (s->at < s->end && http_is_token_char(*s->at))
        s->at++;
    *out = slice_make(from, (size_t)(s->at - from));
    return out->len > 0;
}

static bool scan_quoted(struct scan *s, struct slice *out)
{
    const char *from = s->at;

    for (; s->at < s->end; s->at++) {
        if (*s->at == '"') {
            *out = slice_make(from, (size_t)(s->at - from));
            s->at++;
            return true;
        }
        if (*s->at == '\\' && ++s->at == s->end)
            return false;
    }
    return false;
}

bool scan_word(struct scan *s, struct slice *out)
{
    return scan_char(s, '"') ? scan_quoted(s, out) : scan_token(s, out);
}

bool scan_pair(struct scan *s, bool blanks, struct slice *name, struct slice *value)
{
    *value = SLICE_NONE;
    if (!scan_token(s, name))
        return false;

    struct scan behind = *s;
    if (blanks)
        scan_blanks(&behind);
    if (!scan_char(&behind, '='))
        return true;
    *s = behind;
    if (blanks)
        scan_blanks(s);
    return scan_word(s, value);
}
