#include "ingress/if_none_match.h"

#include "common/http_guard.h"
#include "ingress/scan.h"
#include <string.h>

static bool is_digest(struct slice tag)
{
    if (tag.len != IF_NONE_MATCH_DIGEST_LEN)
        return false;
    for (size_t i = 0; i < tag.len; i++) {
        if (!((tag.at[i] >= '0' && tag.at[i] <= '9') || (tag.at[i] >= 'a' && tag.at[i] <= 'f')))
            return false;
    }
    return true;
}

static void add(struct known_digests *known, struct slice digest)
{
    size_t len = strlen(known->text);

    if (len + 1 + digest.len >= sizeof known->text)
        return;
    if (len > 0)
        known->text[len++] = ',';
    memcpy(known->text + len, digest.at, digest.len);
    known->text[len + digest.len] = '\0';
}

/* opaque-tag: no quote can stand in it, and a backslash is an ordinary character. */
static bool read_tag(struct scan *s, struct slice *tag)
{
    if (scan_char(s, 'W') && !scan_char(s, '/'))
        return false;
    if (!scan_char(s, '"'))
        return false;

    const char *from = s->at;
    const char *quote = memchr(from, '"', (size_t)(s->end - from));
    if (!quote)
        return false;
    *tag = slice_make(from, (size_t)(quote - from));
    s->at = quote + 1;
    return true;
}

void if_none_match_read(struct slice value, struct known_digests *known)
{
    struct scan s = scan_of(value);
    struct slice tag;

    if (strcmp(known->text, "*") == 0)
        return;
    if (slice_is(http_trim(value), "*")) {
        memcpy(known->text, "*", 2);
        return;
    }
    for (;;) {
        scan_blanks(&s);
        while (scan_char(&s, ','))
            scan_blanks(&s);
        if (scan_is_done(&s) || !read_tag(&s, &tag))
            return;
        scan_blanks(&s);
        if (!scan_is_done(&s) && *s.at != ',')
            return;
        if (is_digest(tag))
            add(known, tag);
    }
}
