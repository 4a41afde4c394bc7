#include "worker/store_internal.h"

#include <stdio.h>
#include <string.h>

/* Every class of PostgreSQL's errcodes.txt. The question is who has to act. The sender, with other values: the row is refused.
 * An operator, or time: it is waited out, for it must heal when somebody mends it. Nobody, with less at a time: halves.
 * Our own statements cannot raise what is said to come from the platform's functions: those meet one row at a time, so such an error
 * belongs to a row. The first match counts. */
static const struct {
    const char *prefix;
    enum store_blame blame;
} BLAMES[] = {
    /* Singled out of their classes. */
    {"38000", BLAME_ROW},      /* an error that a function in Python, Perl or Tcl raised: their P0001 */
    {"53200", BLAME_SIZE},     /* out of memory */
    {"53400", BLAME_SIZE},     /* more temporary files than temp_file_limit allows */
    {"57014", BLAME_SIZE},     /* statement_timeout (or somebody cancelled the statement) */
    {"P0004", BLAME_DATABASE}, /* a failed ASSERT is a fault of the function, by its own word */
    {"2200H", BLAME_DATABASE}, /* a sequence that the platform's columns are filled from is at its end */

    /* The values. */
    {"22", BLAME_ROW}, /* data exception */
    {"23", BLAME_ROW}, /* a constraint, also one that the platform has added */
    {"44", BLAME_ROW}, /* WITH CHECK OPTION of a view in the table's place */
    {"54", BLAME_ROW}, /* a program limit (an index entry too large): the same values would exceed it again */

    /* The platform's functions, where they meet a row that they refuse or were not made for. */
    {"P0", BLAME_ROW}, /* RAISE EXCEPTION; SELECT INTO STRICT without, or with more than, one row */
    {"09",
     BLAME_ROW}, /* triggered action exception: the refusal of a trigger in C, contrib/spi's for example */
    {"20", BLAME_ROW}, /* CASE without a branch for the value */
    {"21", BLAME_ROW}, /* more than one row from a sub-select */

    /* The server, the way to it, its state: time or an operator. */
    {"08", BLAME_DATABASE}, /* connection */
    {"25",
     BLAME_DATABASE}, /* transaction state: 25006, read-only: a standby, which another connection may not find */
    {"26",
     BLAME_DATABASE}, /* the prepared statement is gone (a pooler, DISCARD ALL): a new connection prepares it */
    {"28", BLAME_DATABASE}, /* authorization: the password is being changed */
    {"3D", BLAME_DATABASE}, /* no such database */
    {"40", BLAME_DATABASE}, /* rolled back: deadlock, serialization */
    {"53", BLAME_DATABASE}, /* resources: disk full, too many connections */
    {"55", BLAME_DATABASE}, /* not in the state it takes: 55P03, lock_timeout */
    {"57", BLAME_DATABASE}, /* operator: shutdown, start-up, terminated */
    {"58", BLAME_DATABASE}, /* the system below: I/O */
    {"72", BLAME_DATABASE}, /* snapshot too old */
    {"F0", BLAME_DATABASE}, /* configuration file */
    {"HV", BLAME_DATABASE}, /* foreign data wrapper */
    {"XX", BLAME_DATABASE}, /* internal: corrupted data, a bug */

    /* Schema, rights and functions that do not fit: an operator. 42 has missing grants, tables, columns, and row-level security:
     * a policy that refuses the worker's rows has the same code (42501) as a missing grant. */
    {"42", BLAME_DATABASE}, /* syntax or access rule */
    {"0A",
     BLAME_DATABASE}, /* not supported; "cached plan must not change result type" heals by preparing again */
    {"0B", BLAME_DATABASE}, /* transaction initiation */
    {"0F", BLAME_DATABASE}, /* locator */
    {"0L", BLAME_DATABASE}, /* grantor */
    {"0P", BLAME_DATABASE}, /* role */
    {"0Z", BLAME_DATABASE}, /* diagnostics outside of a handler */
    {"24", BLAME_DATABASE}, /* cursor state */
    {"27", BLAME_DATABASE}, /* a trigger changed the row that is being changed */
    {"2B", BLAME_DATABASE}, /* dependent privileges */
    {"2D", BLAME_DATABASE}, /* COMMIT inside a trigger */
    {"2F", BLAME_DATABASE}, /* SQL routine: no RETURN, data modified where it must not be */
    {"34", BLAME_DATABASE}, /* cursor name */
    {"38", BLAME_DATABASE}, /* external routine: SQL where it must not be */
    {"39", BLAME_DATABASE}, /* external routine called wrongly: trigger protocol violated */
    {"3B", BLAME_DATABASE}, /* savepoint */
    {"3F", BLAME_DATABASE}, /* no such schema */

    /* No errors by themselves: whoever raises them as such must mend that. */
    {"00", BLAME_DATABASE}, /* success */
    {"01", BLAME_DATABASE}, /* warning */
    {"02", BLAME_DATABASE}, /* no data */
    {"03", BLAME_DATABASE}, /* statement not yet complete */
};

