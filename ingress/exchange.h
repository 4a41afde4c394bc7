/* What is known of one request between its head and its body; zeroed at its start, freed with it. */
#pragma once
#include "common/slice.h"
#include "common/uuid.h"
#include "ingress/prefer.h"
#include <stdbool.h>
#include <stddef.h>

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
    struct slice key; /* of Idempotency-Key; absent without one */
    struct preference preference;
    size_t held; /* memory of a read's answer, given back when the request is over */
};
