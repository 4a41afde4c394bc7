#include "common/config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct settings {
    const char *brokers;
    const char *conninfo;
    const char *audience;
    int64_t max_rows;
    int64_t linger;
    bool fast;
    int auth;
};

static const char *const AUTHS[] = {"token", "trusted", NULL};

#define MEMBER(member) .offset = offsetof(struct settings, member)
static const struct config_option OPTIONS[] = {
    {.section = "kafka", .name = "brokers", MEMBER(brokers), .required = true, .help = "Where Kafka is."},
    {.section = "postgres",
     .name = "conninfo",
     MEMBER(conninfo),
     .required = true,
     .max = 600,
     .help = "libpq."},
    {.section = "token", .name = "audience", MEMBER(audience), .max = 20, .help = "The audience."},
    {.section = "worker",
     .name = "max_rows",
     .kind = CONFIG_INTEGER,
     MEMBER(max_rows),
     .fallback = "1000",
     .min = 1,
     .max = 10000,
     .help = "Rows of a batch."},
    {.section = "worker",
     .name = "linger-time",
     .kind = CONFIG_INTEGER,
     MEMBER(linger),
     .fallback = "0",
     .min = -5,
     .max = INT64_MAX,
     .unit = "ms",
     .help = "Time to wait."},
    {.section = "worker",
     .name = "fast",
     .kind = CONFIG_BOOL,
     MEMBER(fast),
     .fallback = "yes",
     .help = "Be fast."},
    {.section = "worker",
     .name = "auth",
     .kind = CONFIG_CHOICE,
     MEMBER(auth),
     .fallback = "token",
     .choices = AUTHS,
     .help = "Who is asked."},
};

static const char *check_property(const char *name, const char *value, char *text, size_t size)
{
    if (strcmp(name, "linger.ms") == 0 && strcmp(value, "x") != 0)
        return NULL;
    if (strncmp(name, "sasl.", 5) == 0 && strcmp(value, "bad") != 0)
        return NULL;
    snprintf(text, size, "no property takes \"%s\"", value);
    return text;
}

static void check_settings(const void *settings, struct buffer *faults)
{
    const struct settings *s = settings;
    if (s->auth == 1 && s->audience)
        buffer_add_text(faults, "[worker] auth = trusted: needs no audience\n");
}

static const struct config_program PROGRAM = {
    .name = "tester",
    .summary = "tests the configuration",
    .options = OPTIONS,
    .n_options = sizeof OPTIONS / sizeof OPTIONS[0],
    .check_property = check_property,
    .check_settings = check_settings,
};

#define REQUIRED "[kafka]\nbrokers = b:9092\n[postgres]\nconninfo = dbname=x\n"

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

/* ---- files and arguments ---- */

