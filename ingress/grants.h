/* The tokens that the ingress signs itself, one per account and user, so that the user's own never reaches Kafka. Kept until half
 * of their life is over. One thread. */
#pragma once
#include "common/clock.h"
#include "common/slice.h"
#include "common/status.h"
#include "common/token.h"
#include <stddef.h>
#include <stdint.h>

struct grants;

struct grants_options {
    const struct token_keys *keys; /* must outlive it */
    const char *issuer;            /* NULL: left out */
    const char *audience;          /* NULL: left out */
    const char *account_claim;
    int64_t lifetime_s;
    size_t size; /* tokens kept; two users that fall on one place take turns */
    const struct clock *clock;
};

/* NULL when memory is short. */
struct grants *grants_new(const struct grants_options *options);
void grants_free(struct grants *g);

/* The value of an authorization header, "Bearer <token>"; valid until the next call. Errors: those of token_sign(). */
status grants_authorization(struct grants *g, struct slice account_id, struct slice subject,
                            struct slice *out, struct fault *f) must_check;
