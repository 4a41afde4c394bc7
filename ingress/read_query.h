/* The query of a list's address: how many labels, behind which. Pure. */
#pragma once
#include "common/slice.h"
#include "common/status.h"
#include "common/uuid.h"
#include <stdbool.h>

enum { READ_LIMIT_MAX = 1000, READ_LIMIT_DEFAULT = 100 };

struct read_query {
    unsigned limit; /* 1 … READ_LIMIT_MAX */
    bool has_after;
    struct uuid after;
};

/* Reads `limit` and `after` of a request target; other parameters are ignored, nothing is percent-decoded.
 * Errors: STATUS_MALFORMED with code "invalid_query": one of them is twice there, or has no good value. */
status read_query_parse(struct slice target, struct read_query *out, struct fault *f) must_check;
