/* A bounded resource that no party can take all of: what one may have follows from what is free (the dynamic threshold of
 * Choudhury and Hahne, by which switches share their buffers). Alone it may have four fifths. Several that want much come to have
 * equal shares as they give back and take, and some stays free for whoever has nothing. Not thread-safe. */
#pragma once
#include "common/slice.h"
#include "common/status.h"
#include <stdbool.h>
#include <stdint.h>

enum { SHARES_PARTIES = 1024 };

/* Made with {.max = …}. */
struct shares {
    uint64_t max;
    uint64_t taken;
    uint64_t held[SHARES_PARTIES];
};

/* The number of a party of that name, below SHARES_PARTIES. Two that have the same number have one share; a random
 * `secret` keeps anybody from choosing whose. Pure. */
uint32_t shares_party(uint64_t secret, struct slice name);

/* False where there is no room for `amount`, or its party has its share already: nothing was taken. Nothing (0) can always be
 * had. */
bool shares_take(struct shares *s, uint32_t party, uint64_t amount) must_check;
/* As much as was taken, in one piece or several. */
void shares_give_back(struct shares *s, uint32_t party, uint64_t amount);
