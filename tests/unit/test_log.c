#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

/* stderr is a packet pipe while a line is written: one read gives what one write(2) gave. */
struct capture {
    int saved;
    int from;
    char text[3 * PIPE_BUF];
};

static void capture_begin(struct capture *c)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_DIRECT | O_NONBLOCK), 0);
    c->saved = dup(STDERR_FILENO);
    c->from = ends[0];
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
}

/* The first write's bytes without their `time`; nothing else may have been written. */
static const char *capture_end(struct capture *c)
{
    char more[8];
    ssize_t n = read(c->from, c->text, sizeof c->text - 1);
    ssize_t n_more = read(c->from, more, sizeof more);

    dup2(c->saved, STDERR_FILENO);
    close(c->saved);
    close(c->from);
    assert_true(n_more <= 0);
    c->text[n > 0 ? n : 0] = '\0';
    if (n <= 0)
        return "";

    regex_t time;
    regmatch_t found;
    assert_int_equal(regcomp(&time,
                             "^(time=|[{]\"time\":\")[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"
                             "[.][0-9]{6}Z(\",| )",
                             REG_EXTENDED),
                     0);
    int missed = regexec(&time, c->text, 1, &found, 0);
    regfree(&time);
    assert_false(missed);
    return c->text + found.rm_eo;
}

static const char *written(struct capture *c, enum log_format format, struct slice value)
{
    log_setup(LOG_LEVEL_INFO, format, "t");
    capture_begin(c);
    log_info("m", LOG_SLICE("v", value));
    return capture_end(c);
}

static void a_line_has_time_level_program_message_and_fields(void **state)
{
    (void)state;
    struct capture c;
    struct uuid id = {{0x01, 0x89, [15] = 0xff}};

    log_setup(LOG_LEVEL_DEBUG, LOG_FORMAT_LOGFMT, "gold-label-worker");
    capture_begin(&c);
    log_info("offsets committed", LOG_INT("partition", 3), LOG_STR("topic", "gold-label.commands"),
             LOG_UUID("run_id", id), LOG_INT("least", INT64_MIN));
    assert_string_equal(capture_end(&c),
                        "level=info program=gold-label-worker msg=\"offsets committed\" partition=3 "
                        "topic=gold-label.commands run_id=01890000-0000-0000-0000-0000000000ff "
                        "least=-9223372036854775808\n");
}

static void the_json_format_has_the_same_members(void **state)
{
    (void)state;
    struct capture c;
    struct uuid id = {{0x01, 0x89, [15] = 0xff}};

    log_setup(LOG_LEVEL_DEBUG, LOG_FORMAT_JSON, "gold-label-worker");
    capture_begin(&c);
    log_error("lost", LOG_INT("partition", 3), LOG_STR("topic", "t"), LOG_UUID("run_id", id));
    assert_string_equal(
        capture_end(&c),
        "\"level\":\"error\",\"program\":\"gold-label-worker\",\"msg\":\"lost\",\"partition\":3,"
        "\"topic\":\"t\",\"run_id\":\"01890000-0000-0000-0000-0000000000ff\"}\n");
}

static void a_message_needs_no_fields(void **state)
{
    (void)state;
    struct capture c;
    log_setup(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT, "t");
    capture_begin(&c);
    log_warning("started");
    assert_string_equal(capture_end(&c), "level=warning program=t msg=started\n");
}

static void lines_below_the_least_level_are_not_written(void **state)
{
    (void)state;
    struct capture c;
    log_setup(LOG_LEVEL_WARNING, LOG_FORMAT_LOGFMT, "t");
    capture_begin(&c);
    log_info("no");
    log_debug("no");
    assert_string_equal(capture_end(&c), "");
    capture_begin(&c);
    log_warning("yes");
    assert_string_equal(capture_end(&c), "level=warning program=t msg=yes\n");
}

static void values_are_quoted_only_where_needed_and_cannot_forge_a_line(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        const char *logfmt;
        const char *json;
    } CASES[] = {
        {"plain-1.2/x:y", "plain-1.2/x:y", "\"plain-1.2/x:y\""},
        {"", "\"\"", "\"\""},
        {"two words", "\"two words\"", "\"two words\""},
        {"a=b", "\"a=b\"", "\"a=b\""},
        {"a\"b", "\"a\\\"b\"", "\"a\\\"b\""},
        {"a\\b", "\"a\\\\b\"", "\"a\\\\b\""},
        {"x\nlevel=error msg=forged", "\"x\\nlevel=error msg=forged\"", "\"x\\nlevel=error msg=forged\""},
        {"\r\t\x1b[2J\x7f", "\"\\u000d\\u0009\\u001b[2J\\u007f\"", "\"\\u000d\\u0009\\u001b[2J\\u007f\""},
        {"gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\"", "\"gr\xc3\xbc\xc3\x9f\""},
        {"\xf0\x9f\x8f\xb7", "\"\xf0\x9f\x8f\xb7\"", "\"\xf0\x9f\x8f\xb7\""},
        {"\xc2\x9b"
         "2J",
         "\"\\u009b2J\"", "\"\\u009b2J\""},
        {"\xc2\xa0", "\"\xc2\xa0\"", "\"\xc2\xa0\""},
        {"\xe2\x80\xa8\xe2\x80\xa9", "\"\\u2028\\u2029\"", "\"\\u2028\\u2029\""},
        {"\xc0\xafx\xff", "\"\\ufffd\\ufffdx\\ufffd\"", "\"\\ufffd\\ufffdx\\ufffd\""},
        {"cut \xe2\x82", "\"cut \\ufffd\\ufffd\"", "\"cut \\ufffd\\ufffd\""},
        {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"", "\"\\ufffd\\ufffd\\ufffd\""},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct capture c;
        char expected[256];
        snprintf(expected, sizeof expected, "level=info program=t msg=m v=%s\n", CASES[i].logfmt);
        assert_string_equal(written(&c, LOG_FORMAT_LOGFMT, slice_of(CASES[i].value)), expected);
        snprintf(expected, sizeof expected, "\"level\":\"info\",\"program\":\"t\",\"msg\":\"m\",\"v\":%s}\n",
                 CASES[i].json);
        assert_string_equal(written(&c, LOG_FORMAT_JSON, slice_of(CASES[i].value)), expected);
    }
}

