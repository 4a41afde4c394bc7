#include "producer-tool/lines.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { MAX = 8 };

struct pipe_and_lines {
    int to;
    int from;
    struct source *source;
    struct lines *lines;
};

static struct pipe_and_lines open_lines(int to, int from, size_t max)
{
    struct pipe_and_lines p = {.to = to, .from = from};
    assert_int_equal(source_new(from, &p.source, NULL), STATUS_OK);
    p.lines = lines_new(p.source, max);
    assert_non_null(p.lines);
    return p;
}

static struct pipe_and_lines open_pipe(size_t max)
{
    int fds[2];
    assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
    return open_lines(fds[1], fds[0], max);
}

static void close_pipe(struct pipe_and_lines *p)
{
    lines_free(p->lines);
    source_free(p->source);
    close(p->from);
    if (p->to >= 0)
        close(p->to);
}

static void put(const struct pipe_and_lines *p, const char *text)
{
    struct slice s = slice_of(text);
    assert_int_equal(write(p->to, s.at, s.len), s.len);
}

static void end_input(struct pipe_and_lines *p)
{
    close(p->to);
    p->to = -1;
}

/* Fills until something else than LINES_MORE comes. */
static enum lines_next next(const struct pipe_and_lines *p, struct slice *out)
{
    for (;;) {
        enum lines_next got = lines_next(p->lines, out);
        if (got != LINES_MORE)
            return got;
        assert_int_equal(lines_fill(p->lines, NULL), STATUS_OK);
    }
}

static void expect_line(const struct pipe_and_lines *p, const char *text)
{
    struct slice line;
    assert_int_equal(next(p, &line), LINES_LINE);
    assert_int_equal(line.len, strlen(text));
    assert_memory_equal(line.at, text, line.len);
}

static void expect(const struct pipe_and_lines *p, enum lines_next wanted)
{
    struct slice line;
    assert_int_equal(next(p, &line), wanted);
}

static void lines_come_without_their_line_feeds(void **state)
{
    (void)state;
    struct pipe_and_lines p = open_pipe(MAX);
    put(&p, "one\n\ntwo\n");
    end_input(&p);
    expect_line(&p, "one");
    expect_line(&p, "");
    expect_line(&p, "two");
    expect(&p, LINES_END);
    expect(&p, LINES_END);
    close_pipe(&p);
}

static void the_last_line_needs_no_line_feed(void **state)
{
    (void)state;
    struct pipe_and_lines p = open_pipe(MAX);
    put(&p, "one\nlast");
    end_input(&p);
    expect_line(&p, "one");
    expect_line(&p, "last");
    expect(&p, LINES_END);
    close_pipe(&p);
}

static void an_empty_input_has_no_line(void **state)
{
    (void)state;
    struct pipe_and_lines p = open_pipe(MAX);
    end_input(&p);
    expect(&p, LINES_END);
    assert_int_equal(lines_number(p.lines), 0);
    close_pipe(&p);
}

static void a_line_that_comes_in_pieces_is_one_line(void **state)
{
    (void)state;
    struct pipe_and_lines p = open_pipe(MAX);
    struct slice line;
    put(&p, "ab");
    assert_int_equal(lines_next(p.lines, &line), LINES_MORE);
    assert_int_equal(lines_fill(p.lines, NULL), STATUS_OK); /* plain or packed? */
    assert_int_equal(lines_fill(p.lines, NULL), STATUS_OK);
    assert_int_equal(lines_next(p.lines, &line), LINES_MORE);
    put(&p, "cd\ne");
    expect_line(&p, "abcd");
    assert_int_equal(lines_next(p.lines, &line), LINES_MORE);
    close_pipe(&p);
}

static void a_line_of_the_greatest_length_is_taken(void **state)
{
    (void)state;
    struct pipe_and_lines p = open_pipe(MAX);
    put(&p, "12345678\n12345678");
    end_input(&p);
    expect_line(&p, "12345678");
    expect_line(&p, "12345678");
    expect(&p, LINES_END);
    close_pipe(&p);
}

static void a_line_that_is_too_long_is_passed_over_and_counted(void **state)
{
    (void)state;
    struct pipe_and_lines p = open_pipe(MAX);
    put(&p, "123456789\nnext\n123456789");
    end_input(&p);
    expect(&p, LINES_TOO_LONG);
    assert_int_equal(lines_number(p.lines), 1);
    expect_line(&p, "next");
    assert_int_equal(lines_number(p.lines), 2);
    expect(&p, LINES_TOO_LONG);
    assert_int_equal(lines_number(p.lines), 3);
    expect(&p, LINES_END);
    close_pipe(&p);
}

