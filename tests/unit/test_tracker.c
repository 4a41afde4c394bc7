#include "producer-tool/tracker.h"

#include "common/label.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct uuid ID = {{1, 2, 3}};

struct correlation {
    char text[TRACKER_CORRELATION_LEN + 1];
};

static struct correlation correlation_of(const struct tracker *t, const struct tracked *e)
{
    struct correlation c = {{0}};
    tracker_correlation(t, e, c.text);
    return c;
}

static struct tracked *find(struct tracker *t, const struct correlation *c)
{
    return tracker_find(t, slice_of(c->text));
}

static void a_result_finds_its_line(void **state)
{
    (void)state;
    struct tracker *t = tracker_new(3);
    struct tracked *a = tracker_add(t, 7, &ID);
    struct tracked *b = tracker_add(t, 8, &ID);
    struct correlation of_a = correlation_of(t, a);
    struct correlation of_b = correlation_of(t, b);
    assert_in_range(strlen(of_a.text), 1, LABEL_CORRELATION_MAX);
    assert_int_equal(strlen(of_a.text), TRACKER_CORRELATION_LEN);
    assert_ptr_equal(find(t, &of_b), b);
    assert_ptr_equal(find(t, &of_a), a);
    assert_int_equal(a->line, 7);
    assert_int_equal(tracker_open(t), 2);
    tracker_free(t);
}

static void a_second_result_finds_nothing(void **state)
{
    (void)state;
    struct tracker *t = tracker_new(1);
    struct tracked *e = tracker_add(t, 1, &ID);
    struct correlation c = correlation_of(t, e);
    tracker_settle(t, e);
    assert_null(find(t, &c));
    tracker_report(t, e);
    assert_null(find(t, &c));
    tracker_free(t);
}

static void a_late_result_does_not_find_the_next_line_in_its_slot(void **state)
{
    (void)state;
    struct tracker *t = tracker_new(1);
    struct tracked *first = tracker_add(t, 1, &ID);
    struct correlation old = correlation_of(t, first);
    tracker_report(t, first);
    tracker_settle(t, first);
    struct tracked *second = tracker_add(t, 2, &ID);
    struct correlation new = correlation_of(t, second);
    assert_ptr_equal(first, second);
    assert_null(find(t, &old));
    assert_ptr_equal(find(t, &new), second);
    tracker_free(t);
}

static void a_slot_is_free_only_after_both_outcome_and_report(void **state)
{
    (void)state;
    struct tracker *t = tracker_new(1);
    struct tracked *e = tracker_add(t, 1, &ID);
    assert_true(tracker_is_full(t));
    tracker_settle(t, e);
    assert_int_equal(tracker_open(t), 0);
    assert_true(tracker_is_full(t));
    tracker_report(t, e);
    assert_false(tracker_is_full(t));

    e = tracker_add(t, 2, &ID);
    tracker_report(t, e);
    assert_int_equal(tracker_open(t), 1);
    assert_true(tracker_is_full(t));
    tracker_settle(t, e);
    assert_false(tracker_is_full(t));

    e = tracker_add(t, 3, &ID);
    tracker_withdraw(t, e);
    assert_false(tracker_is_full(t));
    assert_int_equal(tracker_open(t), 0);
    tracker_free(t);
}

static void a_foreign_correlation_finds_nothing(void **state)
{
    (void)state;
    struct tracker *t = tracker_new(2);
    struct tracker *other = tracker_new(2);
    struct tracked *e = tracker_add(t, 1, &ID);
    struct correlation theirs = correlation_of(other, tracker_add(other, 1, &ID));
    struct correlation ours = correlation_of(t, e);
    struct correlation wrong;

    assert_null(find(t, &theirs));
    assert_null(tracker_find(t, SLICE_NONE));
    assert_null(tracker_find(t, SLICE_LITERAL("")));
    for (size_t i = 0; i < TRACKER_CORRELATION_LEN; i++) {
        wrong = ours;
        wrong.text[i] = 'F'; /* we write lower case only */
        assert_null(find(t, &wrong));
        wrong.text[i] = '\0';
        assert_null(tracker_find(t, slice_make(wrong.text, TRACKER_CORRELATION_LEN)));
        assert_null(tracker_find(t, slice_make(ours.text, i)));
    }
    wrong = ours;
    memset(wrong.text + TRACKER_CORRELATION_LEN - 16, 'f', 8); /* a slot that does not exist */
    assert_null(find(t, &wrong));
    assert_ptr_equal(find(t, &ours), e);
    tracker_free(other);
    tracker_free(t);
}

static void the_open_ones_can_be_settled_while_they_are_gone_through(void **state)
{
    (void)state;
    enum { N = 5 };
    struct tracker *t = tracker_new(N);
    struct tracked *e[N];
    for (size_t i = 0; i < N; i++)
        e[i] = tracker_add(t, i, &ID);
    tracker_settle(t, e[1]);
    tracker_report(t, e[2]);

    size_t cursor = 0;
    int seen = 0;
    for (struct tracked *at; (at = tracker_next_open(t, &cursor)) != NULL; seen++) {
        assert_ptr_not_equal(at, e[1]);
        tracker_settle(t, at);
    }
    assert_int_equal(seen, N - 1);
    assert_int_equal(tracker_open(t), 0);
    tracker_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_result_finds_its_line),
        cmocka_unit_test(a_second_result_finds_nothing),
        cmocka_unit_test(a_late_result_does_not_find_the_next_line_in_its_slot),
        cmocka_unit_test(a_slot_is_free_only_after_both_outcome_and_report),
        cmocka_unit_test(a_foreign_correlation_finds_nothing),
        cmocka_unit_test(the_open_ones_can_be_settled_while_they_are_gone_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
