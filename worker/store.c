#include "worker/store_internal.h"

#include "common/log.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_GONE_ROUNDS = 3 };

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
    store_params_dispose(&s->params);
    free(s->round);
    free(s->again);
    free(s->taken);
    free(s);
}

enum store_state store_state(const struct store *s)
{
    if (s->has_batch)
        return s->n_ranges || s->n_taken || s->n_again || s->phase > PHASE_IDLE ? STORE_WORKING
                                                                                : STORE_ANSWERED;
    return s->phase == PHASE_IDLE ? STORE_IDLE : STORE_AWAY;
}

bool store_is_connected(const struct store *s, const char **why)
{
    *why = s->error;
    return s->phase >= PHASE_IDLE && !s->error[0];
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
    case PHASE_IDLE:
        return -1;
    default:
        return s->answer_by_us;
    }
}

/* ---- rounds: no id twice in one statement ---- */

/* Takes rows (sorted by id): the first of each id into `round`, the others into `again`. `rows` may be `again` itself. */
static void begin_round(struct store *s, struct store_row **rows, size_t n)
{
    const struct uuid *last = NULL;
    s->n_round = 0;
    s->n_again = 0;
    for (size_t i = 0; i < n; i++) {
        struct store_row *row = rows[i];
        if (last && uuid_compare(last, &row->command->command_id) == 0)
            s->again[s->n_again++] = row;
        else
            s->round[s->n_round++] = row;
        last = &row->command->command_id;
    }
    s->ranges[0] = (struct store_range){0, s->n_round};
    s->n_ranges = 1;
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
static void settle_repeats(struct store *s)
{
    size_t left = 0;
    size_t r = 0;
    for (size_t i = 0; i < s->n_again; i++) {
        struct store_row *row = s->again[i];
        while (r < s->n_round &&
               uuid_compare(&s->round[r]->command->command_id, &row->command->command_id) < 0)
            r++;
        const struct store_row *first = r < s->n_round ? s->round[r] : NULL;
        if (first && first->verdict != STORE_PENDING && same_command(first->command, row->command)) {
            const struct label_command *command = row->command;
            *row = *first;
            row->command = command;
            if (row->verdict == STORE_CREATED)
                row->verdict = STORE_REPLAYED;
        } else {
            s->again[left++] = row;
        }
    }
    s->n_again = left;
}

static status make_room(struct store *s, size_t n)
{
    if (n <= s->capacity)
        return STATUS_OK;
    struct store_row ***const lists[] = {&s->round, &s->again, &s->taken};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        struct store_row **grown = realloc(*lists[i], n * sizeof **lists[i]);
        if (!grown)
            return STATUS_NO_MEMORY;
        *lists[i] = grown;
    }
    s->capacity = n;
    return STATUS_OK;
}

status store_begin(struct store *s, struct store_row *rows, size_t n, struct arena *arena)
{
    status st = make_room(s, n);
    if (st != STATUS_OK)
        return st;
    for (size_t i = 0; i < n; i++) {
        rows[i].verdict = STORE_PENDING;
        s->again[i] = &rows[i];
    }
    s->arena = arena;
    s->has_batch = true;
    s->n_taken = 0;
    s->look_up_most = n;
    s->gone_rounds = 0;
    s->has_refused = false;
    begin_round(s, s->again, n);
    return STATUS_OK;
}

void store_end(struct store *s)
{
    s->has_batch = false;
    s->arena = NULL;
}

/* ---- statements ---- */

static status send_statement(struct store *s, const char *name, struct store_row *const *rows, size_t n,
                             enum store_phase phase)
{
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
    s->phase = phase;
    s->asked = n;
    counter_add(s->statements, 1);
    store_expect_answer(s);
    if (!PQsendQueryPrepared(s->conn, name, STORE_PARAMS, values, lengths, formats, 1) || !store_flush(s))
        store_disconnect(s, PQerrorMessage(s->conn));
    return STATUS_OK;
}

static status send_next(struct store *s)
{
    if (s->n_ranges > 0) {
        struct store_range range = s->ranges[s->n_ranges - 1];
        return send_statement(s, STORE_INSERT, s->round + range.start, range.n, PHASE_INSERTING);
    }
    if (s->n_taken > 0) {
        size_t n = s->n_taken < s->look_up_most ? s->n_taken : s->look_up_most;
        return send_statement(s, STORE_LOOKUP, s->taken + s->n_taken - n, n, PHASE_LOOKING_UP);
    }
    if (s->n_again > 0) {
        settle_repeats(s);
        if (s->n_again > 0)
            begin_round(s, s->again, s->n_again);
    }
    return STATUS_OK;
}

