/* A connection to PostgreSQL that nobody waits for, as far as it is the same whatever is asked over it. What is asked is its owner's
 * affair, in libpq's own terms. */
#pragma once
#include "common/status.h"
#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

struct postgres_options {
    const char *program;  /* what the connection calls itself where the connection string does not say */
    const char *conninfo; /* connection string or URI */
    /* What these are where the connection string does not say. */
    const char *session_attrs;   /* target_session_attrs: of several hosts the first that is so; NULL: any */
    const char *user_timeout_ms; /* tcp_user_timeout: a peer that acknowledges nothing for so long is gone */
};

/* Begins to connect; go on with postgres_continue() when the socket can be written to. The session's encoding is UTF-8. The caller
 * frees the connection with PQfinish(), also after false (it has failed and says why; NULL: memory is short). */
bool postgres_connect(const struct postgres_options *options, PGconn **out) must_check;

enum postgres_progress {
    POSTGRES_CONNECTING, /* go on when the socket is ready for `events` */
    POSTGRES_CONNECTED,  /* and nothing will wait for the server from now on */
    POSTGRES_FAILED,
};

/* One step. Only when the socket is ready: libpq would wait by itself. */
enum postgres_progress postgres_continue(PGconn *conn, short *events) must_check;

/* Sends what waits to be sent; `events` is what to wait for. False when the connection is lost. */
bool postgres_flush(PGconn *conn, short *events) must_check;

/* Why a connection that has failed could not be made, in one line: what each host has said, for any of them may be the one that was
 * meant. `conn` as postgres_connect() has left it. */
void postgres_attempts(const PGconn *conn, char *out, size_t size);

/* The first line of what libpq says, which has no values of the statement's. */
void postgres_reason(const char *message, char *out, size_t size);
