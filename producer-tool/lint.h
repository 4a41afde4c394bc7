/* Where in a line a rule is broken: for people who have to mend it. */
#pragma once
#include "common/slice.h"
#include "common/status.h"
#include <stddef.h>

struct lint_place {
    size_t column;      /* characters, from 1; 0 where the fault is that something is missing */
    const char *member; /* static; NULL: no member of a line, or none in particular */
};

/* `f` is what send_line_read() said of this line. Pure; takes any bytes. */
struct lint_place lint_locate(struct slice line, const struct fault *f);
