#include "common/http_fetch.h"

#include "common/text.h"
#include <arpa/inet.h>
#include <curl/curl.h>

enum { CONNECT_MS = 3000, STATUS_FINE = 200, MAX_AGE_MAX = INT32_MAX };

bool http_fetch_init(void)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

void http_fetch_dispose(void)
{
    curl_global_cleanup();
}

/* ---- which URLs ---- */

static bool is_loopback(const char *host)
{
    enum { LOOPBACK_NET = 127 };
    struct in_addr v4;

    if (strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
        return true;
    return inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == LOOPBACK_NET;
}

static const char *check_parts(CURLU *parts, bool plain_http)
{
    char *scheme = NULL;
    char *host = NULL;
    char *user = NULL;
    const char *wrong = NULL;

    if (curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK || !*host)
        wrong = "is no URL with a host";
    else if (curl_url_get(parts, CURLUPART_USER, &user, 0) == CURLUE_OK)
        wrong = "holds a user's name";
    else if (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0)
        wrong = "is neither https nor http";
    else if (strcmp(scheme, "http") == 0 && !plain_http && !is_loopback(host))
        wrong = "is http and not of this machine: whoever is on the way could change it";
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    return wrong;
}

const char *http_fetch_check_url(const char *url, bool plain_http)
{
    CURLU *parts = curl_url();
    const char *wrong = "cannot be used: out of memory";

    if (parts) {
        wrong = curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK ? check_parts(parts, plain_http)
                                                                        : "is no URL";
        curl_url_cleanup(parts);
    }
    return wrong;
}

/* ---- Cache-Control (RFC 9111 §5.2) ---- */

static struct slice trim(struct slice s)
{
    while (s.len > 0 && strchr(" \t\r\n", s.at[0])) {
        s.at++;
        s.len--;
    }
    while (s.len > 0 && strchr(" \t\r\n", s.at[s.len - 1]))
        s.len--;
    return s;
}

int64_t http_fetch_max_age(struct slice cache_control)
{
    static const char NAME[] = "max-age=";
    const size_t name_len = sizeof NAME - 1;
    int64_t found = -1;

    while (cache_control.len > 0) {
        const char *comma = memchr(cache_control.at, ',', cache_control.len);
        size_t len = comma ? (size_t)(comma - cache_control.at) : cache_control.len;
        struct slice one = trim((struct slice){cache_control.at, len});
        size_t taken = comma ? len + 1 : len;
        cache_control = (struct slice){cache_control.at + taken, cache_control.len - taken};

        uint64_t seconds;
        if (text_equal_nocase(one, "no-store") || text_equal_nocase(one, "no-cache"))
            return 0;
        if (one.len > name_len && text_equal_nocase((struct slice){one.at, name_len}, NAME) &&
            text_to_u64((struct slice){one.at + name_len, one.len - name_len}, MAX_AGE_MAX, &seconds))
            found = (int64_t)seconds;
    }
    return found;
}

/* ---- one transfer ---- */

struct transfer {
    const struct http_fetch_options *options;
    struct http_fetched *out;
    bool too_large;
};

static size_t take_body(char *at, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;
    size_t len = size * n;

    if (t->out->body.len + len > t->options->max) {
        t->too_large = true;
        return 0;
    }
    buffer_add(&t->out->body, at, len);
    return t->out->body.failed ? 0 : len;
}

static size_t take_header(char *at, size_t size, size_t n, void *ctx)
{
    static const char NAME[] = "cache-control:";
    const size_t name_len = sizeof NAME - 1;
    struct transfer *t = ctx;
    size_t len = size * n;

    if (len > name_len && text_equal_nocase((struct slice){at, name_len}, NAME))
        t->out->max_age_s = http_fetch_max_age((struct slice){at + name_len, len - name_len});
    return len;
}

static int is_stopped(void *ctx, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
    const struct transfer *t = ctx;
    (void)total;
    (void)now;
    (void)up_total;
    (void)up_now;
    return t->options->stop && atomic_load(t->options->stop);
}

static bool set_up(CURL *curl, struct transfer *t, struct curl_slist *headers, char *why)
{
    const struct http_fetch_options *o = t->options;
    bool is_plain = strncasecmp(o->url, "http:", strlen("http:")) == 0;
    CURLcode set[] = {
        curl_easy_setopt(curl, CURLOPT_URL, o->url),
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https"),
        curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L),
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L),
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L),
        curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2),
        /* Alone: the folder of the system's, which Debian builds in, would be asked beside it. */
        o->ca ? curl_easy_setopt(curl, CURLOPT_CAINFO, o->ca) : CURLE_OK,
        o->ca ? curl_easy_setopt(curl, CURLOPT_CAPATH, NULL) : CURLE_OK,
        is_plain ? curl_easy_setopt(curl, CURLOPT_PROXY, "") : CURLE_OK,
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L),
        curl_easy_setopt(curl, CURLOPT_QUICK_EXIT,
                         1L), /* a resolver that does not answer is left to itself */
        curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS),
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, o->timeout_ms),
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers),
        curl_easy_setopt(curl, CURLOPT_USERAGENT, "gold-label/" GOLD_LABEL_VERSION),
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body),
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, t),
        curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header),
        curl_easy_setopt(curl, CURLOPT_HEADERDATA, t),
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L),
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, is_stopped),
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, t),
        curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why),
    };
    for (size_t i = 0; i < sizeof set / sizeof set[0]; i++) {
        if (set[i] != CURLE_OK)
            return false;
    }
    return true;
}

static status perform(CURL *curl, struct transfer *t, const char *why, struct fault *f)
{
    long answer = 0;
    CURLcode done = curl_easy_perform(curl);

    if (t->out->body.failed || done == CURLE_OUT_OF_MEMORY)
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "out of memory");
    if (t->too_large)
        return fault_set(f, STATUS_RETRY, "too_large", "the document has more than %zu bytes",
                         t->options->max);
    if (done != CURLE_OK)
        return fault_set(f, STATUS_RETRY, "unreachable", "%s", *why ? why : curl_easy_strerror(done));
    if (curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer) != CURLE_OK || answer != STATUS_FINE)
        return fault_set(f, STATUS_RETRY, "refused", "the answer is %ld, not %d", answer, STATUS_FINE);
    return STATUS_OK;
}

status http_fetch(const struct http_fetch_options *options, struct http_fetched *out, struct fault *f)
{
    char why[CURL_ERROR_SIZE] = "";
    struct transfer t = {.options = options, .out = out};
    struct curl_slist *headers =
        curl_slist_append(NULL, "Accept: application/jwk-set+json, application/json");
    CURL *curl = curl_easy_init();
    status st;

    *out = (struct http_fetched){.max_age_s = -1};
    if (curl && headers && set_up(curl, &t, headers, why))
        st = perform(curl, &t, why, f);
    else
        st = fault_set(f, STATUS_NO_MEMORY, "no_memory", "no transfer can be made");
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    return st;
}
