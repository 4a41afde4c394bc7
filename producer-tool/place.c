#include "producer-tool/place.h"

#include "common/text.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool parse_age(struct slice s, int64_t now_ms, struct place *out)
{
    static const struct {
        char unit;
        int64_t ms;
    } UNITS[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
    uint64_t number = 0;

    for (size_t i = 0; s.len > 1 && i < sizeof UNITS / sizeof *UNITS; i++) {
        if (s.at[s.len - 1] != UNITS[i].unit)
            continue;
        if (!text_to_u64(slice_make(s.at, s.len - 1), (uint64_t)(INT64_MAX / UNITS[i].ms), &number))
            return false;
        int64_t age = (int64_t)number * UNITS[i].ms;
        *out = (struct place){PLACE_TIME, age < now_ms ? now_ms - age : 0};
        return true;
    }
    return false;
}

static bool parse_time(const char *text, struct place *out)
{
    static const char *const FORMS[] = {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%MZ", "%Y-%m-%d"};
    for (size_t i = 0; i < sizeof FORMS / sizeof *FORMS; i++) {
        struct tm when = {0};
        const char *end = strptime(text, FORMS[i], &when);
        if (!end || *end)
            continue;
        /* strptime(3) takes February 30th, and timegm(3) makes another day of it. */
        const struct tm written = when;
        *out = (struct place){PLACE_TIME, (int64_t)timegm(&when) * 1000};
        return out->number >= 0 && when.tm_mday == written.tm_mday && when.tm_sec == written.tm_sec;
    }
    return false;
}

bool place_parse(const char *text, int64_t now_ms, struct place *out)
{
    uint64_t number = 0;
    *out = (struct place){PLACE_OLDEST, 0};
    if (strcmp(text, "oldest") == 0)
        return true;
    if (strcmp(text, "end") == 0) {
        out->kind = PLACE_END;
        return true;
    }
    if (text_to_u64(slice_of(text), INT64_MAX, &number)) {
        *out = (struct place){PLACE_OFFSET, (int64_t)number};
        return true;
    }
    return parse_age(slice_of(text), now_ms, out) || parse_time(text, out);
}

status place_find(struct kafka_consumer *c, const char *topic, size_t n, const struct place *p,
                  int timeout_ms, int64_t *out, struct fault *f)
{
    if (p->kind == PLACE_TIME)
        return kafka_offsets_at(c, topic, n, p->number, timeout_ms, out, f);

    struct kafka_range *ranges = calloc(n, sizeof *ranges);
    if (!ranges)
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "no memory for %zu partitions", n);
    status st = kafka_ranges(c, topic, n, timeout_ms, ranges, f);
    for (size_t i = 0; st == STATUS_OK && i < n; i++) {
        out[i] = p->kind == PLACE_OLDEST ? ranges[i].low : p->kind == PLACE_END ? ranges[i].high : p->number;
        if (out[i] < ranges[i].low)
            out[i] = ranges[i].low;
        if (out[i] > ranges[i].high)
            out[i] = ranges[i].high;
    }
    free(ranges);
    return st;
}
