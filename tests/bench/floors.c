/* floors: what a label's way costs without any of our programs: produce to consume, one committed insert, produce to consume, one
 * after the other as a label goes, again and again. Each step waits for the one before, so caches and processors are as cold as
 * they are on the way itself; a loop of one step alone is quicker than that step ever is there. Prints the times of each step and
 * of all three as JSON. */
#include "common/clock.h"
#include "tests/bench/client.h"
#include "tests/bench/program.h"
#include "tests/bench/times.h"
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

#define INSERT "insert"

enum step { COMMAND, ROW, RESULT, ALL, STEPS };
static const char *const STEP_NAMES[STEPS] = {"command", "insert", "result", "all"};

struct settings {
    const char *brokers;
    const char *topic;
    const char *conninfo;
    const char *statement;
    int64_t commands;
    struct stream_options stream;
};

#define AT(member) .offset = offsetof(struct settings, member)

static const struct config_option OPTIONS[] = {
    BENCH_BROKERS_OPTION(offsetof(struct settings, brokers)),
    {"kafka", "topic", CONFIG_TEXT, AT(topic), .required = true, .max = 249,
     .help = "where messages go and come from; of one partition"},
    {"postgres", "conninfo", CONFIG_TEXT, AT(conninfo), .required = true, .max = 4096,
     .help = "libpq connection string or URI of the database"},
    {"bench", "statement", CONFIG_TEXT, AT(statement), .required = true, .max = 4096,
     .help = "inserts the row; it has no parameters"},
    {"bench", "commands", CONFIG_INTEGER, AT(commands), .required = true, .min = 1, .max = 10000000,
     .help = "how many times, after 100 that are not counted"},
    BENCH_STREAM_OPTIONS(offsetof(struct settings, stream)),
};

struct floors {
    const struct settings *settings;
    struct stream *stream;
    struct client client;
    PGconn *conn;
    int64_t *times_us[STEPS];
};

static int64_t now_us(void)
{
    return clock_monotonic_us(clock_system());
}

/* ---- steps ---- */

/* Produces message number `n` and waits until it comes back. */
static status echo(struct floors *fl, uint64_t n, struct fault *f)
{
    struct stream_command command;
    status st = stream_make(fl->stream, n, &command);
    if (st != STATUS_OK)
        return st;
    const struct kafka_header headers[] = {{"authorization", command.authorization},
                                           {"correlation-id", command.id}};
    return client_ask(&fl->client, n, command.id, command.key, command.value, headers,
                      sizeof headers / sizeof *headers, f);
}

static status expect(struct floors *fl, PGresult *r, const char *what, struct fault *f)
{
    status st = STATUS_OK;
    if (PQresultStatus(r) != PGRES_COMMAND_OK)
        st = fault_set(f, STATUS_FATAL, "database", "%s: %s", what, PQerrorMessage(fl->conn));
    PQclear(r);
    return st;
}

static status insert(struct floors *fl, struct fault *f)
{
    return expect(fl, PQexecPrepared(fl->conn, INSERT, 0, NULL, NULL, NULL, 1), "the insert failed", f);
}

static status go(struct floors *fl, uint64_t n, int64_t at_us[STEPS], struct fault *f)
{
    at_us[0] = now_us();
    status st = echo(fl, 2 * n, f);
    at_us[1] = now_us();
    if (st == STATUS_OK)
        st = insert(fl, f);
    at_us[2] = now_us();
    if (st == STATUS_OK)
        st = echo(fl, 2 * n + 1, f);
    at_us[3] = now_us();
    return st;
}

/* ---- all of it ---- */

static status go_all(struct floors *fl, struct fault *f)
{
    uint64_t n = (uint64_t)fl->settings->commands;

    for (uint64_t i = 0; i < CLIENT_WARM_UP + n; i++) {
        int64_t at_us[STEPS];
        status st = go(fl, i, at_us, f);
        if (st != STATUS_OK)
            return st;
        if (i < CLIENT_WARM_UP)
            continue;
        for (int step = COMMAND; step < ALL; step++)
            fl->times_us[step][i - CLIENT_WARM_UP] = at_us[step + 1] - at_us[step];
        fl->times_us[ALL][i - CLIENT_WARM_UP] = at_us[ALL] - at_us[COMMAND];
    }
    return STATUS_OK;
}

static void print_times(struct floors *fl)
{
    struct buffer text = {0};

    for (int step = 0; step < STEPS; step++) {
        buffer_printf(&text, "%s\"%s\": {", step > 0 ? ", " : "{", STEP_NAMES[step]);
        times_write(fl->times_us[step], (size_t)fl->settings->commands, &text);
        buffer_add_text(&text, "}");
    }
    buffer_add_text(&text, "}\n");
    fwrite(text.at, 1, text.len, stdout);
    buffer_dispose(&text);
}

static status open_database(struct floors *fl, struct fault *f)
{
    fl->conn = PQconnectdb(fl->settings->conninfo);
    if (!fl->conn || PQstatus(fl->conn) != CONNECTION_OK)
        return fault_set(f, STATUS_FATAL, "database", "no connection: %s", PQerrorMessage(fl->conn));
    return expect(fl, PQprepare(fl->conn, INSERT, fl->settings->statement, 0, NULL),
                  "the insert cannot be prepared", f);
}

static status run(const void *settings, struct fault *f)
{
    struct floors floors = {.settings = settings};
    status st = stream_new(&floors.settings->stream, &floors.stream, f);
    for (int step = 0; step < STEPS && st == STATUS_OK; step++) {
        floors.times_us[step] = calloc((size_t)floors.settings->commands, sizeof **floors.times_us);
        st = floors.times_us[step] ? STATUS_OK : STATUS_NO_MEMORY;
    }
    if (st == STATUS_OK)
        st = client_open(&floors.client, "bench-floors", floors.settings->brokers, floors.settings->topic,
                         floors.settings->topic, f);
    if (st == STATUS_OK)
        st = open_database(&floors, f);
    if (st == STATUS_OK)
        st = go_all(&floors, f);
    if (st == STATUS_OK)
        print_times(&floors);
    client_close(&floors.client);
    PQfinish(floors.conn);
    stream_free(floors.stream);
    for (int step = 0; step < STEPS; step++)
        free(floors.times_us[step]);
    return st;
}

static const struct bench_program PROGRAM = {
    .config = {.name = "floors",
               .summary = "Goes a label's way without our programs, again and again, and prints the times.",
               .options = OPTIONS,
               .n_options = sizeof OPTIONS / sizeof *OPTIONS},
    .failure = "not measured",
    .run = run,
};

int main(int argc, char **argv)
{
    struct settings settings = {0};
    return bench_main(&PROGRAM, argc, argv, &settings);
}
