#include "common/http_tls.h"

#include "common/config.h"
#include "common/http_server_internal.h"
#include "common/log.h"
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

enum { PEM_MAX = 256 * 1024, CHAIN_MAX = 16, DIGEST_SIZE = 32 };

/* What a handshake shows and signs with. It stays until the end of the process: a handshake may be on its way with it, and
 * there are no more of them than renewals. */
struct identity {
    struct identity *older;
    gnutls_pcert_st certificates[CHAIN_MAX];
    unsigned n;
    gnutls_privkey_t key;
    uint8_t digest[DIGEST_SIZE]; /* of both files */
};

struct http_tls {
    struct http_tls_options options;
    _Atomic(struct identity *) current;
};

/* ---- reading ---- */

/* What is being read; everything in it is freed or handed on. */
struct files {
    struct buffer certificate;
    struct buffer key;
    gnutls_x509_crt_t *chain;
    unsigned n;
    gnutls_x509_privkey_t private;
};

static void files_dispose(struct files *files)
{
    for (unsigned i = 0; i < files->n; i++)
        gnutls_x509_crt_deinit(files->chain[i]);
    gnutls_free(files->chain);
    if (files->private)
        gnutls_x509_privkey_deinit(files->private);
    if (files->key.at)
        explicit_bzero(files->key.at, files->key.capacity);
    buffer_dispose(&files->key);
    buffer_dispose(&files->certificate);
}

static status refuse(const char *path, const char *what, int error, struct fault *f)
{
    if (error == GNUTLS_E_MEMORY_ERROR)
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "memory is short");
    return fault_set(f, STATUS_CONFIG, "bad_tls_file", "%s: %s: %s", path, what, gnutls_strerror(error));
}

static gnutls_datum_t datum_of(const struct buffer *b)
{
    return (gnutls_datum_t){(unsigned char *)b->at, (unsigned)b->len};
}

static status read_certificate(const char *path, struct files *files, struct fault *f)
{
    status st = config_read_file(path, PEM_MAX, &files->certificate, f);
    if (st != STATUS_OK)
        return st;

    gnutls_datum_t pem = datum_of(&files->certificate);
    int error = gnutls_x509_crt_list_import2(&files->chain, &files->n, &pem, GNUTLS_X509_FMT_PEM,
                                             GNUTLS_X509_CRT_LIST_FAIL_IF_UNSORTED);
    if (error < 0)
        return refuse(path, "not a chain of certificates in PEM, the server's first", error, f);
    if (files->n > CHAIN_MAX)
        return fault_set(f, STATUS_CONFIG, "bad_tls_file", "%s: %u certificates, at most %d", path, files->n,
                         CHAIN_MAX);
    return STATUS_OK;
}

static status read_key(const char *path, struct files *files, struct fault *f)
{
    status st = config_read_file(path, PEM_MAX, &files->key, f);
    if (st != STATUS_OK)
        return st;

    gnutls_datum_t pem = datum_of(&files->key);
    int error = gnutls_x509_privkey_init(&files->private);
    if (error >= 0)
        error =
            gnutls_x509_privkey_import2(files->private, &pem, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN);
    if (error == GNUTLS_E_DECRYPTION_FAILED)
        return fault_set(f, STATUS_CONFIG, "bad_tls_file", "%s: is encrypted, and nobody is there to ask",
                         path);
    return error < 0 ? refuse(path, "not a private key in PEM", error, f) : STATUS_OK;
}

static status check_pair(const struct http_tls_options *o, const struct files *files, struct fault *f)
{
    uint8_t ids[2][DIGEST_SIZE];
    size_t sizes[2] = {DIGEST_SIZE, DIGEST_SIZE};

    int error = gnutls_x509_crt_get_key_id(files->chain[0], GNUTLS_KEYID_USE_SHA256, ids[0], &sizes[0]);
    if (error < 0)
        return refuse(o->certificate, "has a key that cannot be used", error, f);
    error = gnutls_x509_privkey_get_key_id(files->private, GNUTLS_KEYID_USE_SHA256, ids[1], &sizes[1]);
    if (error < 0)
        return refuse(o->key, "cannot be used", error, f);
    if (memcmp(ids[0], ids[1], DIGEST_SIZE) != 0)
        return fault_set(f, STATUS_CONFIG, "bad_tls_file", "%s: is not the key of the certificate in %s",
                         o->key, o->certificate);
    return STATUS_OK;
}

static bool digest_files(const struct files *files, uint8_t out[DIGEST_SIZE])
{
    gnutls_hash_hd_t hash;

    if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) < 0)
        return false;
    bool good = gnutls_hash(hash, files->certificate.at, files->certificate.len) >= 0 &&
                gnutls_hash(hash, files->key.at, files->key.len) >= 0;
    gnutls_hash_deinit(hash, out);
    return good;
}

static void identity_free(struct identity *it)
{
    for (unsigned i = 0; i < it->n; i++)
        gnutls_pcert_deinit(&it->certificates[i]);
    if (it->key)
        gnutls_privkey_deinit(it->key);
    free(it);
}

/* NULL where memory is short. */
static struct identity *make_identity(struct files *files)
{
    struct identity *it = calloc(1, sizeof *it);
    if (!it)
        return NULL;

