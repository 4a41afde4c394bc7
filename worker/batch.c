#include "worker/batch.h"

#include <stdlib.h>

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
    b->resend = calloc(capacity, sizeof(struct entry *));
    if (b->arena && b->entries && b->rows && b->resend)
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

static struct entry *entry_of(const struct store_row *row)
{
    return (struct entry *)(uintptr_t)((const char *)row->command - offsetof(struct entry, command));
}

static int by_command_id(const void *a, const void *b)
{
    const struct store_row *x = a;
    const struct store_row *y = b;
    int order = uuid_compare(&x->command->command_id, &y->command->command_id);
    /* Of equal ids the one that came first is stored, the others are its replays. */
    return order ? order : (x->command > y->command) - (x->command < y->command);
}

void batch_make_rows(struct batch *b)
{
    b->n_rows = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (b->entries[i].fate == ENTRY_STORE)
            b->rows[b->n_rows++] = (struct store_row){.command = &b->entries[i].command};
    }
    qsort(b->rows, b->n_rows, sizeof *b->rows, by_command_id);
    for (size_t i = 0; i < b->n_rows; i++)
        entry_of(&b->rows[i])->row = &b->rows[i];
}
