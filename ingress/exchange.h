/* What is known of one request between its head and its body; zeroed at its start, freed with it. */
#pragma once
#include "common/slice.h"
#include "common/uuid.h"
#include "ingress/prefer.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct route;

struct exchange {
    const struct route *route;
    struct slice run_id_text;   /* {id} of the path, as sent */
    struct slice label_id_text; /* the second {id}, likewise */
    struct uuid run_id;
    bool run_id_is_malformed;
    bool waited_for_keys; /* its head is judged when the body has come */
    struct slice account_id;
    struct slice subject;
    uint32_t party;   /* of the account (shares.h) */
    struct slice key; /* of Idempotency-Key; absent without one */
    struct preference preference;
    struct slice trace;   /* traceparent; absent where it is not valid */
    struct uuid label_id; /* of a read, or from being published on; else zero */
    int64_t head_us;      /* that its head took to be judged */
    int64_t body_us;      /* when its body was there */
    int64_t result_us;    /* when its result was received; 0: not */
    size_t held;          /* memory of a read's answer, given back when the request is over */
    size_t answer_held;   /* likewise, of a 201's */
};
