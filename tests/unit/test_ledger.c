#include "producer-tool/ledger.h"

#include "common/label.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct book {
    struct summary summary;
    struct ledger *ledger;
    char closed[256]; /* "1 2 …" */
    uint64_t next;
};

static void note_closed(void *ctx, const struct ledger_line *line)
{
    struct book *b = ctx;
    size_t len = strlen(b->closed);
    snprintf(b->closed + len, sizeof b->closed - len, "%s%llu", len ? " " : "",
             (unsigned long long)line->number);
}

static struct book *open_book(size_t in_flight, size_t bytes, bool keep_text)
{
    struct book *b = calloc(1, sizeof *b);
    assert_non_null(b);
    const struct ledger_options options = {in_flight, bytes, keep_text, &b->summary, note_closed, b};
    b->ledger = ledger_new(&options);
    assert_non_null(b->ledger);
    return b;
}

static void close_book(struct book *b)
{
    ledger_free(b->ledger);
    free(b);
}

/* A line of 10 bytes. */
static struct ledger_line *add(struct book *b)
{
    uint64_t n = b->next++;
    struct ledger_line *line = ledger_add(b->ledger, n + 1, n * 10, n * 10 + 10, SLICE_LITERAL("some text"));
    assert_non_null(line);
    return line;
}

static void settle(struct book *b, struct ledger_line *line, enum summary_outcome outcome)
{
    ledger_settle(b->ledger, line, outcome, NULL, SLICE_NONE);
}

struct correlation {
    char text[LEDGER_CORRELATION_LEN + 1];
};

static struct correlation correlation_of(const struct book *b, const struct ledger_line *line)
{
    struct correlation c = {{0}};
    ledger_correlation(b->ledger, line, c.text);
    return c;
}

static struct ledger_line *find(const struct book *b, const struct correlation *c)
{
    return ledger_find(b->ledger, slice_of(c->text));
}

static void lines_are_closed_in_their_order_only(void **state)
{
    (void)state;
    struct book *b = open_book(10, 1000, false);
    struct ledger_line *first = add(b);
    struct ledger_line *second = add(b);
    struct ledger_line *third = add(b);
    settle(b, third, SUMMARY_REJECTED);
    settle(b, second, SUMMARY_STORED);
    assert_int_equal(ledger_close(b->ledger), 0);
    settle(b, first, SUMMARY_STORED);
    assert_int_equal(ledger_close(b->ledger), 3);
    assert_string_equal(b->closed, "1 2 3");
    assert_int_equal(b->summary.read, 3);
    assert_true(summary_holds(&b->summary));
    close_book(b);
}

static void a_line_that_was_sent_waits_for_its_delivery_report(void **state)
{
    (void)state;
    struct book *b = open_book(10, 1000, false);
    struct ledger_line *line = add(b);
    line->sent = true;
    settle(b, line, SUMMARY_STORED);
    assert_int_equal(ledger_close(b->ledger), 0);
    ledger_report(line);
    assert_int_equal(ledger_close(b->ledger), 1);
    line = add(b);
    line->sent = true;
    ledger_report(line);
    assert_int_equal(ledger_close(b->ledger), 0);
    settle(b, line, SUMMARY_STORED);
    assert_int_equal(ledger_close(b->ledger), 1);
    close_book(b);
}

static void room_is_bounded_by_lines_without_an_outcome(void **state)
{
    (void)state;
    struct book *b = open_book(2, 1000, false);
    struct ledger_line *first = add(b);
    assert_true(ledger_has_room(b->ledger));
    add(b);
    assert_false(ledger_has_room(b->ledger));
    settle(b, first, SUMMARY_STORED);
    assert_true(ledger_has_room(b->ledger));
    assert_int_equal(ledger_open(b->ledger), 1);
    close_book(b);
}

static void room_is_bounded_by_bytes_but_one_line_is_always_taken(void **state)
{
    (void)state;
    struct book *b = open_book(100, 15, false);
    struct ledger_line *first = add(b);
    assert_true(ledger_has_room(b->ledger));
    add(b);
    assert_false(ledger_has_room(b->ledger));
    settle(b, first, SUMMARY_STORED);
    assert_true(ledger_has_room(b->ledger));
    close_book(b);

    b = open_book(100, 5, false);
    assert_true(ledger_has_room(b->ledger));
    add(b);
    assert_false(ledger_has_room(b->ledger));
    close_book(b);
}

/* Lines behind one that is slow are taken up to a bound: then the reading waits, and nothing is overwritten. */
static void a_slow_line_ends_the_room_at_last(void **state)
{
    (void)state;
    struct book *b = open_book(4, 1000, false);
    struct ledger_line *slow = add(b);
    size_t taken = 1;
    while (ledger_has_room(b->ledger)) {
        settle(b, add(b), SUMMARY_STORED);
        taken++;
        assert_in_range(taken, 1, 100000);
    }
    assert_int_equal(ledger_close(b->ledger), 0);
    assert_int_equal(slow->number, 1);
    b->closed[0] = '\0';
    settle(b, slow, SUMMARY_STORED);
    assert_int_equal(ledger_close(b->ledger), taken);
    assert_true(ledger_has_room(b->ledger));
    close_book(b);
}

