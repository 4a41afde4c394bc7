#include "worker/store_internal.h"

#include "common/log.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECT_TIMEOUT_US = 10 * 1000000, RETRY_BASE_US = 50 * 1000, RETRY_MAX_US = 2 * 1000000 };

static const char CHECK_DATABASE[] =
#include "gen/worker/sql/check_database.sql.inc"
    ;
static const char INSERT_LABELS[] =
#include "gen/worker/sql/insert_labels.sql.inc"
    ;
static const char LOOKUP_LABELS[] =
#include "gen/worker/sql/lookup_labels.sql.inc"
    ;

/* What is sent on a new connection, one after the other. A step without a name is a query, the others are prepared. */
static const struct {
    const char *name;
    const char *sql;
} SETUP[] = {
    {NULL, CHECK_DATABASE},
    /* A commit that is answered must be on disk, whatever the database's default is; a stronger setting is kept. */
    {NULL, "SELECT CASE current_setting('synchronous_commit') WHEN 'off' THEN"
           " set_config('synchronous_commit', 'on', false) END"},
    {STORE_INSERT, INSERT_LABELS},
    {STORE_LOOKUP, LOOKUP_LABELS},
};
enum { SETUP_STEPS = sizeof SETUP / sizeof *SETUP };

/* libpq would print notices to stderr; a trigger's notice may quote a label. */
static void ignore_notice(void *ctx, const char *message)
{
    (void)ctx;
    (void)message;
}

void store_disconnect(struct store *s, const char *why)
{
    int64_t wait = clock_backoff(RETRY_BASE_US, RETRY_MAX_US, s->attempts++);

    snprintf(s->error, sizeof s->error, "%s", why && *why ? why : "connection lost");
    s->error[strcspn(s->error, "\n")] = '\0';
    log_warning("database away", LOG_STR("error", s->error), LOG_INT("attempt", s->attempts),
                LOG_INT("retry_in_ms", wait / 1000));

    PQclear(s->answer);
    s->answer = NULL;
    PQfinish(s->conn);
    s->conn = NULL;
    s->events = 0;
    s->phase = PHASE_DISCONNECTED;
    s->retry_at_us = clock_monotonic_us(s->clock) + wait;
}

static void begin_connecting(struct store *s)
{
    /* Later values win: the connection string may change the first group, not the last. */
    const char *const names[] = {
        "fallback_application_name", "keepalives_idle", "keepalives_interval", "keepalives_count",
        "tcp_user_timeout",          "dbname",          "client_encoding",     NULL};
    const char *const values[] = {"gold-label-worker", "10", "5", "3", "30000", s->conninfo, "UTF8", NULL};

    s->conn = PQconnectStartParams(names, values, 1);
    if (!s->conn || PQstatus(s->conn) == CONNECTION_BAD) {
        store_disconnect(s, s->conn ? PQerrorMessage(s->conn) : "no memory for a connection");
        return;
    }
    PQsetNoticeProcessor(s->conn, ignore_notice, NULL);
    s->phase = PHASE_CONNECTING;
    s->connect_by_us = clock_monotonic_us(s->clock) + CONNECT_TIMEOUT_US;
    s->events = POLLOUT;
}

static void send_setup_step(struct store *s)
{
    const char *name = SETUP[s->setup_step].name;
    int sent = name ? PQsendPrepare(s->conn, name, SETUP[s->setup_step].sql, 0, NULL)
                    : PQsendQueryParams(s->conn, SETUP[s->setup_step].sql, 0, NULL, NULL, NULL, NULL, 0);
    if (!sent || !store_flush(s))
        store_disconnect(s, PQerrorMessage(s->conn));
}

static void step_connecting(struct store *s)
{
    switch (PQconnectPoll(s->conn)) {
    case PGRES_POLLING_READING:
        s->events = POLLIN;
        break;
    case PGRES_POLLING_WRITING:
        s->events = POLLOUT;
        break;
    case PGRES_POLLING_OK:
        if (PQsetnonblocking(s->conn, 1) != 0) {
            store_disconnect(s, PQerrorMessage(s->conn));
            return;
        }
        s->phase = PHASE_SETTING_UP;
        s->setup_step = 0;
        send_setup_step(s);
        break;
    default:
        store_disconnect(s, PQerrorMessage(s->conn));
    }
}

static void continue_connecting(struct store *s)
{
    /* libpq waits by itself when it is asked before the socket is ready. */
    struct pollfd socket = {.fd = PQsocket(s->conn), .events = s->events};
    if (poll(&socket, 1, 0) != 0)
        step_connecting(s);
    if (s->phase == PHASE_CONNECTING && clock_monotonic_us(s->clock) >= s->connect_by_us)
        store_disconnect(s, "no connection within 10 s");
}

/* The answer of CHECK_DATABASE: version, encoding, synchronous_commit, fsync. */
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
    if (strcmp(PQgetvalue(r, 0, 2), "off") == 0)
        log_warning("synchronous_commit is off in the database; this session switches it on");
    if (strcmp(PQgetvalue(r, 0, 3), "on") != 0)
        log_warning(
            "fsync is off in the database: a crash of its machine can lose labels that were answered");
    return STATUS_OK;
}

static status continue_setup(struct store *s)
{
    PGresult *r = NULL;
    status st = STATUS_OK;

    if (!store_flush(s)) {
        store_disconnect(s, PQerrorMessage(s->conn));
        return STATUS_OK;
    }
    if (!store_take_result(s, &r))
        return STATUS_OK;
    if (!r || PQresultStatus(r) == PGRES_FATAL_ERROR) {
        store_disconnect(s, PQerrorMessage(s->conn));
    } else {
        if (s->setup_step == 0)
            st = check_database(s, r);
        if (st == STATUS_OK && s->phase == PHASE_SETTING_UP && ++s->setup_step < SETUP_STEPS) {
            send_setup_step(s);
        } else if (st == STATUS_OK && s->phase == PHASE_SETTING_UP) {
            s->phase = PHASE_IDLE;
            s->events = POLLIN;
            s->error[0] = '\0';
            log_info("database connected", LOG_STR("host", PQhost(s->conn)),
                     LOG_STR("database", PQdb(s->conn)), LOG_INT("backend", PQbackendPID(s->conn)));
        }
    }
    PQclear(r);
    return st;
}

status store_connect_advance(struct store *s)
{
    switch (s->phase) {
    case PHASE_DISCONNECTED:
        if (clock_monotonic_us(s->clock) >= s->retry_at_us)
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
    int left = PQflush(s->conn);
    s->events = (short)(POLLIN | (left > 0 ? POLLOUT : 0));
    return left >= 0;
}

bool store_take_result(struct store *s, PGresult **out)
{
    bool alive = PQconsumeInput(s->conn) == 1;

    /* The rows and their CommandComplete arrive before the commit: only ReadyForQuery (no further result) means that it has
     * happened, and an error may still come in between. */
    while (alive && !PQisBusy(s->conn)) {
        PGresult *r = PQgetResult(s->conn);
        if (!r) {
            *out = s->answer;
            s->answer = NULL;
            return true;
        }
        if (!s->answer || PQresultStatus(s->answer) != PGRES_FATAL_ERROR) {
            PQclear(s->answer);
            s->answer = r;
        } else {
            PQclear(r);
        }
    }
    if (alive)
        return false;
    *out = NULL;
    return true;
}
