/* At most so many lines a second, evenly. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Zero-initialised: no bound. */
struct pace {
    int64_t per_second; /* 0: no bound */
    int64_t free_at_ns; /* when the next line may go, if nothing had been saved up */
};

/* Whether a line may go now. */
bool pace_allows(const struct pace *p, int64_t now_us);
/* One has gone. */
void pace_count(struct pace *p, int64_t now_us);
/* Milliseconds until the next one may go, rounded up. */
int64_t pace_wait_ms(const struct pace *p, int64_t now_us);
