/* Each URL has a thread, so that an issuer that does not answer holds nobody else up. */
#include "common/token_internal.h"

#include "common/clock.h"
#include "common/http_fetch.h"
#include "common/jwks.h"
#include "common/log.h"
#include <openssl/evp.h>
#include <unistd.h>

enum {
    FETCH_MS = 5000,
    ASK_EVERY_US = 10000000, /* between fetches that unknown kids lead to */
    REFRESH_MIN_S = 10,      /* whatever Cache-Control says */
    BACKOFF_US = 1000000,
    BACKOFF_MAX_US = 30000000,
    US_PER_S = 1000000,
    US_PER_MS = 1000,
};

static int64_t now_us(void)
{
    return clock_monotonic_us(clock_system());
}

/* ---- one URL ---- */

/* Puts the keys of a document in place of the source's, where it is another document than the last. */
static status take_document(struct token_source *source, struct slice text, struct fault *f)
{
    const struct token_jwks from = {
        .name = source->name, .issuer = source->issuer, .secrets = source->of->options.jwks_symmetric};
    uint8_t digest[TOKEN_DIGEST_SIZE];
    struct token_key_list read = {0};

    if (!EVP_Q_digest(NULL, "SHA256", NULL, text.at, text.len, digest, NULL))
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "no SHA-256 digest");
    if (memcmp(digest, source->digest, sizeof digest) == 0)
        return STATUS_OK;
    status st = token_read_jwks(text, &from, &read, f);
    if (st == STATUS_OK && !token_keys_replace(source->of, source, &read))
        st = fault_set(f, STATUS_NO_MEMORY, "no_memory", "out of memory");
    if (st == STATUS_OK)
        memcpy(source->digest, digest, sizeof digest);
    return st;
}

/* Without the mutex. */
static status fetch(struct token_source *source, int64_t *max_age_s, struct fault *f)
{
    const struct token_keys *keys = source->of;
    const struct http_fetch_options options = {.url = source->at,
                                               .ca = keys->ca,
                                               .max = JWKS_SIZE_MAX,
                                               .timeout_ms = FETCH_MS,
                                               .stop = &keys->shared->stopping};
    struct http_fetched fetched;

    status st = http_fetch(&options, &fetched, f);
    if (st == STATUS_OK)
        st = take_document(source, buffer_slice(&fetched.body), f);
    *max_age_s = fetched.max_age_s;
    if (fetched.body.at)
        explicit_bzero(fetched.body.at, fetched.body.capacity);
    buffer_dispose(&fetched.body);
    return st;
}

static void note_success(struct token_source *source, int64_t max_age_s)
{
    const struct token_keys *keys = source->of;
    int64_t wait_s = keys->options.jwks_refresh_s;

    if (max_age_s >= 0 && max_age_s < wait_s)
        wait_s = max_age_s < REFRESH_MIN_S ? REFRESH_MIN_S : max_age_s;
    if (!source->loaded || source->failing)
        log_info("a key set was fetched", LOG_STR("url", source->name), LOG_INT("keys", source->keys.n));
    source->loaded = true;
    source->failing = false;
    source->attempts = 0;
    source->loaded_us = now_us();
    source->due_us = source->loaded_us + wait_s * US_PER_S;
    counter_add(source->refreshes, 1);
    gauge_set(source->fetched_at, clock_unix_us(clock_system()) / US_PER_S);
}

static void note_failure(struct token_source *source, const struct fault *f)
{
    source->failing = true;
    source->due_us = now_us() + clock_backoff(BACKOFF_US, BACKOFF_MAX_US, source->attempts++);
    counter_add(source->failures, 1);
    if (source->loaded)
        log_error("a key set cannot be fetched: its keys stay as they were", LOG_STR("url", source->name),
                  LOG_STR("reason", f->message), LOG_INT("keys", source->keys.n),
                  LOG_INT("age_s", (now_us() - source->loaded_us) / US_PER_S));
    else
        log_error("a key set cannot be fetched, and never was: not ready", LOG_STR("url", source->name),
                  LOG_STR("reason", f->message));
}

static void tell(const struct token_shared *shared, uint32_t source, bool is_first)
{
    const uint64_t one = 1;

    if (is_first && shared->watch.ready_fd >= 0 &&
        write(shared->watch.ready_fd, &one, sizeof one) != (ssize_t)sizeof one)
        log_debug("the ready event is full");
    if (shared->watch.fetched)
        shared->watch.fetched(shared->watch.ctx, source);
}

