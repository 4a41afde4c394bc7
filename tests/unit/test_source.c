#include "producer-tool/source.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

enum { BIG = 300000 };

struct packed {
    unsigned char bytes[2 * BIG];
    size_t len;
};

/* Adds one gzip member. */
static void pack(struct packed *p, const char *text, size_t len)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (unsigned char *)(uintptr_t)text;
    z.avail_in = (unsigned)len;
    z.next_out = p->bytes + p->len;
    z.avail_out = (unsigned)(sizeof p->bytes - p->len);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    p->len = sizeof p->bytes - z.avail_out;
    deflateEnd(&z);
}

static int file_of(const void *bytes, size_t len)
{
    char name[] = "/tmp/gold-label-source-XXXXXX";
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    unlink(name);
    assert_int_equal(write(fd, bytes, len), len);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static struct source *open_source(int fd)
{
    struct source *s = NULL;
    assert_int_equal(source_new(fd, &s, NULL), STATUS_OK);
    return s;
}

/* Reads to the end in pieces of `room` bytes; the length, or -1 after a fault. */
static long read_all(struct source *s, char *to, size_t room)
{
    size_t len = 0;
    while (!source_has_ended(s)) {
        size_t got = 0;
        status st = source_read(s, to + len, room, &got, NULL);
        if (st == STATUS_FATAL)
            return -1;
        assert_int_equal(st, STATUS_OK);
        len += got;
    }
    return (long)len;
}

static char *big_text(void)
{
    char *text = malloc(BIG);
    assert_non_null(text);
    for (size_t i = 0; i < BIG; i++)
        text[i] = (char)('a' + (i * i / 7) % 26);
    return text;
}

static void expect_content(int fd, const char *text, size_t len, size_t room)
{
    struct source *s = open_source(fd);
    char *got = malloc(len + room + 1);
    assert_non_null(got);
    assert_int_equal(read_all(s, got, room), len);
    assert_memory_equal(got, text, len);
    free(got);
    source_free(s);
    close(fd);
}

static void a_plain_file_comes_as_it_is(void **state)
{
    (void)state;
    char *text = big_text();
    expect_content(file_of(text, BIG), text, BIG, 4096);
    expect_content(file_of(text, BIG), text, BIG, BIG);
    expect_content(file_of("x", 1), "x", 1, 10);
    expect_content(file_of("", 0), "", 0, 10);
    free(text);
}

static void gzip_is_told_by_its_first_bytes_and_unpacked(void **state)
{
    (void)state;
    char *text = big_text();
    struct packed *p = calloc(1, sizeof *p);
    assert_non_null(p);
    pack(p, text, 1000);
    pack(p, text + 1000, 0); /* members may be empty */
    pack(p, text + 1000, BIG - 1000);
    expect_content(file_of(p->bytes, p->len), text, BIG, 777);
    expect_content(file_of(p->bytes, p->len), text, BIG, BIG);
    free(p);
    free(text);
}

static void zeros_behind_gzip_are_passed_over(void **state)
{
    (void)state;
    static const size_t ZEROS[] = {1, 512, BIG};
    struct packed *p = calloc(1, sizeof *p);
    assert_non_null(p);
    pack(p, "some text", 9);
    size_t len = p->len;
    for (size_t i = 0; i < sizeof ZEROS / sizeof *ZEROS; i++)
        expect_content(file_of(p->bytes, len + ZEROS[i]), "some text", 9, 100);
    p->bytes[len + 512] = 'x';
    int fd = file_of(p->bytes, len + 513);
    char got[100];
    struct source *s = open_source(fd);
    assert_int_equal(read_all(s, got, 20), -1);
    source_free(s);
    close(fd);
    free(p);
}

static void broken_gzip_is_a_fault_and_not_an_end(void **state)
{
    (void)state;
    char got[BIG];
    struct packed *p = calloc(1, sizeof *p);
    assert_non_null(p);
    pack(p, "some text that is packed", 24);
    for (size_t cut = 3; cut < p->len; cut++) {
        int fd = file_of(p->bytes, cut);
        struct source *s = open_source(fd);
        assert_int_equal(read_all(s, got, 100), -1);
        source_free(s);
        close(fd);
    }
    p->bytes[p->len - 6] ^= 1; /* its checksum */
    int fd = file_of(p->bytes, p->len);
    struct source *s = open_source(fd);
    assert_int_equal(read_all(s, got, 100), -1);
    source_free(s);
    close(fd);
    free(p);
}

static void a_pipe_has_nothing_for_now_or_has_ended(void **state)
{
    (void)state;
    int fds[2];
    char got[10];
    size_t n = 0;
    assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
    struct source *s = open_source(fds[0]);
    assert_false(source_is_seekable(s));
    assert_int_equal(source_read(s, got, sizeof got, &n, NULL), STATUS_RETRY);
    assert_int_equal(write(fds[1], "a", 1), 1); /* too little to tell */
    assert_int_equal(source_read(s, got, sizeof got, &n, NULL), STATUS_OK);
    assert_int_equal(n, 0);
    assert_false(source_is_ready(s)); /* a pipe that blocks would keep the next call waiting */
    close(fds[1]);
    assert_int_equal(read_all(s, got, sizeof got), 1);
    assert_int_equal(got[0], 'a');
    source_free(s);
    close(fds[0]);
}

static bool go_on(void *ctx)
{
    (void)ctx;
    return false;
}

static bool stop_now(void *ctx)
{
    (void)ctx;
    return true;
}

static struct digest digest_of(int fd, uint64_t *size)
{
    struct digest d;
    struct source *s = open_source(fd);
    char first[2];
    size_t got = 0;
    assert_int_equal(source_digest(s, go_on, NULL, &d, size, NULL), STATUS_OK);
    while (got == 0 && *size > 0)
        assert_int_equal(source_read(s, first, 1, &got, NULL), STATUS_OK); /* from the beginning again */
    source_free(s);
    close(fd);
    return d;
}

static void plain_and_packed_have_one_digest(void **state)
{
    (void)state;
    struct packed *p = calloc(1, sizeof *p);
    uint64_t size = 0;
    char text[DIGEST_TEXT_LEN + 1];
    assert_non_null(p);
    pack(p, "abc", 3);
    struct digest plain = digest_of(file_of("abc", 3), &size);
    assert_int_equal(size, 3);
    struct digest packed = digest_of(file_of(p->bytes, p->len), &size);
    assert_int_equal(size, 3);
    assert_memory_equal(plain.bytes, packed.bytes, DIGEST_LEN);
    digest_format(&plain, text); /* FIPS 180-4's own example */
    assert_string_equal(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    free(p);
}

static void a_digest_can_be_stopped(void **state)
{
    (void)state;
    uint64_t size;
    struct digest d;
    int fd = file_of("abc", 3);
    struct source *s = open_source(fd);
    assert_int_equal(source_digest(s, stop_now, NULL, &d, &size, NULL), STATUS_TIMEOUT);
    source_free(s);
    close(fd);
}

static void what_is_skipped_is_counted_unpacked(void **state)
{
    (void)state;
    char *text = big_text();
    char *got = malloc(BIG + 4096);
    struct packed *p = calloc(1, sizeof *p);
    assert_true(got && p);
    pack(p, text, BIG);
    const int fds[] = {file_of(text, BIG), file_of(p->bytes, p->len)};
    for (size_t i = 0; i < 2; i++) {
        struct source *s = open_source(fds[i]);
        assert_int_equal(source_skip(s, 123456, NULL), STATUS_OK);
        assert_int_equal(read_all(s, got, 4096), BIG - 123456);
        assert_memory_equal(got, text + 123456, BIG - 123456);
        source_free(s);
        close(fds[i]);
    }
    free(p);
    free(got);
    free(text);
}

static void a_file_that_changes_is_noticed(void **state)
{
    (void)state;
    int fd = file_of("abc", 3);
    struct source *s = open_source(fd);
    assert_false(source_has_changed(s));
    assert_int_equal(write(fd, "abcd", 4), 4);
    assert_true(source_has_changed(s));
    source_free(s);
    close(fd);
}

static void parts_of_a_plain_file_can_be_copied(void **state)
{
    (void)state;
    char got[4] = "";
    size_t n = 0;
    int fd = file_of("0123456789", 10);
    struct source *s = open_source(fd);
    assert_int_equal(source_read(s, got, 1, &n, NULL), STATUS_OK);
    assert_true(source_copy(s, 4, got, 3));
    assert_string_equal(got, "456");
    assert_false(source_copy(s, 9, got, 3));
    source_free(s);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_file_comes_as_it_is),
        cmocka_unit_test(gzip_is_told_by_its_first_bytes_and_unpacked),
        cmocka_unit_test(zeros_behind_gzip_are_passed_over),
        cmocka_unit_test(broken_gzip_is_a_fault_and_not_an_end),
        cmocka_unit_test(a_pipe_has_nothing_for_now_or_has_ended),
        cmocka_unit_test(plain_and_packed_have_one_digest),
        cmocka_unit_test(a_digest_can_be_stopped),
        cmocka_unit_test(what_is_skipped_is_counted_unpacked),
        cmocka_unit_test(a_file_that_changes_is_noticed),
        cmocka_unit_test(parts_of_a_plain_file_can_be_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
