#include "worker/store_internal.h"

#include "common/log.h"
#include <stdio.h>
#include <string.h>

/* The row that is alone in its range is the one that PostgreSQL refuses. It is looked up before that is said: triggers and constraints
 * come before ON CONFLICT, so that they refuse today what they let in yesterday. */
static void refuse_row(struct store_batch *b, const PGresult *error)
{
    struct store_row *row = b->round[b->ranges[--b->n_ranges].start];
    const char *sqlstate = PQresultErrorField(error, PG_DIAG_SQLSTATE);
    const char *constraint = PQresultErrorField(error, PG_DIAG_CONSTRAINT_NAME);
    /* The run was deleted between our look and the foreign key's. */
    bool has_no_run =
        strcmp(sqlstate, "23503") == 0 && constraint && strcmp(constraint, "gold_label_run_id_fkey") == 0;

    row->verdict = has_no_run ? STORE_RUN_NOT_FOUND : STORE_INVALID;
    row->message = has_no_run ? SLICE_NONE : store_refusal(error, b->arena);
    b->taken[b->n_taken++] = row;
}

/* A value that PostgreSQL cannot even read: it was never stored, whatever is asked. False when no refusal explains it. */
static bool give_up_look_up(struct store_batch *b)
{
    struct store_row *row = b->taken[b->n_taken - 1];
    if (row->verdict == STORE_PENDING)
        return false;
    b->n_taken--;
    b->look_up_most = b->capacity;
    store_refusal_stands(b, row);
    return true;
}

/* One row is to blame: it is looked for in halves. False where it is alone, and that cannot be. */
static bool blame_row(struct store_batch *b, const PGresult *error)
{
    if (store_batch_halve(b))
        return true;
    if (b->asking == ASKING_LOOK_UP)
        return give_up_look_up(b);
    refuse_row(b, error);
    return true;
}

/* Too much at a time: what was asked is asked again in halves, on the same connection. */
static void try_less(struct store *s, const struct store_batch *b, const char *why)
{
    counter_add(s->outages, 1);
    snprintf(s->error, sizeof s->error, "%s", why);
    log_warning("statement given up; half of its rows are tried", LOG_STR("error", why),
                LOG_INT("rows", b->asked));
}

static void statement_failed(struct store *s, struct store_batch *b, const PGresult *error)
{
    /* Not PostgreSQL's own words: a trigger's may quote a label. */
    const char *sqlstate = PQresultErrorField(error, PG_DIAG_SQLSTATE);
    const char *column = store_unfilled_column(error, s->generated);
    char why[128];
    (void)snprintf(why, sizeof why, "statement failed, SQLSTATE %s%s%s%s", sqlstate ? sqlstate : "none",
                   column ? ", column " : "", column ? column : "",
                   store_has_no_partition(error) ? ", no partition for a row" : "");

    enum store_blame blame = store_blame_of(error, s->generated);
    if (blame == BLAME_ROW && blame_row(b, error))
        return;
    if (blame == BLAME_SIZE && store_batch_halve(b))
        try_less(s, b, why);
    else
        /* A new connection may find another server, and prepares the statements again. */
        store_disconnect(s, why);
}

status store_finish_statement(struct store *s, struct store_batch *b, PGresult *r)
{
    status st = STATUS_OK;

    if (PQresultStatus(r) != PGRES_TUPLES_OK) {
        statement_failed(s, b, r);
    } else {
        st = b->asking == ASKING_INSERT ? store_read_inserted(b, r) : store_read_found(b, r);
        if (st == STATUS_RETRY) {
            store_disconnect(s, "no run can be seen: is there row-level security on run without a policy?");
            return STATUS_OK;
        }
        s->error[0] = '\0';
    }
    b->asking = ASKING_NOTHING;
    if (b->has_hidden) {
        b->has_hidden = false;
        store_disconnect(s, "a row was neither stored nor found: does a policy on gold_label hide it, or a "
                            "trigger leave it out?");
    }
    return st;
}
