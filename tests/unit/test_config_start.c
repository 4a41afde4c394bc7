#include "tests/unit/config_program.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

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

static void assert_prints(char *argument, const char *const *lines, size_t n)
{
    struct outcome o;
    START(&o, argument);
    assert_int_equal(o.start, CONFIG_EXIT);
    assert_int_equal(o.exit_code, 0);
    for (size_t i = 0; i < n; i++) {
        if (!strstr(o.printed, lines[i]))
            fail_msg("no %s in: %s", lines[i], o.printed);
    }
}

static void help_lists_every_setting(void **state)
{
    (void)state;
    static const char *const LINES[] = {
        "tester: tests the configuration\n",
        "[kafka]\n  brokers: text that is not empty; required\n      Where Kafka is.\n",
        "  audience: text of 1 to 20 bytes; unset by default\n",
        "  address: a numeric IPv4 or IPv6 address; default 127.0.0.1\n",
        "  max_rows: 1 to 10000; default 1000\n      Rows of a batch.\n",
        "  linger-time: -5 to 9223372036854775807 ms; default 0\n",
        "  fast: true or false; default yes\n",
        "  auth: token or trusted; default token\n",
        "GOLD_LABEL_<SECTION>_<NAME>",
        "librdkafka",
        "Exit codes: 0 ",
    };
    assert_prints("--help", LINES, sizeof LINES / sizeof LINES[0]);
}

static void a_man_page_has_every_setting_and_no_request_that_a_text_makes(void **state)
{
    (void)state;
    static const char *const LINES[] = {
        ".TH tester 8 ",
        "\ntester \\- tests the configuration\n",
        "\n.SS [kafka]\n.TP\n.B brokers\nWhere Kafka is. (text that is not empty; required).\n",
        "\n.TP\n.B linger\\-time\nTime to wait. (\\-5 to 9223372036854775807 ms; default 0).\n",
        "\n.SH \"EXIT STATUS\"\n0 ",
    };
    assert_prints("--man", LINES, sizeof LINES / sizeof LINES[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_up_to_its_bound),
        cmocka_unit_test(a_good_file_starts_the_program),
        cmocka_unit_test(without_a_file_the_environment_is_enough),
        cmocka_unit_test(faults_are_printed_with_their_file_and_exit_2),
        cmocka_unit_test(wrong_arguments_are_named_and_exit_2),
        cmocka_unit_test(version_is_one_line),
        cmocka_unit_test(help_lists_every_setting),
        cmocka_unit_test(a_man_page_has_every_setting_and_no_request_that_a_text_makes),
    };
    return cmocka_run_group_tests_name("config_start", tests, NULL, NULL);
}
