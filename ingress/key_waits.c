#include "ingress/key_waits.h"

#include "common/http_server.h"
#include "common/label.h"
#include "common/token.h"
#include <pthread.h>
#include <stdlib.h>

struct key_waits {
    pthread_mutex_t mutex;
    size_t n;
    struct {
        struct http_request *request;
        uint32_t sources; /* what it still waits for */
    } waiting[KEY_WAITS_MAX];
};

struct key_waits *key_waits_new(void)
{
    struct key_waits *w = calloc(1, sizeof *w);
    if (w)
        (void)pthread_mutex_init(&w->mutex, NULL);
    return w;
}

void key_waits_free(struct key_waits *w)
{
    if (!w)
        return;
    (void)pthread_mutex_destroy(&w->mutex);
    free(w);
}

void key_waits_release(struct key_waits *w, const struct token_keys *keys, uint32_t sources)
{
    struct http_request *over[KEY_WAITS_MAX];
    size_t n_over = 0;
    size_t kept = 0;

    (void)pthread_mutex_lock(&w->mutex);
    /* Under the mutex: whoever waits by now has asked before, so what is not coming was over for all of them. */
    sources &= keys ? ~token_keys_coming(keys, sources) : UINT32_MAX;
    for (size_t i = 0; i < w->n; i++) {
        w->waiting[i].sources &= ~sources;
        if (w->waiting[i].sources)
            w->waiting[kept++] = w->waiting[i];
        else
            over[n_over++] = w->waiting[i].request;
    }
    w->n = kept;
    (void)pthread_mutex_unlock(&w->mutex);
    for (size_t i = 0; i < n_over; i++)
        http_accept_body(over[i], LABEL_BODY_MAX, 0); /* nobody knows yet whose */
}

bool key_waits_add(struct key_waits *w, struct http_request *r, const struct token_keys *keys,
                   uint32_t sources)
{
    (void)pthread_mutex_lock(&w->mutex);
    bool has_room = w->n < KEY_WAITS_MAX;
    if (has_room) {
        w->waiting[w->n].request = r;
        w->waiting[w->n++].sources = sources;
    }
    (void)pthread_mutex_unlock(&w->mutex);

    /* What was over before it was added will not be told again. */
    if (has_room)
        key_waits_release(w, keys, sources);
    return has_room;
}
