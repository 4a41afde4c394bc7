#include "ingress/reads_connection.h"

#include "common/buffer.h"
#include "common/log.h"
#include "ingress/reads_rows.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE_BYTES "65536"

enum {
    LINE_BYTES = 512,
    CONNECT_US = 10 * 1000000, /* more than tcp_user_timeout, so that libpq comes to the next host */
    GRACE_US = 2 * 1000000,    /* PostgreSQL's word that it has given up may take so long */
    RETRY_BASE_US = 50 * 1000,
    RETRY_MAX_US = 2 * 1000000,
};

static const char SET_UP[] =
#include "gen/ingress/sql/set_up_reads.sql.inc"
    ;
static const char READ_ONE[] =
#include "gen/ingress/sql/read_label.sql.inc"
    ;
static const char READ_MANY[] =
#include "gen/ingress/sql/list_labels.sql.inc"
    ;
static const char ANSWER[] =
#include "gen/ingress/sql/answer.sql.inc"
    ;

/* What is sent on a new connection: a query, and the statements to be prepared. */
static const struct {
    const char *name; /* NULL: a query */
    const char *sql;
    const char *behind; /* what both reads have in common */
    int n_parameters;   /* once it is used */
} STATEMENTS[] = {
    [READ_LABEL] = {"read_label", READ_ONE, ANSWER, 5},
    [READ_LIST] = {"list_labels", READ_MANY, ANSWER, 7},
    {NULL, SET_UP, "", 1},
};
enum { N_STATEMENTS = sizeof STATEMENTS / sizeof STATEMENTS[0], SET_UP_STATEMENT = N_STATEMENTS - 1 };

enum phase {
    PHASE_AWAY,       /* until `due_us` */
    PHASE_CONNECTING, /* PQconnectPoll() */
    PHASE_SETTING_UP, /* STATEMENTS, from the last to the first */
    PHASE_IDLE,
    PHASE_READING, /* without a read: the rest of one that was given up */
};

struct reads_connection {
    const struct reads_connection_options *o;
    PGconn *conn;
    enum phase phase;
    int statement; /* of PHASE_SETTING_UP */
    short events;
    unsigned failures; /* in a row */
    int64_t due_us;    /* AWAY: the next attempt; IDLE: never; otherwise it has failed by then */
    int64_t complained_us;
    struct read *read;
    struct read_page page;
    size_t got;     /* of the page */
    bool has_error; /* the statement under way has failed … */
    bool is_slow;   /* … because PostgreSQL has given it up */
};

struct reads_connection *reads_connection_new(const struct reads_connection_options *options)
{
    struct reads_connection *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->o = options;
    return c;
}

void reads_connection_free(struct reads_connection *c)
{
    if (!c)
        return;
    reads_rows_drop(&c->page, c->o->memory);
    PQfinish(c->conn);
    free(c);
}

bool reads_connection_is_idle(const struct reads_connection *c)
{
    return c->phase == PHASE_IDLE;
}

bool reads_connection_is_open(const struct reads_connection *c)
{
    return c->phase >= PHASE_IDLE;
}

bool reads_connection_is_failing(const struct reads_connection *c)
{
    return c->failures > 0;
}

static int64_t now_us(const struct reads_connection *c)
{
    return clock_monotonic_us(c->o->clock);
}

/* ---- faults ---- */

static void complain(struct reads_connection *c, const char *what, const char *why, const char *sqlstate)
{
    char line[LINE_BYTES];

    if (!log_is_due(&c->complained_us, now_us(c)))
        return;
    postgres_reason(why, line, sizeof line);
    log_warning(what, LOG_STR("error", line), LOG_STR("sqlstate", sqlstate ? sqlstate : ""),
                LOG_INT("failures", c->failures + 1));
}

static void settle(struct reads_connection *c, enum read_outcome outcome)
{
    struct read *r = c->read;
    struct read_page page = c->page;

    if (outcome != READ_SHOWN) {
        reads_rows_drop(&page, c->o->memory);
        page.outcome = outcome;
    }
    c->read = NULL;
    c->page = (struct read_page){.outcome = READ_NOT_FOUND};
    if (r)
        c->o->settled(c->o->ctx, r, &page);
}

static void disconnect(struct reads_connection *c, const char *why, const char *sqlstate)
{
    complain(c, "labels cannot be read", why, sqlstate);
    PQfinish(c->conn);
    c->conn = NULL;
    c->phase = PHASE_AWAY;
    c->due_us = now_us(c) + clock_backoff(RETRY_BASE_US, RETRY_MAX_US, c->failures++);
    settle(c, READ_UNAVAILABLE);
}

static void lose(struct reads_connection *c)
{
    disconnect(c, PQerrorMessage(c->conn), NULL);
}

/* ---- connecting ---- */

static void fail_connecting(struct reads_connection *c)
{
    char why[LINE_BYTES];

    postgres_attempts(c->conn, why, sizeof why);
    disconnect(c, why, NULL);
}

static void connect_now(struct reads_connection *c)
{
    const struct postgres_options options = {
        .program = "gold-label-ingress", .conninfo = c->o->conninfo, .user_timeout_ms = "4000"};

    if (!postgres_connect(&options, &c->conn)) {
        fail_connecting(c);
        return;
    }
    c->phase = PHASE_CONNECTING;
    c->events = POLLOUT;
    c->due_us = now_us(c) + CONNECT_US;
}

static bool flush(struct reads_connection *c)
{
    return postgres_flush(c->conn, &c->events);
}

