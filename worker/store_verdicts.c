#include "worker/store_internal.h"

#include "common/log.h"
#include <endian.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_GONE_ROUNDS = 3 };

/* PostgreSQL counts microseconds from 2000-01-01. */
static const int64_t POSTGRES_EPOCH_US = INT64_C(946684800000000);

static int64_t read_i64(const PGresult *r, int row, int column)
{
    uint64_t big;
    memcpy(&big, PQgetvalue(r, row, column), sizeof big);
    return (int64_t)be64toh(big);
}

static int64_t read_time(const PGresult *r, int row, int column)
{
    return read_i64(r, row, column) + POSTGRES_EPOCH_US;
}

/* The 1-based ordinal of the first column as an index below `n`; false when it is out of bounds. */
static bool read_index(const PGresult *r, int row, size_t n, size_t *out)
{
    uint32_t big;
    memcpy(&big, PQgetvalue(r, row, 0), sizeof big);
    *out = (size_t)be32toh(big) - 1;
    return *out < n;
}

static status broken_answer(const char *statement, int rows, size_t wanted)
{
    log_error("the database's answer does not fit the batch", LOG_STR("statement", statement),
              LOG_INT("rows", rows), LOG_INT("wanted", wanted));
    return STATUS_FATAL;
}

static struct slice read_text(const PGresult *r, int row, int column, struct arena *arena)
{
    if (PQgetisnull(r, row, column))
        return SLICE_NONE;
    return arena_copy(arena, slice_make(PQgetvalue(r, row, column), (size_t)PQgetlength(r, row, column)));
}

/* Who changed the row, and when, in two columns from `column` on. */
static void read_change(struct label_result *to, const PGresult *r, int row, int column, struct arena *arena)
{
    to->updated_by = read_text(r, row, column, arena);
    to->has_updated_at = !PQgetisnull(r, row, column + 1);
    if (to->has_updated_at)
        to->updated_at_us = read_time(r, row, column + 1);
}

/* The row was inserted just now, in the columns of insert_labels.sql. That somebody changed it is said by a trigger, if at all. */
static status read_inserted(struct store_batch *b, const PGresult *r, int i, struct store_row *row)
{
    enum { CREATED_AT = 2, UPDATED_BY, UPDATED_AT };
    row->verdict = STORE_CREATED;
    row->created_at_us = read_time(r, i, CREATED_AT);
    if (PQgetisnull(r, i, UPDATED_BY) && PQgetisnull(r, i, UPDATED_AT))
        return STATUS_OK;

    struct label_result *found = arena_alloc(b->arena, sizeof *found);
    if (!found)
        return STATUS_NO_MEMORY;
    *found = label_created(row->command, row->created_at_us);
    read_change(found, r, i, UPDATED_BY, b->arena);
    row->found = found;
    return STATUS_OK;
}

status store_read_inserted(struct store_batch *b, const PGresult *r)
{
    struct store_range range = b->ranges[b->n_ranges - 1];
    int rows = PQntuples(r);
    if ((size_t)rows != range.n)
        return broken_answer(STORE_INSERT, rows, range.n);
    if (*PQgetvalue(r, 0, 1) == 'h') /* where a policy hides all runs, all rows are that */
        return STATUS_RETRY;

    b->n_ranges--;
    status st = STATUS_OK;
    for (int i = 0; i < rows && st == STATUS_OK; i++) {
        size_t index = 0;
        if (!read_index(r, i, range.n, &index))
            return broken_answer(STORE_INSERT, rows, range.n);
        struct store_row *row = b->round[range.start + index];
        switch (*PQgetvalue(r, i, 1)) {
        case 's':
            st = read_inserted(b, r, i, row);
            break;
        case 'm':
            row->verdict = STORE_RUN_NOT_FOUND;
            break;
        case 'l':
            row->verdict = STORE_RUN_NOT_FOUND;
            b->taken[b->n_taken++] = row;
            break;
        default:
            b->taken[b->n_taken++] = row;
        }
    }
    return st;
}

