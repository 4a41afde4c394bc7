/* Reads the parts that header values are made of (RFC 9110 §5.6): tokens, quoted strings, blanks. */
#pragma once
#include "common/slice.h"
#include <stdbool.h>

struct scan {
    const char *at;
    const char *end;
};

struct scan scan_of(struct slice value);
bool scan_is_done(const struct scan *s);
/* Skips spaces and tabs. */
void scan_blanks(struct scan *s);
/* Takes `c` where it is next. */
bool scan_char(struct scan *s, char c);
/* Takes one or more token characters. */
bool scan_token(struct scan *s, struct slice *out);
/* Takes a token or a quoted string. `out` is what stands between the quotes, with its backslashes. */
bool scan_word(struct scan *s, struct slice *out);
/* Takes `name`, or `name = word` with blanks around the sign where `blanks` is set. `value` is absent without one. */
bool scan_pair(struct scan *s, bool blanks, struct slice *name, struct slice *value);
