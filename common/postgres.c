#include "common/postgres.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

/* libpq would print notices to stderr; a trigger's notice may quote a label. */
static void ignore_notice(void *ctx, const char *message)
{
    (void)ctx;
    (void)message;
}

bool postgres_connect(const struct postgres_options *options, PGconn **out)
{
    /* Later values win: the connection string may change the first group, not the last. NULL is not given. */
    const struct {
        const char *name, *value;
    } parameters[] = {
        {"fallback_application_name", options->program},
        {"target_session_attrs", options->session_attrs},
        {"keepalives_idle", "10"},
        {"keepalives_interval", "5"},
        {"keepalives_count", "3"},
        {"tcp_user_timeout", options->user_timeout_ms},
        {"dbname", options->conninfo},
        {"client_encoding", "UTF8"},
        {NULL, NULL},
    };
    enum { N = sizeof parameters / sizeof *parameters };
    const char *names[N];
    const char *values[N];

    for (size_t i = 0; i < N; i++) {
        names[i] = parameters[i].name;
        values[i] = parameters[i].value;
    }
    *out = PQconnectStartParams(names, values, 1);
    if (!*out || PQstatus(*out) == CONNECTION_BAD)
        return false;
    PQsetNoticeProcessor(*out, ignore_notice, NULL);
    return true;
}

enum postgres_progress postgres_continue(PGconn *conn, short *events)
{
    switch (PQconnectPoll(conn)) {
    case PGRES_POLLING_READING:
        *events = POLLIN;
        return POSTGRES_CONNECTING;
    case PGRES_POLLING_WRITING:
        *events = POLLOUT;
        return POSTGRES_CONNECTING;
    case PGRES_POLLING_OK:
        return PQsetnonblocking(conn, 1) == 0 ? POSTGRES_CONNECTED : POSTGRES_FAILED;
    default:
        return POSTGRES_FAILED;
    }
}

bool postgres_flush(PGconn *conn, short *events)
{
    int left = PQflush(conn);

    *events = (short)(POLLIN | (left > 0 ? POLLOUT : 0));
    return left >= 0;
}

/* libpq has a line for each host, and lines of advice that begin with a tab. */
void postgres_attempts(const PGconn *conn, char *out, size_t size)
{
    size_t len = 0;

    out[0] = '\0';
    for (const char *line = conn ? PQerrorMessage(conn) : "no memory for a connection";
         *line && len < size;) {
        size_t n = strcspn(line, "\n");
        if (n > 0 && *line != '\t')
            len += (size_t)snprintf(out + len, size - len, "%s%.*s", len > 0 ? "; " : "", (int)n, line);
        line += n + (line[n] == '\n');
    }
}

void postgres_reason(const char *message, char *out, size_t size)
{
    (void)snprintf(out, size, "%s", message && *message ? message : "connection lost");
    out[strcspn(out, "\n")] = '\0';
}
