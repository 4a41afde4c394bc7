#include "ingress/read_query.h"

#include "common/text.h"
#include <string.h>

enum parameter { PARAMETER_LIMIT, PARAMETER_AFTER, PARAMETERS };

static bool read_limit(struct slice value, struct read_query *out)
{
    uint64_t limit = 0;

    if (!text_to_u64(value, READ_LIMIT_MAX, &limit) || limit == 0)
        return false;
    out->limit = (unsigned)limit;
    return true;
}

static bool read_after(struct slice value, struct read_query *out)
{
    out->has_after = uuid_parse(value, &out->after);
    return out->has_after;
}

static const struct {
    const char *name;
    bool (*read)(struct slice value, struct read_query *out);
    const char *rule;
} KNOWN[PARAMETERS] = {
    [PARAMETER_LIMIT] = {"limit", read_limit, "a number from 1 to 1000"},
    [PARAMETER_AFTER] = {"after", read_after, "the id of a label"},
};
_Static_assert(READ_LIMIT_MAX == 1000, "the rule above");

/* Up to the first `c`, or all; `rest` is what stands behind it. */
static struct slice cut(struct slice text, char c, struct slice *rest)
{
    const char *found = text.len > 0 ? memchr(text.at, c, text.len) : NULL;
    size_t len = found ? (size_t)(found - text.at) : text.len;

    *rest = found ? slice_make(found + 1, text.len - len - 1) : SLICE_NONE;
    return slice_make(text.at, len);
}

status read_query_parse(struct slice target, struct read_query *out, struct fault *f)
{
    bool seen[PARAMETERS] = {false};
    struct slice rest;

    *out = (struct read_query){.limit = READ_LIMIT_DEFAULT};
    (void)cut(target, '?', &rest);
    while (rest.at) {
        struct slice value;
        struct slice name = cut(cut(rest, '&', &rest), '=', &value);

        for (size_t i = 0; i < PARAMETERS; i++) {
            if (!slice_is(name, KNOWN[i].name))
                continue;
            if (seen[i])
                return fault_set(f, STATUS_MALFORMED, "invalid_query", "There is more than one %s.",
                                 KNOWN[i].name);
            if (!KNOWN[i].read(value, out))
                return fault_set(f, STATUS_MALFORMED, "invalid_query", "%s must be %s.", KNOWN[i].name,
                                 KNOWN[i].rule);
            seen[i] = true;
        }
    }
    return STATUS_OK;
}
