#include "common/postgres_conninfo.h"

#include <libpq-fe.h>

void postgres_check_conninfo(const char *conninfo, struct buffer *faults)
{
    char *error = NULL;
    PQconninfoOption *options = conninfo ? PQconninfoParse(conninfo, &error) : NULL;

    /* libpq's own text quotes what it could not read: that may be a password. */
    if (conninfo && !options)
        buffer_add_text(faults, "[postgres] conninfo: libpq cannot read this connection string\n");
    PQconninfoFree(options);
    PQfreemem(error);
}