    bool good = digest_files(files, it->digest) && gnutls_privkey_init(&it->key) >= 0 &&
                gnutls_privkey_import_x509(it->key, files->private, GNUTLS_PRIVKEY_IMPORT_COPY) >= 0;
    for (unsigned i = 0; good && i < files->n; i++) {
        good = gnutls_pcert_import_x509(&it->certificates[i], files->chain[i], 0) >= 0;
        it->n += good;
    }
    if (good)
        return it;
    identity_free(it);
    return NULL;
}

static status read_identity(const struct http_tls_options *o, struct identity **out, time_t *expires,
                            struct fault *f)
{
    struct files files = {0};

    status st = read_certificate(o->certificate, &files, f);
    if (st == STATUS_OK)
        st = read_key(o->key, &files, f);
    if (st == STATUS_OK)
        st = check_pair(o, &files, f);
    if (st == STATUS_OK) {
        *expires = gnutls_x509_crt_get_expiration_time(files.chain[0]);
        *out = make_identity(&files);
        if (!*out)
            st = fault_set(f, STATUS_NO_MEMORY, "no_memory", "memory is short");
    }
    files_dispose(&files);
    return st;
}

static void tell(const struct http_tls *t, time_t expires)
{
    char text[sizeof "2026-01-01T00:00:00Z"] = "never";
    struct tm parts;

    if (expires != (time_t)-1 && gmtime_r(&expires, &parts))
        (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    if (expires != (time_t)-1 && expires < time(NULL))
        log_warning("the certificate for TLS has expired", LOG_STR("file", t->options.certificate),
                    LOG_STR("expires", text));
    else
        log_info("the certificate for TLS was read", LOG_STR("file", t->options.certificate),
                 LOG_STR("expires", text));
}

/* ---- what others call ---- */

static status check_priorities(const char *priorities, struct fault *f)
{
    gnutls_priority_t parsed;
    const char *at = priorities;

    int error = gnutls_priority_init(&parsed, priorities, &at);
    if (error == GNUTLS_E_MEMORY_ERROR)
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "memory is short");
    if (error < 0)
        return fault_set(f, STATUS_CONFIG, "bad_tls_priorities", "tls_priorities = %s: %s at \"%s\"",
                         priorities, gnutls_strerror(error), at);
    gnutls_priority_deinit(parsed);
    return STATUS_OK;
}

static status read_all(const struct http_tls_options *o, struct identity **out, time_t *expires,
                       struct fault *f)
{
    status st = check_priorities(o->priorities, f);
    return st == STATUS_OK ? read_identity(o, out, expires, f) : st;
}

status http_tls_check(const struct http_tls_options *options, struct fault *f)
{
    struct identity *it = NULL;
    time_t expires = 0;

    status st = read_all(options, &it, &expires, f);
    if (it)
        identity_free(it);
    return st;
}

status http_tls_open(const struct http_tls_options *options, struct http_tls **out, struct fault *f)
{
    struct http_tls *t = calloc(1, sizeof *t);
    struct identity *first = NULL;
    time_t expires = 0;

    if (!t)
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "memory is short");
    status st = read_all(options, &first, &expires, f);
    if (st != STATUS_OK) {
        free(t);
        return st;
    }
    t->options = *options;
    atomic_init(&t->current, first);
    tell(t, expires);
    *out = t;
    return STATUS_OK;
}

void http_tls_free(struct http_tls *t)
{
    if (!t)
        return;
    struct identity *it = atomic_load(&t->current);
    while (it) {
        struct identity *older = it->older;
        identity_free(it);
        it = older;
    }
    free(t);
}

status http_tls_reload(struct http_tls *t, struct fault *f)
{
    struct identity *before = atomic_load(&t->current);
    struct identity *now = NULL;
    time_t expires = 0;

    status st = read_identity(&t->options, &now, &expires, f);
    if (st != STATUS_OK || !now)
        return st;
    tell(t, expires);
    if (memcmp(now->digest, before->digest, DIGEST_SIZE) == 0) {
        identity_free(now);
        return STATUS_OK;
    }
    now->older = before;
    atomic_store(&t->current, now);
    return STATUS_OK;
}

/* ---- what libmicrohttpd calls ---- */

/* gnutls_certificate_retrieve_function3. Without flags, what is given stays ours. */
static int show_certificate(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
                            gnutls_pcert_st **certificates, unsigned *n, gnutls_ocsp_data_st **ocsp,
                            unsigned *n_ocsp, gnutls_privkey_t *key, unsigned *flags)
{
    struct MHD_Connection *mhd = gnutls_session_get_ptr(session);
    const union MHD_ConnectionInfo *context =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    const struct connection *c = context ? context->socket_context : NULL;

    (void)info;
    if (!c)
        return -1;
    struct identity *it = atomic_load(&c->request.server->options.tls->current);
    *certificates = it->certificates;
    *n = it->n;
    *ocsp = NULL;
    *n_ocsp = 0;
    *key = it->key;
    *flags = 0;
    return 0;
}

void http_tls_listen(const struct http_tls *t, struct MHD_OptionItem out[HTTP_TLS_OPTIONS])
{
    *out = (struct MHD_OptionItem){.option = MHD_OPTION_END};
    if (!t)
        return;
    *out++ = (struct MHD_OptionItem){.option = MHD_OPTION_HTTPS_PRIORITIES,
                                     .ptr_value = (void *)(uintptr_t)t->options.priorities};
    *out++ = (struct MHD_OptionItem){.option = MHD_OPTION_HTTPS_CERT_CALLBACK2,
                                     .ptr_value = (void *)(uintptr_t)show_certificate};
    *out = (struct MHD_OptionItem){.option = MHD_OPTION_END};
}