static void send_statement(struct reads_connection *c)
{
    const char *name = STATEMENTS[c->statement].name;
    struct buffer sql = {0};
    char timeout[24];
    const char *const values[] = {timeout};

    buffer_printf(&sql, "%s%s", STATEMENTS[c->statement].sql, STATEMENTS[c->statement].behind);
    buffer_add_char(&sql, '\0');
    (void)snprintf(timeout, sizeof timeout, "%lld", (long long)c->o->timeout_ms);
    c->has_error = false;
    c->due_us = now_us(c) + c->o->timeout_ms * 1000 + GRACE_US;
    int sent = !sql.failed && (name ? PQsendPrepare(c->conn, name, sql.at, 0, NULL)
                                    : PQsendQueryParams(c->conn, sql.at, 1, NULL, values, NULL, NULL, 0));
    buffer_dispose(&sql);
    if (!sent || !flush(c))
        lose(c);
}

static void continue_connecting(struct reads_connection *c)
{
    switch (postgres_continue(c->conn, &c->events)) {
    case POSTGRES_CONNECTING:
        break;
    case POSTGRES_CONNECTED:
        c->phase = PHASE_SETTING_UP;
        c->statement = SET_UP_STATEMENT;
        send_statement(c);
        break;
    case POSTGRES_FAILED:
        fail_connecting(c);
        break;
    }
}

/* ---- reading ---- */

void reads_connection_read(struct reads_connection *c, struct read *r)
{
    char limit[16];
    char page_bytes[24];

    (void)snprintf(limit, sizeof limit, "%u", r->limit);
    (void)snprintf(page_bytes, sizeof page_bytes, "%lld", (long long)c->o->page_bytes);
    const char *const values[] = {
        r->run_id, r->account_id, r->id[0] ? r->id : NULL, r->known.text, PIECE_BYTES, limit, page_bytes};
    c->read = r;
    c->phase = PHASE_READING;
    c->has_error = c->is_slow = false;
    /* PostgreSQL gives up first, and the connection stays. The client's own deadline is looked at beside. */
    c->due_us = now_us(c) + c->o->timeout_ms * 1000 + GRACE_US;
    reads_rows_begin(&c->page);
    if (!PQsendQueryPrepared(c->conn, STATEMENTS[r->kind].name, STATEMENTS[r->kind].n_parameters, values,
                             NULL, NULL, 1) ||
        !PQsetSingleRowMode(c->conn) || !flush(c))
        lose(c);
}

void reads_connection_abandon(struct reads_connection *c, enum read_outcome outcome)
{
    if (c->read)
        settle(c, outcome);
}

static void take_result(struct reads_connection *c, const PGresult *result)
{
    const char *sqlstate = NULL;

    switch (PQresultStatus(result)) {
    case PGRES_SINGLE_TUPLE:
        if (c->read && reads_rows_take(&c->page, &c->got, result, c->o->memory) != STATUS_OK) {
            log_error("a read has brought an impossible row");
            settle(c, READ_UNAVAILABLE);
        }
        break;
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
        break;
    default:
        sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        c->has_error = true;
        c->is_slow = sqlstate && strcmp(sqlstate, "57014") == 0;
        /* Only the primary message: the details may quote a label. */
        complain(c, "a read has failed", PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY), sqlstate);
    }
}

/* The statement is over. One that took too long leaves the connection as it was; after any other error a new one is made, and
 * everything prepared anew: whatever an operator mends is found mended. */
static void end_statement(struct reads_connection *c)
{
    if (c->has_error && !(c->is_slow && c->phase == PHASE_READING)) {
        disconnect(c, "the statement has failed", NULL);
    } else if (c->phase == PHASE_SETTING_UP && --c->statement >= 0) {
        send_statement(c);
    } else {
        bool was_reading = c->phase == PHASE_READING;
        c->phase = PHASE_IDLE;
        c->due_us = INT64_MAX;
        if (c->has_error)
            settle(c, READ_LATE);
        else if (was_reading)
            settle(c, reads_rows_end(&c->page, c->got) == STATUS_OK ? c->page.outcome : READ_UNAVAILABLE);
        c->failures = 0;
    }
}

static void converse(struct reads_connection *c)
{
    if (!flush(c) || PQconsumeInput(c->conn) != 1) {
        lose(c);
        return;
    }
    while (c->conn && c->phase != PHASE_IDLE && !PQisBusy(c->conn)) {
        PGresult *result = PQgetResult(c->conn);
        if (result)
            take_result(c, result);
        else
            end_statement(c);
        PQclear(result);
    }
}

/* ---- the whole ---- */

int reads_connection_fd(const struct reads_connection *c, short *events)
{
    *events = c->events;
    return c->conn ? PQsocket(c->conn) : -1;
}

int64_t reads_connection_due_us(const struct reads_connection *c)
{
    return c->read && c->read->deadline_us < c->due_us ? c->read->deadline_us : c->due_us;
}

bool reads_connection_advance(struct reads_connection *c, bool is_ready, bool may_connect)
{
    if (c->phase == PHASE_AWAY) {
        bool connects = may_connect && now_us(c) >= c->due_us;
        if (connects)
            connect_now(c);
        return connects;
    }
    /* Before its socket is ready libpq would wait by itself. */
    if (is_ready && c->phase == PHASE_CONNECTING)
        continue_connecting(c);
    else if (is_ready)
        converse(c);

    if (c->read && now_us(c) >= c->read->deadline_us)
        settle(c, READ_LATE);
    if (c->phase != PHASE_AWAY && now_us(c) >= c->due_us)
        disconnect(c, "no answer in time", NULL);
    return false;
}
