#include "producer-tool/records.h"
#include "producer-tool/source.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int syncs;

/* In place of libc's: counts. */
int fdatasync(int fd) // NOLINT(readability-inconsistent-declaration-parameter-name)
{
    (void)fd;
    syncs++;
    return 0;
}

struct place {
    char folder[64];
    char rejects[128];
    int input; /* "a line\nanother\n" */
    struct source *source;
    struct records *records;
};

static struct records *open_records(const struct place *p, const struct records_lengths *keep)
{
    struct buffer faults = {0};
    const struct records_paths paths = {.rejects = p->rejects};
    struct records *r = records_open(&paths, keep, p->source, &faults);
    assert_int_equal(faults.len, 0);
    assert_non_null(r);
    return r;
}

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    char input[128];
    assert_non_null(p);
    snprintf(p->folder, sizeof p->folder, "/tmp/gold-label-records-XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    snprintf(p->rejects, sizeof p->rejects, "%s/rejects", p->folder);
    snprintf(input, sizeof input, "%s/input", p->folder);
    p->input = open(input, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_int_equal(write(p->input, "a line\nanother\n", 15), 15);
    assert_int_equal(lseek(p->input, 0, SEEK_SET), 0);
    assert_int_equal(source_new(p->input, &p->source, NULL), STATUS_OK);
    /* That it is plain is known once it is read. */
    char first[8];
    size_t got = 0;
    assert_int_equal(source_read(p->source, first, sizeof first, &got, NULL), STATUS_OK);
    p->records = open_records(p, NULL);
    syncs = 0;
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    char command[128];
    records_free(p->records);
    source_free(p->source);
    close(p->input);
    snprintf(command, sizeof command, "rm -r %s", p->folder);
    assert_int_equal(system(command), 0); // NOLINT(concurrency-mt-unsafe,cert-env33-c)
    free(p);
    return 0;
}

static void reject(const struct place *p, char *text)
{
    const struct ledger_line line = {
        .number = 1,
        .start = 0,
        .end = 7,
        .outcome = SUMMARY_REJECTED,
        .reason = {.code = "a_code"},
        .text = text,
        .len = text ? strlen(text) : 0,
    };
    records_add(p->records, &line);
}

static void flush(const struct place *p, bool durably)
{
    struct fault f;
    assert_int_equal(records_flush(p->records, durably, &f), STATUS_OK);
}

static void expect_rejects(const struct place *p, const char *content)
{
    char got[64] = {0};
    int fd = open(p->rejects, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, got, sizeof got - 1), strlen(content));
    assert_string_equal(got, content);
    close(fd);
}

static void nothing_is_cut_off_before_a_load_begins(void **state)
{
    struct place *p = *state;
    const struct records_lengths keep = {{[RECORDS_REJECTS] = 7}};
    struct fault f;
    reject(p, (char[]){"a text"});
    reject(p, (char[]){"more"});
    flush(p, true);
    records_free(p->records);
    p->records = open_records(p, NULL);
    expect_rejects(p, "a text\nmore\n");
    records_free(p->records);
    p->records = open_records(p, &keep);
    expect_rejects(p, "a text\nmore\n");
    assert_int_equal(records_begin(p->records, &f), STATUS_OK);
    expect_rejects(p, "a text\n");
    reject(p, (char[]){"other"});
    flush(p, true);
    expect_rejects(p, "a text\nother\n");
}

static void what_was_written_is_synced_once(void **state)
{
    const struct place *p = *state;
    reject(p, (char[]){"a text"});
    flush(p, true);
    assert_int_equal(syncs, 2); /* the lines, and their reasons */
    flush(p, true);
    assert_int_equal(syncs, 2);
    expect_rejects(p, "a text\n");
}

/* A line that was too long to be kept is written at once. */
static void what_was_written_before_is_synced_too(void **state)
{
    const struct place *p = *state;
    reject(p, NULL);
    flush(p, false);
    assert_int_equal(syncs, 0);
    expect_rejects(p, "a line\n");
    flush(p, true);
    assert_int_equal(syncs, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_cut_off_before_a_load_begins, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_written_is_synced_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_written_before_is_synced_too, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
