/* Which partitions stand still: those where a command that somebody waits for gets no result in time, because its worker is frozen, or
 * because a bulk load is in front of it. They are passed, but for a command now and then that finds out whether they move again.
 *
 * Bounded: partitions from PARTITIONS_MAX on never stand still. Zero-initialised is good. Not thread-safe. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum {
    PARTITIONS_MAX = 1024,
    PARTITIONS_NONE = -1,
    PARTITIONS_IN_TIME_US = 250 * 1000,
    PARTITIONS_TRY_US = 1000 * 1000, /* between two commands for one that stands still */
};

struct partitions {
    struct partition {
        uint32_t waiting;  /* commands whose result is waited for */
        bool stands_still; /* until a result comes in time */
        int64_t moved_us;  /* the last result that came in time, or the beginning of the waiting */
        int64_t try_us;    /* when the next command may go to one that stands still */
    } at[PARTITIONS_MAX];
};

/* A command for that partition, whose result will be waited for. False where the partition stands still and has had its try: the command is not
 * counted, and should go elsewhere; not where it `must`: there is no other. */
bool partitions_add(struct partitions *p, int32_t partition, bool must, int64_t now_us);

/* Why nobody waits for a command any more. */
enum partitions_end {
    PARTITIONS_ANSWERED, /* its result has come */
    PARTITIONS_IN_VAIN,  /* it has not, and that was waited for */
    PARTITIONS_LEFT,     /* for another reason, which says nothing about the partition */
};

/* Of one that was added; `produced_us` is when, or before that. Nothing happens for PARTITIONS_NONE. */
void partitions_remove(struct partitions *p, int32_t partition, enum partitions_end end, int64_t produced_us,
                       int64_t now_us);
