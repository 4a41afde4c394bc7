/* A PostgreSQL that does what the test says, in place of libpq's functions: it answers at once, refuses rows, fails, or says nothing.
 * Results are libpq's own. Rows are known by a number in the last bytes of their ids. */
#pragma once
#include "common/log.h"
#include "worker/store_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

enum { FAKE_ROWS = 2000, FAKE_TIMEOUT_MS = 30000, FAKE_GRACE_MS = 5000, S = 1000000 };

struct fake_server {
    /* What it does. */
    bool mute_connecting, mute_setting_up, mute_statements;
    const char *address;
    const char *not_prepared; /* SQLSTATE where it does not prepare; NULL: it does */
    bool refused[FAKE_ROWS];  /* a statement with one of these rows fails with `refusal` */
    bool refuses_look_up;     /* … and that of the look-up too */
    const char *refusal;      /* an SQLSTATE */
    const char *constraint;   /* of the refusal */
    const char *context;      /* where it was raised; NULL: not in a function */
    const char *failure; /* SQLSTATE of every statement with more than `failure_above` rows; NULL: none */
    size_t failure_above;
    bool taken[FAKE_ROWS]; /* ids that are there already, with the same content */

    /* What it has seen. */
    unsigned connections, statements;
    unsigned discards; /* of its plans */
    char statement_timeout[16];

    int socket;
    bool pipelining;
    struct fake_answer {
        PGresult *result;
        const char *sqlstate;
        int given; /* of what PQgetResult() says of one statement: its result, NULL, its Sync */
    } answers[STORE_BATCHES];
    unsigned n_answers;
    const char *sqlstate; /* of the last result that was given */
    bool mute;            /* answers do not come … */
    bool mute_after_one;  /* … from the second on */
};

static struct fake_server fake;

struct fake_clock {
    struct clock base;
    int64_t now_us;
};

static int64_t fake_now_us(const struct clock *c)
{
    return ((const struct fake_clock *)(const void *)c)->now_us;
}

static struct fake_clock fake_clock = {.base = {fake_now_us, fake_now_us}};

/* ---- libpq ---- */

PGconn *PQconnectStartParams(const char *const *keywords, const char *const *values, int expand_dbname)
{
    (void)keywords;
    (void)values;
    (void)expand_dbname;
    fake.connections++;
    return (PGconn *)&fake;
}

PostgresPollingStatusType PQconnectPoll(PGconn *conn)
{
    (void)conn;
    return fake.mute_connecting ? PGRES_POLLING_READING : PGRES_POLLING_OK;
}

ConnStatusType PQstatus(const PGconn *conn)
{
    (void)conn;
    return CONNECTION_OK;
}

int PQsocket(const PGconn *conn)
{
    (void)conn;
    return fake.socket;
}

void PQfinish(PGconn *conn)
{
    (void)conn;
    while (fake.n_answers > 0)
        PQclear(fake.answers[--fake.n_answers].result);
    fake.pipelining = false;
}

int PQenterPipelineMode(PGconn *conn)
{
    (void)conn;
    fake.pipelining = true;
    return 1;
}

PGpipelineStatus PQpipelineStatus(const PGconn *conn)
{
    (void)conn;
    return fake.pipelining ? PQ_PIPELINE_ON : PQ_PIPELINE_OFF;
}

int PQpipelineSync(PGconn *conn)
{
    (void)conn;
    return 1;
}

/* It answers statements in their order; each can be changed until it is taken. */
static struct fake_answer *fake_answer(PGresult *r, const char *sqlstate)
{
    assert_true(fake.n_answers < (fake.pipelining ? STORE_BATCHES : 1));
    struct fake_answer *a = &fake.answers[fake.n_answers++];
    *a = (struct fake_answer){.result = r, .sqlstate = sqlstate};
    return a;
}

int PQsetnonblocking(PGconn *conn, int arg)
{
    (void)conn;
    (void)arg;
    return 0;
}

PQnoticeProcessor PQsetNoticeProcessor(PGconn *conn, PQnoticeProcessor proc, void *arg)
{
    (void)conn;
    (void)arg;
    return proc;
}

char *PQerrorMessage(const PGconn *conn)
{
    static char message[] = "libpq says";
    (void)conn;
    return message;
}

char *PQhostaddr(const PGconn *conn)
{
    static char none[] = "";
    (void)conn;
    return fake.address ? (char *)(uintptr_t)fake.address : none;
}

char *PQhost(const PGconn *conn)
{
    return PQhostaddr(conn);
}

char *PQport(const PGconn *conn)
{
    return PQhostaddr(conn);
}

char *PQdb(const PGconn *conn)
{
    return PQhostaddr(conn);
}

int PQbackendPID(const PGconn *conn)
{
    (void)conn;
    return 1;
}

int PQflush(PGconn *conn)
{
    (void)conn;
    return 0;
}

int PQconsumeInput(PGconn *conn)
{
    (void)conn;
    return 1;
}

int PQisBusy(PGconn *conn)
{
    (void)conn;
    return fake.mute;
}

