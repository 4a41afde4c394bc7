#include "ingress/authenticate.h"

#include "common/label.h"
#include "common/shares.h"
#include "ingress/answer.h"

/* The token's key may be known in a moment. Once is enough, and a body that is too large is not worth waiting for. */
static bool wait_for_keys(struct ingress *in, struct http_request *r, struct exchange *x)
{
    struct http_framing framing = http_request_framing(r);
    bool is_small = framing.body != HTTP_BODY_LENGTH || framing.length <= LABEL_BODY_MAX;

    if (x->waited_for_keys || !is_small || atomic_load(&in->phase) != PHASE_RUNNING)
        return false;
    x->waited_for_keys = true;
    if (key_waits_add(in->key_waits, r, in->token_keys, token_verifier_awaits(in->verifier)))
        return true;
    x->waited_for_keys = false;
    return false;
}

bool authenticate(struct ingress *in, struct http_request *r, struct exchange *x)
{
    struct slice credentials = http_request_header(r, "Authorization", 0);
    struct slice token = credentials.at ? token_of_authorization(credentials) : SLICE_NONE;
    struct token_claims claims;
    struct fault fault = {0};

    if (!token.at) {
        answer_unauthenticated(r, NULL);
        return false;
    }
    switch (token_verify(in->verifier, token, clock_unix_us(in->clock) / 1000000, &claims, &fault)) {
    case STATUS_OK:
        break;
    case STATUS_NO_MEMORY:
        answer_error(r, ANSWER_OVERLOADED);
        return false;
    case STATUS_RETRY:
        if (wait_for_keys(in, r, x))
            return false;
        answer_unauthenticated(r, fault.message);
        return false;
    default:
        answer_unauthenticated(r, fault.message);
        return false;
    }
    x->account_id = arena_copy(http_request_arena(r), claims.account_id);
    x->subject = arena_copy(http_request_arena(r), claims.subject);
    x->party = shares_party(in->secret, claims.account_id);
    if (!x->account_id.at || !x->subject.at) {
        answer_error(r, ANSWER_OVERLOADED);
        return false;
    }
    return true;
}