static void an_absent_value_is_null(void **state)
{
    (void)state;
    struct capture c;
    assert_string_equal(written(&c, LOG_FORMAT_LOGFMT, SLICE_NONE), "level=info program=t msg=m v=null\n");
    assert_non_null(strstr(written(&c, LOG_FORMAT_JSON, SLICE_NONE), "\"v\":null}\n"));
}

static void a_nul_byte_is_escaped(void **state)
{
    (void)state;
    struct capture c;
    assert_string_equal(written(&c, LOG_FORMAT_LOGFMT, SLICE_LITERAL("a\0b")),
                        "level=info program=t msg=m v=\"a\\u0000b\"\n");
}

static void a_long_value_is_cut_at_a_character(void **state)
{
    (void)state;
    struct capture c;
    char value[600];
    char expected[700];

    memset(value, 'x', sizeof value);
    snprintf(expected, sizeof expected, "level=info program=t msg=m v=\"%.512s...\"\n", value);
    assert_string_equal(written(&c, LOG_FORMAT_LOGFMT, slice_make(value, 513)), expected);
    snprintf(expected, sizeof expected, "level=info program=t msg=m v=%.512s\n", value);
    assert_string_equal(written(&c, LOG_FORMAT_LOGFMT, slice_make(value, 512)), expected);

    value[511] = (char)0xc3; /* ü across the bound */
    value[512] = (char)0xbc;
    snprintf(expected, sizeof expected, "level=info program=t msg=m v=\"%.511s...\"\n", value);
    assert_string_equal(written(&c, LOG_FORMAT_LOGFMT, slice_make(value, 600)), expected);
}

static void a_line_never_exceeds_what_a_pipe_takes_at_once(void **state)
{
    (void)state;
    static const char CONTROLS[512] = {1};
    struct slice v = {CONTROLS, sizeof CONTROLS};

    for (int format = LOG_FORMAT_LOGFMT; format <= LOG_FORMAT_JSON; format++) {
        struct capture c;
        log_setup(LOG_LEVEL_INFO, (enum log_format)format, "t");
        capture_begin(&c);
        log_info("m", LOG_SLICE("a", v), LOG_SLICE("b", v), LOG_INT("c", 1));
        const char *text = capture_end(&c);
        assert_true(strlen(c.text) <= PIPE_BUF);
        assert_non_null(strstr(text, "\\u0001\\u0000"));
        assert_non_null(
            strstr(text, format == LOG_FORMAT_JSON ? "\",\"truncated\":true}\n" : "\" truncated=true\n"));
        assert_null(strstr(text, format == LOG_FORMAT_JSON ? "\"b\":" : " b="));
        assert_null(strstr(text, format == LOG_FORMAT_JSON ? "\"c\":" : " c="));
    }
}

static void errno_is_kept(void **state)
{
    (void)state;
    struct capture c;
    log_setup(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT, "t");
    capture_begin(&c);
    close(STDERR_FILENO);
    errno = ENOSPC;
    log_info("m");
    int after = errno;
    assert_string_equal(capture_end(&c), "");
    assert_int_equal(after, ENOSPC);
}

static void what_comes_often_is_said_at_first_and_then_every_ten_seconds(void **state)
{
    (void)state;
    enum { S = 1000000 };
    int64_t told_us = 0;
    assert_true(log_is_due(&told_us, 1));
    assert_false(log_is_due(&told_us, 10 * S));
    assert_true(log_is_due(&told_us, 10 * S + 1));
    assert_false(log_is_due(&told_us, 20 * S));
    told_us = 0; /* that is over, and may come again */
    assert_true(log_is_due(&told_us, 20 * S));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_time_level_program_message_and_fields),
        cmocka_unit_test(the_json_format_has_the_same_members),
        cmocka_unit_test(a_message_needs_no_fields),
        cmocka_unit_test(lines_below_the_least_level_are_not_written),
        cmocka_unit_test(values_are_quoted_only_where_needed_and_cannot_forge_a_line),
        cmocka_unit_test(an_absent_value_is_null),
        cmocka_unit_test(a_nul_byte_is_escaped),
        cmocka_unit_test(a_long_value_is_cut_at_a_character),
        cmocka_unit_test(a_line_never_exceeds_what_a_pipe_takes_at_once),
        cmocka_unit_test(errno_is_kept),
        cmocka_unit_test(what_comes_often_is_said_at_first_and_then_every_ten_seconds),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
