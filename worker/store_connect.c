#include "worker/store_internal.h"

#include "common/log.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CONNECT_TIMEOUT_US =
        12 * 1000000, /* of one address: more than tcp_user_timeout, so that libpq tries the next */
    ANSWER_GRACE_US = 5 * 1000000, /* PostgreSQL's word that it has given up may take so long */
    RETRY_BASE_US = 50 * 1000,
    RETRY_MAX_US = 2 * 1000000,
};

static const char CHECK_DATABASE[] =
#include "gen/worker/sql/check_database.sql.inc"
    ;
static const char SET_UP_SESSION[] =
#include "gen/worker/sql/set_up_session.sql.inc"
    ;
static const char INSERT_LABELS[] =
#include "gen/worker/sql/insert_labels.sql.inc"
    ;
static const char LOOKUP_LABELS[] =
#include "gen/worker/sql/lookup_labels.sql.inc"
    ;

/* What is sent on a new connection, one after the other. A step without a name is a query, the others are prepared. The session
 * comes first: from then on no step waits longer for a lock than statement_timeout. */
static const struct {
    const char *name;
    const char *sql;
} SETUP[] = {
    {NULL, SET_UP_SESSION},
    {NULL, CHECK_DATABASE},
    {STORE_INSERT, INSERT_LABELS},
    {STORE_LOOKUP, LOOKUP_LABELS},
};
enum { SETUP_STEPS = sizeof SETUP / sizeof *SETUP, STEP_SESSION = 0, STEP_CHECK = 1 };

void store_disconnect(struct store *s, const char *why)
{
    int64_t wait = clock_backoff(RETRY_BASE_US, RETRY_MAX_US, s->attempts++);

    postgres_reason(why, s->error, sizeof s->error);
    log_warning("database away", LOG_STR("error", s->error), LOG_INT("attempt", s->attempts),
                LOG_INT("retry_in_ms", wait / 1000));
    counter_add(s->outages, 1);

    PQclear(s->answer);
    s->answer = NULL;
    PQfinish(s->conn);
    s->conn = NULL;
    s->events = 0;
    for (size_t i = 0; i < STORE_BATCHES; i++)
        s->batches[i].asking = ASKING_NOTHING;
    s->n_sent = 0;
    s->phase = PHASE_DISCONNECTED;
    s->retry_at_us = clock_monotonic_us(s->o.clock) + wait;
}

static void wait_for_answer(struct store *s, int64_t us)
{
    s->answer_by_us = clock_monotonic_us(s->o.clock) + us;
}

void store_expect_answer(struct store *s)
{
    wait_for_answer(s, s->o.statement_timeout_ms * 1000 + ANSWER_GRACE_US);
}

bool store_is_overdue(const struct store *s)
{
    return clock_monotonic_us(s->o.clock) >= s->answer_by_us;
}

static void fail_connecting(struct store *s)
{
    char why[sizeof s->error];

    postgres_attempts(s->conn, why, sizeof why);
    store_disconnect(s, why);
}

static void begin_connecting(struct store *s)
{
    /* Of several hosts, a standby is not for us: libpq goes on to the next. */
    const struct postgres_options options = {.program = "gold-label-worker",
                                             .conninfo = s->o.conninfo,
                                             .session_attrs = "read-write",
                                             .user_timeout_ms = "10000"};

    if (!postgres_connect(&options, &s->conn)) {
        fail_connecting(s);
        return;
    }
    s->phase = PHASE_CONNECTING;
    s->events = POLLOUT;
    s->address[0] = '\0';
    wait_for_answer(s, CONNECT_TIMEOUT_US);
}

static void send_setup_step(struct store *s)
{
    const char *name = SETUP[s->setup_step].name;
    const char *sql = SETUP[s->setup_step].sql;
    const char *const values[] = {s->statement_timeout};
    int n = s->setup_step == STEP_SESSION ? 1 : 0;
    int sent = name ? PQsendPrepare(s->conn, name, sql, 0, NULL)
                    : PQsendQueryParams(s->conn, sql, n, NULL, values, NULL, NULL, 0);
    store_expect_answer(s);
    if (!sent || !store_flush(s))
        store_disconnect(s, PQerrorMessage(s->conn));
}

static void step_connecting(struct store *s)
{
    switch (postgres_continue(s->conn, &s->events)) {
    case POSTGRES_CONNECTING:
        break;
    case POSTGRES_CONNECTED:
        s->phase = PHASE_SETTING_UP;
        s->setup_step = 0;
        send_setup_step(s);
        break;
    case POSTGRES_FAILED:
        fail_connecting(s);
        break;
    }
}

/* A name may have several addresses, and the connection string several hosts: each has its time. */
static void note_address(struct store *s)
{
    char now[sizeof s->address];
    if (s->phase != PHASE_CONNECTING)
        return;
    (void)snprintf(now, sizeof now, "%s %s", PQhostaddr(s->conn), PQport(s->conn));
    if (strcmp(now, s->address) == 0)
        return;
    memcpy(s->address, now, sizeof now);
    wait_for_answer(s, CONNECT_TIMEOUT_US);
}

static void continue_connecting(struct store *s)
{
    /* libpq waits by itself when it is asked before the socket is ready. */
    struct pollfd socket = {.fd = PQsocket(s->conn), .events = s->events};
    if (poll(&socket, 1, 0) != 0)
        step_connecting(s);
    note_address(s);
    if (s->phase == PHASE_CONNECTING && store_is_overdue(s))
        store_disconnect(s, "no connection in time");
}

