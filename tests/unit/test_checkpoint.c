#include "producer-tool/checkpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/gold-label-checkpoint-XXXXXX";
static char path[128];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/c", folder);
    return 0;
}

static int drop_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static struct checkpoint of_load(const char *run, enum summary_wait wait)
{
    struct checkpoint c = {.digest = {{1, 2, 3}}, .size = 1000, .summary.wait = wait};
    checkpoint_bind(&c, slice_of(run), SLICE_LITERAL("acme"), SLICE_LITERAL("commands"), wait);
    return c;
}

static void write_sample(void)
{
    struct checkpoint c = of_load("r", SUMMARY_WAIT_STORED);
    c.line = 12;
    c.offset = 345;
    c.summary.read = 10;
    c.summary.outcomes[SUMMARY_STORED] = 6;
    c.summary.outcomes[SUMMARY_REPLAYED] = 3;
    c.summary.outcomes[SUMMARY_REJECTED] = 1;
    c.lengths = (struct records_lengths){{7, 8, 9}};
    assert_int_equal(checkpoint_write(&c, path, NULL), STATUS_OK);
    checkpoint_dispose(&c);
}

static void write_text(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void expect(struct checkpoint c, status wanted, const char *part)
{
    struct fault f = {0};
    assert_int_equal(checkpoint_read(&c, path, &f), wanted);
    if (!strstr(f.message, part))
        fail_msg("%s", f.message);
    assert_int_equal(c.line, 0); /* nothing of it is taken */
    checkpoint_dispose(&c);
}

static void what_was_written_is_read(void **state)
{
    (void)state;
    write_sample();
    struct checkpoint c = of_load("r", SUMMARY_WAIT_STORED);
    assert_int_equal(checkpoint_read(&c, path, NULL), STATUS_OK);
    assert_int_equal(c.line, 12);
    assert_int_equal(c.offset, 345);
    assert_int_equal(c.summary.read, 10);
    assert_int_equal(c.summary.resumed, 10);
    assert_int_equal(c.summary.outcomes[SUMMARY_STORED], 6);
    assert_int_equal(c.summary.outcomes[SUMMARY_REPLAYED], 3);
    assert_int_equal(c.lengths.bytes[RECORDS_REASONS], 9);
    assert_true(summary_holds(&c.summary));
    checkpoint_dispose(&c);
}

static void there_is_always_a_whole_one(void **state)
{
    (void)state;
    struct stat before;
    struct stat after;
    write_sample();
    assert_int_equal(stat(path, &before), 0);
    write_sample();
    assert_int_equal(stat(path, &after), 0);
    assert_int_not_equal(before.st_ino, after.st_ino); /* another file took its name */
}

/* It may be the input, or what another load is writing. */
static void no_other_file_is_touched(void **state)
{
    (void)state;
    char other[160];
    char text[16] = {0};
    snprintf(other, sizeof other, "%s.tmp", path);
    FILE *file = fopen(other, "w+");
    assert_non_null(file);
    fputs("precious", file);
    assert_int_equal(fflush(file), 0);
    write_sample();
    rewind(file);
    assert_non_null(fgets(text, sizeof text, file));
    assert_string_equal(text, "precious");
    fclose(file);
    assert_int_equal(unlink(other), 0);
}

static void one_that_cannot_take_its_name_leaves_nothing(void **state)
{
    (void)state;
    struct fault f;
    struct checkpoint c = of_load("r", SUMMARY_WAIT_STORED);
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(checkpoint_write(&c, path, &f), STATUS_FATAL);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(folder), 0); /* it is empty */
    assert_int_equal(mkdir(folder, 0700), 0);
    checkpoint_dispose(&c);
}

static void another_load_or_input_does_not_take_it(void **state)
{
    (void)state;
    write_sample();
    expect(of_load("other", SUMMARY_WAIT_STORED), STATUS_CONFLICT,
           "another load of this input (run=r; now: run=other)");
    expect(of_load("r", SUMMARY_WAIT_ACCEPTED), STATUS_CONFLICT,
           "another load of this input (wait=stored; now: wait=accepted)");
    struct checkpoint c = of_load("r", SUMMARY_WAIT_STORED);
    c.digest.bytes[31] = 1;
    expect(c, STATUS_CONFLICT, "another input");
}

static void a_broken_one_is_refused(void **state)
{
    (void)state;
    static const char *const broken[] = {"", "{}", "[]", "{\"format\":1}", "{\"line\":-1}", "\xff"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        write_text(broken[i]);
        expect(of_load("r", SUMMARY_WAIT_STORED), STATUS_MALFORMED, "is no checkpoint");
    }
    unlink(path);
    expect(of_load("r", SUMMARY_WAIT_STORED), STATUS_NOT_FOUND, "there is no checkpoint");
}

/* A line that was counted and is sent again, or not counted and skipped, would break the accounting. */
static void one_that_does_not_add_up_is_refused(void **state)
{
    (void)state;
    char text[1024];
    write_sample();
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    fclose(file);
    char *stored = strstr(text, "\"stored\":6");
    assert_non_null(stored);
    stored[strlen("\"stored\":")] = '7';
    write_text(text);
    expect(of_load("r", SUMMARY_WAIT_STORED), STATUS_MALFORMED, "does not add up");
}

static void a_folder_that_is_not_there_is_named(void **state)
{
    (void)state;
    struct checkpoint c = of_load("r", SUMMARY_WAIT_STORED);
    struct fault f;
    assert_int_equal(checkpoint_write(&c, "/missing/c", &f), STATUS_FATAL);
    assert_non_null(strstr(f.message, "/missing/c"));
    checkpoint_dispose(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(there_is_always_a_whole_one),
        cmocka_unit_test(no_other_file_is_touched),
        cmocka_unit_test(one_that_cannot_take_its_name_leaves_nothing),
        cmocka_unit_test(another_load_or_input_does_not_take_it),
        cmocka_unit_test(a_broken_one_is_refused),
        cmocka_unit_test(one_that_does_not_add_up_is_refused),
        cmocka_unit_test(a_folder_that_is_not_there_is_named),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
