#include "common/token_internal.h"

#include "common/log.h"
#include <stdlib.h>

struct token_set *token_set_ref(struct token_set *set)
{
    atomic_fetch_add(&set->references, 1);
    return set;
}

void token_set_unref(struct token_set *set)
{
    if (!set || atomic_fetch_sub(&set->references, 1) > 1)
        return;
    token_key_list_dispose(&set->keys);
    free(set);
}

struct token_key *token_set_find(const struct token_set *set, struct slice issuer, struct slice kid)
{
    for (size_t i = 0; i < set->keys.n; i++) {
        struct token_key *key = set->keys.at[i];
        if (slice_is(kid, key->kid) && (!set->names_issuers || slice_is(issuer, key->issuer)))
            return key;
    }
    return NULL;
}

/* `key` itself, or the equal one that was there before. */
static struct token_key *keep(const struct token_set *before, struct token_key *key)
{
    for (size_t i = 0; before && i < before->keys.n; i++) {
        if (token_key_equal(before->keys.at[i], key))
            return before->keys.at[i];
    }
    return key;
}

static bool take(struct token_set *set, const struct token_set *before, struct token_key *key)
{
    if (token_set_find(set, slice_of(key->issuer), slice_of(key->kid))) {
        log_error("two keys have the same kid: the second is not used", LOG_STR("kid", key->kid),
                  LOG_STR("issuer", key->issuer ? key->issuer : ""));
        return true;
    }
    struct token_key *kept = keep(before, key);
    atomic_store(&kept->withdrawn, false); /* another source may have had its kid for a while */
    return token_key_list_add(&set->keys, token_key_ref(kept));
}

struct token_set *token_set_merge(const struct token_key_list *const *lists, size_t n_lists,
                                  bool names_issuers, const struct token_set *before)
{
    struct token_set *set = calloc(1, sizeof *set);
    bool good = set != NULL;

    if (set) {
        atomic_init(&set->references, 1);
        set->names_issuers = names_issuers;
    }
    for (size_t i = 0; i < n_lists; i++) {
        for (size_t k = 0; good && k < lists[i]->n; k++)
            good = take(set, before, lists[i]->at[k]);
    }
    if (good)
        return set;
    token_set_unref(set);
    return NULL;
}

size_t token_set_withdraw(const struct token_set *before, const struct token_set *now)
{
    size_t withdrawn = 0;

    for (size_t i = 0; i < before->keys.n; i++) {
        struct token_key *key = before->keys.at[i];
        size_t k = 0;
        while (k < now->keys.n && now->keys.at[k] != key)
            k++;
        if (k == now->keys.n) {
            atomic_store(&key->withdrawn, true);
            withdrawn++;
        }
    }
    return withdrawn;
}
