#include "worker/store_internal.h"

#include <stdio.h>
#include <string.h>

/* SQLSTATE classes that a row's values are to blame for. Everything else is the database's business: a missing grant or
 * table (42) is waited out like an outage, because it must heal when an operator mends it. */
static const char *const ROW_CLASSES[] = {
    "22", /* data exception */
    "23", /* integrity constraint violation */
    "54", /* program limit exceeded: the same statement would exceed it again */
};

enum store_blame store_blame(const char *sqlstate)
{
    for (size_t i = 0; sqlstate && i < sizeof ROW_CLASSES / sizeof *ROW_CLASSES; i++) {
        if (strncmp(sqlstate, ROW_CLASSES[i], 2) == 0)
            return BLAME_ROW;
    }
    return BLAME_DATABASE;
}

struct slice store_refusal(const PGresult *error, struct arena *arena)
{
    const char *sqlstate = PQresultErrorField(error, PG_DIAG_SQLSTATE);
    const char *constraint = PQresultErrorField(error, PG_DIAG_CONSTRAINT_NAME);
    char text[192];

    /* PostgreSQL's own message may quote the value: it is not passed on. */
    snprintf(text, sizeof text, "the database refused the label: %s%s%sSQLSTATE %s",
             constraint ? "constraint " : "", constraint ? constraint : "", constraint ? ", " : "",
             sqlstate ? sqlstate : "unknown");
    return arena_copy(arena, slice_of(text));
}
