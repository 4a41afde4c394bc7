#include "worker/store_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* What PostgreSQL said. Its texts may quote the label's value. */
struct pg_result {
    char *sqlstate, *constraint, *context, *column, *function;
};

/* In place of libpq's, which makes a result with fields only out of a server's answer. */
char *PQresultErrorField(const PGresult *res, int fieldcode)
{
    static char quoting[] = "Key (text_value)=(canary) already exists.";
    const struct pg_result *r = (const struct pg_result *)res;
    switch (fieldcode) {
    case PG_DIAG_SQLSTATE:
        return r->sqlstate;
    case PG_DIAG_CONSTRAINT_NAME:
        return r->constraint;
    case PG_DIAG_COLUMN_NAME:
        return r->column;
    case PG_DIAG_CONTEXT:
        return r->context;
    case PG_DIAG_SOURCE_FUNCTION:
        return r->function;
    default:
        return quoting;
    }
}

char *PQresultErrorMessage(const PGresult *res)
{
    return PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
}

struct blame_case {
    const char *sqlstate;
    enum store_blame blame;
};

static void assert_blames(const struct blame_case *cases, size_t n, bool in_function)
{
    for (size_t i = 0; i < n; i++) {
        if (store_blame(cases[i].sqlstate, in_function) != cases[i].blame)
            fail_msg("%s", cases[i].sqlstate ? cases[i].sqlstate : "no SQLSTATE");
    }
}

static void who_is_to_blame_follows_from_the_code(void **state)
{
    (void)state;
    static const struct blame_case CASES[] = {
        {"22021", BLAME_ROW},      /* character not in repertoire */
        {"22P05", BLAME_ROW},      /* untranslatable character */
        {"22003", BLAME_ROW},      /* numeric value out of range */
        {"23514", BLAME_ROW},      /* check violation */
        {"23503", BLAME_ROW},      /* foreign key violation */
        {"54000", BLAME_ROW},      /* program limit exceeded */
        {"44000", BLAME_ROW},      /* WITH CHECK OPTION */
        {"P0001", BLAME_ROW},      /* RAISE EXCEPTION */
        {"P0002", BLAME_ROW},      /* no data found */
        {"P0003", BLAME_ROW},      /* too many rows */
        {"38000", BLAME_ROW},      /* RAISE of PL/Python, PL/Perl */
        {"09000", BLAME_ROW},      /* triggered action exception */
        {"20000", BLAME_ROW},      /* case not found */
        {"21000", BLAME_ROW},      /* cardinality violation */
        {"57014", BLAME_SIZE},     /* query cancelled */
        {"53200", BLAME_SIZE},     /* out of memory */
        {"53400", BLAME_SIZE},     /* configuration limit exceeded */
        {"P0004", BLAME_DATABASE}, /* assert failure */
        {"2200H", BLAME_DATABASE}, /* sequence generator limit exceeded */
        {"08006", BLAME_DATABASE}, /* connection failure */
        {"0A000", BLAME_DATABASE}, /* cached plan must not change result type */
        {"25006", BLAME_DATABASE}, /* read-only transaction */
        {"26000", BLAME_DATABASE}, /* prepared statement does not exist */
        {"28P01", BLAME_DATABASE}, /* invalid password */
        {"2F005", BLAME_DATABASE}, /* function executed no return statement */
        {"38001", BLAME_DATABASE}, /* containing SQL not permitted */
        {"39P01", BLAME_DATABASE}, /* trigger protocol violated */
        {"40001", BLAME_DATABASE}, /* serialization failure */
        {"40P01", BLAME_DATABASE}, /* deadlock */
        {"42501", BLAME_DATABASE}, /* insufficient privilege */
        {"42P01", BLAME_DATABASE}, /* undefined table */
        {"53100", BLAME_DATABASE}, /* disk full */
        {"53300", BLAME_DATABASE}, /* too many connections */
        {"55P03", BLAME_DATABASE}, /* lock not available */
        {"57P01", BLAME_DATABASE}, /* admin shutdown */
        {"57P05", BLAME_DATABASE}, /* idle session timeout */
        {"58030", BLAME_DATABASE}, /* I/O error */
        {"72000", BLAME_DATABASE}, /* snapshot too old */
        {"HV000", BLAME_DATABASE}, /* foreign data wrapper */
        {"XX000", BLAME_DATABASE}, /* internal error */
        {"02200", BLAME_DATABASE}, /* 22 elsewhere than in front */
        {"22", BLAME_DATABASE},    /* no SQLSTATE */
        {"", BLAME_DATABASE},      {NULL, BLAME_DATABASE},
    };
    assert_blames(CASES, sizeof CASES / sizeof CASES[0], false);
    assert_blames(CASES, sizeof CASES / sizeof CASES[0], true);
}

static void a_code_that_postgresql_does_not_have_is_a_functions_refusal(void **state)
{
    (void)state;
    static const struct blame_case RAISED[] = {
        {"45000", BLAME_ROW}, {"U0001", BLAME_ROW}, {"GL001", BLAME_ROW}};
    static const struct blame_case MET[] = {
        {"45000", BLAME_DATABASE}, {"U0001", BLAME_DATABASE}, {"GL001", BLAME_DATABASE}};
    assert_blames(RAISED, 3, true);
    assert_blames(MET, 3, false);
}