static void a_result_finds_its_line_once(void **state)
{
    (void)state;
    struct book *b = open_book(4, 1000, false);
    struct ledger_line *first = add(b);
    struct ledger_line *second = add(b);
    struct correlation of_first = correlation_of(b, first);
    struct correlation of_second = correlation_of(b, second);
    assert_in_range(strlen(of_first.text), 1, LABEL_CORRELATION_MAX);
    assert_int_equal(strlen(of_first.text), LEDGER_CORRELATION_LEN);
    assert_ptr_equal(find(b, &of_second), second);
    assert_ptr_equal(find(b, &of_first), first);
    settle(b, first, SUMMARY_STORED);
    assert_null(find(b, &of_first));
    ledger_close(b->ledger);
    assert_null(find(b, &of_first));
    assert_ptr_equal(find(b, &of_second), second);
    close_book(b);
}

/* The ring is used many times over: a late result must not find the line that has the slot now. */
static void correlation_ids_are_never_used_again(void **state)
{
    (void)state;
    struct book *b = open_book(1, 1000, false);
    struct ledger_line *line = add(b);
    struct correlation first = correlation_of(b, line);
    for (int i = 0; i < 20000; i++) {
        settle(b, line, SUMMARY_STORED);
        b->closed[0] = '\0';
        ledger_close(b->ledger);
        line = add(b);
        struct correlation now = correlation_of(b, line);
        assert_string_not_equal(now.text, first.text);
        assert_null(find(b, &first));
        assert_ptr_equal(find(b, &now), line);
    }
    close_book(b);
}

static void foreign_correlation_ids_find_nothing(void **state)
{
    (void)state;
    struct book *b = open_book(4, 1000, false);
    struct book *other = open_book(4, 1000, false);
    struct correlation c = correlation_of(b, add(b));
    add(other);
    assert_null(find(other, &c));
    assert_null(ledger_find(b->ledger, SLICE_NONE));
    assert_null(ledger_find(b->ledger, slice_make(c.text, LEDGER_CORRELATION_LEN - 1)));
    c.text[LEDGER_CORRELATION_LEN - 1] = 'G';
    assert_null(find(b, &c));
    c.text[LEDGER_CORRELATION_LEN - 1] = '5'; /* not there yet */
    assert_null(find(b, &c));
    close_book(other);
    close_book(b);
}

static void texts_are_kept_only_where_they_are_wanted(void **state)
{
    (void)state;
    struct book *b = open_book(4, 1000, true);
    struct ledger_line *line = add(b);
    assert_int_equal(line->len, 9);
    assert_memory_equal(line->text, "some text", 9);
    ledger_settle(b->ledger, line, SUMMARY_REJECTED, "a_code", SLICE_LITERAL("a reason"));
    assert_string_equal(line->reason.message, "a reason");
    close_book(b);
    b = open_book(4, 1000, false);
    assert_null(add(b)->text);
    close_book(b);
}

/* However many lines come behind one that is slow. */
static void kept_texts_are_bounded_behind_a_slow_line(void **state)
{
    (void)state;
    struct book *b = open_book(4, 45, true);
    struct ledger_line *slow = add(b);
    for (int i = 0; i < 1000; i++) {
        struct ledger_line *stored = add(b);
        settle(b, stored, SUMMARY_STORED);
        assert_null(stored->text);
        assert_true(ledger_has_room(b->ledger));
    }
    for (int i = 0; i < 4; i++) {
        assert_true(ledger_has_room(b->ledger));
        settle(b, add(b), SUMMARY_REJECTED);
    }
    assert_false(ledger_has_room(b->ledger));
    assert_int_equal(ledger_close(b->ledger), 0);
    settle(b, slow, SUMMARY_STORED);
    assert_int_equal(ledger_close(b->ledger), 1005);
    assert_true(ledger_has_room(b->ledger));
    close_book(b);
}

static void open_lines_can_be_gone_through_while_they_are_settled(void **state)
{
    (void)state;
    struct book *b = open_book(4, 1000, false);
    settle(b, add(b), SUMMARY_STORED);
    add(b)->sent = true;
    add(b);
    uint64_t cursor = 0;
    int seen = 0;
    for (struct ledger_line *line; (line = ledger_next_open(b->ledger, &cursor)) != NULL; seen++)
        settle(b, line, SUMMARY_UNKNOWN);
    assert_int_equal(seen, 2);
    assert_int_equal(ledger_open(b->ledger), 0);
    ledger_close_all(b->ledger);
    assert_string_equal(b->closed, "1 2 3");
    close_book(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_closed_in_their_order_only),
        cmocka_unit_test(a_line_that_was_sent_waits_for_its_delivery_report),
        cmocka_unit_test(room_is_bounded_by_lines_without_an_outcome),
        cmocka_unit_test(room_is_bounded_by_bytes_but_one_line_is_always_taken),
        cmocka_unit_test(a_slow_line_ends_the_room_at_last),
        cmocka_unit_test(a_result_finds_its_line_once),
        cmocka_unit_test(correlation_ids_are_never_used_again),
        cmocka_unit_test(foreign_correlation_ids_find_nothing),
        cmocka_unit_test(texts_are_kept_only_where_they_are_wanted),
        cmocka_unit_test(kept_texts_are_bounded_behind_a_slow_line),
        cmocka_unit_test(open_lines_can_be_gone_through_while_they_are_settled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
