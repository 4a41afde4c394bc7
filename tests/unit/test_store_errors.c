#include "worker/store_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* What PostgreSQL said. Its texts may quote the label's value. */
struct pg_result {
    char *sqlstate, *constraint;
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
    default:
        return quoting;
    }
}

char *PQresultErrorMessage(const PGresult *res)
{
    return PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
}

static void a_row_is_to_blame_for_what_its_values_caused(void **state)
{
    (void)state;
    static const struct {
        const char *sqlstate;
        enum store_blame blame;
    } CASES[] = {
        {"22021", BLAME_ROW},      /* character not in repertoire */
        {"22P05", BLAME_ROW},      /* untranslatable character */
        {"22003", BLAME_ROW},      /* numeric value out of range */
        {"23514", BLAME_ROW},      /* check violation */
        {"23503", BLAME_ROW},      /* foreign key violation */
        {"54000", BLAME_ROW},      /* program limit exceeded */
        {"08006", BLAME_DATABASE}, /* connection failure */
        {"25006", BLAME_DATABASE}, /* read-only transaction */
        {"28P01", BLAME_DATABASE}, /* invalid password */
        {"40001", BLAME_DATABASE}, /* serialization failure */
        {"40P01", BLAME_DATABASE}, /* deadlock */
        {"42501", BLAME_DATABASE}, /* insufficient privilege */
        {"42P01", BLAME_DATABASE}, /* undefined table */
        {"53100", BLAME_DATABASE}, /* disk full */
        {"53200", BLAME_DATABASE}, /* out of memory */
        {"55P03", BLAME_DATABASE}, /* lock not available */
        {"57014", BLAME_DATABASE}, /* query cancelled */
        {"57P01", BLAME_DATABASE}, /* admin shutdown */
        {"58030", BLAME_DATABASE}, /* I/O error */
        {"XX000", BLAME_DATABASE}, /* internal error */
        {"02200", BLAME_DATABASE}, /* 22 elsewhere than in front */
        {"2", BLAME_DATABASE},     {"", BLAME_DATABASE}, {NULL, BLAME_DATABASE},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        if (store_blame(CASES[i].sqlstate) != CASES[i].blame)
            fail_msg("%s", CASES[i].sqlstate ? CASES[i].sqlstate : "no SQLSTATE");
    }
}

static void a_refusal_names_sqlstate_and_constraint_and_no_value(void **state)
{
    (void)state;
    static char not_in_repertoire[] = "22021";
    static char check_violation[] = "23514";
    static char name_length[] = "label_name_length";
    static const struct {
        struct pg_result result;
        const char *message;
    } CASES[] = {
        {{not_in_repertoire, NULL}, "the database refused the label: SQLSTATE 22021"},
        {{check_violation, name_length},
         "the database refused the label: constraint label_name_length, SQLSTATE 23514"},
        {{NULL, NULL}, "the database refused the label: SQLSTATE unknown"},
    };
    struct arena *arena = arena_new(1024);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct slice message = store_refusal((const PGresult *)&CASES[i].result, arena);
        if (!slice_is(message, CASES[i].message))
            fail_msg("%.*s", (int)message.len, message.at);
    }
    arena_free(arena);
}

static void a_constraint_with_a_long_name_is_cut(void **state)
{
    (void)state;
    char sqlstate[] = "23514";
    char constraint[1000];
    struct arena *arena = arena_new(1024);
    memset(constraint, 'c', sizeof constraint - 1);
    constraint[sizeof constraint - 1] = '\0';

    struct pg_result result = {sqlstate, constraint};
    struct slice message = store_refusal((const PGresult *)&result, arena);
    assert_in_range(message.len, 100, 191);
    assert_int_equal(message.at[message.len - 1], 'c');
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_to_blame_for_what_its_values_caused),
        cmocka_unit_test(a_refusal_names_sqlstate_and_constraint_and_no_value),
        cmocka_unit_test(a_constraint_with_a_long_name_is_cut),
    };
    return cmocka_run_group_tests_name("store_errors", tests, NULL, NULL);
}