/* Far more than the reader's own memory, in pieces, and once ending exactly where a piece does. */
static void a_line_longer_than_the_memory_is_passed_over_once(void **state)
{
    (void)state;
    struct pipe_and_lines p = open_pipe(MAX);
    struct slice line;
    char piece[4096];
    memset(piece, 'x', sizeof piece);
    for (int i = 0; i < 500; i++) {
        assert_int_equal(write(p.to, piece, sizeof piece), sizeof piece);
        assert_int_equal(lines_fill(p.lines, NULL), STATUS_OK);
        assert_int_equal(lines_next(p.lines, &line), LINES_MORE);
    }
    put(&p, "\n");
    expect(&p, LINES_TOO_LONG);
    put(&p, "ok\n");
    expect_line(&p, "ok");
    assert_int_equal(lines_number(p.lines), 2);
    end_input(&p);
    expect(&p, LINES_END);
    close_pipe(&p);
}

static void offsets_count_every_byte_of_the_input(void **state)
{
    (void)state;
    struct pipe_and_lines p = open_pipe(MAX);
    struct slice line;
    put(&p, "one\n\n123456789012\nlast");
    end_input(&p);
    expect_line(&p, "one");
    assert_int_equal(lines_start(p.lines), 0);
    assert_int_equal(lines_end(p.lines), 4);
    expect_line(&p, "");
    assert_int_equal(lines_end(p.lines), 5);
    assert_int_equal(next(&p, &line), LINES_TOO_LONG);
    assert_int_equal(lines_start(p.lines), 5);
    assert_int_equal(lines_end(p.lines), 18);
    expect_line(&p, "last");
    assert_int_equal(lines_start(p.lines), 18);
    assert_int_equal(lines_end(p.lines), 22);
    close_pipe(&p);
}

static void numbers_go_on_behind_what_was_passed_over(void **state)
{
    (void)state;
    struct pipe_and_lines p = open_pipe(MAX);
    lines_start_behind(p.lines, 7, 100);
    put(&p, "x\n");
    end_input(&p);
    expect_line(&p, "x");
    assert_int_equal(lines_number(p.lines), 8);
    assert_int_equal(lines_start(p.lines), 100);
    assert_int_equal(lines_end(p.lines), 102);
    close_pipe(&p);
}

static void a_byte_of_zero_is_part_of_its_line(void **state)
{
    (void)state;
    struct pipe_and_lines p = open_pipe(MAX);
    struct slice line;
    assert_int_equal(write(p.to, "a\0b\n", 4), 4);
    assert_int_equal(next(&p, &line), LINES_LINE);
    assert_int_equal(line.len, 3);
    assert_memory_equal(line.at, "a\0b", 3);
    close_pipe(&p);
}

static void many_lines_of_all_lengths_come_whole_and_in_order(void **state)
{
    (void)state;
    enum { LINES = 20000, LONGEST = 97 };
    char text[LONGEST + 1];
    char path[] = "/tmp/gold-label-lines-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    FILE *file = fdopen(dup(fd), "w");
    assert_non_null(file);
    memset(text, 'y', sizeof text);
    for (int i = 0; i < LINES; i++)
        fprintf(file, "%.*s\n", i % (LONGEST + 1), text);
    fclose(file);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);

    struct pipe_and_lines p = open_lines(-1, fd, LONGEST);
    for (int i = 0; i < LINES; i++) {
        struct slice line;
        assert_int_equal(next(&p, &line), LINES_LINE);
        assert_int_equal(line.len, i % (LONGEST + 1));
        assert_int_equal(lines_number(p.lines), i + 1);
    }
    expect(&p, LINES_END);
    close_pipe(&p);
}

static void an_input_with_nothing_there_says_so(void **state)
{
    (void)state;
    struct pipe_and_lines p = open_pipe(MAX);
    assert_int_equal(lines_fill(p.lines, NULL), STATUS_RETRY);
    close_pipe(&p);
}

static void an_input_that_cannot_be_read_is_named_as_such(void **state)
{
    (void)state;
    struct fault f = {0};
    struct pipe_and_lines p = open_lines(-1, open("/", O_RDONLY | O_DIRECTORY), MAX);
    assert_int_equal(lines_fill(p.lines, &f), STATUS_FATAL);
    assert_non_null(strstr(f.message, "directory"));
    close_pipe(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_without_their_line_feeds),
        cmocka_unit_test(the_last_line_needs_no_line_feed),
        cmocka_unit_test(an_empty_input_has_no_line),
        cmocka_unit_test(a_line_that_comes_in_pieces_is_one_line),
        cmocka_unit_test(a_line_of_the_greatest_length_is_taken),
        cmocka_unit_test(a_line_that_is_too_long_is_passed_over_and_counted),
        cmocka_unit_test(a_line_longer_than_the_memory_is_passed_over_once),
        cmocka_unit_test(offsets_count_every_byte_of_the_input),
        cmocka_unit_test(numbers_go_on_behind_what_was_passed_over),
        cmocka_unit_test(a_byte_of_zero_is_part_of_its_line),
        cmocka_unit_test(many_lines_of_all_lengths_come_whole_and_in_order),
        cmocka_unit_test(an_input_with_nothing_there_says_so),
        cmocka_unit_test(an_input_that_cannot_be_read_is_named_as_such),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
