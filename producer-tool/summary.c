#include "producer-tool/summary.h"

#include "common/log.h"
#include <inttypes.h>

static const struct {
    const char *name;
    bool belongs[2]; /* to each enum summary_wait */
} OUTCOMES[SUMMARY_OUTCOMES] = {
    [SUMMARY_STORED] = {"stored", {true, false}},     [SUMMARY_REPLAYED] = {"replayed", {true, false}},
    [SUMMARY_ACCEPTED] = {"accepted", {false, true}}, [SUMMARY_REJECTED] = {"rejected", {true, true}},
    [SUMMARY_UNKNOWN] = {"unknown", {true, true}},    [SUMMARY_NOT_SENT] = {"not_sent", {true, true}},
};

void summary_count(struct summary *s, enum summary_outcome outcome)
{
    s->outcomes[outcome]++;
}

void summary_reject(struct summary *s, uint64_t line, const char *code, struct slice reason)
{
    summary_count(s, SUMMARY_REJECTED);
    log_warning("line rejected", LOG_INT("line", line), LOG_STR("code", code), LOG_SLICE("reason", reason));
}

static uint64_t settled(const struct summary *s)
{
    uint64_t sum = 0;
    for (int i = 0; i < SUMMARY_OUTCOMES; i++)
        sum += s->outcomes[i];
    return sum;
}

uint64_t summary_open(const struct summary *s)
{
    return s->read - settled(s);
}

bool summary_holds(const struct summary *s)
{
    for (int i = 0; i < SUMMARY_OUTCOMES; i++) {
        if (s->outcomes[i] && !OUTCOMES[i].belongs[s->wait])
            return false;
    }
    return s->read == settled(s);
}

void summary_write(const struct summary *s, int64_t duration_us, struct buffer *out)
{
    double seconds = (double)duration_us / 1e6;
    buffer_printf(out, "{\"read\":%" PRIu64, s->read);
    for (int i = 0; i < SUMMARY_OUTCOMES; i++) {
        if (OUTCOMES[i].belongs[s->wait])
            buffer_printf(out, ",\"%s\":%" PRIu64, OUTCOMES[i].name, s->outcomes[i]);
    }
    buffer_printf(out, ",\"seconds\":%.3f,\"rate\":%.1f}\n", seconds,
                  duration_us > 0 ? (double)s->read / seconds : 0.0);
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
