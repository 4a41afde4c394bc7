/* db_limit: the database's own limit. Feeds the worker's verdict statement the rows of a topic's commands from memory, over one
 * connection, one batch after the other. Everything else a worker does (fetching, tokens, Avro, the arrays) is done before the
 * clock starts, or not at all (results, offsets). */
#include "common/arena.h"
#include "common/avro_codec.h"
#include "common/clock.h"
#include "common/token.h"
#include "tests/bench/program.h"
#include "worker/store_internal.h"
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARENA_BLOCK = 256 * 1024, US_PER_S = 1000000 };

static const char SET_UP_SESSION[] =
#include "gen/worker/sql/set_up_session.sql.inc"
    ;
static const char INSERT_LABELS[] =
#include "gen/worker/sql/insert_labels.sql.inc"
    ;

struct settings {
    const char *brokers;
    const char *topic;
    int64_t fetch_bytes;
    const char *conninfo;
    const char *statement_timeout;
    int64_t rows;
    int64_t batch;
};

#define AT(member) .offset = offsetof(struct settings, member)

static const struct config_option OPTIONS[] = {
    BENCH_BROKERS_OPTION(offsetof(struct settings, brokers)),
    {"kafka", "commands_topic", CONFIG_TEXT, AT(topic), .required = true, .max = 249,
     .help = "where the commands lie"},
    {"kafka", "fetch_bytes", CONFIG_INTEGER, AT(fetch_bytes), .fallback = "2097152", .min = 1048576,
     .max = 1073741824, .unit = "bytes",
     .help = "as the worker's: the order of the rows comes from how they are fetched"},
    {"postgres", "conninfo", CONFIG_TEXT, AT(conninfo), .required = true, .max = 4096,
     .help = "libpq connection string or URI of the database"},
    {"postgres", "statement_timeout_ms", CONFIG_TEXT, AT(statement_timeout), .fallback = "30000", .max = 10,
     .unit = "ms", .help = "as the worker's"},
    {"bench", "rows", CONFIG_INTEGER, AT(rows), .required = true, .min = 1, .max = INT32_MAX,
     .help = "how many"},
    {"bench", "batch", CONFIG_INTEGER, AT(batch), .required = true, .min = 1, .max = 100000, .unit = "rows",
     .help = "of one statement"},
};

/* The parameters of one statement. */
struct statement {
    char *values[STORE_PARAMS];
    int lengths[STORE_PARAMS];
    int rows;
};

struct limit {
    const struct settings *settings;
    struct kafka_consumer *consumer;
    struct avro_codec *codec;
    struct arena *arena; /* of the batch that is read */
    struct statement *statements;
    size_t n;
    PGconn *conn;
};

/* ---- reading ---- */

static status read_principals(struct slice authorization, struct arena *a, struct label_command *c,
                              struct fault *f)
{
    struct slice jwt = token_of_authorization(authorization);
    status st = token_peek_claim(jwt, "account_id", a, &c->account_id, f);
    return st == STATUS_OK ? token_peek_claim(jwt, "sub", a, &c->created_by, f) : st;
}

static status read_command(struct limit *l, struct label_command *c, struct fault *f)
{
    struct kafka_message *m = NULL;
    status st = bench_read(l->consumer, &m, f);
    if (st != STATUS_OK)
        return st;
    struct slice value = arena_copy(l->arena, kafka_view(m).value);
    st = avro_decode_command(l->codec, value, c, f);
    if (st == STATUS_OK)
        st = label_check(c, f);
    if (st == STATUS_OK)
        st = read_principals(kafka_header_find(m, "authorization"), l->arena, c, f);
    kafka_message_free(m);
    return st;
}

static int by_id(const void *a, const void *b)
{
    const struct store_row *x = *(struct store_row *const *)a;
    const struct store_row *y = *(struct store_row *const *)b;
    return uuid_compare(&x->command->command_id, &y->command->command_id);
}

/* Keeps a copy of just the size: buffers have room to spare. */
static status keep(struct statement *to, const struct store_params *params, size_t rows)
{
    to->rows = (int)rows;
    for (size_t i = 0; i < STORE_PARAMS; i++) {
        to->lengths[i] = (int)params->at[i].len;
        to->values[i] = malloc(params->at[i].len);
        if (!to->values[i])
            return STATUS_NO_MEMORY;
        memcpy(to->values[i], params->at[i].at, params->at[i].len);
    }
    return STATUS_OK;
}

static status read_statement(struct limit *l, size_t rows, struct store_params *params, struct fault *f)
{
    arena_reset(l->arena);
    struct label_command *commands = arena_alloc(l->arena, rows * sizeof *commands);
    struct store_row *row = arena_alloc(l->arena, rows * sizeof *row);
    struct store_row **order = arena_alloc(l->arena, rows * sizeof *order);
    if (!commands || !row || !order)
        return STATUS_NO_MEMORY;

    for (size_t i = 0; i < rows; i++) {
        status st = read_command(l, &commands[i], f);
        if (st != STATUS_OK)
            return st;
        row[i] = (struct store_row){.command = &commands[i]};
        order[i] = &row[i];
    }
    qsort((void *)order, rows, sizeof *order, by_id);
    if (!store_params_fill(params, order, rows))
        return STATUS_NO_MEMORY;
    return keep(&l->statements[l->n++], params, rows);
}

