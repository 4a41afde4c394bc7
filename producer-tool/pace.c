#include "producer-tool/pace.h"

/* A sleep is not exact: what was not sent in it is made up for. */
enum { SAVED_NS = 50000000, NS_PER_US = 1000 };

bool pace_allows(const struct pace *p, int64_t now_us)
{
    return p->per_second == 0 || p->free_at_ns <= now_us * NS_PER_US;
}

void pace_count(struct pace *p, int64_t now_us)
{
    if (p->per_second == 0)
        return;
    if (p->free_at_ns < now_us * NS_PER_US - SAVED_NS)
        p->free_at_ns = now_us * NS_PER_US - SAVED_NS;
    p->free_at_ns += INT64_C(1000000000) / p->per_second;
}

int64_t pace_wait_ms(const struct pace *p, int64_t now_us)
{
    return pace_allows(p, now_us) ? 0 : (p->free_at_ns / NS_PER_US - now_us) / 1000 + 1;
}
