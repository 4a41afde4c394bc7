#include "worker/linger.h"

enum {
    SKIP_MAX = 64,
    RECENT = 10, /* waits: after so long without a batch nothing streams in */
};

static int64_t longest(const struct linger *l)
{
    return l->last_us < l->most_us ? l->last_us : l->most_us;
}

static bool streams(const struct linger *l, int64_t now_us)
{
    return l->last_commands > 1 && now_us - l->stored_us <= RECENT * longest(l);
}

static void begin(struct linger *l, size_t commands, int64_t now_us)
{
    l->waiting = true;
    l->since_us = l->grown_us = now_us;
    l->until_us = now_us + longest(l);
    l->commands = commands;
}

/* The wait is over: was it worth it? */
static void judge(struct linger *l)
{
    l->waiting = false;
    if (2 * (l->grown_us - l->since_us) >= l->until_us - l->since_us) {
        l->vain = 0;
        return;
    }
    l->skip = 1U << l->vain;
    if (l->skip < SKIP_MAX)
        l->vain++;
}

bool linger_waits(struct linger *l, size_t commands, int64_t now_us)
{
    if (!l->waiting) {
        if (l->most_us == 0 || !streams(l, now_us))
            return false;
        if (l->skip > 0) {
            l->skip--;
            return false;
        }
        begin(l, commands, now_us);
    }
    if (now_us >= l->until_us) {
        judge(l);
        return false;
    }
    if (commands > l->commands) {
        l->commands = commands;
        l->grown_us = now_us;
    }
    return true;
}

void linger_filled(struct linger *l)
{
    l->waiting = false;
    l->vain = 0;
    l->skip = 0;
}

void linger_stop(struct linger *l)
{
    l->waiting = false;
}

int64_t linger_until_us(const struct linger *l)
{
    return l->waiting ? l->until_us : -1;
}

void linger_stored(struct linger *l, size_t commands, int64_t took_us, int64_t now_us)
{
    l->last_commands = commands;
    l->last_us = took_us;
    l->stored_us = now_us;
}