static status read_all(struct limit *l, struct fault *f)
{
    size_t left = (size_t)l->settings->rows;
    size_t batch = (size_t)l->settings->batch;
    struct store_params params = {0};
    const struct kafka_consumer_options options = {
        .client_id = "bench-db-limit",
        .brokers = l->settings->brokers,
        .queue_bytes = l->settings->fetch_bytes,
        .read_committed = true,
    };
    l->codec = avro_codec_new(&(struct avro_codec_options){.command_schema_id = -1, .result_schema_id = -1});
    l->arena = arena_new(ARENA_BLOCK);
    l->statements = calloc((left + batch - 1) / batch, sizeof *l->statements);
    if (!l->codec || !l->arena || !l->statements)
        return STATUS_NO_MEMORY;

    status st = bench_reader_new(&options, l->settings->topic, &l->consumer, f);
    while (st == STATUS_OK && left > 0) {
        size_t rows = left < batch ? left : batch;
        st = read_statement(l, rows, &params, f);
        left -= rows;
    }
    store_params_dispose(&params);
    /* Its threads would go on in the time that is measured. */
    kafka_consumer_close(l->consumer);
    l->consumer = NULL;
    return st;
}

/* ---- storing ---- */

static status refused(struct fault *f, PGresult *r, const char *what)
{
    const char *sqlstate = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    status st = fault_set(f, STATUS_FATAL, "database", "%s, SQLSTATE %s", what, sqlstate ? sqlstate : "none");
    PQclear(r);
    return st;
}

/* A session like the worker's. */
static status connect_database(struct limit *l, struct fault *f)
{
    const char *const names[] = {"fallback_application_name", "dbname", "client_encoding", NULL};
    const char *const values[] = {"bench-db-limit", l->settings->conninfo, "UTF8", NULL};

    l->conn = PQconnectdbParams(names, values, 1);
    if (!l->conn || PQstatus(l->conn) != CONNECTION_OK)
        return fault_set(f, STATUS_FATAL, "database", "no connection: %s", PQerrorMessage(l->conn));
    const char *const parameters[] = {l->settings->statement_timeout};
    PGresult *r = PQexecParams(l->conn, SET_UP_SESSION, 1, NULL, parameters, NULL, NULL, 0);
    if (PQresultStatus(r) != PGRES_TUPLES_OK)
        return refused(f, r, "the session cannot be set up");
    PQclear(r);
    r = PQprepare(l->conn, STORE_INSERT, INSERT_LABELS, 0, NULL);
    if (PQresultStatus(r) != PGRES_COMMAND_OK)
        return refused(f, r, "the statement cannot be prepared");
    PQclear(r);
    return STATUS_OK;
}

/* Reads the verdicts and does nothing with them. */
static status store(struct limit *l, const struct statement *s, struct fault *f)
{
    static const int formats[STORE_PARAMS] = {1, 1, 1, 1, 1, 1, 1, 1};
    PGresult *r = PQexecPrepared(l->conn, STORE_INSERT, STORE_PARAMS, (const char *const *)s->values,
                                 s->lengths, formats, 1);
    if (PQresultStatus(r) != PGRES_TUPLES_OK)
        return refused(f, r, "the statement failed");

    int stored = 0;
    for (int i = 0; i < PQntuples(r); i++)
        stored += *PQgetvalue(r, i, 1) == 's';
    PQclear(r);
    if (stored != s->rows)
        return fault_set(f, STATUS_FATAL, "database", "%d of %d rows were stored: is the table empty?",
                         stored, s->rows);
    return STATUS_OK;
}

static status store_all(struct limit *l, struct fault *f)
{
    int64_t began_us = clock_monotonic_us(clock_system());
    double cpu = bench_cpu_seconds();

    for (size_t i = 0; i < l->n; i++) {
        status st = store(l, &l->statements[i], f);
        if (st != STATUS_OK)
            return st;
    }
    double seconds = (double)(clock_monotonic_us(clock_system()) - began_us) / US_PER_S;
    cpu = bench_cpu_seconds() - cpu;
    printf("{\"rows\": %lld, \"batch\": %lld, \"seconds\": %.4f, \"rows_per_s\": %.1f, "
           "\"client_cpu_us_per_row\": "
           "%.2f}\n",
           (long long)l->settings->rows, (long long)l->settings->batch, seconds,
           (double)l->settings->rows / seconds, cpu * US_PER_S / (double)l->settings->rows);
    return STATUS_OK;
}

static void dispose(struct limit *l)
{
    for (size_t i = 0; i < l->n; i++) {
        for (size_t k = 0; k < STORE_PARAMS; k++)
            free(l->statements[i].values[k]);
    }
    free(l->statements);
    PQfinish(l->conn);
    kafka_consumer_close(l->consumer);
    avro_codec_free(l->codec);
    arena_free(l->arena);
}

static status run(const void *settings, struct fault *f)
{
    struct limit limit = {.settings = settings};
    status st = read_all(&limit, f);
    if (st == STATUS_OK)
        st = connect_database(&limit, f);
    if (st == STATUS_OK)
        st = store_all(&limit, f);
    dispose(&limit);
    return st;
}

static const struct bench_program PROGRAM = {
    .config = {.name = "db_limit",
               .summary = "Feeds the worker's statement rows from memory and prints the rate as JSON.",
               .options = OPTIONS,
               .n_options = sizeof OPTIONS / sizeof *OPTIONS},
    .failure = "not all was stored",
    .run = run,
};

int main(int argc, char **argv)
{
    struct settings settings = {0};
    return bench_main(&PROGRAM, argc, argv, &settings);
}
