#include "common/arena.h"
#include "common/buffer.h"
#include "common/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void an_empty_buffer_is_an_empty_text(void **state)
{
    (void)state;
    struct buffer b = {0};
    assert_non_null(buffer_slice(&b).at);
    assert_int_equal(buffer_slice(&b).len, 0);
    buffer_add(&b, NULL, 0);
    buffer_add_slice(&b, SLICE_NONE);
    assert_null(b.at);
    buffer_dispose(&b);
}

static void everything_that_was_added_is_there_in_order(void **state)
{
    (void)state;
    struct buffer b = {0};
    buffer_add_text(&b, "one");
    buffer_add_char(&b, ' ');
    buffer_add_slice(&b, SLICE_LITERAL("two"));
    buffer_printf(&b, " %d%s", 3, "!");
    assert_true(slice_is(buffer_slice(&b), "one two 3!"));
    buffer_clear(&b);
    assert_int_equal(b.len, 0);
    buffer_printf(&b, "%s", "");
    assert_int_equal(b.len, 0);
    buffer_dispose(&b);
    assert_null(b.at);
}

static void a_buffer_grows_without_losing_bytes(void **state)
{
    (void)state;
    struct buffer b = {0};
    for (unsigned i = 0; i < 100000; i++)
        buffer_add_char(&b, (char)(i % 251));
    for (unsigned i = 0; i < 100000; i++)
        assert_int_equal((unsigned char)b.at[i], i % 251);
    buffer_printf(&b, "%5000d", 7);
    assert_int_equal(b.len, 105000);
    assert_int_equal(b.at[104999], '7');
    buffer_dispose(&b);
}

static void a_size_beyond_memory_fails_and_stays_failed_until_cleared(void **state)
{
    (void)state;
    struct buffer b = {0};
    buffer_add_text(&b, "x");
    assert_null(buffer_reserve(&b, SIZE_MAX - 1));
    assert_true(b.failed);
    buffer_add_text(&b, "dropped");
    buffer_printf(&b, "dropped");
    assert_int_equal(b.len, 1);
    buffer_clear(&b);
    buffer_add_text(&b, "kept");
    assert_false(b.failed);
    assert_true(slice_is(buffer_slice(&b), "kept"));
    buffer_dispose(&b);
}

static void reserved_room_is_written_by_its_owner(void **state)
{
    (void)state;
    struct buffer b = {0};
    buffer_add_text(&b, "ab");
    char *room = buffer_reserve(&b, 1000);
    assert_non_null(room);
    memset(room, 'c', 1000);
    b.len += 1000;
    assert_int_equal(b.len, 1002);
    assert_memory_equal(b.at, "abcc", 4);
    buffer_dispose(&b);
}

static void lines_are_added_with_their_origin(void **state)
{
    (void)state;
    struct buffer b = {0};

    buffer_add_lines(&b, "a.ini", slice_of(""));
    assert_int_equal(b.len, 0);
    buffer_add_lines(&b, "a.ini", slice_of("one\n\ntwo"));
    buffer_add_lines(&b, NULL, slice_of("\nthree\n"));
    buffer_add_lines(&b, "", slice_of("four\n"));
    assert_true(slice_is(buffer_slice(&b), "a.ini: one\na.ini: \na.ini: two\nthree\nfour\n"));
    buffer_dispose(&b);
}

static void arena_memory_is_aligned_and_apart(void **state)
{
    (void)state;
    struct arena *a = arena_new(256);
    assert_non_null(a);
    unsigned char *blocks[100];
    for (size_t i = 0; i < 100; i++) {
        blocks[i] = arena_alloc(a, i);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % _Alignof(max_align_t), 0);
        memset(blocks[i], (int)i, i);
    }
    for (size_t i = 0; i < 100; i++) {
        for (size_t k = 0; k < i; k++)
            assert_int_equal(blocks[i][k], i);
    }
    arena_free(a);
}

static void an_arena_takes_more_than_its_block(void **state)
{
    (void)state;
    struct arena *a = arena_new(64);
    assert_non_null(a);
    char *large = arena_alloc(a, 100000);
    assert_non_null(large);
    memset(large, 1, 100000);
    assert_true(arena_used(a) >= 100000);
    volatile size_t too_much = SIZE_MAX; /* unknown to the compiler, which would warn */
    assert_null(arena_alloc(a, too_much));
    arena_free(a);
}