PGresult *PQgetResult(PGconn *conn)
{
    (void)conn;
    struct fake_answer *a = &fake.answers[0];
    if (fake.n_answers == 0)
        return NULL;
    if (a->given++ == 0) {
        fake.sqlstate = a->sqlstate;
        PGresult *r = a->result;
        a->result = NULL;
        return r;
    }
    if (fake.pipelining && a->given == 2)
        return NULL;
    memmove(&fake.answers[0], &fake.answers[1], --fake.n_answers * sizeof fake.answers[0]);
    fake.mute = fake.mute || fake.mute_after_one;
    return fake.pipelining ? PQmakeEmptyPGresult(NULL, PGRES_PIPELINE_SYNC) : NULL;
}

char *PQresultErrorField(const PGresult *res, int fieldcode)
{
    (void)res;
    const char *text = NULL;
    switch (fieldcode) {
    case PG_DIAG_SQLSTATE:
        text = fake.sqlstate;
        break;
    case PG_DIAG_CONSTRAINT_NAME:
        text = fake.constraint;
        break;
    case PG_DIAG_CONTEXT:
        text = fake.context;
        break;
    default:
        text = "canary";
    }
    return (char *)(uintptr_t)text;
}

static PGresult *fake_rows(int columns)
{
    static char name[] = "column";
    PGresAttDesc described[8] = {{0}};
    for (int i = 0; i < columns; i++)
        described[i] = (PGresAttDesc){.name = name, .format = 1, .typlen = -1, .atttypmod = -1};
    PGresult *r = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    assert_true(PQsetResultAttrs(r, columns, described));
    return r;
}

static void fake_value(PGresult *r, int row, int column, const char *bytes, int len)
{
    assert_true(PQsetvalue(r, row, column, (char *)(uintptr_t)bytes, len));
}

int PQsendPrepare(PGconn *conn, const char *name, const char *query, int n, const Oid *types)
{
    (void)conn;
    (void)name;
    (void)query;
    (void)n;
    (void)types;
    fake.mute = fake.mute_setting_up;
    fake_answer(PQmakeEmptyPGresult(NULL, fake.not_prepared ? PGRES_FATAL_ERROR : PGRES_COMMAND_OK),
                fake.not_prepared);
    return 1;
}

/* The two queries of setting up: of the session, which has the parameter, and of the database. */
int PQsendQueryParams(PGconn *conn, const char *command, int n, const Oid *types, const char *const *values,
                      const int *lengths, const int *formats, int format)
{
    (void)conn;
    (void)types;
    (void)lengths;
    (void)formats;
    (void)format;
    if (fake.pipelining) { /* together with the statement behind it: its result is only one more before the Sync */
        assert_string_equal(command, "DISCARD PLANS");
        fake.discards++;
        return 1;
    }
    fake.mute = fake.mute_setting_up;
    PGresult *r = fake_rows(3);
    if (n == 1) {
        (void)snprintf(fake.statement_timeout, sizeof fake.statement_timeout, "%s", values[0]);
        fake_value(r, 0, 0, values[0], (int)strlen(values[0]));
        fake_value(r, 0, 1, NULL, -1);
    } else {
        fake_value(r, 0, 0, "1", 1);
        fake_value(r, 0, 1, "UTF8", 4);
        fake_value(r, 0, 2, "on", 2);
    }
    fake_answer(r, NULL);
    return 1;
}

static unsigned read_u32(const char *at)
{
    const unsigned char *b = (const unsigned char *)at;
    return (unsigned)b[0] << 24 | (unsigned)b[1] << 16 | (unsigned)b[2] << 8 | b[3];
}

/* The number of the i-th row of an array of ids. */
static unsigned fake_number(const char *ids, unsigned i)
{
    const char *id = ids + 20 + (size_t)i * 20 + 4;
    return read_u32(id + 12);
}

static void fake_fail(const char *sqlstate)
{
    fake_answer(PQmakeEmptyPGresult(NULL, PGRES_FATAL_ERROR), sqlstate);
}

int PQsendQueryPrepared(PGconn *conn, const char *name, int nParams, const char *const *values,
                        const int *lengths, const int *formats, int format)
{
    static const char time[8] = {0};
    (void)conn;
    (void)nParams;
    (void)lengths;
    (void)formats;
    (void)format;
    bool inserts = strcmp(name, STORE_INSERT) == 0;
    unsigned n = read_u32(values[0] + 12);
    fake.statements++;
    fake.mute = fake.mute_statements;
    if (fake.failure && n > fake.failure_above) {
        fake_fail(fake.failure);
        return 1;
    }
    for (unsigned i = 0; (inserts || fake.refuses_look_up) && i < n; i++) {
        if (fake.refused[fake_number(values[0], i)]) {
            fake_fail(fake.refusal);
            return 1;
        }
    }
    PGresult *r = fake_rows(inserts ? 3 : 7);
    for (unsigned i = 0; i < n; i++) {
        const char ordinal[] = {0, 0, (char)((i + 1) >> 8), (char)(i + 1)};
        bool taken = fake.taken[fake_number(values[0], i)];
        const char *verdict = inserts ? (taken ? "t" : "s") : taken ? "s" : "g";
        fake_value(r, (int)i, 0, ordinal, sizeof ordinal);
        fake_value(r, (int)i, 1, verdict, 1);
        fake_value(r, (int)i, inserts ? 2 : 4, time, sizeof time);
    }
    fake_answer(r, NULL);
    return 1;
}
