/* Key sets: what comes from a URL is not trusted. The first byte chooses whether secret keys are taken. */
#include "common/jwks.h"
#include "common/log.h"
#include "common/text.h"
#include "common/token_internal.h"

#include <stdlib.h>

static void require(bool holds)
{
    if (!holds)
        abort();
}

struct counts {
    bool secrets;
    size_t taken, skipped;
};

static bool is_number(struct slice s, size_t min, size_t max)
{
    return s.at && s.len >= min && s.len <= max && *s.at != '\0' && ((unsigned char)s.at[s.len - 1] & 1);
}

static status take(void *ctx, const struct jwk *key)
{
    struct counts *counts = ctx;

    counts->taken++;
    require(key->kid.at && key->kid.len >= 1 && key->kid.len <= JWKS_KID_MAX);
    require(text_is_utf8(key->kid) && !text_has_control(key->kid));
    switch (key->algorithm) {
    case TOKEN_RS256:
        require(is_number(key->n, 256, 1024) && is_number(key->e, 1, 8) && !key->x.at && !key->secret.at);
        break;
    case TOKEN_ES256:
        require(key->x.at && key->x.len == 32 && key->y.at && key->y.len == 32);
        require(!key->n.at && !key->secret.at);
        break;
    case TOKEN_HS256:
        require(counts->secrets && key->secret.at && key->secret.len >= 32 && key->secret.len <= 4096);
        require(!key->n.at && !key->x.at);
        break;
    }
    return STATUS_OK;
}

static void leave(void *ctx, struct slice kid, const char *why)
{
    struct counts *counts = ctx;
    counts->skipped++;
    require(!kid.at || text_is_utf8(kid));
    require(why && *why);
}

static struct counts read_set(struct slice text, bool secrets, status *st)
{
    struct counts counts = {.secrets = secrets};
    const struct jwks_reader reader = {.secrets = secrets, .key = take, .skipped = leave, .ctx = &counts};
    struct fault f = {0};
    struct arena *a = arena_new(4096);

    require(a != NULL);
    *st = jwks_read(text, a, &reader, &f);
    require(*st == STATUS_OK || *st == STATUS_MALFORMED || *st == STATUS_INVALID || *st == STATUS_TOO_LARGE);
    require(*st == STATUS_OK || (f.code && *f.message && text_is_utf8(slice_of(f.message))));
    require(counts.taken + counts.skipped <= JWKS_KEYS_MAX);
    arena_free(a);
    return counts;
}

/* The same with OpenSSL, which has the last word on a key. */
static void make_keys(struct slice text, bool secrets, status expected, struct counts counts)
{
    const struct token_jwks from = {.name = "fuzz", .secrets = secrets};
    struct token_key_list keys = {0};
    struct fault f = {0};

    status st = token_read_jwks(text, &from, &keys, &f);
    if (expected == STATUS_OK)
        require(st == (keys.n > 0 ? STATUS_OK : STATUS_INVALID));
    else
        require(st == expected);
    require(keys.n <= counts.taken && (st == STATUS_OK || keys.n == 0));
    for (size_t i = 0; i < keys.n; i++) {
        require(keys.at[i]->verify.at && !keys.at[i]->sign.at && keys.at[i]->kid[0] != '\0');
        for (size_t k = 0; k < i; k++)
            require(strcmp(keys.at[i]->kid, keys.at[k]->kid) != 0);
    }
    token_key_list_dispose(&keys);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    status st;

    if (size == 0)
        return 0;
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT, "fuzz");
    struct slice text = slice_make(data + 1, size - 1);
    bool secrets = data[0] & 1;
    struct counts counts = read_set(text, secrets, &st);
    make_keys(text, secrets, st, counts);
    return 0;
}
