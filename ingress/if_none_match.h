/* The If-None-Match header (RFC 9110 §13.1.2): which texts a client has already. Pure. */
#pragma once
#include "common/slice.h"

enum {
    IF_NONE_MATCH_DIGEST_LEN = 32, /* our entity tags: so many lower-case hexadecimal digits in quotes */
    IF_NONE_MATCH_MAX = 32,        /* digests that are remembered; what comes behind does not match */
};

/* Digests with commas between, or "*"; zeroed is none. Ends with a NUL. */
struct known_digests {
    char text[IF_NONE_MATCH_MAX * (IF_NONE_MATCH_DIGEST_LEN + 1)];
};

/* Adds the tags of one header; call it for each of them. Weak tags count like strong ones (the comparison is the weak one), those that
 * cannot be ours are left out. What is malformed ends the list: nothing behind it counts. */
void if_none_match_read(struct slice value, struct known_digests *known);
