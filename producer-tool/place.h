/* Where to begin (or end) reading a topic, as it is typed. */
#pragma once
#include "common/kafka_admin.h"
#include "common/status.h"
#include <stdint.h>

enum place_kind {
    PLACE_OLDEST,
    PLACE_END,
    PLACE_OFFSET, /* the same one in every partition that is read */
    PLACE_TIME,   /* Unix milliseconds */
};

struct place {
    enum place_kind kind;
    int64_t number;
};

/* "oldest", "end", an offset, a time (2026-01-02T03:04:05Z, also without its time) or an age (15m, 24h, 7d ago).
 * Pure but for the clock: `now_ms`. False when it is none of them. */
bool place_parse(const char *text, int64_t now_ms, struct place *out);

/* The offsets of partitions 0 … n-1 for a place; within what is there. Errors: as kafka_ranges(). */
status place_find(struct kafka_consumer *c, const char *topic, size_t n, const struct place *p,
                  int timeout_ms, int64_t *out, struct fault *f) must_check;
