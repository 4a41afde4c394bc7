#include "producer-tool/summary.h"

#include <inttypes.h>

static const struct {
    const char *name;
    bool belongs[SUMMARY_WAITS]; /* stored, accepted, dry run */
} OUTCOMES[SUMMARY_OUTCOMES] = {
    [SUMMARY_STORED] = {"stored", {true, false, false}},
    [SUMMARY_REPLAYED] = {"replayed", {true, false, false}},
    [SUMMARY_ACCEPTED] = {"accepted", {false, true, false}},
    [SUMMARY_REJECTED] = {"rejected", {true, true, true}},
    [SUMMARY_UNKNOWN] = {"unknown", {true, true, false}},
    [SUMMARY_NOT_SENT] = {"not_sent", {true, true, false}},
    [SUMMARY_VALID] = {"valid", {false, false, true}},
};

const char *summary_outcome_text(enum summary_outcome outcome)
{
    return OUTCOMES[outcome].name;
}

void summary_count(struct summary *s, enum summary_outcome outcome)
{
    s->outcomes[outcome]++;
}

static uint64_t settled(const struct summary *s)
{
    uint64_t sum = 0;
    for (int i = 0; i < SUMMARY_OUTCOMES; i++)
        sum += s->outcomes[i];
    return sum;
}

bool summary_holds(const struct summary *s)
{
    for (int i = 0; i < SUMMARY_OUTCOMES; i++) {
        if (s->outcomes[i] && !OUTCOMES[i].belongs[s->wait])
            return false;
    }
    return s->read == settled(s);
}

bool summary_is_over(const struct summary *s, const struct summary_limit *limit)
{
    uint64_t rejected = s->outcomes[SUMMARY_REJECTED];
    if (!limit->is_set)
        return false;
    if (limit->per_million == 0)
        return rejected > limit->lines;
    return s->read >= SUMMARY_SHARE_FROM &&
           (double)rejected * 1e6 > (double)s->read * (double)limit->per_million;
}

void summary_write(const struct summary *s, enum summary_end end, int64_t duration_us, struct buffer *out)
{
    static const char *const ENDS[] = {
        [SUMMARY_COMPLETE] = "complete",
        [SUMMARY_STOPPED] = "stopped",
        [SUMMARY_INTERRUPTED] = "interrupted",
    };
    double seconds = (double)duration_us / 1e6;
    buffer_printf(out, "{\"read\":%" PRIu64, s->read);
    for (int i = 0; i < SUMMARY_OUTCOMES; i++) {
        if (OUTCOMES[i].belongs[s->wait])
            buffer_printf(out, ",\"%s\":%" PRIu64, OUTCOMES[i].name, s->outcomes[i]);
    }
    if (s->resumed)
        buffer_printf(out, ",\"resumed\":%" PRIu64, s->resumed);
    buffer_printf(out, ",\"end\":\"%s\",\"seconds\":%.3f,\"rate\":%.1f}\n", ENDS[end], seconds,
                  duration_us > 0 ? (double)(s->read - s->resumed) / seconds : 0.0);
}

int summary_exit_code(const struct summary *s, enum summary_end end)
{
    if (!summary_holds(s))
        return 3;
    if (end == SUMMARY_INTERRUPTED)
        return 130;
    if (end == SUMMARY_STOPPED || s->outcomes[SUMMARY_UNKNOWN] || s->outcomes[SUMMARY_NOT_SENT])
        return 3;
    return s->outcomes[SUMMARY_REJECTED] ? 1 : 0;
}
