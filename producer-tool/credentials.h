/* Who sends: the bearer token, from a file or the environment (never an argument: those are seen by everybody), and the
 * account that keys belong to. */
#pragma once
#include "common/buffer.h"
#include "common/slice.h"

/* Zero-initialised is empty and valid. */
struct credentials {
    struct buffer authorization; /* "Bearer <token>"; empty: none is sent */
    struct buffer account;       /* empty: not known */
    bool account_was_given;      /* by an option, not read out of the token */
};

/* `token_file`, `token` and `account` may be NULL; the file comes before the text. Either a token or an account is needed (the
 * account alone is for workers that trust the records). Every fault is one line in `faults`; none quotes the token. */
void credentials_load(struct credentials *c, const char *token_file, const char *token, const char *account,
                      struct buffer *faults);
void credentials_dispose(struct credentials *c);

/* The header's value, or absent. */
struct slice credentials_authorization(const struct credentials *c);
/* The account, or absent. */
struct slice credentials_account(const struct credentials *c);