/* The row that is there, in the columns of lookup_labels.sql. */
static status read_row(struct store_batch *b, const PGresult *r, int i, struct store_row *row)
{
    enum { CREATED_BY = 2, CREATED_AT, UPDATED_BY, UPDATED_AT, OBJECT };
    const struct label_command *c = row->command;
    struct label_result *found = arena_alloc(b->arena, sizeof *found);
    if (!found)
        return STATUS_NO_MEMORY;

    *found = label_created(c, read_time(r, i, CREATED_AT));
    found->created_by = read_text(r, i, CREATED_BY, b->arena);
    read_change(found, r, i, UPDATED_BY, b->arena);
    if (!PQgetisnull(r, i, OBJECT))
        found->object_value = read_text(r, i, OBJECT, b->arena);
    if (c->object_value.at && !found->object_value.at)
        return STATUS_NO_MEMORY;
    row->found = found;
    row->created_at_us = found->created_at_us;
    row->verdict = STORE_REPLAYED;
    return STATUS_OK;
}

/* Rows are sorted by id, and of one id the earlier command comes first: rows lie in that order in memory. */
static int by_id(const void *a, const void *b)
{
    const struct store_row *x = *(struct store_row *const *)a;
    const struct store_row *y = *(struct store_row *const *)b;
    int order = uuid_compare(&x->command->command_id, &y->command->command_id);
    return order ? order : (x > y) - (x < y);
}

/* A constraint or trigger that refuses everything would fill the log: one line a batch. */
void store_refusal_stands(struct store_batch *b, const struct store_row *row)
{
    if (row->verdict == STORE_INVALID && !b->has_refused) {
        b->has_refused = true;
        log_warning("label refused", LOG_SLICE("reason", row->message),
                    LOG_UUID("command_id", row->command->command_id),
                    LOG_UUID("run_id", row->command->run_id));
    }
}

/* A row that is neither stored nor found, time after time. Where a policy may hide a row of its id, nothing is known of it; otherwise a
 * trigger leaves it out, and only that is sure: it is not stored. */
static void give_up_unfound(struct store_batch *b, struct store_row *row, bool may_be_hidden)
{
    if (may_be_hidden) {
        row->gone = 0;
        b->has_hidden = true;
        return;
    }
    row->verdict = STORE_INVALID;
    row->message = slice_of("the database did not store the label: a trigger on gold_label leaves it out");
    store_refusal_stands(b, row);
}

/* Nothing that equals the row is there: what is `found` instead is another label of its id, or nothing. Returns whether it gets another
 * round. */
static bool settle_unfound(struct store_batch *b, struct store_row *row, char found)
{
    if (row->verdict != STORE_PENDING) {
        store_refusal_stands(b, row);
        return false;
    }
    if (found == 'o') {
        row->verdict = STORE_ID_CONFLICT;
        return false;
    }
    if (++row->gone > MAX_GONE_ROUNDS)
        give_up_unfound(b, row, found == 'h');
    if (row->verdict != STORE_PENDING)
        return false;
    /* Deleted in between: its id is free now. */
    b->again[b->n_again++] = row;
    return true;
}

status store_read_found(struct store_batch *b, const PGresult *r)
{
    int rows = PQntuples(r);
    size_t n = b->asked;
    bool gone = false;
    if ((size_t)rows != n)
        return broken_answer(STORE_LOOKUP, rows, n);

    b->n_taken -= n;
    for (int i = 0; i < rows; i++) {
        size_t index = 0;
        if (!read_index(r, i, n, &index))
            return broken_answer(STORE_LOOKUP, rows, n);
        struct store_row *row = b->taken[b->n_taken + index];
        char found = *PQgetvalue(r, i, 1);
        status st = found == 's' ? read_row(b, r, i, row) : STATUS_OK;
        if (st != STATUS_OK)
            return st;
        if (found != 's' && settle_unfound(b, row, found))
            gone = true;
    }
    if (gone)
        qsort(b->again, b->n_again, sizeof *b->again, by_id);
    return STATUS_OK;
}
