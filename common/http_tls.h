/* The certificate that an HTTP listener shows, and its private key. The only module that includes GnuTLS, which is what
 * libmicrohttpd does TLS with. The listener asks for the certificate at every handshake, so a renewed one needs no restart. */
#pragma once
#include "common/status.h"

#define HTTP_TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-AES-256-CBC:-AES-128-CBC"

struct http_tls;

/* All outlive what is opened. */
struct http_tls_options {
    const char *certificate; /* PEM file: the server's certificate, then those between it and a root */
    const char *key;         /* PEM file, not encrypted */
    const char *priorities;  /* GnuTLS's string of versions and ciphers */
};

/* Reads both files, and checks them against each other. Errors: STATUS_CONFIG, naming the file (or the string) and what is
 * wrong with it; STATUS_NO_MEMORY. */
status http_tls_check(const struct http_tls_options *options, struct fault *f) must_check;
/* The same, and keeps them. */
status http_tls_open(const struct http_tls_options *options, struct http_tls **out, struct fault *f)
    must_check;
/* Only after the listener has stopped. */
void http_tls_free(struct http_tls *t);

/* Reads both files anew, for handshakes from now on. Where they are not in order nothing changes. Any thread, one at a time.
 * Errors as above. */
status http_tls_reload(struct http_tls *t, struct fault *f) must_check;
