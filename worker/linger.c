#include "worker/linger.h"

enum { SKIP_MAX = 64 };

static int64_t longest(const struct linger *l)
{
    return l->last_us < l->most_us ? l->last_us : l->most_us;
}

static void begin(struct linger *l, size_t rows, int64_t now_us)
{
    l->waiting = true;
    l->since_us = l->grown_us = now_us;
    l->until_us = now_us + longest(l);
    l->rows = rows;
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

bool linger_waits(struct linger *l, size_t rows, int64_t now_us)
{
    if (!l->waiting) {
        if (l->most_us == 0 || l->last_rows < 2)
            return false;
        if (l->skip > 0) {
            l->skip--;
            return false;
        }
        begin(l, rows, now_us);
    }
    if (rows > l->rows) {
        l->rows = rows;
        l->grown_us = now_us;
    }
    if (now_us < l->until_us)
        return true;
    judge(l);
    return false;
}

void linger_stop(struct linger *l)
{
    l->waiting = false;
}

int64_t linger_until_us(const struct linger *l)
{
    return l->waiting ? l->until_us : -1;
}

void linger_stored(struct linger *l, size_t rows, int64_t took_us)
{
    l->last_rows = rows;
    l->last_us = took_us;
}