/* With the mutex, which is let go of in between. */
static void refresh(struct token_source *source)
{
    struct token_shared *shared = source->of->shared;
    struct fault f = {0};
    int64_t max_age_s = -1;

    source->wanted = false;
    source->in_flight = true;
    (void)pthread_mutex_unlock(&shared->mutex);
    status st = fetch(source, &max_age_s, &f);
    (void)pthread_mutex_lock(&shared->mutex);

    bool is_first = st == STATUS_OK && !source->loaded;
    source->in_flight = false;
    if (st == STATUS_OK)
        note_success(source, max_age_s);
    else if (!atomic_load(&shared->stopping))
        note_failure(source, &f);
    (void)pthread_cond_broadcast(&shared->changed);
    (void)pthread_mutex_unlock(&shared->mutex);
    tell(shared, source->bit, is_first);
    (void)pthread_mutex_lock(&shared->mutex);
}

static struct timespec at_us(int64_t us)
{
    return (struct timespec){.tv_sec = us / US_PER_S, .tv_nsec = us % US_PER_S * 1000};
}

void *token_keep_fresh(void *arg)
{
    struct token_source *source = arg;
    struct token_shared *shared = source->of->shared;

    (void)pthread_mutex_lock(&shared->mutex);
    while (!atomic_load(&shared->stopping)) {
        struct timespec due = at_us(source->due_us);
        if (source->wanted || now_us() >= source->due_us)
            refresh(source);
        else
            (void)pthread_cond_timedwait(&shared->changed, &shared->mutex, &due);
    }
    (void)pthread_mutex_unlock(&shared->mutex);
    return NULL;
}

/* ---- unknown kids ---- */

bool token_keys_have_url(const struct token_keys *keys)
{
    bool found = false;
    for (size_t i = 0; i < keys->n_sources; i++)
        found = found || keys->sources[i].kind == TOKEN_JWKS_URL;
    return found;
}

/* While fetches fail they are repeated anyway, and nobody should wait for one. Nor for the end of the pause: it is longer than a
 * request or the worker may wait, and whoever forges kids could make them. */
static bool ask(struct token_source *source, int64_t now)
{
    if (source->in_flight || source->wanted)
        return !source->failing;
    bool is_too_soon = source->asked_us > 0 && now - source->asked_us < ASK_EVERY_US;
    if (source->failing || is_too_soon)
        return false;
    source->asked_us = now;
    source->wanted = true;
    return true;
}

uint32_t token_keys_ask(const struct token_keys *keys, struct slice issuer)
{
    struct token_shared *shared = keys->shared;
    int64_t now = now_us();
    uint32_t coming = 0;

    (void)pthread_mutex_lock(&shared->mutex);
    for (size_t i = 0; shared->started && i < keys->n_sources; i++) {
        struct token_source *source = &keys->sources[i];
        bool may_have =
            source->kind == TOKEN_JWKS_URL && (!keys->names_issuers || slice_is(issuer, source->issuer));
        if (may_have && ask(source, now))
            coming |= source->bit;
    }
    if (coming)
        (void)pthread_cond_broadcast(&shared->changed);
    (void)pthread_mutex_unlock(&shared->mutex);
    return coming;
}

/* Under the mutex. */
static uint32_t coming_of(const struct token_keys *keys)
{
    uint32_t coming = 0;

    for (size_t i = 0; i < keys->n_sources; i++) {
        const struct token_source *source = &keys->sources[i];
        if (source->in_flight || source->wanted)
            coming |= source->bit;
    }
    return coming;
}

uint32_t token_keys_coming(const struct token_keys *keys, uint32_t sources)
{
    (void)pthread_mutex_lock(&keys->shared->mutex);
    uint32_t coming = coming_of(keys) & sources;
    (void)pthread_mutex_unlock(&keys->shared->mutex);
    return coming;
}

void token_keys_await(const struct token_keys *keys, uint32_t sources, int64_t timeout_ms)
{
    struct token_shared *shared = keys->shared;
    struct timespec until = at_us(now_us() + timeout_ms * US_PER_MS);
    int late = 0;

    (void)pthread_mutex_lock(&shared->mutex);
    while (!late && !atomic_load(&shared->stopping) && (coming_of(keys) & sources))
        late = pthread_cond_timedwait(&shared->changed, &shared->mutex, &until);
    (void)pthread_mutex_unlock(&shared->mutex);
}

bool token_keys_are_ready(const struct token_keys *keys, struct buffer *why)
{
    bool ready = true;

    (void)pthread_mutex_lock(&keys->shared->mutex);
    for (size_t i = 0; ready && i < keys->n_sources; i++) {
        const struct token_source *source = &keys->sources[i];
        ready = source->kind != TOKEN_JWKS_URL || source->loaded;
        if (!ready && why)
            buffer_printf(why, "no key set from %s yet", source->name);
    }
    (void)pthread_mutex_unlock(&keys->shared->mutex);
    return ready;
}
