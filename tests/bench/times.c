#include "tests/bench/times.h"

#include <stdlib.h>

static const struct {
    const char *name;
    double share;
} QUANTILES[] = {
    {"p50_ms", 0.50}, {"p90_ms", 0.90}, {"p99_ms", 0.99}, {"p999_ms", 0.999}, {"max_ms", 1.0},
};

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

void times_write(int64_t *times_us, size_t n, struct buffer *out)
{
    qsort(times_us, n, sizeof *times_us, by_size);
    for (size_t i = 0; i < sizeof QUANTILES / sizeof *QUANTILES; i++) {
        buffer_printf(out, "%s\"%s\": ", i > 0 ? ", " : "", QUANTILES[i].name);
        if (n > 0)
            buffer_printf(out, "%.3f",
                          (double)times_us[(size_t)(QUANTILES[i].share * (double)(n - 1))] / 1000);
        else
            buffer_add_text(out, "null");
    }
}
