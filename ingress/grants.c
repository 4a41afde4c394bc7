#include "ingress/grants.h"

#include "common/buffer.h"
#include <stdlib.h>

struct grant {
    struct buffer principal; /* account, U+0000, subject: neither holds a U+0000 */
    struct buffer authorization;
    int64_t renew_at;    /* Unix seconds; 0: nothing here */
    uint64_t generation; /* of the keys, when it was signed: a key that was replaced may soon be refused */
};

struct grants {
    struct grants_options options;
    struct buffer wanted; /* the principal asked for */
    struct grant at[];
};

struct grants *grants_new(const struct grants_options *options)
{
    struct grants *g = calloc(1, sizeof *g + options->size * sizeof g->at[0]);
    if (g)
        g->options = *options;
    return g;
}

void grants_free(struct grants *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < g->options.size; i++) {
        buffer_dispose(&g->at[i].principal);
        buffer_dispose(&g->at[i].authorization);
    }
    buffer_dispose(&g->wanted);
    free(g);
}

/* Whoever makes two users collide has gained a signature per request, no more. */
static size_t place_of(struct slice principal, size_t size)
{
    return (size_t)(slice_hash(principal, 0) % size);
}

static status sign(struct grants *g, struct grant *grant, struct slice account_id, struct slice subject,
                   int64_t now_s, struct fault *f)
{
    const struct grants_options *o = &g->options;

    uint64_t generation = token_keys_generation(o->keys);

    grant->renew_at = 0;
    buffer_clear(&grant->principal);
    buffer_clear(&grant->authorization);
    buffer_add_slice(&grant->principal, buffer_slice(&g->wanted));
    buffer_add_text(&grant->authorization, "Bearer ");
    status st = token_sign(o->keys, NULL,
                           &(struct token_grant){.account_claim = o->account_claim,
                                                 .account_id = account_id,
                                                 .subject = subject,
                                                 .issuer = o->issuer,
                                                 .audience = o->audience,
                                                 .issued_at = now_s,
                                                 .expires_at = now_s + o->lifetime_s},
                           &grant->authorization, f);
    if (st != STATUS_OK)
        return st;
    if (grant->principal.failed || grant->authorization.failed)
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "memory is short");
    grant->renew_at = now_s + o->lifetime_s / 2;
    grant->generation = generation;
    return STATUS_OK;
}

status grants_authorization(struct grants *g, struct slice account_id, struct slice subject,
                            struct slice *out, struct fault *f)
{
    int64_t now_s = clock_unix_us(g->options.clock) / 1000000;

    buffer_clear(&g->wanted);
    buffer_add_slice(&g->wanted, account_id);
    buffer_add_char(&g->wanted, '\0');
    buffer_add_slice(&g->wanted, subject);
    if (g->wanted.failed)
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "memory is short");

    struct slice wanted = buffer_slice(&g->wanted);
    struct grant *grant = &g->at[place_of(wanted, g->options.size)];
    /* A clock that was set back must not prolong a token. */
    bool is_fresh = grant->renew_at > now_s && grant->renew_at - now_s <= g->options.lifetime_s / 2;
    if (!is_fresh || grant->generation != token_keys_generation(g->options.keys) ||
        !slice_equal(wanted, buffer_slice(&grant->principal))) {
        status st = sign(g, grant, account_id, subject, now_s, f);
        if (st != STATUS_OK)
            return st;
    }
    *out = buffer_slice(&grant->authorization);
    return STATUS_OK;
}
