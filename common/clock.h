/* Time, so that deadlines, expiry and back-off are tested without sleeping. */
#pragma once
#include <stdint.h>

/* A source of time. clock_system() is the real one; tests make their own. */
struct clock {
    int64_t (*monotonic_us)(const struct clock *c); /* for deadlines and durations */
    int64_t (*unix_us)(const struct clock *c);      /* for tokens and time stamps */
};

const struct clock *clock_system(void);

static inline int64_t clock_monotonic_us(const struct clock *c)
{
    return c->monotonic_us(c);
}

static inline int64_t clock_unix_us(const struct clock *c)
{
    return c->unix_us(c);
}

/* Room for the text of clock_format() with its NUL. */
enum { CLOCK_TEXT_SIZE = 32 };

/* RFC 3339 in UTC with microseconds and Z: 2026-01-02T03:04:05.678901Z. Times outside the years 0001 to 9999 are moved to
 * the nearest that has this form. */
void clock_format(int64_t unix_us, char out[CLOCK_TEXT_SIZE]);

/* Exponential back-off with equal jitter: attempt 0, 1, 2 … → a wait between half of and the whole of
 * min(base × 2^attempt, max), in the unit of `base`. */
int64_t clock_backoff(int64_t base, int64_t max, unsigned attempt);
