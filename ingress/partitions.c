#include "ingress/partitions.h"

#include <stddef.h>

static struct partition *find(struct partitions *p, int32_t partition)
{
    return partition >= 0 && partition < PARTITIONS_MAX ? &p->at[partition] : NULL;
}

static void stand_still(struct partition *it, int64_t now_us)
{
    if (!it->stands_still)
        it->try_us = now_us + PARTITIONS_TRY_US;
    it->stands_still = true;
}

bool partitions_add(struct partitions *p, int32_t partition, bool must, int64_t now_us)
{
    struct partition *it = find(p, partition);
    if (!it)
        return true;
    if (it->waiting > 0 && now_us - it->moved_us >= PARTITIONS_IN_TIME_US)
        stand_still(it, now_us);
    if (it->stands_still && !must && now_us < it->try_us)
        return false;
    if (it->waiting++ == 0)
        it->moved_us = now_us;
    it->try_us = now_us + PARTITIONS_TRY_US;
    return true;
}

void partitions_remove(struct partitions *p, int32_t partition, enum partitions_end end, int64_t produced_us,
                       int64_t now_us)
{
    struct partition *it = find(p, partition);
    if (!it)
        return;
    bool in_time = now_us - produced_us < PARTITIONS_IN_TIME_US;
    it->waiting--;
    if (end == PARTITIONS_ANSWERED && in_time) {
        it->moved_us = now_us;
        it->stands_still = false;
    } else if (end != PARTITIONS_LEFT && !in_time) {
        stand_still(it, now_us);
    }
}
