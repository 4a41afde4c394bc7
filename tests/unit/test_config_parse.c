#include "tests/unit/config_program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A configuration that must be read. */
static struct config *accepted(struct slice text, char *const *env, struct settings *s)
{
    struct buffer faults = {0};
    struct config *c = config_parse(&PROGRAM, text, env, s, &faults);
    if (!c)
        fail_msg("%.*s", (int)faults.len, faults.at);
    assert_int_equal(faults.len, 0);
    buffer_dispose(&faults);
    return c;
}

static void assert_faults(struct slice text, char *const *env, const char *expected)
{
    struct settings s;
    struct buffer faults = {0};
    struct config *c = config_parse(&PROGRAM, text, env, &s, &faults);
    buffer_add_char(&faults, '\0');
    assert_string_equal(faults.at, expected);
    assert_null(c);
    buffer_dispose(&faults);
}

static void what_is_not_given_has_its_default(void **state)
{
    (void)state;
    struct settings s;
    struct config *c = accepted(SLICE_LITERAL(REQUIRED), NULL, &s);

    assert_string_equal(s.brokers, "b:9092");
    assert_string_equal(s.conninfo, "dbname=x");
    assert_null(s.audience);
    assert_int_equal(s.max_rows, 1000);
    assert_int_equal(s.linger, 0);
    assert_true(s.fast);
    assert_int_equal(s.auth, 0);
    assert_int_equal(config_kafka(c)->n, 0);
    config_free(c);
}

static void every_kind_is_read_from_the_file(void **state)
{
    (void)state;
    struct settings s;
    struct config *c = accepted(SLICE_LITERAL("\xef\xbb\xbf[worker] ; a comment\r\n"
                                              "  # another\r\n"
                                              "max_rows=10000\r\n"
                                              "   linger-time:-5  \r\n"
                                              "fast = OFF\r\n"
                                              "auth = trusted\r\n" REQUIRED),
                                NULL, &s);
    assert_int_equal(s.max_rows, 10000);
    assert_int_equal(s.linger, -5);
    assert_false(s.fast);
    assert_int_equal(s.auth, 1);
    assert_int_equal(config_kafka(c)->n, 0);
    config_free(c);
}

static void a_value_keeps_semicolons_hashes_and_equal_signs(void **state)
{
    (void)state;
    struct settings s;
    struct config *c = accepted(SLICE_LITERAL("[postgres]\nconninfo = host=a password='x ;y # z' ; end\n"
                                              "[kafka]\nbrokers = a, b ; c\nsasl.password = p;#=\"q\" ;\n"),
                                NULL, &s);
    assert_string_equal(s.conninfo, "host=a password='x ;y # z' ; end");
    assert_string_equal(s.brokers, "a, b ; c");
    assert_string_equal(config_kafka(c)->at[0].value, "p;#=\"q\" ;");
    config_free(c);
}

static void a_line_may_be_longer_than_libinih_likes(void **state)
{
    (void)state;
    struct settings s;
    struct buffer text = {0};
    buffer_add_text(&text, "[kafka]\nbrokers = ");
    for (int i = 0; i < 1000; i++)
        buffer_add_text(&text, "host:9092,");
    buffer_add_text(&text, "\n[postgres]\nconninfo=c");

    struct config *c = accepted(buffer_slice(&text), NULL, &s);
    assert_int_equal(strlen(s.brokers), 10000);
    config_free(c);

    for (int i = 0; i < 2000; i++)
        buffer_add_text(&text, "max_rows=1");
    assert_faults(
        buffer_slice(&text), NULL,
        "line 4: longer than 16384 bytes\n"
        "[postgres] conninfo: is required; set it in the file or as GOLD_LABEL_POSTGRES_CONNINFO\n");
    buffer_dispose(&text);
}

static void the_texts_outlive_what_they_were_read_from(void **state)
{
    (void)state;
    struct settings s;
    char text[] = REQUIRED;
    char variable[] = "GOLD_LABEL_TOKEN_AUDIENCE=worker";
    char *env[] = {variable, NULL};
    struct config *c = accepted(slice_make(text, sizeof text - 1), env, &s);

    memset(text, '?', sizeof text);
    memset(variable, '?', sizeof variable);
    assert_string_equal(s.brokers, "b:9092");
    assert_string_equal(s.audience, "worker");
    config_free(c);
}