static void a_reset_arena_is_empty_and_can_be_used_again(void **state)
{
    (void)state;
    struct arena *a = arena_new(64);
    assert_non_null(a);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(arena_used(a), 0);
        for (int i = 0; i < 50; i++) {
            char *at = arena_alloc(a, 48);
            assert_non_null(at);
            memset(at, i, 48);
        }
        assert_true(arena_used(a) >= (size_t)(50 * 48));
        arena_reset(a);
    }
    arena_free(a);
    arena_free(NULL);
}

static void a_copy_keeps_the_difference_between_absent_and_empty(void **state)
{
    (void)state;
    struct arena *a = arena_new(64);
    assert_non_null(a);
    char text[] = "text";
    struct slice copy = arena_copy(a, slice_of(text));
    memset(text, 'x', sizeof text);
    assert_true(slice_is(copy, "text"));
    assert_null(arena_copy(a, SLICE_NONE).at);
    struct slice empty = arena_copy(a, SLICE_LITERAL(""));
    assert_non_null(empty.at);
    assert_int_equal(empty.len, 0);
    arena_free(a);
}

static void every_status_has_a_class_and_a_text(void **state)
{
    (void)state;
    assert_int_equal(status_class(STATUS_OK), STATUS_CLASS_OK);
    assert_int_equal(status_class(STATUS_MALFORMED), STATUS_CLASS_INVALID);
    assert_int_equal(status_class(STATUS_CONFLICT), STATUS_CLASS_INVALID);
    assert_int_equal(status_class(STATUS_RETRY), STATUS_CLASS_RETRY);
    assert_int_equal(status_class(STATUS_TIMEOUT), STATUS_CLASS_RETRY);
    assert_int_equal(status_class(STATUS_CONFIG), STATUS_CLASS_STOP);
    for (int st = STATUS_OK; st <= STATUS_FATAL; st++)
        assert_true(strlen(status_text((status)st)) > 1);
}

static void a_fault_keeps_code_and_message_and_gives_the_status_back(void **state)
{
    (void)state;
    struct fault f;
    assert_int_equal(fault_set(&f, STATUS_INVALID, "too_long", "%s has more than %d", "x", 7),
                     STATUS_INVALID);
    assert_string_equal(f.code, "too_long");
    assert_string_equal(f.message, "x has more than 7");
    assert_int_equal(fault_set(NULL, STATUS_RETRY, "code", "nobody listens"), STATUS_RETRY);
}

static void a_long_message_is_cut_between_characters(void **state)
{
    (void)state;
    char text[400];
    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, 'x', sizeof text);
        for (size_t i = shift; i + 4 < sizeof text; i += 4)
            memcpy(text + i, "😀", 4);
        text[sizeof text - 1] = '\0';
        struct fault f;
        assert_int_equal(fault_set(&f, STATUS_INVALID, "code", "%s", text), STATUS_INVALID);
        size_t len = strlen(f.message);
        assert_true(len >= sizeof f.message - 4);
        assert_true(len < sizeof f.message);
        assert_int_equal((len - shift) % 4, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buffer_is_an_empty_text),
        cmocka_unit_test(everything_that_was_added_is_there_in_order),
        cmocka_unit_test(a_buffer_grows_without_losing_bytes),
        cmocka_unit_test(a_size_beyond_memory_fails_and_stays_failed_until_cleared),
        cmocka_unit_test(reserved_room_is_written_by_its_owner),
        cmocka_unit_test(lines_are_added_with_their_origin),
        cmocka_unit_test(arena_memory_is_aligned_and_apart),
        cmocka_unit_test(an_arena_takes_more_than_its_block),
        cmocka_unit_test(a_reset_arena_is_empty_and_can_be_used_again),
        cmocka_unit_test(a_copy_keeps_the_difference_between_absent_and_empty),
        cmocka_unit_test(every_status_has_a_class_and_a_text),
        cmocka_unit_test(a_fault_keeps_code_and_message_and_gives_the_status_back),
        cmocka_unit_test(a_long_message_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
