#include "common/token_internal.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>

enum { RSA_BITS_MIN = 2048 };

/* Without it OpenSSL would ask the terminal for an encrypted key's pass phrase. */
static int no_pass_phrase(char *to, int size, int writing, void *ctx)
{
    (void)writing;
    (void)ctx;
    if (size > 0)
        *to = '\0';
    return -1;
}

static EVP_PKEY *read_key(struct slice pem, bool *is_private)
{
    BIO *from = BIO_new_mem_buf(pem.at, (int)pem.len);
    EVP_PKEY *key = from ? PEM_read_bio_PrivateKey(from, NULL, no_pass_phrase, NULL) : NULL;
    BIO_free(from);
    *is_private = key != NULL;
    if (key)
        return key;

    from = BIO_new_mem_buf(pem.at, (int)pem.len);
    key = from ? PEM_read_bio_PUBKEY(from, NULL, no_pass_phrase, NULL) : NULL;
    BIO_free(from);
    return key;
}

const char *token_check_pkey(const EVP_PKEY *key, enum token_algorithm algorithm)
{
    char group[32];
    size_t len = 0;

    if (algorithm == TOKEN_RS256) {
        if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)
            return "is no RSA key";
        return EVP_PKEY_get_bits(key) < RSA_BITS_MIN ? "is an RSA key of less than 2048 bits" : NULL;
    }
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC)
        return "is no elliptic curve key";
    if (!EVP_PKEY_get_group_name(key, group, sizeof group, &len) || strcmp(group, "prime256v1") != 0)
        return "is not on the curve P-256";
    return NULL;
}

/* PUBLIC KEY is what token_signature.c reads, and libjwt signs only with PRIVATE KEY: both are written anew. */
bool token_write_pem(EVP_PKEY *key, bool private, struct token_secret *out)
{
    BIO *to = BIO_new(BIO_s_secmem());
    char *at = NULL;
    int written = 0;

    if (to && private)
        written = PEM_write_bio_PKCS8PrivateKey(to, key, NULL, NULL, 0, NULL, NULL);
    else if (to)
        written = PEM_write_bio_PUBKEY(to, key);
    long len = written ? BIO_get_mem_data(to, &at) : 0;
    if (len > 0 && (out->at = malloc((size_t)len))) {
        memcpy(out->at, at, (size_t)len);
        out->len = (size_t)len;
    }
    BIO_free(to);
    return out->at != NULL;
}

const char *token_read_pem(struct slice pem, struct token_key *key)
{
    bool is_private;
    EVP_PKEY *read = read_key(pem, &is_private);
    if (!read)
        return "is no PEM key that can be read without a pass phrase";

    const char *why = token_check_pkey(read, key->algorithm);
    if (!why && (!token_write_pem(read, false, &key->verify) ||
                 (is_private && !token_write_pem(read, true, &key->sign))))
        why = "cannot be used: out of memory";
    EVP_PKEY_free(read);
    return why;
}
