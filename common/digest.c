#include "common/digest.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

struct digest_run {
    EVP_MD_CTX *ctx;
};

struct digest_run *digest_run_new(void)
{
    struct digest_run *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->ctx = EVP_MD_CTX_new();
    if (!r->ctx || EVP_DigestInit_ex(r->ctx, EVP_sha256(), NULL) != 1) {
        digest_run_free(r);
        return NULL;
    }
    return r;
}

void digest_run_free(struct digest_run *r)
{
    if (!r)
        return;
    EVP_MD_CTX_free(r->ctx);
    free(r);
}

/* Once begun, SHA-256 cannot fail. */
void digest_run_add(struct digest_run *r, struct slice bytes)
{
    if (EVP_DigestUpdate(r->ctx, bytes.at, bytes.len) != 1)
        abort();
}

void digest_run_end(struct digest_run *r, struct digest *out)
{
    unsigned len = 0;
    if (EVP_DigestFinal_ex(r->ctx, out->bytes, &len) != 1 || len != DIGEST_LEN)
        abort();
}

void digest_format(const struct digest *d, char out[DIGEST_TEXT_LEN + 1])
{
    static const char DIGITS[] = "0123456789abcdef";
    for (size_t i = 0; i < DIGEST_LEN; i++) {
        out[2 * i] = DIGITS[d->bytes[i] >> 4];
        out[2 * i + 1] = DIGITS[d->bytes[i] & 15];
    }
    out[DIGEST_TEXT_LEN] = '\0';
}

/* ---- SHA-1 ---- */

/* Looking SHA-1 up and making a context cost more than a short digest does: each thread keeps one until it ends. */
static pthread_once_t sha1_once = PTHREAD_ONCE_INIT;
static pthread_key_t sha1_key;

static void free_context(void *ctx)
{
    EVP_MD_CTX_free(ctx);
}

static void make_sha1_key(void)
{
    if (pthread_key_create(&sha1_key, free_context) != 0)
        abort();
}

static EVP_MD_CTX *sha1_context(void)
{
    pthread_once(&sha1_once, make_sha1_key);
    EVP_MD_CTX *ctx = pthread_getspecific(sha1_key);
    if (ctx)
        return ctx;

    ctx = EVP_MD_CTX_new();
    if (ctx && EVP_DigestInit_ex(ctx, EVP_sha1(), NULL) == 1 && pthread_setspecific(sha1_key, ctx) == 0)
        return ctx;
    EVP_MD_CTX_free(ctx);
    return NULL;
}

bool digest_sha1(const struct slice *parts, size_t n, uint8_t out[DIGEST_SHA1_LEN])
{
    EVP_MD_CTX *ctx = sha1_context();
    unsigned len = 0;
    if (!ctx || EVP_DigestInit_ex(ctx, NULL, NULL) != 1)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (EVP_DigestUpdate(ctx, parts[i].at, parts[i].len) != 1)
            return false;
    }
    return EVP_DigestFinal_ex(ctx, out, &len) == 1 && len == DIGEST_SHA1_LEN;
}
