#include "common/shares.h"

enum { OF_WHAT_IS_FREE = 4 };

uint32_t shares_party(uint64_t secret, struct slice name)
{
    uint64_t hash = slice_hash(name, secret);
    return (uint32_t)(hash ^ hash >> 32) % SHARES_PARTIES;
}

/* The first piece is anybody's who finds room: without that, the last of a small resource would be nobody's. */
static bool is_allowed(const struct shares *s, uint64_t held, uint64_t amount)
{
    uint64_t is_free = s->max - s->taken;

    if (amount == 0 || amount > is_free)
        return amount == 0;
    return held == 0 || held + amount <= OF_WHAT_IS_FREE * (is_free - amount);
}

bool shares_take(struct shares *s, uint32_t party, uint64_t amount)
{
    if (!is_allowed(s, s->held[party], amount))
        return false;
    s->held[party] += amount;
    s->taken += amount;
    return true;
}

void shares_give_back(struct shares *s, uint32_t party, uint64_t amount)
{
    s->held[party] -= amount;
    s->taken -= amount;
}
