#include "common/token_internal.h"

#include <openssl/crypto.h>
#include <stdlib.h>

enum { SECRET_MIN = 32 };

static const char *const ALGORITHMS[] = {
    [TOKEN_HS256] = "HS256", [TOKEN_RS256] = "RS256", [TOKEN_ES256] = "ES256"};

const char *token_algorithm_text(enum token_algorithm algorithm)
{
    return ALGORITHMS[algorithm];
}

bool token_algorithm_read(struct slice text, enum token_algorithm *out)
{
    for (size_t i = 0; i < sizeof ALGORITHMS / sizeof ALGORITHMS[0]; i++) {
        if (slice_is(text, ALGORITHMS[i])) {
            *out = (enum token_algorithm)i;
            return true;
        }
    }
    return false;
}

const char *token_check_secret(struct slice bytes)
{
    if (bytes.len < SECRET_MIN)
        return "is an HS256 secret of less than 32 bytes";
    if (bytes.len > TOKEN_SECRET_MAX)
        return "is an HS256 secret of more than 4096 bytes";
    /* A public key is no secret: whoever knows it could sign. */
    return memmem(bytes.at, bytes.len, "-----BEGIN", 10)
               ? "is PEM, which is no HS256 secret: RS256 and ES256 have such keys"
               : NULL;
}

/* ---- one key ---- */

struct token_key *token_key_new(struct slice kid, struct slice issuer, enum token_algorithm algorithm)
{
    struct token_key *key = calloc(1, sizeof *key);
    if (!key)
        return NULL;
    atomic_init(&key->references, 1);
    atomic_init(&key->withdrawn, false);
    key->algorithm = algorithm;
    key->kid = strndup(kid.at, kid.len);
    key->issuer = issuer.at ? strndup(issuer.at, issuer.len) : NULL;
    if (!key->kid || (issuer.at && !key->issuer)) {
        token_key_unref(key);
        return NULL;
    }
    return key;
}

struct token_key *token_key_ref(struct token_key *key)
{
    if (key)
        atomic_fetch_add(&key->references, 1);
    return key;
}

static void wipe(struct token_secret *s)
{
    if (s->at)
        OPENSSL_cleanse(s->at, s->len);
    free(s->at);
}

void token_key_unref(struct token_key *key)
{
    if (!key || atomic_fetch_sub(&key->references, 1) > 1)
        return;
    wipe(&key->verify);
    wipe(&key->sign);
    token_public_free(atomic_load(&key->public));
    free(key->kid);
    free(key->issuer);
    free(key);
}

bool token_secret_set(struct token_secret *to, struct slice from)
{
    to->at = malloc(from.len);
    if (!to->at)
        return false;
    memcpy(to->at, from.at, from.len);
    to->len = from.len;
    return true;
}

static bool secrets_equal(const struct token_secret *a, const struct token_secret *b)
{
    return a->len == b->len && (a->len == 0 || CRYPTO_memcmp(a->at, b->at, a->len) == 0);
}

bool token_key_equal(const struct token_key *a, const struct token_key *b)
{
    return a->algorithm == b->algorithm && strcmp(a->kid, b->kid) == 0 &&
           slice_equal(slice_of(a->issuer), slice_of(b->issuer)) && secrets_equal(&a->verify, &b->verify) &&
           secrets_equal(&a->sign, &b->sign);
}

/* ---- lists ---- */

bool token_key_list_add(struct token_key_list *list, struct token_key *key)
{
    struct token_key **grown =
        (struct token_key **)realloc((void *)list->at, (list->n + 1) * sizeof(struct token_key *));
    if (!grown) {
        token_key_unref(key);
        return false;
    }
    list->at = grown;
    list->at[list->n++] = key;
    return true;
}

bool token_key_list_has(const struct token_key_list *list, struct slice kid)
{
    size_t i = 0;
    while (i < list->n && !slice_is(kid, list->at[i]->kid))
        i++;
    return i < list->n;
}

void token_key_list_dispose(struct token_key_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        token_key_unref(list->at[i]);
    free((void *)list->at);
    *list = (struct token_key_list){0};
}
