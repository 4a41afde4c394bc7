#include "worker/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { CAPACITY = 8 };

static int make(void **state)
{
    *state = batch_new(CAPACITY);
    return *state ? 0 : -1;
}

static int dispose(void **state)
{
    batch_free(*state);
    return 0;
}

/* An entry as batch_add() and the intake leave it, but for its message. */
static struct entry *add(struct batch *b, uint8_t first_byte, uint8_t last_byte, enum entry_fate fate)
{
    struct entry *e = &b->entries[b->n++];
    *e = (struct entry){.batch = b, .fate = fate};
    e->command.command_id.bytes[0] = first_byte;
    e->command.command_id.bytes[15] = last_byte;
    return e;
}

/* ---- rows ---- */

static void rows_are_sorted_by_command_id(void **state)
{
    struct batch *b = *state;
    struct entry *order[CAPACITY];
    order[4] = add(b, 0xff, 0, ENTRY_STORE); /* unsigned: behind 0x7f */
    order[1] = add(b, 0, 2, ENTRY_STORE);
    order[3] = add(b, 0x7f, 0, ENTRY_STORE);
    order[0] = add(b, 0, 1, ENTRY_STORE);
    order[2] = add(b, 1, 0, ENTRY_STORE); /* the first byte counts most */

    batch_make_rows(b);
    assert_int_equal(b->n_rows, 5);
    for (size_t i = 0; i < b->n_rows; i++) {
        assert_ptr_equal(b->rows[i].command, &order[i]->command);
        assert_ptr_equal(order[i]->row, &b->rows[i]);
        assert_int_equal(b->rows[i].verdict, STORE_PENDING);
    }
}

static void of_equal_ids_the_first_to_come_stays_first(void **state)
{
    struct batch *b = *state;
    struct entry *same[4];
    same[0] = add(b, 5, 5, ENTRY_STORE);
    add(b, 9, 9, ENTRY_STORE);
    same[1] = add(b, 5, 5, ENTRY_STORE);
    add(b, 1, 1, ENTRY_STORE);
    same[2] = add(b, 5, 5, ENTRY_STORE);
    same[3] = add(b, 5, 5, ENTRY_STORE);

    batch_make_rows(b);
    assert_int_equal(b->n_rows, 6);
    for (size_t i = 0; i < 4; i++)
        assert_ptr_equal(b->rows[1 + i].command, &same[i]->command);
}

static void only_what_is_to_be_stored_gets_a_row(void **state)
{
    struct batch *b = *state;
    struct entry *rejected = add(b, 1, 0, ENTRY_REJECTED);
    struct entry *stored = add(b, 3, 0, ENTRY_STORE);
    struct entry *dead = add(b, 2, 0, ENTRY_DEAD);

    batch_make_rows(b);
    assert_int_equal(b->n_rows, 1);
    assert_ptr_equal(b->rows[0].command, &stored->command);
    assert_null(rejected->row);
    assert_null(dead->row);

    /* Made again, they are not added to. */
    stored->fate = ENTRY_REJECTED;
    batch_make_rows(b);
    assert_int_equal(b->n_rows, 0);
}

static void a_reset_batch_is_as_a_new_one(void **state)
{
    struct batch *b = *state;
    add(b, 1, 1, ENTRY_STORE);
    b->stage = BATCH_ANSWERING;
    b->bytes = b->n_rows = b->sent = b->n_resend = 3;
    b->unanswered = 3;
    assert_true(offsets_note(&b->offsets, 0, 5));

    batch_reset(b);
    assert_int_equal(b->stage, BATCH_COLLECTING);
    assert_int_equal(b->n, 0);
    assert_int_equal(b->bytes, 0);
    assert_int_equal(b->n_rows, 0);
    assert_int_equal(b->sent, 0);
    assert_int_equal(b->unanswered, 0);
    assert_int_equal(b->n_resend, 0);
    assert_int_equal(b->offsets.n, 0);
    assert_int_equal(b->capacity, CAPACITY);
}

/* ---- offsets ---- */

static void assert_offset(const struct offset_list *list, int32_t partition, int64_t offset)
{
    size_t found = 0;
    for (size_t i = 0; i < list->n; i++) {
        if (list->at[i].partition == partition) {
            assert_int_equal(list->at[i].offset, offset);
            found++;
        }
    }
    assert_int_equal(found, 1);
}

static void the_highest_offset_of_each_partition_counts(void **state)
{
    (void)state;
    struct offset_list list = {0};
    assert_true(offsets_note(&list, 3, 10));
    assert_true(offsets_note(&list, 3, 11));
    assert_true(offsets_note(&list, 0, 7));
    assert_true(offsets_note(&list, 3, 5)); /* lower: passed over */
    assert_true(offsets_note(&list, 0, INT64_C(5000000000)));
    assert_int_equal(list.n, 2);
    assert_offset(&list, 3, 11);
    assert_offset(&list, 0, INT64_C(5000000000));
    offsets_dispose(&list);
    assert_int_equal(list.n, 0);
}

static void there_is_room_for_many_partitions(void **state)
{
    (void)state;
    enum { PARTITIONS = 100 };
    struct offset_list list = {0};
    for (int round = 1; round <= 2; round++) {
        for (int32_t p = 0; p < PARTITIONS; p++)
            assert_true(offsets_note(&list, p, p + round * 1000));
    }
    assert_int_equal(list.n, PARTITIONS);
    for (int32_t p = 0; p < PARTITIONS; p++)
        assert_offset(&list, p, p + 2000);
    offsets_dispose(&list);
}

static void merged_lists_keep_the_highest_of_both(void **state)
{
    (void)state;
    struct offset_list list = {0};
    struct offset_list from = {0};
    assert_true(offsets_note(&list, 1, 10));
    assert_true(offsets_note(&list, 2, 10));
    assert_true(offsets_note(&from, 2, 9));
    assert_true(offsets_note(&from, 1, 11));
    assert_true(offsets_note(&from, 4, 1));

    assert_true(offsets_merge(&list, &from));
    assert_int_equal(list.n, 3);
    assert_offset(&list, 1, 11);
    assert_offset(&list, 2, 10);
    assert_offset(&list, 4, 1);
    assert_int_equal(from.n, 3);
    offsets_dispose(&list);
    offsets_dispose(&from);
}

static void a_cleared_list_forgets_even_its_last_partition(void **state)
{
    (void)state;
    struct offset_list list = {0};
    assert_true(offsets_note(&list, 0, 8));
    assert_true(offsets_note(&list, 1, 9));
    offsets_clear(&list);
    assert_int_equal(list.n, 0);
    assert_true(offsets_note(&list, 1, 2)); /* lower than what was forgotten */
    assert_int_equal(list.n, 1);
    assert_offset(&list, 1, 2);
    offsets_dispose(&list);
}

#define WITH_BATCH(test) cmocka_unit_test_setup_teardown(test, make, dispose)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BATCH(rows_are_sorted_by_command_id),
        WITH_BATCH(of_equal_ids_the_first_to_come_stays_first),
        WITH_BATCH(only_what_is_to_be_stored_gets_a_row),
        WITH_BATCH(a_reset_batch_is_as_a_new_one),
        cmocka_unit_test(the_highest_offset_of_each_partition_counts),
        cmocka_unit_test(there_is_room_for_many_partitions),
        cmocka_unit_test(merged_lists_keep_the_highest_of_both),
        cmocka_unit_test(a_cleared_list_forgets_even_its_last_partition),
    };
    return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