static void the_environment_overrides_the_file(void **state)
{
    (void)state;
    struct settings s;
    char *env[] = {"HOME=/",
                   "GOLD_LABEL_KAFKA_BROKERS=env:1",
                   "GOLD_LABEL_POSTGRES_CONNINFO=a=b",
                   "GOLD_LABEL_WORKER_LINGER_TIME=7",
                   "GOLD_LABEL_WORKER_LINGER_TIME=8",
                   "GOLD_LABEL_KAFKA_LINGER_MS=4",
                   "GOLD_LABEL_KAFKA_SASL_PASSWORD=Secret=1",
                   NULL};
    struct config *c = accepted(SLICE_LITERAL(REQUIRED "[worker]\nlinger-time=1\nmax_rows=2\n"
                                                       "[kafka]\nlinger.ms=9\n"),
                                env, &s);
    assert_string_equal(s.brokers, "env:1");
    assert_string_equal(s.conninfo, "a=b");
    assert_int_equal(s.linger, 7);
    assert_int_equal(s.max_rows, 2);

    const struct config_properties *kafka = config_kafka(c);
    assert_int_equal(kafka->n, 2);
    assert_string_equal(kafka->at[0].name, "linger.ms");
    assert_string_equal(kafka->at[0].value, "4");
    assert_string_equal(kafka->at[1].name, "sasl.password");
    assert_string_equal(kafka->at[1].value, "Secret=1");
    config_free(c);
}

static void variables_of_other_programs_are_ignored(void **state)
{
    (void)state;
    struct settings s;
    char *env[] = {
        "GOLD_LABEL_BIN=/x", "GOLD_LABEL_STATE=build", "GOLD_LABEL_HTTP_PORT=1", "GOLD_LABEL_WORKER=1",
        "GOLD_LABEL_",       "GOLD_LABEL_KAFKAX_Y=1",  "gold_label_worker_x=",   NULL};
    config_free(accepted(SLICE_LITERAL(REQUIRED), env, &s));
}

static void a_typo_in_a_variable_is_a_fault(void **state)
{
    (void)state;
    char *env[] = {"GOLD_LABEL_WORKER_MAX_RWOS=5", "GOLD_LABEL_TOKEN_=",  "GOLD_LABEL_WORKER_MAX_ROWSX=5",
                   "GOLD_LABEL_KAFKA_DLQ_TOPIC=x", "GOLD_LABEL_KAFKA_=x", NULL};
    assert_faults(SLICE_LITERAL(REQUIRED), env,
                  "GOLD_LABEL_WORKER_MAX_RWOS: no setting has this name\n"
                  "GOLD_LABEL_TOKEN_: no setting has this name\n"
                  "GOLD_LABEL_WORKER_MAX_ROWSX: no setting has this name\n"
                  "GOLD_LABEL_KAFKA_: no setting has this name\n"
                  "[kafka] dlq.topic: no property takes \"x\" (GOLD_LABEL_KAFKA_DLQ_TOPIC)\n");
}

static void every_fault_is_reported_at_once(void **state)
{
    (void)state;
    char *env[] = {"GOLD_LABEL_WORKER_AUTH=nobody", NULL};
    assert_faults(SLICE_LITERAL("early = 1\n"
                                "[worker]\n"
                                "max_rows = 0\n"
                                "max_rows = 5\n"
                                "fast = maybe\n"
                                "no value\n"
                                "= no name\n"
                                "rows = 3\n"
                                "[wroker]\n"
                                "max_rows = 5\n"
                                "[kafka]\n"
                                "foo.bar = 1\n"
                                "linger.ms = x\n"
                                "[worker\n"
                                "max_rows = 6\n"
                                "[worker] max_rows = 7\n"
                                "[postgres]\n"
                                "conninfo =\n"),
                  env,
                  "line 1: stands before the first [section]\n"
                  "line 4: [worker] max_rows: given twice, first in line 3\n"
                  "line 6: neither `name = value` nor [section]\n"
                  "line 7: a value without a name\n"
                  "line 8: [worker] rows: unknown name\n"
                  "line 9: [wroker]: unknown section\n"
                  "line 14: a section's name ends with ]\n"
                  "line 16: nothing may follow the ] of a section\n"
                  "[kafka] brokers: is required; set it in the file or as GOLD_LABEL_KAFKA_BROKERS\n"
                  "[postgres] conninfo: must be text of 1 to 600 bytes (line 18)\n"
                  "[worker] max_rows = 0: must be 1 to 10000 (line 3)\n"
                  "[worker] fast = maybe: must be true or false (line 5)\n"
                  "[worker] auth = nobody: must be token or trusted (GOLD_LABEL_WORKER_AUTH)\n"
                  "[kafka] foo.bar: no property takes \"1\" (line 12)\n"
                  "[kafka] linger.ms: no property takes \"x\" (line 13)\n");
}

