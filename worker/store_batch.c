#include "worker/store_internal.h"

#include <stdlib.h>
#include <string.h>

static status make_room(struct store_batch *b, size_t n)
{
    if (n <= b->capacity)
        return STATUS_OK;
    struct store_row ***const lists[] = {&b->round, &b->again, &b->taken};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        struct store_row **grown = realloc(*lists[i], n * sizeof **lists[i]);
        if (!grown)
            return STATUS_NO_MEMORY;
        *lists[i] = grown;
    }
    b->capacity = n;
    return STATUS_OK;
}

/* ---- rounds: no id twice in one statement ---- */

/* Takes rows (sorted by id): the first of each id into `round`, the others into `again`. `rows` may be `again` itself. */
static void begin_round(struct store_batch *b, struct store_row **rows, size_t n)
{
    const struct uuid *last = NULL;
    b->n_round = 0;
    b->n_again = 0;
    for (size_t i = 0; i < n; i++) {
        struct store_row *row = rows[i];
        if (last && uuid_compare(last, &row->command->command_id) == 0)
            b->again[b->n_again++] = row;
        else
            b->round[b->n_round++] = row;
        last = &row->command->command_id;
    }
    b->ranges[0] = (struct store_range){0, b->n_round};
    b->n_ranges = 1;
}

static bool same_command(const struct label_command *a, const struct label_command *b)
{
    return memcmp(&a->run_id, &b->run_id, sizeof a->run_id) == 0 &&
           slice_equal(a->account_id, b->account_id) && slice_equal(a->created_by, b->created_by) &&
           slice_equal(a->output_resource_name, b->output_resource_name) &&
           slice_equal(a->text_value, b->text_value) && slice_equal(a->object_value, b->object_value) &&
           a->object_value_is_partial == b->object_value_is_partial;
}

/* Rows that repeat a command of the finished round to the byte share its fate; the others get a round of their own. */
static void settle_repeats(struct store_batch *b)
{
    size_t left = 0;
    size_t r = 0;
    for (size_t i = 0; i < b->n_again; i++) {
        struct store_row *row = b->again[i];
        while (r < b->n_round &&
               uuid_compare(&b->round[r]->command->command_id, &row->command->command_id) < 0)
            r++;
        const struct store_row *first = r < b->n_round ? b->round[r] : NULL;
        if (first && first->verdict != STORE_PENDING && same_command(first->command, row->command)) {
            const struct label_command *command = row->command;
            *row = *first;
            row->command = command;
            if (row->verdict == STORE_CREATED)
                row->verdict = STORE_REPLAYED;
        } else {
            b->again[left++] = row;
        }
    }
    b->n_again = left;
}

/* ---- a batch ---- */

status store_batch_begin(struct store_batch *b, struct store_row *rows, size_t n, struct arena *arena)
{
    status st = make_room(b, n);
    if (st != STATUS_OK)
        return st;
    for (size_t i = 0; i < n; i++) {
        rows[i].verdict = STORE_PENDING;
        rows[i].gone = 0;
        b->again[i] = &rows[i];
    }
    b->arena = arena;
    b->asking = ASKING_NOTHING;
    b->n_taken = 0;
    b->look_up_most = n;
    b->has_hidden = false;
    b->has_refused = false;
    begin_round(b, b->again, n);
    return STATUS_OK;
}

void store_batch_dispose(struct store_batch *b)
{
    free(b->round);
    free(b->again);
    free(b->taken);
}

bool store_batch_is_answered(const struct store_batch *b)
{
    return b->asking == ASKING_NOTHING && !b->n_ranges && !b->n_taken && !b->n_again;
}

bool store_batch_next(struct store_batch *b, enum store_asking *asking, struct store_row ***rows, size_t *n)
{
    if (b->n_ranges == 0 && b->n_taken == 0 && b->n_again > 0) {
        settle_repeats(b);
        if (b->n_again > 0)
            begin_round(b, b->again, b->n_again);
    }
    if (b->n_ranges > 0) {
        struct store_range range = b->ranges[b->n_ranges - 1];
        *asking = ASKING_INSERT;
        *rows = b->round + range.start;
        *n = range.n;
        return true;
    }
    if (b->n_taken > 0) {
        *asking = ASKING_LOOK_UP;
        *n = b->n_taken < b->look_up_most ? b->n_taken : b->look_up_most;
        *rows = b->taken + b->n_taken - *n;
        return true;
    }
    return false;
}

bool store_batch_halve(struct store_batch *b)
{
    if (b->asked == 1)
        return false;
    if (b->asking == ASKING_LOOK_UP) {
        b->look_up_most = b->asked / 2;
        return true;
    }
    struct store_range *range = &b->ranges[b->n_ranges - 1];
    size_t half = range->n / 2;
    b->ranges[b->n_ranges++] = (struct store_range){range->start, half};
    *range = (struct store_range){range->start + half, range->n - half};
    return true;
}