static int temporary(char path[], const char *content)
{
    int fd = mkostemp(path, O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    return fd;
}

static void a_file_is_read_up_to_its_bound(void **state)
{
    (void)state;
    char path[] = "/tmp/test_config.XXXXXX";
    int fd = temporary(path, "12345678");
    struct buffer b = {0};
    struct fault f;

    assert_int_equal(config_read_file(path, 8, &b, &f), STATUS_OK);
    assert_true(slice_is(buffer_slice(&b), "12345678"));
    buffer_dispose(&b);
    assert_int_equal(config_read_file(path, 7, &b, &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, path));
    assert_non_null(strstr(f.message, "larger than 7 bytes"));
    assert_int_equal(b.len, 0);
    buffer_dispose(&b);
    close(fd);
    unlink(path);

    assert_int_equal(config_read_file(path, 8, &b, &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "No such file"));
    assert_int_equal(config_read_file("/tmp", 8, &b, &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "Is a directory"));
    buffer_dispose(&b);
}

struct outcome {
    enum config_start start;
    int exit_code;
    char printed[8192]; /* stdout and stderr */
    struct settings settings;
};

static void start(struct outcome *o, int argc, char **argv)
{
    char path[] = "/tmp/test_config.XXXXXX";
    int fd = temporary(path, "");
    int saved[] = {dup(STDOUT_FILENO), dup(STDERR_FILENO)};
    struct config *c = NULL;

    fflush(stdout);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    o->exit_code = -1;
    o->start = config_start(&PROGRAM, argc, argv, &o->settings, &c, &o->exit_code);
    fflush(stdout);
    dup2(saved[0], STDOUT_FILENO);
    dup2(saved[1], STDERR_FILENO);
    close(saved[0]);
    close(saved[1]);

    ssize_t n = pread(fd, o->printed, sizeof o->printed - 1, 0);
    o->printed[n > 0 ? n : 0] = '\0';
    assert_true((o->start == CONFIG_RUN) == (c != NULL));
    config_free(c);
    close(fd);
    unlink(path);
}

#define START(outcome, ...)                                                                                  \
    start(outcome, (int)(sizeof((char *[]){"tester", ##__VA_ARGS__}) / sizeof(char *)),                      \
          (char *[]){"tester", ##__VA_ARGS__, NULL})

static void a_good_file_starts_the_program(void **state)
{
    (void)state;
    char path[] = "/tmp/test_config.XXXXXX";
    char argument[64];
    int fd = temporary(path, REQUIRED "[worker]\nmax_rows = 17\n");
    struct outcome o;

    START(&o, "--config", path);
    assert_int_equal(o.start, CONFIG_RUN);
    assert_int_equal(o.settings.max_rows, 17);
    assert_string_equal(o.printed, "");

    snprintf(argument, sizeof argument, "--config=%s", path);
    START(&o, argument);
    assert_int_equal(o.start, CONFIG_RUN);
    close(fd);
    unlink(path);
}

static void without_a_file_the_environment_is_enough(void **state)
{
    (void)state;
    struct outcome o;
    setenv("GOLD_LABEL_KAFKA_BROKERS", "b", 1);
    setenv("GOLD_LABEL_POSTGRES_CONNINFO", "c", 1);
    START(&o);
    unsetenv("GOLD_LABEL_KAFKA_BROKERS");
    unsetenv("GOLD_LABEL_POSTGRES_CONNINFO");
    assert_int_equal(o.start, CONFIG_RUN);
}

static void faults_are_printed_with_their_file_and_exit_2(void **state)
{
    (void)state;
    char path[] = "/tmp/test_config.XXXXXX";
    char expected[512];
    int fd = temporary(path, "[worker]\nmax_rows = 0\n[kafka]\nbrokers=b\n");
    struct outcome o;

    START(&o, "--config", path);
    snprintf(expected, sizeof expected,
             "tester: %s: [postgres] conninfo: is required; set it in the file or as "
             "GOLD_LABEL_POSTGRES_CONNINFO\n"
             "tester: %s: [worker] max_rows = 0: must be 1 to 10000 (line 2)\n",
             path, path);
    assert_int_equal(o.start, CONFIG_EXIT);
    assert_int_equal(o.exit_code, 2);
    assert_string_equal(o.printed, expected);
    close(fd);
    unlink(path);

    START(&o, "--config", path);
    assert_int_equal(o.exit_code, 2);
    assert_non_null(strstr(o.printed, "No such file"));
}

static void wrong_arguments_are_named_and_exit_2(void **state)
{
    (void)state;
    struct outcome o;
    START(&o, "--confg", "-h", "--config");
    assert_int_equal(o.start, CONFIG_EXIT);
    assert_int_equal(o.exit_code, 2);
    assert_string_equal(o.printed, "tester: --confg: unknown argument; see --help\n"
                                   "tester: -h: unknown argument; see --help\n"
                                   "tester: --config: needs the name of a file\n");
    START(&o, "--config=", "--config=a", "--config", "b");
    assert_int_equal(o.exit_code, 2);
    assert_string_equal(o.printed, "tester: --config: needs the name of a file\n"
                                   "tester: --config: given twice\n"
                                   "tester: --config: given twice\n");
}

static void version_is_one_line(void **state)
{
    (void)state;
    struct outcome o;
    START(&o, "--version");
    assert_int_equal(o.start, CONFIG_EXIT);
    assert_int_equal(o.exit_code, 0);
    assert_string_equal(o.printed, "tester " GOLD_LABEL_VERSION "\n");
}

static void help_lists_every_setting(void **state)
{
    (void)state;
    static const char *const LINES[] = {
        "tester: tests the configuration\n",
        "[kafka]\n  brokers: text that is not empty; required\n      Where Kafka is.\n",
        "  audience: text of 1 to 20 bytes; unset by default\n",
        "  max_rows: 1 to 10000; default 1000\n      Rows of a batch.\n",
        "  linger-time: -5 to 9223372036854775807 ms; default 0\n",
        "  fast: true or false; default yes\n",
        "  auth: token or trusted; default token\n",
        "GOLD_LABEL_<SECTION>_<NAME>",
        "librdkafka",
        "Exit codes: 0 ",
    };
    struct outcome o;
    START(&o, "--help");
    assert_int_equal(o.start, CONFIG_EXIT);
    assert_int_equal(o.exit_code, 0);
    for (size_t i = 0; i < sizeof LINES / sizeof LINES[0]; i++) {
        if (!strstr(o.printed, LINES[i]))
            fail_msg("no %s in: %s", LINES[i], o.printed);
    }
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
        cmocka_unit_test(a_text_over_its_bound_is_refused_and_not_shown),
        cmocka_unit_test(a_refused_secret_is_not_shown),
        cmocka_unit_test(a_nul_byte_is_a_fault),
        cmocka_unit_test(control_characters_do_not_reach_the_terminal),
        cmocka_unit_test(a_long_unknown_section_is_not_taken_for_a_known_one),
        cmocka_unit_test(checks_of_the_whole_come_with_the_others),
        cmocka_unit_test(a_refused_value_leaves_the_default_for_the_checks),
        cmocka_unit_test(a_file_is_read_up_to_its_bound),
        cmocka_unit_test(a_good_file_starts_the_program),
        cmocka_unit_test(without_a_file_the_environment_is_enough),
        cmocka_unit_test(faults_are_printed_with_their_file_and_exit_2),
        cmocka_unit_test(wrong_arguments_are_named_and_exit_2),
        cmocka_unit_test(version_is_one_line),
        cmocka_unit_test(help_lists_every_setting),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