static void numbers_are_plain_decimal_within_their_bounds(void **state)
{
    (void)state;
    static const char *const REFUSED[] = {
        "",    "0",    "10001", "-1", "+5", "5x", "0x10", "1e3", "5 5", "--5", "99999999999999999999",
        "5.0", "five", "-",
    };
    for (size_t i = 0; i < sizeof REFUSED / sizeof REFUSED[0]; i++) {
        char text[200];
        char expected[200];
        snprintf(text, sizeof text, REQUIRED "[worker]\nmax_rows = %s\n", REFUSED[i]);
        snprintf(expected, sizeof expected, "[worker] max_rows = %s: must be 1 to 10000 (line 6)\n",
                 REFUSED[i]);
        assert_faults(slice_of(text), NULL, expected);
    }
    assert_faults(SLICE_LITERAL(REQUIRED "[worker]\nlinger-time = -6\n"), NULL,
                  "[worker] linger-time = -6: must be -5 to 9223372036854775807 ms (line 6)\n");
}

static void an_address_is_numeric(void **state)
{
    (void)state;
    static const char *const REFUSED[] = {"", "localhost", "256.1.1.1", "127.0.0.1:80", "[::1]", "::1 "};
    for (size_t i = 0; i < sizeof REFUSED / sizeof REFUSED[0]; i++) {
        char variable[100];
        char expected[200];
        snprintf(variable, sizeof variable, "GOLD_LABEL_ADMIN_ADDRESS=%s", REFUSED[i]);
        snprintf(expected, sizeof expected,
                 "[admin] address = %s: must be a numeric IPv4 or IPv6 address (GOLD_LABEL_ADMIN_ADDRESS)\n",
                 REFUSED[i]);
        assert_faults(SLICE_LITERAL(REQUIRED), (char *[]){variable, NULL}, expected);
    }

    static const char *const TAKEN[] = {"127.0.0.1", "0.0.0.0", "::", "::1"};
    for (size_t i = 0; i < sizeof TAKEN / sizeof TAKEN[0]; i++) {
        struct settings s;
        struct buffer faults = {0};
        char variable[100];
        snprintf(variable, sizeof variable, "GOLD_LABEL_ADMIN_ADDRESS=%s", TAKEN[i]);
        struct config *c =
            config_parse(&PROGRAM, SLICE_LITERAL(REQUIRED), (char *[]){variable, NULL}, &s, &faults);
        assert_non_null(c);
        assert_string_equal(s.address, TAKEN[i]);
        config_free(c);
        buffer_dispose(&faults);
    }
}

