#include "common/token_internal.h"

#include "common/config.h"
#include "common/http_fetch.h"
#include "common/jwks.h"
#include "common/log.h"
#include <stdlib.h>
#include <unistd.h>

/* ---- reading a source that is no URL ---- */

static bool read_jwks_file(const struct token_source *source, struct token_key_list *out,
                           struct buffer *faults)
{
    const struct token_jwks from = {.name = source->name, .issuer = source->issuer, .secrets = true};
    struct buffer text = {0};
    struct fault f = {0};

    status st = config_read_file(source->at, JWKS_SIZE_MAX, &text, &f);
    bool was_read = st == STATUS_OK;
    if (was_read)
        st = token_read_jwks(buffer_slice(&text), &from, out, &f);
    if (st != STATUS_OK)
        buffer_printf(faults, "[token] jwks: %s%s%s\n", was_read ? source->name : "", was_read ? ": " : "",
                      f.message);
    if (text.at)
        explicit_bzero(text.at, text.capacity);
    buffer_dispose(&text);
    return st == STATUS_OK;
}

static bool can_sign(const struct token_key_list *list, struct buffer *faults)
{
    if (list->n != 1)
        buffer_printf(faults, "the key to sign with must be one, not %zu\n", list->n);
    else if (!list->at[0]->sign.at)
        buffer_printf(faults, "key %s: is a public key, which cannot sign: the private one is needed\n",
                      list->at[0]->kid);
    return list->n == 1 && list->at[0]->sign.at;
}

bool token_source_read(const struct token_source *source, struct token_key_list *out, struct buffer *faults)
{
    const struct token_sources *options = &source->of->options;
    const char *origin = NULL;
    struct buffer found = {0};
    if (source->kind == TOKEN_KEY_FILES)
        origin = options->called ? options->called : "[token] keys";

    bool good = source->kind == TOKEN_KEY_FILES
                    ? token_read_key_files(source->at, source->issuer, out, &found)
                    : read_jwks_file(source, out, &found);
    if (good && options->signs)
        good = can_sign(out, &found);
    if (!good)
        token_key_list_dispose(out);
    buffer_add_lines(faults, origin, buffer_slice(&found));
    faults->failed = faults->failed || found.failed;
    buffer_dispose(&found);
    return good;
}

/* ---- the current set ---- */

/* Under the mutex, or before there are threads. */
static bool make_current(const struct token_keys *keys)
{
    struct token_shared *shared = keys->shared;
    const struct token_key_list **lists = calloc(keys->n_sources + 1, sizeof(struct token_key_list *));
    if (!lists)
        return false;
    for (size_t i = 0; i < keys->n_sources; i++)
        lists[i] = &keys->sources[i].keys;
    struct token_set *set = token_set_merge(lists, keys->n_sources, keys->names_issuers, shared->current);
    free((void *)lists);
    if (!set)
        return false;

    struct token_set *before = shared->current;
    shared->current = set;
    atomic_fetch_add(&shared->generation, 1);
    gauge_set(shared->known, (int64_t)set->keys.n);
    size_t withdrawn = before ? token_set_withdraw(before, set) : 0;
    if (before && (withdrawn > 0 || before->keys.n != set->keys.n))
        log_info("keys of tokens have changed", LOG_INT("keys", set->keys.n),
                 LOG_INT("withdrawn", withdrawn));
    token_set_unref(before);
    return true;
}

bool token_keys_replace(const struct token_keys *keys, struct token_source *source,
                        struct token_key_list *read)
{
    (void)pthread_mutex_lock(&keys->shared->mutex);
    struct token_key_list before = source->keys;
    source->keys = *read;
    bool made = make_current(keys);
    *read = made ? before : source->keys;
    if (!made)
        source->keys = before;
    (void)pthread_mutex_unlock(&keys->shared->mutex);
    token_key_list_dispose(read);
    return made;
}

