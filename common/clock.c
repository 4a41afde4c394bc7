#include "common/clock.h"

#include <sys/random.h>
#include <time.h>

enum { US_PER_S = 1000000 };

static int64_t read_us(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

static int64_t system_monotonic_us(const struct clock *c)
{
    (void)c;
    return read_us(CLOCK_MONOTONIC);
}

static int64_t system_unix_us(const struct clock *c)
{
    (void)c;
    return read_us(CLOCK_REALTIME);
}

const struct clock *clock_system(void)
{
    static const struct clock SYSTEM = {system_monotonic_us, system_unix_us};
    return &SYSTEM;
}

void clock_format(int64_t unix_us, char out[CLOCK_TEXT_SIZE])
{
    const int64_t first_s = -62135596800; /* 0001-01-01T00:00:00Z */
    const int64_t last_s = 253402300799;  /* 9999-12-31T23:59:59Z */
    int64_t s = unix_us / US_PER_S;
    int64_t us = unix_us % US_PER_S;

    if (us < 0) {
        us += US_PER_S;
        s--;
    }
    if (s < first_s) {
        s = first_s;
        us = 0;
    } else if (s > last_s) {
        s = last_s;
        us = US_PER_S - 1;
    }

    struct tm t;
    gmtime_r(&(time_t){s}, &t);
    const struct {
        int value;
        int width;
        char behind;
    } parts[] = {
        {t.tm_year + 1900, 4, '-'}, {t.tm_mon + 1, 2, '-'}, {t.tm_mday, 2, 'T'}, {t.tm_hour, 2, ':'},
        {t.tm_min, 2, ':'},         {t.tm_sec, 2, '.'},     {(int)us, 6, 'Z'},
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        int rest = parts[i].value;
        for (int digit = parts[i].width - 1; digit >= 0; digit--, rest /= 10)
            out[digit] = (char)('0' + rest % 10);
        out += parts[i].width;
        *out++ = parts[i].behind;
    }
    *out = '\0';
}

/* Spreads neighbours that failed together: it need not be secret, only different. */
static uint64_t random_bits(void)
{
    uint64_t bits;
    if (getrandom(&bits, sizeof bits, GRND_NONBLOCK) != (ssize_t)sizeof bits)
        bits = (uint64_t)read_us(CLOCK_MONOTONIC) * 0x9e3779b97f4a7c15U;
    return bits;
}

int64_t clock_backoff(int64_t base, int64_t max, unsigned attempt)
{
    if (base <= 0 || max <= 0)
        return 0;

    int64_t wait = base < max ? base : max;
    for (; attempt > 0 && wait < max; attempt--)
        wait = wait > max / 2 ? max : wait * 2;
    return wait - (int64_t)(random_bits() % ((uint64_t)wait / 2 + 1));
}
