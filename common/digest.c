#include "common/digest.h"

#include <openssl/evp.h>
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
