/* Fetching one small document over HTTP. The only module that includes libcurl (7.88).
 *
 * What libcurl would do and this does not: follow redirects (a document comes from the place that was configured or not at
 * all), unpack compressed answers, use cookies, a .netrc or signals. Certificates are always checked. A proxy of the environment
 * is used for https, which it cannot read or change, and never for http. */
#pragma once
#include "common/buffer.h"
#include "common/status.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Before the first thread that fetches, and after the last. */
bool http_fetch_init(void);
void http_fetch_dispose(void);

/* Whether this may be fetched: an https URL, or an http URL of a loopback address (of any with `plain_http`), with a host and
 * without a user. NULL, or what is wrong with it (static). Opens nothing. */
const char *http_fetch_check_url(const char *url, bool plain_http);

struct http_fetch_options {
    const char *url;         /* that http_fetch_check_url() found good */
    const char *ca;          /* file of the certificates to trust, PEM; NULL: those of the system */
    size_t max;              /* bytes of the document */
    long timeout_ms;         /* for all of it */
    const atomic_bool *stop; /* ends the transfer within about a second */
};

struct http_fetched {
    struct buffer body; /* dispose of it, also after an error */
    int64_t max_age_s;  /* of Cache-Control; 0 for no-store and no-cache; -1: not said */
};

/* `out` is zeroed first. Only a 200 is a success. Errors: STATUS_RETRY with the reason in `f`, STATUS_NO_MEMORY. */
status http_fetch(const struct http_fetch_options *options, struct http_fetched *out, struct fault *f)
    must_check;

/* The max-age of a Cache-Control value, as above. Pure. */
int64_t http_fetch_max_age(struct slice cache_control);