static void a_topic_has_a_name_that_kafka_takes_and_no_other_setting_has(void **state)
{
    (void)state;
#define BOUND "must be 1 to 249 of A-Z a-z 0-9 . _ -, not . or .."
    static const struct {
        const char *value, *faults;
    } CASES[] = {
        {"a.b-c_D1", ""},
        {"in.", ""},
        {"", "[kafka] to = : " BOUND " (GOLD_LABEL_KAFKA_TO)\n"},
        {"a b", "[kafka] to = a b: " BOUND " (GOLD_LABEL_KAFKA_TO)\n"},
        {"..", "[kafka] to = ..: " BOUND " (GOLD_LABEL_KAFKA_TO)\n"},
        {"in", "[kafka] to = in: is also the from (GOLD_LABEL_KAFKA_TO)\n"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct settings s;
        struct buffer faults = {0};
        char variable[100];
        snprintf(variable, sizeof variable, "GOLD_LABEL_KAFKA_TO=%s", CASES[i].value);
        struct config *c =
            config_parse(&PROGRAM, SLICE_LITERAL(REQUIRED), (char *[]){variable, NULL}, &s, &faults);
        buffer_add_char(&faults, '\0');
        assert_string_equal(faults.at, CASES[i].faults);
        assert_int_equal(c != NULL, !*CASES[i].faults);
        config_free(c);
        buffer_dispose(&faults);
    }
#undef BOUND
    /* A default that takes the place of a refused name is nobody's choice. */
    assert_faults(SLICE_LITERAL("[kafka]\nfrom = a b\nto = in\n" REQUIRED), NULL,
                  "[kafka] from = a b: must be 1 to 249 of A-Z a-z 0-9 . _ -, not . or .. (line 2)\n");
}

static void a_text_over_its_bound_is_refused_and_not_shown(void **state)
{
    (void)state;
    assert_faults(SLICE_LITERAL(REQUIRED "[token]\naudience = 123456789012345678901\n"), NULL,
                  "[token] audience: must be text of 1 to 20 bytes (line 6)\n");
    char *env[] = {"GOLD_LABEL_TOKEN_AUDIENCE=", NULL};
    assert_faults(SLICE_LITERAL(REQUIRED), env,
                  "[token] audience: must be text of 1 to 20 bytes (GOLD_LABEL_TOKEN_AUDIENCE)\n");
}

static void a_refused_secret_is_not_shown(void **state)
{
    (void)state;
    assert_faults(SLICE_LITERAL(REQUIRED "[kafka]\nsasl.password = bad\n"), NULL,
                  "[kafka] sasl.password: its value is refused (line 6)\n");
}

static void a_nul_byte_is_a_fault(void **state)
{
    (void)state;
    assert_faults(SLICE_LITERAL(REQUIRED "[worker]\nmax_rows = 5\0 00\n"), NULL,
                  "line 6: holds a NUL byte\n");
}

static void control_characters_do_not_reach_the_terminal(void **state)
{
    (void)state;
    assert_faults(SLICE_LITERAL(REQUIRED "[worker]\n\x1b[2J = 1\nauth = \x1b]0;x\x07\n[\x1bx]\n"), NULL,
                  "line 6: [worker] ?[2J: unknown name\n"
                  "line 8: [?x]: unknown section\n"
                  "[worker] auth = ?]0;x?: must be token or trusted (line 7)\n");
}

static void a_long_unknown_section_is_not_taken_for_a_known_one(void **state)
{
    (void)state;
    struct buffer text = {0};
    struct settings s;
    struct buffer faults = {0};
    buffer_add_text(&text, REQUIRED "[worker");
    for (int i = 0; i < 100; i++)
        buffer_add_char(&text, 'x');
    buffer_add_text(&text, "]\nmax_rows = 5\n");
    assert_null(config_parse(&PROGRAM, buffer_slice(&text), NULL, &s, &faults));
    buffer_add_char(&faults, '\0');
    assert_non_null(strstr(faults.at, "line 5: [workerxxx"));
    assert_non_null(strstr(faults.at, "]: unknown section\n"));
    assert_int_equal(s.max_rows, 1000);
    buffer_dispose(&text);
    buffer_dispose(&faults);
}

static void checks_of_the_whole_come_with_the_others(void **state)
{
    (void)state;
    assert_faults(SLICE_LITERAL(REQUIRED "[worker]\nauth=trusted\nmax_rows=0\n[token]\naudience=a\n"), NULL,
                  "[worker] max_rows = 0: must be 1 to 10000 (line 7)\n"
                  "[worker] auth = trusted: needs no audience\n");
}

static void a_refused_value_leaves_the_default_for_the_checks(void **state)
{
    (void)state;
    struct settings s;
    struct buffer faults = {0};
    assert_null(config_parse(&PROGRAM, SLICE_LITERAL("[worker]\nmax_rows=0\nfast=?\n"), NULL, &s, &faults));
    assert_int_equal(s.max_rows, 1000);
    assert_true(s.fast);
    assert_null(s.brokers);
    buffer_dispose(&faults);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_given_has_its_default),
        cmocka_unit_test(every_kind_is_read_from_the_file),
        cmocka_unit_test(a_value_keeps_semicolons_hashes_and_equal_signs),
        cmocka_unit_test(a_line_may_be_longer_than_libinih_likes),
        cmocka_unit_test(the_texts_outlive_what_they_were_read_from),
        cmocka_unit_test(the_environment_overrides_the_file),
        cmocka_unit_test(variables_of_other_programs_are_ignored),
        cmocka_unit_test(a_typo_in_a_variable_is_a_fault),
        cmocka_unit_test(every_fault_is_reported_at_once),
        cmocka_unit_test(numbers_are_plain_decimal_within_their_bounds),
        cmocka_unit_test(an_address_is_numeric),
        cmocka_unit_test(a_topic_has_a_name_that_kafka_takes_and_no_other_setting_has),
        cmocka_unit_test(a_text_over_its_bound_is_refused_and_not_shown),
        cmocka_unit_test(a_refused_secret_is_not_shown),
        cmocka_unit_test(a_nul_byte_is_a_fault),
        cmocka_unit_test(control_characters_do_not_reach_the_terminal),
        cmocka_unit_test(a_long_unknown_section_is_not_taken_for_a_known_one),
        cmocka_unit_test(checks_of_the_whole_come_with_the_others),
        cmocka_unit_test(a_refused_value_leaves_the_default_for_the_checks),
    };
    return cmocka_run_group_tests_name("config_parse", tests, NULL, NULL);
}
