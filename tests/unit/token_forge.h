/* Tokens and keys made by hand, without the module under test: what an attacker can do. */
#pragma once
#include "common/buffer.h"

#include <dirent.h>
#include <fcntl.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FORGE_NOW = 1700000000 };

/* Room for `directory/name`. */
enum { FORGE_PATH_SIZE = 64 };

static inline void forge_base64url(struct buffer *out, struct slice bytes)
{
    static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned bits = 0;
    unsigned n = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        bits = bits << 8 | (unsigned char)bytes.at[i];
        for (n += 8; n >= 6; n -= 6)
            buffer_add_char(out, ALPHABET[bits >> (n - 6) & 63]);
    }
    if (n > 0)
        buffer_add_char(out, ALPHABET[bits << (6 - n) & 63]);
}

/* Both as JSON texts. */
static inline void forge_signing_input(struct buffer *out, struct slice header, struct slice claims)
{
    forge_base64url(out, header);
    buffer_add_char(out, '.');
    forge_base64url(out, claims);
}

static inline void forge_add_signature(struct buffer *out, struct slice signature)
{
    buffer_add_char(out, '.');
    forge_base64url(out, signature);
}

static inline void forge_hs256(struct buffer *out, struct slice header, struct slice claims,
                               struct slice secret)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    forge_signing_input(out, header, claims);
    HMAC(EVP_sha256(), secret.at, (int)secret.len, (const unsigned char *)out->at, out->len, mac, &len);
    forge_add_signature(out, slice_make(mac, len));
}

/* RS256, or ES256 in the two-numbers form of RFC 7518 §3.4. */
static inline void forge_signed(struct buffer *out, struct slice header, struct slice claims, EVP_PKEY *key)
{
    unsigned char der[512];
    unsigned char raw[64];
    size_t len = sizeof der;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    forge_signing_input(out, header, claims);
    if (EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
        EVP_DigestSign(ctx, der, &len, (const unsigned char *)out->at, out->len) != 1)
        abort();
    EVP_MD_CTX_free(ctx);
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC) {
        forge_add_signature(out, slice_make(der, len));
        return;
    }
    const unsigned char *at = der;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)len);
    if (BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, 32) != 32 ||
        BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + 32, 32) != 32)
        abort();
    ECDSA_SIG_free(sig);
    forge_add_signature(out, slice_make(raw, sizeof raw));
}

static inline void forge_file(const char *directory, const char *name, struct slice content)
{
    char path[FORGE_PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, content.at, content.len) != (ssize_t)content.len)
        abort();
    close(fd);
}

/* Writes directory/NAME.pem (private) and directory/NAME.pub.pem. */
static inline void forge_key_files(const char *directory, const char *name, EVP_PKEY *key)
{
    char path[FORGE_PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s.pem", directory, name);
    FILE *f = fopen(path, "we");
    PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
    fclose(f);
    snprintf(path, sizeof path, "%s/%s.pub.pem", directory, name);
    f = fopen(path, "we");
    PEM_write_PUBKEY(f, key);
    fclose(f);
}

/* Removes the directory with its files. */
static inline int forge_drop_directory(const char *directory)
{
    char path[300];
    DIR *d = opendir(directory);
    for (struct dirent *e; d && (e = readdir(d));) {
        snprintf(path, sizeof path, "%s/%s", directory, e->d_name);
        unlink(path);
    }
    if (d)
        closedir(d);
    return rmdir(directory);
}
