#include "common/json_names.h"

#include "common/uuid.h"
#include <stdlib.h>

struct hash_key {
    uint64_t first, second;
};

static struct hash_key random_key(void)
{
    static __thread struct hash_key key;
    static __thread bool is_set;

    if (!is_set) {
        uint8_t bytes[sizeof key];
        uuid_random_bytes(bytes);
        memcpy(&key, bytes, sizeof key);
        is_set = true;
    }
    return key;
}

static uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

/* SipHash-1-3 (Aumasson, Bernstein). */
static uint64_t hash(struct hash_key key, struct slice s)
{
    uint64_t v[4] = {key.first ^ 0x736f6d6570736575, key.second ^ 0x646f72616e646f6d,
                     key.first ^ 0x6c7967656e657261, key.second ^ 0x7465646279746573};
    uint64_t word = 0;
    size_t i = 0;

    for (; s.len - i >= 8; i += 8) {
        memcpy(&word, s.at + i, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    word = (uint64_t)s.len << 56;
    for (size_t shift = 0; i < s.len; i++, shift += 8)
        word |= (uint64_t)(unsigned char)s.at[i] << shift;
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;

    v[2] ^= 0xFF;
    for (int round = 0; round < 3; round++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* The slot of that name, or the free one where it belongs. */
static struct json_name *find(struct json_name *slots, size_t n_slots, size_t object, struct slice name)
{
    struct hash_key key = random_key();
    key.first ^= object;

    size_t at = (size_t)hash(key, name) & (n_slots - 1);
    while (slots[at].text.at && !(slots[at].object == object && slice_equal(slots[at].text, name)))
        at = (at + 1) & (n_slots - 1);
    return &slots[at];
}

static bool grow(struct json_names *n)
{
    size_t n_slots = n->n_slots * 4;
    struct json_name *slots = calloc(n_slots, sizeof *slots);
    if (!slots)
        return false;

    for (size_t i = 0; i < n->n_slots; i++) {
        if (n->slots[i].text.at)
            *find(slots, n_slots, n->slots[i].object, n->slots[i].text) = n->slots[i];
    }
    if (n->slots != n->first)
        free(n->slots);
    n->slots = slots;
    n->n_slots = n_slots;
    return true;
}

void json_names_init(struct json_names *n)
{
    memset(n->first, 0, sizeof n->first);
    n->slots = n->first;
    n->n_slots = JSON_NAMES_FIRST;
    n->used = 0;
}

void json_names_dispose(struct json_names *n)
{
    if (n->slots != n->first)
        free(n->slots);
}

status json_names_add(struct json_names *n, size_t object, struct slice name)
{
    if (n->used == n->n_slots / 2 && !grow(n))
        return STATUS_NO_MEMORY;

    struct json_name *slot = find(n->slots, n->n_slots, object, name);
    if (slot->text.at)
        return STATUS_CONFLICT;
    *slot = (struct json_name){name, object};
    n->used++;
    return STATUS_OK;
}
