#include "producer-tool/load_line.h"

#include "producer-tool/lint.h"

void load_locate(struct slice line, const struct fault *f, struct ledger_reason *reason)
{
    struct lint_place place = lint_locate(line, f);
    reason->column = place.column;
    reason->member = place.member;
}

void load_too_long(struct fault *f)
{
    fault_set(f, STATUS_TOO_LARGE, "too_large", "a line has at most %d bytes", LABEL_BODY_MAX);
}
