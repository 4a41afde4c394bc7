#include "worker/batch.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_BLOCK = 256 * 1024 };

struct batch *batch_new(size_t capacity)
{
    struct batch *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    b->capacity = capacity;
    b->arena = arena_new(ARENA_BLOCK);
    b->entries = calloc(capacity, sizeof *b->entries);
    b->rows = calloc(capacity, sizeof *b->rows);
    b->keys = calloc(capacity, sizeof *b->keys);
    b->resend = calloc(capacity, sizeof(struct entry *));
    if (b->arena && b->entries && b->rows && b->keys && b->resend)
        return b;
    batch_free(b);
    return NULL;
}

void batch_free(struct batch *b)
{
    if (!b)
        return;
    batch_reset(b);
    arena_free(b->arena);
    offsets_dispose(&b->offsets);
    free(b->entries);
    free(b->rows);
    free(b->keys);
    free((void *)b->resend);
    free(b);
}

void batch_reset(struct batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        kafka_message_free(b->entries[i].message);
    if (b->arena)
        arena_reset(b->arena);
    offsets_clear(&b->offsets);
    b->stage = BATCH_COLLECTING;
    b->producer = NULL;
    b->n = b->bytes = b->n_rows = b->sent = b->resend_first = b->n_resend = 0;
    atomic_store(&b->unanswered, 0);
}

void batch_put_back(struct batch *b, struct entry *e)
{
    b->resend[(b->resend_first + b->n_resend) % b->capacity] = e;
    b->n_resend++;
}

struct entry *batch_to_send_again(const struct batch *b)
{
    return b->n_resend > 0 ? b->resend[b->resend_first] : NULL;
}

void batch_sent_again(struct batch *b)
{
    b->resend_first = (b->resend_first + 1) % b->capacity;
    b->n_resend--;
}

struct entry *batch_add(struct batch *b, struct kafka_message *message)
{
    struct kafka_record record = kafka_view(message);
    if (!offsets_note(&b->offsets, record.partition, record.offset + 1))
        return NULL;
    b->bytes += record.key.len + record.value.len;
    struct entry *e = &b->entries[b->n++];
    *e = (struct entry){.batch = b, .message = message, .reply = REPLY_TO_DEFAULT};
    return e;
}

static struct row_key key_of(const struct batch *b, size_t entry)
{
    const uint8_t *bytes = b->entries[entry].command.command_id.bytes;
    struct row_key key = {.entry = entry};
    memcpy(&key.high, bytes, sizeof key.high);
    memcpy(&key.low, bytes + sizeof key.high, sizeof key.low);
    key.high = be64toh(key.high);
    key.low = be64toh(key.low);
    return key;
}

static int by_key(const void *a, const void *b)
{
    const struct row_key *x = a;
    const struct row_key *y = b;
    if (x->high != y->high)
        return x->high > y->high ? 1 : -1;
    if (x->low != y->low)
        return x->low > y->low ? 1 : -1;
    /* Of equal ids the one that came first is stored, the others are its replays. */
    return (x->entry > y->entry) - (x->entry < y->entry);
}

void batch_make_rows(struct batch *b)
{
    b->n_rows = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (b->entries[i].fate == ENTRY_STORE)
            b->keys[b->n_rows++] = key_of(b, i);
    }
    qsort(b->keys, b->n_rows, sizeof *b->keys, by_key);
    for (size_t i = 0; i < b->n_rows; i++) {
        struct entry *e = &b->entries[b->keys[i].entry];
        b->rows[i] = (struct store_row){.command = &e->command};
        e->row = &b->rows[i];
    }
}
