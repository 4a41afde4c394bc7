/* Who sends: the bearer token, from a file or the environment (never an argument: those are seen by everybody), and the
 * account that keys belong to. A token of a file is read again when the file changes. */
#pragma once
#include "common/buffer.h"
#include "common/slice.h"
#include <stdint.h>
#include <sys/stat.h>

/* Zero-initialised is empty and valid. */
struct credentials {
    struct buffer authorization; /* "Bearer <token>"; empty: none is sent */
    struct buffer account;       /* empty: not known */
    bool account_was_given;      /* by an option, not read out of the token */
    int64_t expires_at;          /* Unix seconds; -1: not known */
    const char *token_file;      /* NULL: the token is not renewed: it is from no regular file */
    struct stat file;            /* as it was when it was read */
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

/* Whether there is a token that has ended as of `unix_s`. */
bool credentials_have_expired(const struct credentials *c, int64_t unix_s);

enum credentials_news { CREDENTIALS_SAME, CREDENTIALS_RENEWED, CREDENTIALS_BROKEN };
/* Looks at the file, cheaply, and takes its token if it is another file than before. CREDENTIALS_BROKEN: it holds no token that can
 * be used, or one of another account; the old one stays, and `faults` has one line. */
enum credentials_news credentials_renew(struct credentials *c, struct buffer *faults);
