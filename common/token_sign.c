#include "common/token_internal.h"

#include "common/label.h"
#include "common/text.h"
#include <errno.h>
#include <jwt.h>
#include <stdlib.h>

static struct token_key *choose_key(const struct token_set *set, const char *kid)
{
    if (kid)
        return token_set_find(set, SLICE_NONE, slice_of(kid));
    return set->keys.n == 1 ? set->keys.at[0] : NULL;
}

bool token_claim_is_free(const char *name)
{
    static const char *const TAKEN[] = {"sub", "iss", "aud", "exp", "nbf", "iat"};
    for (size_t i = 0; i < sizeof TAKEN / sizeof *TAKEN; i++) {
        if (strcmp(name, TAKEN[i]) == 0)
            return false;
    }
    return true;
}

/* What token_verify() would refuse is not signed. */
static bool is_principal(struct slice s)
{
    return s.at && s.len > 0 && text_is_utf8(s) && text_characters(s) <= LABEL_PRINCIPAL_MAX &&
           !text_has_control(s);
}

/* libjwt wants its texts to end with NUL. */
static int add_text(jwt_t *jwt, const char *name, struct slice value)
{
    char *text = strndup(value.at, value.len);
    int failed = text ? jwt_add_grant(jwt, name, text) : ENOMEM;
    free(text);
    return failed;
}

static int fill(jwt_t *jwt, const struct token_key *key, const struct token_grant *grant)
{
    jwt_alg_t algorithm = jwt_str_alg(token_algorithm_text(key->algorithm));
    int failed = jwt_set_alg(jwt, algorithm, key->sign.at, (int)key->sign.len);
    if (!failed)
        failed = jwt_add_header(jwt, "kid", key->kid);
    if (!failed)
        failed = add_text(jwt, "sub", grant->subject);
    if (!failed)
        failed = add_text(jwt, grant->account_claim, grant->account_id);
    if (!failed && grant->issuer)
        failed = jwt_add_grant(jwt, "iss", grant->issuer);
    if (!failed && grant->audience)
        failed = jwt_add_grant(jwt, "aud", grant->audience);
    if (!failed)
        failed = jwt_add_grant_int(jwt, "iat", grant->issued_at);
    if (!failed)
        failed = jwt_add_grant_int(jwt, "exp", grant->expires_at);
    return failed;
}

static status sign(const struct token_key *key, const char *kid, const struct token_grant *grant,
                   struct buffer *out, struct fault *f)
{
    if (!key)
        return fault_set(f, STATUS_NOT_FOUND, "no_key", "there is no key %s to sign with",
                         kid ? kid : "(one alone)");
    if (!key->sign.at)
        return fault_set(f, STATUS_CONFIG, "public_key", "key %s is public: it cannot sign", key->kid);
    if (!is_principal(grant->subject) || !is_principal(grant->account_id))
        return fault_set(f, STATUS_INVALID, "invalid_principal",
                         "subject and account must be 1 to %d characters without control characters",
                         LABEL_PRINCIPAL_MAX);
    if (!token_claim_is_free(grant->account_claim))
        return fault_set(f, STATUS_CONFIG, "claim_taken",
                         "the account cannot stand in the claim %s: it says something else",
                         grant->account_claim);

    jwt_t *jwt = NULL;
    int failed = jwt_new(&jwt);
    if (!failed)
        failed = fill(jwt, key, grant);
    char *text = NULL;
    if (!failed && !(text = jwt_encode_str(jwt)))
        failed = errno ? errno : EINVAL;
    if (text)
        buffer_add_text(out, text);
    free(text);
    if (jwt)
        jwt_free(jwt);

    if (failed == ENOMEM || out->failed)
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "out of memory");
    if (failed)
        return fault_set(f, STATUS_CONFIG, "cannot_sign", "key %s cannot sign: %s", key->kid,
                         strerror(failed));
    return STATUS_OK;
}

status token_sign(const struct token_keys *keys, const char *kid, const struct token_grant *grant,
                  struct buffer *out, struct fault *f)
{
    struct token_set *set = NULL;
    uint64_t generation = 0;

    token_keys_snapshot(keys, &set, &generation);
    status st = sign(choose_key(set, kid), kid, grant, out, f);
    token_set_unref(set);
    return st;
}
