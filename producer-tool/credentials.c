#include "producer-tool/credentials.h"

#include "common/arena.h"
#include "common/config.h"
#include "common/label.h"
#include "common/text.h"
#include "common/token.h"
#include "producer-tool/token_expiry.h"
#include <ctype.h>

enum {
    FILE_MAX = LABEL_TOKEN_MAX + 16, /* a line end behind the token */
    ARENA_BLOCK = 16 * 1024,
};

/* Nothing is verified: it is our own token, and the worker verifies it. Where it names no account, that stays unknown. */
static void read_account(struct slice token, struct buffer *account)
{
    struct slice claim;
    struct arena *a = arena_new(ARENA_BLOCK);
    if (!a)
        account->failed = true;
    else if (token_peek_claim(token, "account_id", a, &claim, NULL) == STATUS_OK)
        buffer_add_slice(account, claim);
    arena_free(a);
}

/* ---- faults ---- */

static const char *wrong_with_token(struct slice token)
{
    if (token.len == 0)
        return "is empty";
    if (token.len > LABEL_TOKEN_MAX)
        return "is longer than 8192 bytes";
    for (size_t i = 0; i < token.len; i++) {
        if (token.at[i] <= ' ' || token.at[i] > '~')
            return "holds something else than one token (spaces, control characters or non-ASCII)";
    }
    return NULL;
}

static const char *wrong_with_account(struct slice account)
{
    if (!text_is_utf8(account))
        return "is not UTF-8";
    if (text_has_control(account))
        return "holds control characters";
    return text_characters(account) > LABEL_PRINCIPAL_MAX ? "is longer than 255 characters" : NULL;
}

/* ---- loading ---- */

static struct slice without_line_end(struct slice s)
{
    while (s.len && (s.at[s.len - 1] == '\n' || s.at[s.len - 1] == '\r'))
        s.len--;
    return s;
}

static void take_token(struct credentials *c, const char *origin, struct slice token, struct buffer *faults)
{
    const char *wrong = wrong_with_token(token);
    if (wrong) {
        buffer_printf(faults, "the token of %s %s\n", origin, wrong);
        return;
    }
    buffer_add_text(&c->authorization, "Bearer ");
    buffer_add_slice(&c->authorization, token);
    c->expires_at = token_expiry(token);
    if (!c->account_was_given)
        read_account(token, &c->account);
}

/* Two dots and nothing but the letters of base64url between and around them (RFC 7515 §3.1). */
static bool looks_like_token(struct slice s)
{
    size_t dots = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        dots += c == '.';
        if (c != '.' && c != '-' && c != '_' && !isalnum((unsigned char)c))
            return false;
    }
    return dots == 2 && s.len > 40;
}

static void take_token_file(struct credentials *c, const char *path, struct buffer *faults)
{
    struct buffer text = {0};
    struct fault f = {0};
    /* Looked at before it is read: a change in between is seen the next time. */
    if (stat(path, &c->file) != 0)
        c->file = (struct stat){0};
    /* A pipe gives its token once: whoever opens it again may wait for ever. */
    c->token_file = S_ISREG(c->file.st_mode) ? path : NULL;
    if (config_read_file(path, FILE_MAX, &text, &f) == STATUS_OK)
        take_token(c, "--token-file", without_line_end(buffer_slice(&text)), faults);
    else if (looks_like_token(slice_of(path)))
        buffer_add_text(faults,
                        "--token-file wants the name of a file; what it is given looks like a token\n");
    else
        buffer_printf(faults, "--token-file: %s\n", f.message);
    buffer_dispose(&text);
}

void credentials_load(struct credentials *c, const char *token_file, const char *token, const char *account,
                      struct buffer *faults)
{
    c->expires_at = -1;
    if (account) {
        const char *wrong = wrong_with_account(slice_of(account));
        if (wrong)
            buffer_printf(faults, "--account %s\n", wrong);
        buffer_add_text(&c->account, account);
        c->account_was_given = true;
    }
    if (token_file)
        take_token_file(c, token_file, faults);
    else if (token)
        take_token(c, "GOLD_LABEL_TOKEN", slice_of(token), faults);
    else if (!account)
        buffer_add_text(faults,
                        "there is no token: give --token-file, or GOLD_LABEL_TOKEN in the environment\n");
    faults->failed |= c->authorization.failed || c->account.failed;
}

void credentials_dispose(struct credentials *c)
{
    buffer_dispose(&c->authorization);
    buffer_dispose(&c->account);
}

struct slice credentials_authorization(const struct credentials *c)
{
    return c->authorization.len ? buffer_slice(&c->authorization) : SLICE_NONE;
}

struct slice credentials_account(const struct credentials *c)
{
    return c->account.len ? buffer_slice(&c->account) : SLICE_NONE;
}

bool credentials_have_expired(const struct credentials *c, int64_t unix_s)
{
    return c->authorization.len && c->expires_at >= 0 && unix_s >= c->expires_at;
}

static bool is_other_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec || a->tv_nsec != b->tv_nsec;
}

/* The time of the last change also tells of rights: a file that could not be read may be now. */
static bool is_other_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino != b->st_ino || a->st_dev != b->st_dev || a->st_size != b->st_size ||
           is_other_time(&a->st_mtim, &b->st_mtim) || is_other_time(&a->st_ctim, &b->st_ctim);
}

enum credentials_news credentials_renew(struct credentials *c, struct buffer *faults)
{
    struct stat now;
    if (!c->token_file || stat(c->token_file, &now) != 0 || !S_ISREG(now.st_mode) ||
        !is_other_file(&now, &c->file))
        return CREDENTIALS_SAME;

    struct credentials fresh = {.account_was_given = c->account_was_given};
    size_t faults_before = faults->len;
    fresh.expires_at = -1;
    take_token_file(&fresh, c->token_file, faults);
    c->file = fresh.file;
    /* The ids of keys and places hang on the account. */
    if (faults->len == faults_before && !c->account_was_given &&
        !slice_equal(buffer_slice(&fresh.account), buffer_slice(&c->account)))
        buffer_add_text(faults, "the new token of --token-file belongs to another account\n");
    if (faults->len != faults_before || fresh.authorization.failed || fresh.account.failed) {
        credentials_dispose(&fresh);
        return CREDENTIALS_BROKEN;
    }
    if (slice_equal(buffer_slice(&fresh.authorization), buffer_slice(&c->authorization))) {
        credentials_dispose(&fresh);
        return CREDENTIALS_SAME;
    }
    buffer_dispose(&c->authorization);
    buffer_dispose(&fresh.account);
    c->authorization = fresh.authorization;
    c->expires_at = fresh.expires_at;
    return CREDENTIALS_RENEWED;
}
