#include "ingress/prefer.h"

#include "common/text.h"
#include "ingress/scan.h"
#include <stdint.h>
#include <stdio.h>

static void take(struct preference *p, struct slice name, struct slice value)
{
    uint64_t seconds = 0;

    if (text_equal_nocase(name, "respond-async") && value.len == 0)
        p->respond_async = true;
    else if (text_equal_nocase(name, "wait") && p->wait_s == 0 &&
             text_to_u64(value, PREFER_WAIT_MAX_S, &seconds))
        p->wait_s = (unsigned)seconds;
}

/* preference *( ";" [ parameter ] ); no preference that we know has parameters. */
static bool read_one(struct scan *s, struct preference *p)
{
    struct slice name;
    struct slice value;

    if (!scan_pair(s, true, &name, &value))
        return false;
    for (;;) {
        struct slice parameter;
        struct slice ignored;
        scan_blanks(s);
        if (!scan_char(s, ';'))
            break;
        scan_blanks(s);
        if (!scan_is_done(s) && *s->at != ',' && *s->at != ';' && !scan_pair(s, true, &parameter, &ignored))
            return false;
    }
    if (!scan_is_done(s) && *s->at != ',')
        return false;
    take(p, name, value);
    return true;
}

void prefer_read(struct slice value, struct preference *p)
{
    struct scan s = scan_of(value);

    for (;;) {
        scan_blanks(&s);
        while (scan_char(&s, ','))
            scan_blanks(&s);
        if (scan_is_done(&s) || !read_one(&s, p))
            return;
    }
}

bool prefer_is_immediate(const struct preference *p)
{
    return p->respond_async && p->wait_s == 0;
}

void prefer_applied(const struct preference *p, bool accepted, char out[PREFER_APPLIED_SIZE])
{
    bool async = accepted && p->respond_async;

    out[0] = '\0';
    if (p->wait_s)
        (void)snprintf(out, PREFER_APPLIED_SIZE, "%swait=%u", async ? "respond-async, " : "", p->wait_s);
    else if (async)
        (void)snprintf(out, PREFER_APPLIED_SIZE, "respond-async");
}