/* The sections of PostgreSQL's errcodes.txt. */
static void every_class_of_postgresql_is_known(void **state)
{
    (void)state;
    static const char *const OUTAGES[] = {"00", "01", "02", "03", "08", "0A", "0B", "0F", "0L",
                                          "0P", "0Z", "24", "25", "26", "27", "28", "2B", "2D",
                                          "2F", "34", "38", "39", "3B", "3D", "3F", "40", "42",
                                          "53", "55", "57", "58", "72", "F0", "HV", "XX"};
    static const char *const ROWS[] = {"09", "20", "21", "22", "23", "44", "54", "P0"};
    char sqlstate[6];
    for (size_t i = 0; i < sizeof OUTAGES / sizeof *OUTAGES; i++) {
        (void)snprintf(sqlstate, sizeof sqlstate, "%sP99", OUTAGES[i]);
        assert_int_equal(store_blame(sqlstate, true), BLAME_DATABASE);
    }
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        (void)snprintf(sqlstate, sizeof sqlstate, "%sP99", ROWS[i]);
        assert_int_equal(store_blame(sqlstate, false), BLAME_ROW);
    }
}

static void a_refusal_names_sqlstate_and_constraint_or_column_and_no_value(void **state)
{
    (void)state;
    static char not_in_repertoire[] = "22021";
    static char not_null_violation[] = "23502";
    static char check_violation[] = "23514";
    static char name_length[] = "label_name_length";
    static char team[] = "team";
    static char context[] = "PL/pgSQL function f() line 1 at RAISE";
    static const struct {
        struct pg_result result;
        const char *message;
    } CASES[] = {
        {{not_in_repertoire, NULL, NULL, NULL, NULL}, "the database refused the label: SQLSTATE 22021"},
        {{check_violation, name_length, NULL, NULL, NULL},
         "the database refused the label: constraint label_name_length, SQLSTATE 23514"},
        {{check_violation, name_length, context, NULL, NULL},
         "the database refused the label: SQLSTATE 23514"},
        {{not_null_violation, NULL, NULL, team, NULL},
         "the database refused the label: column team, SQLSTATE 23502"},
        {{not_null_violation, NULL, context, team, NULL}, "the database refused the label: SQLSTATE 23502"},
        {{NULL, NULL, NULL, NULL, NULL}, "the database refused the label: SQLSTATE unknown"},
    };
    struct arena *arena = arena_new(1024);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct slice message = store_refusal((const PGresult *)&CASES[i].result, arena);
        if (!slice_is(message, CASES[i].message))
            fail_msg("%.*s", (int)message.len, message.at);
    }
    arena_free(arena);
}

static void a_null_is_the_labels_fault_only_where_the_label_has_a_say(void **state)
{
    (void)state;
    static char not_null_violation[] = "23502";
    static char context[] = "PL/pgSQL function f() line 1 at SQL statement";
    static char filled[] = "created_by";
    static char generated[] = "team";
    static char alike[] = "tea";
    static const struct {
        struct pg_result result;
        enum store_blame blame;
    } CASES[] = {
        {{not_null_violation, NULL, NULL, filled, NULL}, BLAME_ROW},
        {{not_null_violation, NULL, NULL, generated, NULL}, BLAME_ROW},
        {{not_null_violation, NULL, context, alike, NULL}, BLAME_ROW},
        {{not_null_violation, NULL, NULL, alike, NULL}, BLAME_DATABASE},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
        assert_int_equal(store_blame_of((const PGresult *)&CASES[i].result, "\nlang\nteam\n"),
                         CASES[i].blame);
    assert_int_equal(store_blame_of((const PGresult *)&CASES[1].result, NULL), BLAME_DATABASE);
}

/* The same SQLSTATE: a row that is too big, and a database that gives no more transaction ids, to nobody. */
static void a_limit_of_the_whole_database_is_an_outage(void **state)
{
    (void)state;
    static char limit[] = "54000";
    static char other[] = "22003";
    static char wraparound[] = "GetNewTransactionId";
    static char multixacts[] = "GetNewMultiXactId";
    static char blocks[] = "mdextend";
    static char entry[] = "index_form_tuple";
    static char context[] = "SQL statement in a trigger that writes first";
    static const struct {
        struct pg_result result;
        enum store_blame blame;
    } CASES[] = {
        {{limit, NULL, NULL, NULL, wraparound}, BLAME_DATABASE},
        {{limit, NULL, context, NULL, multixacts}, BLAME_DATABASE},
        {{limit, NULL, NULL, NULL, blocks}, BLAME_DATABASE},
        {{limit, NULL, NULL, NULL, entry}, BLAME_ROW},
        {{limit, NULL, NULL, NULL, NULL}, BLAME_ROW},
        {{other, NULL, NULL, NULL, wraparound}, BLAME_ROW},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
        assert_int_equal(store_blame_of((const PGresult *)&CASES[i].result, NULL), CASES[i].blame);
}

static void a_constraint_with_a_long_name_is_cut(void **state)
{
    (void)state;
    char sqlstate[] = "23514";
    char constraint[1000];
    struct arena *arena = arena_new(1024);
    memset(constraint, 'c', sizeof constraint - 1);
    constraint[sizeof constraint - 1] = '\0';

    struct pg_result result = {sqlstate, constraint, NULL, NULL, NULL};
    struct slice message = store_refusal((const PGresult *)&result, arena);
    assert_in_range(message.len, 100, 191);
    assert_int_equal(message.at[message.len - 1], 'c');
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_to_blame_follows_from_the_code),
        cmocka_unit_test(a_code_that_postgresql_does_not_have_is_a_functions_refusal),
        cmocka_unit_test(every_class_of_postgresql_is_known),
        cmocka_unit_test(a_refusal_names_sqlstate_and_constraint_or_column_and_no_value),
        cmocka_unit_test(a_null_is_the_labels_fault_only_where_the_label_has_a_say),
        cmocka_unit_test(a_limit_of_the_whole_database_is_an_outage),
        cmocka_unit_test(a_constraint_with_a_long_name_is_cut),
    };
    return cmocka_run_group_tests_name("store_errors", tests, NULL, NULL);
}