static status note_generated(struct store *s, const char *columns)
{
    free(s->generated);
    s->generated = columns ? strdup(columns) : NULL;
    return columns && !s->generated ? STATUS_NO_MEMORY : STATUS_OK;
}

/* The answer of CHECK_DATABASE: version, encoding, fsync, generated columns. */
static status check_database(struct store *s, const PGresult *r)
{
    if (PQgetisnull(r, 0, 0)) {
        store_disconnect(s, "the database has no schema yet: apply schemas/sql/*.sql");
        return STATUS_OK;
    }
    long version = strtol(PQgetvalue(r, 0, 0), NULL, 10);
    if (version != STORE_SCHEMA_VERSION) {
        log_error("wrong schema version", LOG_INT("found", version), LOG_INT("needed", STORE_SCHEMA_VERSION));
        return STATUS_CONFIG;
    }
    if (strcmp(PQgetvalue(r, 0, 1), "UTF8") != 0) {
        log_error("the database is not UTF-8: text could not be stored as it was sent",
                  LOG_STR("server_encoding", PQgetvalue(r, 0, 1)));
        return STATUS_CONFIG;
    }
    if (strcmp(PQgetvalue(r, 0, 2), "on") != 0)
        log_warning(
            "fsync is off in the database: a crash of its machine can lose labels that were answered");
    return note_generated(s, PQgetisnull(r, 0, 3) ? NULL : PQgetvalue(r, 0, 3));
}

static void finish_setup(struct store *s)
{
    if (!PQenterPipelineMode(s->conn)) {
        store_disconnect(s, PQerrorMessage(s->conn));
        return;
    }
    s->phase = PHASE_CONNECTED;
    s->plans_until_us = clock_monotonic_us(s->o.clock) + STORE_PLANS_LAST_US;
    s->events = POLLIN;
    if (s->n == 0) /* otherwise an answer will tell */
        s->error[0] = '\0';
    log_info("database connected", LOG_STR("host", PQhost(s->conn)), LOG_STR("database", PQdb(s->conn)),
             LOG_INT("backend", PQbackendPID(s->conn)));
}

/* Its words alone would send nobody to the pooler, which gave us a session of somebody else. */
static bool is_prepared_by_another(const PGresult *r)
{
    const char *sqlstate = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
    return sqlstate && strcmp(sqlstate, "42P05") == 0;
}

static status continue_setup(struct store *s)
{
    PGresult *r = NULL;
    status st = STATUS_OK;

    if (!store_flush(s)) {
        store_disconnect(s, PQerrorMessage(s->conn));
        return STATUS_OK;
    }
    if (!store_take_result(s, &r)) {
        if (store_is_overdue(s))
            store_disconnect(s, "no answer in time while the connection was set up");
        return STATUS_OK;
    }
    if (is_prepared_by_another(r)) {
        store_disconnect(s, "a new session has our prepared statements: a pooler must be in session mode");
    } else if (!r || PQresultStatus(r) == PGRES_FATAL_ERROR) {
        store_disconnect(s, PQerrorMessage(s->conn));
    } else {
        if (s->setup_step == STEP_SESSION && !PQgetisnull(r, 0, 1))
            log_warning("synchronous_commit is off in the database; this session switches it on");
        if (s->setup_step == STEP_CHECK)
            st = check_database(s, r);
        if (st == STATUS_OK && s->phase == PHASE_SETTING_UP && ++s->setup_step < SETUP_STEPS) {
            send_setup_step(s);
        } else if (st == STATUS_OK && s->phase == PHASE_SETTING_UP) {
            finish_setup(s);
        }
    }
    PQclear(r);
    return st;
}

status store_connect_advance(struct store *s)
{
    switch (s->phase) {
    case PHASE_DISCONNECTED:
        if (clock_monotonic_us(s->o.clock) >= s->retry_at_us)
            begin_connecting(s);
        return STATUS_OK;
    case PHASE_CONNECTING:
        continue_connecting(s);
        return STATUS_OK;
    default:
        return continue_setup(s);
    }
}

bool store_flush(struct store *s)
{
    return postgres_flush(s->conn, &s->events);
}

/* Whether `r`, the next of a statement's results, is behind its commit. NULL stands between a statement and its Sync in pipeline mode
 * and ends a statement outside of it. */
static bool is_end(const struct store *s, const PGresult *r)
{
    return r ? PQresultStatus(r) == PGRES_PIPELINE_SYNC : PQpipelineStatus(s->conn) == PQ_PIPELINE_OFF;
}

/* The first error counts, otherwise the last result. */
static void keep(struct store *s, PGresult *r)
{
    if (s->answer && PQresultStatus(s->answer) == PGRES_FATAL_ERROR) {
        PQclear(r);
        return;
    }
    PQclear(s->answer);
    s->answer = r;
}

bool store_take_result(struct store *s, PGresult **out)
{
    bool alive = PQconsumeInput(s->conn) == 1;

    /* The rows and their CommandComplete arrive before the commit: only ReadyForQuery means that it has happened, and an error may
     * still come in between. */
    while (alive && !PQisBusy(s->conn)) {
        PGresult *r = PQgetResult(s->conn);
        if (is_end(s, r)) {
            PQclear(r);
            *out = s->answer;
            s->answer = NULL;
            return true;
        }
        if (r)
            keep(s, r);
        else
            alive = PQstatus(s->conn) == CONNECTION_OK;
    }
    if (alive)
        return false;
    *out = NULL;
    return true;
}
