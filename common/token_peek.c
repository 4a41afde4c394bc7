#include "common/token_internal.h"

#include "common/json.h"

enum { CLAIMS_DEPTH_MAX = 32 };

struct peek {
    const char *claim;
    struct slice found;
};

static status take_member(void *ctx, const struct json_member *m, struct fault *f)
{
    struct peek *p = ctx;
    (void)f;
    if (m->kind == JSON_STRING && slice_is(m->name, p->claim))
        p->found = m->value;
    return STATUS_OK;
}

status token_peek_claim(struct slice jwt, const char *claim, struct arena *a, struct slice *out,
                        struct fault *f)
{
    struct peek p = {.claim = claim};
    struct token_parts parts;

    status st = token_check_size(jwt, f);
    if (st == STATUS_OK)
        st = token_split(jwt, a, &parts, f);
    if (st == STATUS_OK)
        st = json_read_object(parts.claims, CLAIMS_DEPTH_MAX, a, take_member, &p, f);
    if (st == STATUS_NO_MEMORY)
        return st;
    if (st)
        return token_refused(f, "the claims of the token cannot be read");
    if (!p.found.at)
        return fault_set(f, STATUS_NOT_FOUND, "no_claim", "the token has no text claim %s", claim);

    *out = arena_copy(a, p.found);
    return out->at ? STATUS_OK : fault_set(f, STATUS_NO_MEMORY, "no_memory", "out of memory");
}