void token_keys_snapshot(const struct token_keys *keys, struct token_set **set, uint64_t *generation)
{
    struct token_shared *shared = keys->shared;

    if (*set && atomic_load_explicit(&shared->generation, memory_order_acquire) == *generation)
        return;
    (void)pthread_mutex_lock(&shared->mutex);
    token_set_unref(*set);
    *set = token_set_ref(shared->current);
    *generation = atomic_load(&shared->generation);
    (void)pthread_mutex_unlock(&shared->mutex);
}

uint64_t token_keys_generation(const struct token_keys *keys)
{
    return atomic_load(&keys->shared->generation);
}

/* ---- the settings ---- */

static char *copy(struct slice s)
{
    return s.at ? strndup(s.at, s.len) : NULL;
}

static bool is_url(struct slice at)
{
    return memmem(at.at, at.len, "://", 3) != NULL;
}

/* For people: without what may be secret, a URL's query and whoever is named before its host. NULL when memory is short. */
static char *name_of(struct slice at)
{
    const char *query = memchr(at.at, '?', at.len);
    struct slice shown = slice_make(at.at, query ? (size_t)(query - at.at) : at.len);
    const char *scheme = memmem(shown.at, shown.len, "://", 3);
    size_t before = scheme ? (size_t)(scheme + 3 - shown.at) : 0;
    size_t host = before;
    char *name = NULL;

    for (size_t i = before; scheme && i < shown.len && shown.at[i] != '/'; i++)
        host = shown.at[i] == '@' ? i + 1 : host;
    if (asprintf(&name, "%.*s%.*s", (int)before, shown.at, (int)(shown.len - host), shown.at + host) < 0)
        return NULL;
    return name;
}

static struct token_source *add_source(struct token_keys *keys, enum token_source_kind kind, struct slice at,
                                       struct slice issuer)
{
    struct token_source *grown = realloc(keys->sources, (keys->n_sources + 1) * sizeof *grown);
    if (!grown)
        return NULL;
    keys->sources = grown;

    struct token_source *source = &grown[keys->n_sources++];
    *source = (struct token_source){.kind = kind, .at = copy(at), .issuer = copy(issuer)};
    source->name = kind == TOKEN_KEY_FILES ? strdup("keys") : is_url(at) ? name_of(at) : copy(at);
    return source->at && source->name && (!issuer.at || source->issuer) ? source : NULL;
}

static bool has_prefix(struct slice s, const char *prefix)
{
    size_t len = strlen(prefix);
    return s.len >= len && strncasecmp(s.at, prefix, len) == 0;
}

/* One `[ISSUER=]SOURCE`. */
static void add_jwks(struct token_keys *keys, struct slice entry, struct buffer *faults)
{
    struct slice at = token_trim(entry);
    const char *query = memchr(at.at, '?', at.len);
    const char *equals = memchr(at.at, '=', at.len);
    struct slice issuer = SLICE_NONE;

    if (equals && !(query && query < equals)) {
        issuer = token_trim(token_cut(&at, '='));
        at = token_trim(at);
        keys->names_issuers = true;
    }
    if (at.len == 0 || (issuer.at && issuer.len == 0)) {
        buffer_add_text(faults, "[token] jwks: an entry is not [ISSUER=]path or [ISSUER=]URL\n");
        return;
    }

    bool is_fetched = has_prefix(at, "http:") || has_prefix(at, "https:");
    struct token_source *source = add_source(keys, is_fetched ? TOKEN_JWKS_URL : TOKEN_JWKS_FILE, at, issuer);
    const char *wrong = !source      ? "out of memory"
                        : is_fetched ? http_fetch_check_url(source->at, keys->options.jwks_plain_http)
                        : is_url(at) ? "is neither a path nor an http or https URL"
                                     : NULL;
    if (wrong)
        buffer_printf(faults, "[token] jwks: %s: %s\n", source ? source->name : "", wrong);
}

