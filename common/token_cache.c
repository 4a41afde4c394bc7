#include "common/token_internal.h"

#include <stdlib.h>

struct token_cache {
    struct token_entry *entries;
    struct token_entry **buckets;
    size_t mask;                         /* number of buckets, a power of two, less one */
    struct token_entry *newest, *oldest; /* every entry is in this list, those not in use at the old end */
};

struct token_cache *token_cache_new(size_t size)
{
    struct token_cache *c = calloc(1, sizeof *c);
    size_t buckets = 1;

    if (!c)
        return NULL;
    size = size ? size : 1;
    while (buckets < size)
        buckets *= 2;
    c->mask = buckets - 1;
    c->entries = calloc(size, sizeof *c->entries);
    c->buckets = calloc(buckets, sizeof(struct token_entry *));
    if (!c->entries || !c->buckets) {
        token_cache_free(c);
        return NULL;
    }

    for (size_t i = 0; i < size; i++) {
        c->entries[i].newer = i > 0 ? &c->entries[i - 1] : NULL;
        c->entries[i].older = i + 1 < size ? &c->entries[i + 1] : NULL;
    }
    c->newest = &c->entries[0];
    c->oldest = &c->entries[size - 1];
    return c;
}

void token_cache_free(struct token_cache *c)
{
    if (!c)
        return;
    for (struct token_entry *e = c->newest; e; e = e->older) {
        free(e->texts);
        token_key_unref(e->key);
    }
    free(c->entries);
    free((void *)c->buckets);
    free(c);
}

/* The digest is SHA-256: any part of it is spread evenly. */
static struct token_entry **bucket_of(const struct token_cache *c, const uint8_t digest[TOKEN_DIGEST_SIZE])
{
    uint64_t head;
    memcpy(&head, digest, sizeof head);
    return &c->buckets[head & c->mask];
}

static void unlink_entry(struct token_cache *c, struct token_entry *e)
{
    *(e->newer ? &e->newer->older : &c->newest) = e->older;
    *(e->older ? &e->older->newer : &c->oldest) = e->newer;
}

static void make_newest(struct token_cache *c, struct token_entry *e)
{
    if (c->newest == e)
        return;
    unlink_entry(c, e);
    e->newer = NULL;
    e->older = c->newest;
    c->newest->newer = e;
    c->newest = e;
}

static void make_oldest(struct token_cache *c, struct token_entry *e)
{
    if (c->oldest == e)
        return;
    unlink_entry(c, e);
    e->older = NULL;
    e->newer = c->oldest;
    c->oldest->older = e;
    c->oldest = e;
}

void token_cache_use(struct token_cache *c, struct token_entry *e)
{
    make_newest(c, e);
}

struct token_entry *token_cache_find(struct token_cache *c, const uint8_t digest[TOKEN_DIGEST_SIZE])
{
    struct token_entry *e = *bucket_of(c, digest);
    while (e && memcmp(e->digest, digest, TOKEN_DIGEST_SIZE) != 0)
        e = e->chain;
    if (e)
        make_newest(c, e);
    return e;
}

void token_cache_drop(struct token_cache *c, struct token_entry *e)
{
    if (!e->live)
        return;
    struct token_entry **at = bucket_of(c, e->digest);
    while (*at != e)
        at = &(*at)->chain;
    *at = e->chain;
    e->live = false;
    e->serial++;
    free(e->texts);
    e->texts = NULL;
    token_key_unref(e->key);
    e->key = NULL;
    make_oldest(c, e);
}

struct token_entry *token_cache_put(struct token_cache *c, const uint8_t digest[TOKEN_DIGEST_SIZE],
                                    const struct token_content *content, struct token_key *key)
{
    struct slice subject = content->claims.subject;
    struct slice account = content->claims.account_id;
    char *texts = malloc(subject.len + account.len + 1);
    if (!texts)
        return NULL;
    memcpy(texts, subject.at, subject.len);
    memcpy(texts + subject.len, account.at, account.len);

    struct token_entry *e = c->oldest;
    token_cache_drop(c, e);
    memcpy(e->digest, digest, TOKEN_DIGEST_SIZE);
    e->content = *content;
    e->content.claims.subject = (struct slice){texts, subject.len};
    e->content.claims.account_id = (struct slice){texts + subject.len, account.len};
    e->texts = texts;
    e->key = token_key_ref(key);
    e->live = true;
    struct token_entry **bucket = bucket_of(c, digest);
    e->chain = *bucket;
    *bucket = e;
    make_newest(c, e);
    return e;
}
