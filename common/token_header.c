#include "common/token_internal.h"

#include "common/json.h"
#include "common/text.h"

enum { HEADER_DEPTH_MAX = 16 };

struct reading {
    struct token_header *out;
    const char *refusal;
};

static status refuse(struct reading *r, const char *why)
{
    r->refusal = why;
    return STATUS_UNAUTHENTICATED;
}

/* RFC 7519 §5.1, RFC 9068 §2.1. Tokens of other types are made for something else, by the same keys (RFC 8725 §3.11). */
static bool is_access_token(struct slice typ)
{
    static const char *const TYPES[] = {"JWT", "at+jwt", "application/jwt", "application/at+jwt"};

    for (size_t i = 0; i < sizeof TYPES / sizeof TYPES[0]; i++) {
        if (text_equal_nocase(typ, TYPES[i]))
            return true;
    }
    return false;
}

/* Members that lead to keys (jwk, jku, x5c, x5u …) are passed over: a token does not bring the key it is verified with. */
static status take_member(void *ctx, const struct json_member *m, struct fault *f)
{
    struct reading *r = ctx;
    bool text = m->kind == JSON_STRING;
    (void)f;

    if (slice_is(m->name, "crit") || slice_is(m->name, "b64"))
        return refuse(r, "the token's header has crit or b64");
    if (slice_is(m->name, "typ") && text && !is_access_token(m->value))
        return refuse(r, "the token's typ is not JWT or at+jwt");
    if (slice_is(m->name, "alg")) {
        if (!text)
            return refuse(r, "the token's alg is not a string");
        r->out->algorithm = m->value;
    }
    if (slice_is(m->name, "kid")) {
        if (!text || m->value.len == 0)
            return refuse(r, "the token's kid is not a string, or empty");
        r->out->kid = m->value;
    }
    return STATUS_OK;
}

status token_read_header(struct slice json, struct arena *a, struct token_header *out, struct fault *f)
{
    struct reading r = {.out = out};
    struct fault inner; /* may name members of the token: it is not passed on */

    *out = (struct token_header){SLICE_NONE, SLICE_NONE};
    status st = json_read_object(json, HEADER_DEPTH_MAX, a, take_member, &r, &inner);
    if (st == STATUS_NO_MEMORY)
        return fault_set(f, st, "no_memory", "out of memory");
    if (st == STATUS_UNAUTHENTICATED)
        return token_refused(f, r.refusal);
    if (st != STATUS_OK)
        return token_refused(f, "the token's header is not one JSON object with different member names");
    if (!out->algorithm.at)
        return token_refused(f, "the token's header has no alg");
    if (!out->kid.at)
        return token_refused(f, "the token's header has no kid");
    return STATUS_OK;
}