static void add_sources(struct token_keys *keys, struct buffer *faults)
{
    const struct token_sources *o = &keys->options;
    struct slice rest = slice_of(o->jwks);
    struct slice entry = rest;
    uint32_t urls = 0;

    if (o->keys && !add_source(keys, TOKEN_KEY_FILES, slice_of(o->keys), SLICE_NONE))
        buffer_add_text(faults, "keys: out of memory\n");
    while (o->jwks && entry.at) {
        entry = token_cut(&rest, ',');
        add_jwks(keys, entry.at ? entry : rest, faults);
    }

    for (size_t i = 0; i < keys->n_sources; i++) {
        struct token_source *source = &keys->sources[i];
        source->of = keys;
        if (source->kind == TOKEN_JWKS_URL && urls < TOKEN_URLS_MAX)
            source->bit = UINT32_C(1) << urls++;
        else if (source->kind == TOKEN_JWKS_URL)
            buffer_printf(faults, "[token] jwks: more than %d URLs\n", TOKEN_URLS_MAX);
        if (!keys->names_issuers || source->issuer)
            continue;
        if (!o->issuer)
            buffer_printf(faults, "[token] issuer: required for %s, where jwks names issuers\n",
                          source->name);
        else if (!(source->issuer = strdup(o->issuer)))
            buffer_add_text(faults, "keys: out of memory\n");
    }
}

static struct token_shared *shared_new(void)
{
    struct token_shared *shared = calloc(1, sizeof *shared);
    pthread_condattr_t monotonic;

    if (!shared)
        return NULL;
    shared->stop_fd = -1;
    if (pthread_condattr_init(&monotonic) != 0) {
        free(shared);
        return NULL;
    }
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&shared->mutex, NULL);
    (void)pthread_cond_init(&shared->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    return shared;
}

static void read_files(struct token_keys *keys, struct buffer *faults)
{
    for (size_t i = 0; i < keys->n_sources; i++) {
        struct token_source *source = &keys->sources[i];
        if (source->kind != TOKEN_JWKS_URL)
            (void)token_source_read(source, &source->keys, faults);
    }
}

struct token_keys *token_keys_open(const struct token_sources *sources, struct buffer *faults)
{
    struct token_keys *keys = calloc(1, sizeof *keys);
    size_t faults_before = faults->len;
    bool good = keys != NULL;

    if (keys) {
        keys->options = *sources;
        keys->ca = copy(slice_of(sources->jwks_ca));
        keys->shared = shared_new();
        good = keys->shared && (keys->ca || !sources->jwks_ca);
    }
    if (good)
        add_sources(keys, faults);
    if (good && faults->len == faults_before)
        read_files(keys, faults);
    if (good && sources->jwks_ca && access(sources->jwks_ca, R_OK) != 0)
        buffer_printf(faults, "[token] jwks_ca: %s: cannot be read\n", sources->jwks_ca);
    if (good && faults->len == faults_before)
        good = make_current(keys);
    if (!good)
        buffer_add_text(faults, "keys: out of memory\n");
    if (faults->len == faults_before && !faults->failed)
        return keys;
    token_keys_free(keys);
    return NULL;
}

struct token_keys *token_keys_load(const char *setting, struct buffer *faults)
{
    return token_keys_open(&(struct token_sources){.keys = setting, .called = ""}, faults);
}

struct token_keys *token_keys_load_signer(const char *setting, struct buffer *faults)
{
    return token_keys_open(
        &(struct token_sources){.keys = setting, .signs = true, .called = "[signing] keys"}, faults);
}

void token_keys_free(struct token_keys *keys)
{
    if (!keys)
        return;
    if (keys->shared) {
        token_keys_stop(keys);
        token_set_unref(keys->shared->current);
        (void)pthread_cond_destroy(&keys->shared->changed);
        (void)pthread_mutex_destroy(&keys->shared->mutex);
        free(keys->shared);
    }
    for (size_t i = 0; i < keys->n_sources; i++) {
        struct token_source *source = &keys->sources[i];
        token_key_list_dispose(&source->keys);
        free(source->at);
        free(source->name);
        free(source->issuer);
    }
    free(keys->sources);
    free(keys->ca);
    free(keys);
}
