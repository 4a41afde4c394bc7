#include "worker/store_internal.h"

#include "common/log.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct store *store_new(const struct store_options *options)
{
    struct store *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->o = *options;
    s->retry_at_us = clock_monotonic_us(s->o.clock);
    snprintf(s->statement_timeout, sizeof s->statement_timeout, "%" PRId64, s->o.statement_timeout_ms);
    snprintf(s->error, sizeof s->error, "not connected yet");
    s->statements = metrics_counter(s->o.metrics, "gold_label_worker_statements_total", NULL,
                                    "Statements sent to PostgreSQL for batches.");
    s->outages = metrics_counter(s->o.metrics, "gold_label_worker_database_failures_total", NULL,
                                 "Lost connections, and statements that failed for no row's fault.");
    return s;
}

void store_free(struct store *s)
{
    if (!s)
        return;
    PQclear(s->answer);
    PQfinish(s->conn);
    free(s->generated);
    store_params_dispose(&s->params);
    for (size_t i = 0; i < STORE_BATCHES; i++)
        store_batch_dispose(&s->batches[i]);
    free(s);
}

/* ---- batches ---- */

/* The i-th, counted from the oldest. */
static struct store_batch *batch_at(const struct store *s, size_t i)
{
    return (struct store_batch *)&s->batches[(s->first + i) % STORE_BATCHES];
}

bool store_has_room(const struct store *s)
{
    return s->n < STORE_BATCHES;
}

status store_begin(struct store *s, struct store_row *rows, size_t n, struct arena *arena)
{
    status st = store_batch_begin(batch_at(s, s->n), rows, n, arena);
    if (st == STATUS_OK)
        s->n++;
    return st;
}

void store_end(struct store *s)
{
    batch_at(s, 0)->arena = NULL;
    s->attempts = 0; /* not with each statement: a batch can fail again and again at its second one */
    s->first = (s->first + 1) % STORE_BATCHES;
    s->n--;
}

enum store_state store_state(const struct store *s)
{
    if (s->n > 0)
        return store_batch_is_answered(batch_at(s, 0)) ? STORE_ANSWERED : STORE_WORKING;
    return s->phase == PHASE_CONNECTED ? STORE_IDLE : STORE_AWAY;
}

bool store_is_connected(const struct store *s, const char **why)
{
    *why = s->error;
    return s->phase == PHASE_CONNECTED && !s->error[0];
}

int store_fd(const struct store *s, short *events)
{
    *events = s->events;
    return s->conn ? PQsocket(s->conn) : -1;
}

int64_t store_deadline_us(const struct store *s)
{
    switch (s->phase) {
    case PHASE_DISCONNECTED:
        return s->retry_at_us;
    case PHASE_CONNECTED:
        return s->n_sent > 0 ? s->answer_by_us : -1;
    default:
        return s->answer_by_us;
    }
}

/* ---- statements ---- */

/* A plan is kept, but made for the sizes that the tables had then: where both indexes of an empty table cost the same, it may take the one
 * that has to be read from end to end. */
static bool plan_anew(struct store *s)
{
    int64_t now_us = clock_monotonic_us(s->o.clock);
    if (now_us < s->plans_until_us)
        return true;
    s->plans_until_us = now_us + STORE_PLANS_LAST_US;
    return PQsendQueryParams(s->conn, "DISCARD PLANS", 0, NULL, NULL, NULL, NULL, 0) == 1;
}

static status send_statement(struct store *s, struct store_batch *b, enum store_asking asking,
                             struct store_row *const *rows, size_t n)
{
    const char *name = asking == ASKING_INSERT ? STORE_INSERT : STORE_LOOKUP;
    const char *values[STORE_PARAMS];
    int lengths[STORE_PARAMS];
    int formats[STORE_PARAMS];

    if (!store_params_fill(&s->params, rows, n))
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < STORE_PARAMS; i++) {
        values[i] = s->params.at[i].at;
        lengths[i] = (int)s->params.at[i].len;
        formats[i] = 1;
    }
    b->asking = asking;
    b->asked = n;
    counter_add(s->statements, 1);
    /* The time of the one that is sent ahead begins with the answer to the one before. */
    if (s->n_sent == 0)
        store_expect_answer(s);
    s->sent[s->n_sent++] = b;
    /* The Sync behind it makes it a transaction of its own. */
    if (!plan_anew(s) || !PQsendQueryPrepared(s->conn, name, STORE_PARAMS, values, lengths, formats, 1) ||
        !PQpipelineSync(s->conn) || !store_flush(s))
        store_disconnect(s, PQerrorMessage(s->conn));
    return STATUS_OK;
}

/* Asks what can be asked now. */
static status send_next(struct store *s, bool *moved)
{
    status st = STATUS_OK;

    for (size_t i = 0; i < s->n && st == STATUS_OK && s->phase == PHASE_CONNECTED; i++) {
        struct store_batch *b = batch_at(s, i);
        enum store_asking asking;
        struct store_row **rows;
        size_t n;
        if (b->asking != ASKING_NOTHING || !store_batch_next(b, &asking, &rows, &n))
            continue;
        st = send_statement(s, b, asking, rows, n);
        *moved = true;
    }
    return st;
}

/* PostgreSQL would have given the statement up by now: it, or the way to it, is dead or frozen. Should it still work on the statement
 * and commit, the repetition finds the rows. */
static void abandon_statement(struct store *s)
{
    struct store_batch *b = s->sent[0];
    log_error("the database does not answer: connection given up, the batch will be repeated",
              LOG_INT("rows", b->asked), LOG_STR("statement_timeout_ms", s->statement_timeout),
              LOG_INT("backend", PQbackendPID(s->conn)));
    (void)store_batch_halve(b);
    store_disconnect(s, "no answer to a statement in time");
}

/* The statement that was sent first is answered first. */
static struct store_batch *take_first(struct store *s)
{
    struct store_batch *b = s->sent[0];
    memmove(&s->sent[0], &s->sent[1], --s->n_sent * sizeof s->sent[0]);
    if (s->n_sent > 0)
        store_expect_answer(s);
    return b;
}

static status read_answer(struct store *s, bool *moved)
{
    PGresult *r = NULL;
    status st = STATUS_OK;

    if (!store_flush(s)) {
        store_disconnect(s, PQerrorMessage(s->conn));
        *moved = true;
    } else if (store_take_result(s, &r)) {
        *moved = true;
        if (!r || PQstatus(s->conn) == CONNECTION_BAD)
            store_disconnect(s, PQerrorMessage(s->conn));
        else
            st = store_finish_statement(s, take_first(s), r);
    } else if (store_is_overdue(s)) {
        *moved = true;
        abandon_statement(s);
    }
    PQclear(r);
    return st;
}

/* Nothing is on its way: the only thing to come is the end of the connection. */
static void watch_idle(struct store *s)
{
    if (!PQconsumeInput(s->conn) || PQstatus(s->conn) == CONNECTION_BAD)
        store_disconnect(s, PQerrorMessage(s->conn));
}

status store_advance(struct store *s)
{
    bool moved = true;
    status st = STATUS_OK;

    while (moved && st == STATUS_OK) {
        const enum store_phase before = s->phase;
        moved = false;
        if (s->phase < PHASE_CONNECTED) {
            st = store_connect_advance(s);
            moved = s->phase != before;
            continue;
        }
        if (s->n_sent > 0)
            st = read_answer(s, &moved);
        if (st == STATUS_OK)
            st = send_next(s, &moved);
        if (s->phase == PHASE_CONNECTED && s->n_sent == 0 && !moved)
            watch_idle(s);
    }
    return st;
}