/* The statement under way was too much, or holds a row that is to blame: the next one has half of it. False when its row is alone. */
static bool halve(struct store *s)
{
    if (s->asked == 1)
        return false;
    if (s->phase == PHASE_LOOKING_UP) {
        s->look_up_most = s->asked / 2;
        return true;
    }
    struct store_range *range = &s->ranges[s->n_ranges - 1];
    size_t half = range->n / 2;
    s->ranges[s->n_ranges++] = (struct store_range){range->start, half};
    *range = (struct store_range){range->start + half, range->n - half};
    return true;
}

/* The row that is alone in its range is the one that PostgreSQL refuses. */
static void refuse_row(struct store *s, const PGresult *error)
{
    struct store_row *row = s->round[s->ranges[--s->n_ranges].start];
    const char *sqlstate = PQresultErrorField(error, PG_DIAG_SQLSTATE);
    const char *constraint = PQresultErrorField(error, PG_DIAG_CONSTRAINT_NAME);
    /* The run was deleted between our look and the foreign key's. */
    if (strcmp(sqlstate, "23503") == 0 && constraint && strcmp(constraint, "gold_label_run_id_fkey") == 0) {
        row->verdict = STORE_RUN_NOT_FOUND;
        return;
    }
    row->verdict = STORE_INVALID;
    row->message = store_refusal(error, s->arena);
    /* A constraint or trigger that refuses everything would fill the log: one line a batch. */
    if (!s->has_refused)
        log_warning("label refused", LOG_SLICE("reason", row->message),
                    LOG_UUID("command_id", row->command->command_id),
                    LOG_UUID("run_id", row->command->run_id));
    s->has_refused = true;
}

/* Too much at a time: what was asked is asked again in halves, on the same connection. */
static void try_less(struct store *s, const char *why)
{
    counter_add(s->outages, 1);
    snprintf(s->error, sizeof s->error, "%s", why);
    log_warning("statement given up; half of its rows are tried", LOG_STR("error", why),
                LOG_INT("rows", s->asked));
    s->phase = PHASE_IDLE;
}

static void statement_failed(struct store *s, const PGresult *error)
{
    /* Not PostgreSQL's own words: a trigger's may quote a label. */
    const char *sqlstate = PQresultErrorField(error, PG_DIAG_SQLSTATE);
    char why[64];
    (void)snprintf(why, sizeof why, "statement failed, SQLSTATE %s", sqlstate ? sqlstate : "none");

    enum store_blame blame = store_blame_of(error);
    if (blame == BLAME_ROW && s->phase == PHASE_INSERTING) {
        if (!halve(s))
            refuse_row(s, error);
        s->phase = PHASE_IDLE;
    } else if (blame == BLAME_SIZE && halve(s)) {
        try_less(s, why);
    } else {
        /* A new connection may find another server, and prepares the statements again. */
        store_disconnect(s, why);
    }
}

/* The answer to a statement is there: verdicts, or whose fault it is. */
static status finish_statement(struct store *s, PGresult *r)
{
    if (!r || PQstatus(s->conn) == CONNECTION_BAD) {
        store_disconnect(s, PQerrorMessage(s->conn));
        return STATUS_OK;
    }
    if (PQresultStatus(r) != PGRES_TUPLES_OK) {
        statement_failed(s, r);
        return STATUS_OK;
    }

    status st = s->phase == PHASE_INSERTING ? store_read_inserted(s, r) : store_read_found(s, r);
    s->attempts = 0;
    s->error[0] = '\0';
    s->phase = PHASE_IDLE;
    if (s->gone_rounds > MAX_GONE_ROUNDS) {
        s->gone_rounds = 0;
        store_disconnect(s,
                         "a row was neither stored nor found: is there a trigger or a policy on gold_label?");
    }
    return st;
}

/* PostgreSQL would have given the statement up by now: it, or the way to it, is dead or frozen. Should it still work on the statement
 * and commit, the repetition finds the rows. */
static void abandon_statement(struct store *s)
{
    log_error("the database does not answer: connection given up, the batch will be repeated",
              LOG_INT("rows", s->asked), LOG_STR("statement_timeout_ms", s->statement_timeout),
              LOG_INT("backend", PQbackendPID(s->conn)));
    (void)halve(s);
    store_disconnect(s, "no answer to a statement in time");
}

static status continue_statement(struct store *s)
{
    PGresult *r = NULL;
    status st = STATUS_OK;

    if (!store_flush(s))
        store_disconnect(s, PQerrorMessage(s->conn));
    else if (store_take_result(s, &r))
        st = finish_statement(s, r);
    else if (store_is_overdue(s))
        abandon_statement(s);
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
    enum store_phase before;
    size_t ranges;
    status st = STATUS_OK;

    do {
        before = s->phase;
        ranges = s->n_ranges;
        if (s->phase < PHASE_IDLE)
            st = store_connect_advance(s);
        else if (s->phase > PHASE_IDLE)
            st = continue_statement(s);
        else if (store_state(s) == STORE_WORKING)
            st = send_next(s);
        else
            watch_idle(s);
    } while (st == STATUS_OK && (s->phase != before || s->n_ranges != ranges));
    return st;
}
