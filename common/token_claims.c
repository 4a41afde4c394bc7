#include "common/token_internal.h"

#include "common/json.h"
#include "common/label.h"
#include "common/text.h"

enum { CLAIMS_DEPTH_MAX = 32 };

static const char SHAPE[] = "the token's claims are not one JSON object with different member names";

/* ---- reading ---- */

/* Members as they came; an absent one has no name. */
struct reading {
    const char *account_claim;
    struct json_member subject, account, expires, not_before, issued_at, issuer, audience;
};

static status take_member(void *ctx, const struct json_member *m, struct fault *f)
{
    struct reading *r = ctx;
    const struct {
        const char *name;
        struct json_member *to;
    } claims[] = {
        {"sub", &r->subject},    {r->account_claim, &r->account}, {"exp", &r->expires},
        {"nbf", &r->not_before}, {"iat", &r->issued_at},          {"iss", &r->issuer},
        {"aud", &r->audience},
    };
    (void)f;

    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
        if (slice_is(m->name, claims[i].name))
            *claims[i].to = *m;
    }
    return STATUS_OK;
}

bool token_read_time(struct slice number, int64_t *out)
{
    enum { EXPONENT_MAX = 9999 };
    const int64_t max = INT64_C(1) << 53;
    const char *at = number.at;
    const char *end = number.at + number.len;
    const char *digits = at;
    int64_t value = 0;
    long whole = 0; /* digits in front of the point, after the exponent has moved it */
    long exponent = 0;

    if (at == end || *at == '-')
        return false;
    while (at < end && *at != 'e' && *at != 'E')
        at++;
    const char *digits_end = at;
    const char *point = memchr(digits, '.', (size_t)(digits_end - digits));
    if (at < end) {
        bool negative = at + 1 < end && at[1] == '-';
        for (at++; at < end; at++) {
            if (*at >= '0' && *at <= '9' && exponent < EXPONENT_MAX)
                exponent = exponent * 10 + (*at - '0');
        }
        exponent = negative ? -exponent : exponent;
    }

    whole = (point ? point : digits_end) - digits + exponent;
    for (at = digits; whole > 0 && (at < digits_end || value > 0); whole--) {
        if (at == point)
            at++;
        value = value * 10 + (at < digits_end ? *at - '0' : 0);
        if (value > max)
            return false;
        at += at < digits_end;
    }
    *out = value;
    return true;
}

/* ---- checking ---- */

/* NULL, or why the claim is refused. */
static const char *check_principal(const struct json_member *m, const char *why)
{
    bool good = m->kind == JSON_STRING && m->value.len > 0 &&
                text_characters(m->value) <= LABEL_PRINCIPAL_MAX && !text_has_control(m->value);
    return m->name.at && good ? NULL : why;
}

static bool read_claim_time(const struct json_member *m, int64_t *out)
{
    *out = TOKEN_NO_TIME;
    return !m->name.at || (m->kind == JSON_NUMBER && token_read_time(m->value, out));
}

struct audience {
    const char *wanted;
    bool found;
};

static status take_audience(void *ctx, const struct json_member *m, struct fault *f)
{
    struct audience *audience = ctx;
    (void)f;
    if (m->kind != JSON_STRING)
        return STATUS_UNAUTHENTICATED;
    if (slice_is(m->value, audience->wanted))
        audience->found = true;
    return STATUS_OK;
}

/* A string, or an array of strings (RFC 7519 §4.1.3). */
static status find_audience(const struct json_member *m, const char *wanted, struct arena *a, bool *found)
{
    struct audience audience = {.wanted = wanted};
    struct fault inner;
    status st = STATUS_OK;

    if (m->name.at && m->kind == JSON_STRING)
        audience.found = slice_is(m->value, wanted);
    else if (m->name.at && m->kind == JSON_ARRAY)
        st = json_read_array(m->value, 1, a, take_audience, &audience, &inner);
    *found = st == STATUS_OK && audience.found;
    return st == STATUS_NO_MEMORY ? st : STATUS_OK;
}

static status check_claims(const struct reading *r, const struct token_rules *rules, struct arena *a,
                           struct token_content *out, struct fault *f)
{
    bool for_us = true;
    const char *why = check_principal(&r->subject, "the token's sub is not a string of 1 to 255 characters");
    if (!why)
        why =
            check_principal(&r->account, "the token's account claim is not a string of 1 to 255 characters");
    if (why)
        return token_refused(f, why);

    if (!read_claim_time(&r->expires, &out->claims.expires_at) ||
        !read_claim_time(&r->not_before, &out->not_before) ||
        !read_claim_time(&r->issued_at, &out->issued_at))
        return token_refused(f, "a time of the token is not a number from 0 to 2^53");
    if (out->claims.expires_at == TOKEN_NO_TIME)
        return token_refused(f, "the token has no exp");

    if (rules->issuer && !(r->issuer.kind == JSON_STRING && slice_is(r->issuer.value, rules->issuer)))
        return token_refused(f, "the token is of another issuer");
    if (rules->audience && find_audience(&r->audience, rules->audience, a, &for_us) != STATUS_OK)
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "out of memory");
    if (!for_us)
        return token_refused(f, "the token is for another audience");

    out->claims.subject = r->subject.value;
    out->claims.account_id = r->account.value;
    return STATUS_OK;
}

status token_read_claims(struct slice json, const struct token_rules *rules, struct arena *a,
                         struct token_content *out, struct fault *f)
{
    struct reading r = {.account_claim = rules->account_claim};
    struct fault inner; /* may name members of the token: it is not passed on */

    status st = json_read_object(json, CLAIMS_DEPTH_MAX, a, take_member, &r, &inner);
    if (st == STATUS_NO_MEMORY)
        return fault_set(f, st, "no_memory", "out of memory");
    if (st != STATUS_OK)
        return token_refused(f, SHAPE);
    return check_claims(&r, rules, a, out, f);
}

static status take_issuer(void *ctx, const struct json_member *m, struct fault *f)
{
    struct json_member *issuer = ctx;
    (void)f;
    if (slice_is(m->name, "iss"))
        *issuer = *m;
    return STATUS_OK;
}

status token_read_issuer(struct slice json, struct arena *a, struct slice *out, struct fault *f)
{
    struct json_member issuer = {0};
    struct fault inner; /* may name members of the token: it is not passed on */

    status st = json_read_object(json, CLAIMS_DEPTH_MAX, a, take_issuer, &issuer, &inner);
    if (st == STATUS_NO_MEMORY)
        return fault_set(f, st, "no_memory", "out of memory");
    if (st != STATUS_OK)
        return token_refused(f, SHAPE);
    if (!issuer.name.at || issuer.kind != JSON_STRING)
        return token_refused(f, "the token's iss is not a string");
    *out = issuer.value;
    return STATUS_OK;
}

status token_check_times(const struct token_content *c, int64_t leeway_s, int64_t unix_s, struct fault *f)
{
    if (c->claims.expires_at + leeway_s <= unix_s)
        return token_refused(f, "the token has expired");
    if (c->not_before != TOKEN_NO_TIME && c->not_before - leeway_s > unix_s)
        return token_refused(f, "the token is not valid yet");
    if (c->issued_at != TOKEN_NO_TIME && c->issued_at - leeway_s > unix_s)
        return token_refused(f, "the token was issued in the future");
    return STATUS_OK;
}
