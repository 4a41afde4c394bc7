/* Signatures of JWS (RFC 7515) by OpenSSL. libjwt, which we sign with, refuses every token whose typ is not JWT, and looks at claims that
 * are not ours. */
#include "common/token_internal.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

enum { ES256_BYTES = 64 /* r and s, 32 each */, DER_MAX = 80 };

enum verdict { GOOD, BAD, NO_MEMORY };

static const unsigned char *bytes(struct slice s)
{
    return (const unsigned char *)s.at;
}

static enum verdict check_hmac(const struct token_secret *secret, struct slice text, struct slice signature)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    if (!HMAC(EVP_sha256(), secret->at, (int)secret->len, bytes(text), text.len, mac, &len))
        return NO_MEMORY;
    return signature.len == len && CRYPTO_memcmp(signature.at, mac, len) == 0 ? GOOD : BAD;
}

/* JOSE's form of an ES256 signature as OpenSSL wants it: in DER. Its length; 0: memory is short. */
static size_t to_der(struct slice signature, unsigned char der[DER_MAX])
{
    const int half = ES256_BYTES / 2;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(bytes(signature), half, NULL);
    BIGNUM *s = BN_bin2bn(bytes(signature) + half, half, NULL);
    int len = 0;

    if (pair && r && s && ECDSA_SIG_set0(pair, r, s)) {
        r = s = NULL; /* the pair's now */
        len = i2d_ECDSA_SIG(pair, NULL);
        len = len > 0 && len <= DER_MAX ? i2d_ECDSA_SIG(pair, &der) : 0;
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(pair);
    return len > 0 ? (size_t)len : 0;
}

static enum verdict check_digest(EVP_PKEY *key, struct slice text, struct slice signature)
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    enum verdict verdict = NO_MEMORY;

    if (digest && EVP_DigestVerifyInit(digest, NULL, EVP_sha256(), NULL, key) == 1)
        verdict = EVP_DigestVerify(digest, bytes(signature), signature.len, bytes(text), text.len) == 1 ? GOOD
                                                                                                        : BAD;
    EVP_MD_CTX_free(digest);
    return verdict;
}

/* Parsing takes several times as long as verifying, and forged tokens are verified each time: it is done once. Several threads may
 * verify with one key. The text has been read before, so it can only fail for want of memory. */
static EVP_PKEY *public_of(struct token_key *key)
{
    void *known = atomic_load(&key->public);
    if (known)
        return known;
    BIO *pem = BIO_new_mem_buf(key->verify.at, (int)key->verify.len);
    EVP_PKEY *made = pem ? PEM_read_bio_PUBKEY(pem, NULL, NULL, NULL) : NULL;
    BIO_free(pem);
    if (!made || atomic_compare_exchange_strong(&key->public, &known, made))
        return made;
    EVP_PKEY_free(made); /* another thread was faster */
    return known;
}

void token_public_free(void *public)
{
    EVP_PKEY_free(public);
}

static enum verdict check_public(struct token_key *key, struct slice text, struct slice signature)
{
    unsigned char der[DER_MAX];

    if (key->algorithm == TOKEN_ES256) {
        if (signature.len != ES256_BYTES)
            return BAD;
        signature = slice_make(der, to_der(signature, der));
        if (signature.len == 0)
            return NO_MEMORY;
    }
    EVP_PKEY *public = public_of(key);
    return public ? check_digest(public, text, signature) : NO_MEMORY;
}

status token_check_signature(struct token_key *key, const struct token_parts *parts, struct fault *f)
{
    enum verdict verdict = key->algorithm == TOKEN_HS256
                               ? check_hmac(&key->verify, parts->signed_text, parts->signature)
                               : check_public(key, parts->signed_text, parts->signature);

    if (verdict == NO_MEMORY)
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "out of memory");
    return verdict == GOOD ? STATUS_OK : token_refused(f, "the token's signature does not verify");
}