enum store_blame store_blame(const char *sqlstate, bool in_function)
{
    if (!sqlstate || strlen(sqlstate) != 5)
        return BLAME_DATABASE;
    for (size_t i = 0; i < sizeof BLAMES / sizeof *BLAMES; i++) {
        if (strncmp(sqlstate, BLAMES[i].prefix, strlen(BLAMES[i].prefix)) == 0)
            return BLAMES[i].blame;
    }
    /* A code that PostgreSQL does not have: raised by a function (RAISE … USING ERRCODE) it is one more P0001; from elsewhere, a
     * pooler or a later version, it is unknown. */
    return in_function ? BLAME_ROW : BLAME_DATABASE;
}

/* Every procedural language says where it was; PostgreSQL itself has nothing to say about our statements. */
static bool is_raised_in_function(const PGresult *error)
{
    return PQresultErrorField(error, PG_DIAG_CONTEXT) != NULL;
}

/* What insert_labels.sql fills. */
static const char *const FILLED[] = {
    "id",
    "account_id",
    "run_id",
    "output_resource_name",
    "text_value",
    "object_value",
    "object_value_is_partial",
    "created_by",
};

/* `generated` has a line for each of them, and an empty one before and behind. */
static bool is_generated(const char *column, const char *generated)
{
    char line[80];

    (void)snprintf(line, sizeof line, "\n%s\n", column);
    return generated && strstr(generated, line);
}

const char *store_unfilled_column(const PGresult *error, const char *generated)
{
    const char *sqlstate = PQresultErrorField(error, PG_DIAG_SQLSTATE);
    const char *column = PQresultErrorField(error, PG_DIAG_COLUMN_NAME);

    /* The table that is named can be a partition, or lie under a view. */
    if (!sqlstate || strcmp(sqlstate, "23502") != 0 || is_raised_in_function(error) || !column)
        return NULL;
    for (size_t i = 0; i < sizeof FILLED / sizeof *FILLED; i++) {
        if (strcmp(column, FILLED[i]) == 0)
            return NULL;
    }
    return is_generated(column, generated) ? NULL : column;
}

bool store_has_no_partition(const PGresult *error)
{
    const char *sqlstate = PQresultErrorField(error, PG_DIAG_SQLSTATE);

    /* A check has a name, and the same SQLSTATE. */
    return sqlstate && strcmp(sqlstate, "23514") == 0 && !is_raised_in_function(error) &&
           PQresultErrorField(error, PG_DIAG_TABLE_NAME) &&
           !PQresultErrorField(error, PG_DIAG_CONSTRAINT_NAME);
}

/* The limits of class 54 that are the whole database's: no transaction id or multixact is to be had (wraparound), or a file is at its
 * last block. PostgreSQL names the function that found it, in no language. */
static bool is_limit_of_database(const PGresult *error)
{
    static const char *const FOUND_BY[] = {
        "GetNewTransactionId", "GetNewMultiXactId",       "mdextend",
        "mdzeroextend",        "ExtendBufferedRelShared", "ExtendBufferedRelLocal",
    };
    const char *sqlstate = PQresultErrorField(error, PG_DIAG_SQLSTATE);
    const char *function = PQresultErrorField(error, PG_DIAG_SOURCE_FUNCTION);

    if (!sqlstate || strncmp(sqlstate, "54", 2) != 0 || !function)
        return false;
    for (size_t i = 0; i < sizeof FOUND_BY / sizeof *FOUND_BY; i++) {
        if (strcmp(function, FOUND_BY[i]) == 0)
            return true;
    }
    return false;
}

enum store_blame store_blame_of(const PGresult *error, const char *generated)
{
    if (store_unfilled_column(error, generated) || store_has_no_partition(error) ||
        is_limit_of_database(error))
        return BLAME_DATABASE;
    return store_blame(PQresultErrorField(error, PG_DIAG_SQLSTATE), is_raised_in_function(error));
}

/* insert_labels.sql says so with a cast that cannot succeed: PostgreSQL quotes what it was to cast in any language. */
static bool is_changed_by_trigger(const PGresult *error)
{
    const char *sqlstate = PQresultErrorField(error, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(error, PG_DIAG_MESSAGE_PRIMARY);

    return sqlstate && strcmp(sqlstate, "22P02") == 0 && !is_raised_in_function(error) && message &&
           strstr(message, "changed by a trigger: ");
}

/* What the label breaks, by the first name that PostgreSQL gives it; NULL where it gives none. A function can name whatever it likes. */
static const char *name_broken(const PGresult *error, const char **kind)
{
    if (is_raised_in_function(error))
        return NULL;
    const char *constraint = PQresultErrorField(error, PG_DIAG_CONSTRAINT_NAME);
    *kind = constraint ? "constraint " : "column ";
    return constraint ? constraint : PQresultErrorField(error, PG_DIAG_COLUMN_NAME);
}

struct slice store_refusal(const PGresult *error, struct arena *arena)
{
    const char *sqlstate = PQresultErrorField(error, PG_DIAG_SQLSTATE);
    if (is_changed_by_trigger(error))
        return slice_of("the database would not store the label as it was sent: the type of a column or a "
                        "trigger on gold_label changes it");
    /* PostgreSQL's own message may quote the value: it is not passed on. */
    const char *kind = "";
    const char *name = name_broken(error, &kind);
    char text[192];

    snprintf(text, sizeof text, "the database refused the label: %s%s%sSQLSTATE %s", name ? kind : "",
             name ? name : "", name ? ", " : "", sqlstate ? sqlstate : "unknown");
    return arena_copy(arena, slice_of(text));
}
