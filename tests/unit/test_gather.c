#include "ingress/gather.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { LINGER_US = 20 * 1000, NEVER_US = 60 * 1000 * 1000, MANY = 40, WAIT_MS = 5000 };

/* So far apart that a wait is made, whatever was learned. */
#define APART_US ((int64_t)GATHER_PROBE * LINGER_US)
#define LATER_US ((int64_t)GATHER_PROBE * NEVER_US)

static const char NAME[] = "correlation-id";

/* What was emitted: the commands' numbers, and how many came in each call. */
struct emitted {
    size_t n, calls, last_call;
    int numbers[2 * GATHER_MOST];
};

static void take(void *ctx, const struct gathered *commands, size_t n)
{
    struct emitted *e = ctx;
    char text[16];

    e->calls++;
    e->last_call = n;
    for (size_t i = 0; i < n; i++) {
        const struct gathered *m = &commands[i];
        int number = *(const int *)m->ticket;
        (void)snprintf(text, sizeof text, "%d", number);
        assert_true(slice_is(m->key, "run"));
        assert_memory_equal(m->value.at, text, strlen(text));
        assert_int_equal(m->n_headers, 2);
        assert_true(slice_is(m->headers[1].value, text));
        assert_string_equal(m->headers[0].name, NAME);
        assert_true(slice_is(m->headers[0].value, text));
        e->numbers[e->n++] = number;
    }
}

/* Adds command `number`, whose memory is something else afterwards. */
static void add_long(struct gather *g, int number, size_t waiting, size_t value_bytes, int64_t now_us)
{
    static int numbers[2 * GATHER_MOST];
    static char value[2 * GATHER_LARGE_BYTES];
    char header[16];
    char key[] = "run";
    int digits = snprintf(header, sizeof header, "%d", number);
    struct gathered m = {.key = slice_of(key),
                         .value = slice_make(value, value_bytes ? value_bytes : (size_t)digits),
                         .headers = {{NAME, slice_of(header)}, {NAME, slice_of(header)}},
                         .n_headers = 2};

    numbers[number] = number;
    m.ticket = &numbers[number];
    memcpy(value, header, (size_t)digits);
    gather_add(g, &m, waiting, now_us);
    memset(value, 'x', sizeof value);
    memset(header, 'x', sizeof header);
    memset(key, 'x', sizeof key);
}

static void add(struct gather *g, int number, size_t waiting)
{
    add_long(g, number, waiting, 0, LATER_US);
}

struct fixture {
    struct gather *g;
    struct emitted e;
};

static int start(void **state, int64_t linger_us)
{
    struct fixture *f = calloc(1, sizeof *f);
    *state = f;
    f->g = gather_new(linger_us, take, &f->e);
    return f->g ? 0 : -1;
}

static int start_brief(void **state)
{
    return start(state, LINGER_US);
}

static int start_endless(void **state)
{
    return start(state, NEVER_US);
}

static int start_without(void **state)
{
    return start(state, 0);
}

static int end(void **state)
{
    struct fixture *f = *state;
    gather_free(f->g);
    free(f);
    return 0;
}

static bool is_due(const struct gather *g, int wait_ms)
{
    struct pollfd fd = {.fd = gather_fd(g), .events = POLLIN};
    return poll(&fd, 1, wait_ms) == 1;
}

/* `n` waits that time ends, from `from_us` on and so far apart that each may be made; the second command comes `late_us` behind the
 * first. */
static void wait_often(struct fixture *f, int n, int64_t from_us, int64_t late_us)
{
    for (int i = 0; i < n; i++) {
        f->e.n = 0;
        add_long(f->g, 0, MANY, 0, from_us + i * APART_US);
        add_long(f->g, 1, MANY, 0, from_us + i * APART_US + late_us);
        assert_int_equal(f->e.n, 0);
        assert_true(is_due(f->g, WAIT_MS));
        gather_serve(f->g);
        assert_int_equal(f->e.n, 2);
    }
}

static bool waits(struct fixture *f, int64_t now_us)
{
    f->e.n = 0;
    add_long(f->g, 0, MANY, 0, now_us);
    bool kept = f->e.n == 0;
    gather_release(f->g);
    return kept;
}

static void assert_in_order(const struct emitted *e, size_t n)
{
    assert_int_equal(e->n, n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(e->numbers[i], i);
}

static void where_few_wait_each_command_goes_at_once(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < GATHER_FROM - 1; i++) {
        add(f->g, i, (size_t)i + 1);
        assert_in_order(&f->e, (size_t)i + 1);
    }
    assert_false(is_due(f->g, 0));
}

static void where_many_wait_commands_go_together_once_all_are_there(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < MANY - 1; i++)
        add(f->g, i, MANY);
    assert_int_equal(f->e.n, 0);
    add(f->g, MANY - 1, MANY);
    assert_in_order(&f->e, MANY);
    assert_int_equal(f->e.calls, 1);
}

static void no_more_than_a_bound_go_together(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < GATHER_MOST; i++)
        add(f->g, i, 10000);
    assert_in_order(&f->e, GATHER_MOST);
    assert_int_equal(f->e.calls, 1);
}

static void what_waits_goes_with_the_first_that_does_not(void **state)
{
    struct fixture *f = *state;

    add(f->g, 0, MANY);
    add(f->g, 1, MANY);
    assert_int_equal(f->e.n, 0);
    add(f->g, 2, 1);
    assert_in_order(&f->e, 3);
}

static void a_large_command_does_not_wait_and_passes_none(void **state)
{
    struct fixture *f = *state;

    add(f->g, 0, MANY);
    add_long(f->g, 1, MANY, GATHER_LARGE_BYTES + 1, LATER_US);
    assert_in_order(&f->e, 2);
}

static void what_waits_is_due_when_its_time_is_over(void **state)
{
    struct fixture *f = *state;

    assert_false(is_due(f->g, 0));
    for (int round = 0; round < 2; round++) {
        int64_t now_us = (round + 1) * APART_US;
        add_long(f->g, 2 * round, MANY, 0, now_us);
        add_long(f->g, 2 * round + 1, MANY, 0, now_us);
        assert_int_equal(f->e.n, 2 * round);
        assert_true(is_due(f->g, WAIT_MS));
        gather_serve(f->g);
        assert_in_order(&f->e, 2 * (size_t)round + 2);
        assert_int_equal(f->e.last_call, 2);
        assert_false(is_due(f->g, 0));
    }
}

static void a_command_that_has_waited_alone_goes_too(void **state)
{
    struct fixture *f = *state;

    add_long(f->g, 0, MANY, 0, APART_US);
    assert_true(is_due(f->g, WAIT_MS));
    gather_serve(f->g);
    assert_in_order(&f->e, 1);
}

static void a_release_does_not_wait_until_they_are_due(void **state)
{
    struct fixture *f = *state;

    add(f->g, 0, MANY);
    gather_serve(f->g);
    assert_int_equal(f->e.n, 0);
    gather_release(f->g);
    assert_in_order(&f->e, 1);
}

/* Whoever serves them may have been held up. */
static void what_is_overdue_goes_with_the_next(void **state)
{
    struct fixture *f = *state;

    add_long(f->g, 0, MANY, 0, APART_US);
    add_long(f->g, 1, MANY, 0, APART_US + LINGER_US - 1);
    assert_int_equal(f->e.n, 0);
    add_long(f->g, 2, MANY, 0, APART_US + LINGER_US);
    assert_in_order(&f->e, 3);
}

/* Those it was for have gone, and the next are not due. */
static void a_timer_that_is_late_does_not_end_the_next_wait(void **state)
{
    struct fixture *f = *state;

    add_long(f->g, 0, MANY, 0, APART_US);
    assert_true(is_due(f->g, WAIT_MS));
    add_long(f->g, 1, 1, 0, APART_US);
    assert_in_order(&f->e, 2);
    add_long(f->g, 2, MANY, 0, 2 * APART_US);
    gather_serve(f->g);
    assert_in_order(&f->e, 2);
    assert_true(is_due(f->g, WAIT_MS));
    gather_serve(f->g);
    assert_in_order(&f->e, 3);
}

static void waits_that_were_filled_were_right(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 10; i++)
        for (int64_t n = 0; n < GATHER_FROM; n++)
            add_long(f->g, 0, GATHER_FROM, 0, (i + 1) * APART_US);
    int64_t now_us = 10 * APART_US;
    assert_true(waits(f, now_us + 1));
    assert_true(waits(f, now_us + 2));
}

static void a_release_of_nothing_emits_nothing(void **state)
{
    struct fixture *f = *state;

    gather_release(f->g);
    gather_serve(f->g);
    assert_int_equal(f->e.calls, 0);
}

static void without_a_time_to_wait_none_waits(void **state)
{
    struct fixture *f = *state;

    add(f->g, 0, 10000);
    assert_in_order(&f->e, 1);
}

static void where_waits_bring_nothing_few_are_made(void **state)
{
    struct fixture *f = *state;
    int64_t now_us = APART_US;

    assert_true(waits(f, now_us));
    assert_false(waits(f, now_us + LINGER_US));
    assert_false(waits(f, now_us + APART_US - 1));
    assert_true(waits(f, now_us + APART_US));
}

static void where_waits_bring_something_all_are_made(void **state)
{
    struct fixture *f = *state;

    wait_often(f, 10, APART_US, LINGER_US / 2);
    int64_t now_us = 11 * APART_US;
    assert_true(waits(f, now_us));
    assert_true(waits(f, now_us + LINGER_US));
}

/* What comes at once after the first is of the same burst: it would have been together all the same. */
static void a_burst_is_no_reason_to_wait(void **state)
{
    struct fixture *f = *state;

    wait_often(f, 10, APART_US, LINGER_US / 8);
    int64_t now_us = 11 * APART_US;
    assert_true(waits(f, now_us));
    assert_false(waits(f, now_us + LINGER_US));
}

static void it_unlearns_to_wait(void **state)
{
    struct fixture *f = *state;

    wait_often(f, 10, APART_US, LINGER_US / 2);
    wait_often(f, 4, 11 * APART_US, 0);
    int64_t now_us = 15 * APART_US;
    assert_true(waits(f, now_us));
    assert_false(waits(f, now_us + LINGER_US));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(where_few_wait_each_command_goes_at_once, start_endless, end),
        cmocka_unit_test_setup_teardown(where_many_wait_commands_go_together_once_all_are_there,
                                        start_endless, end),
        cmocka_unit_test_setup_teardown(no_more_than_a_bound_go_together, start_endless, end),
        cmocka_unit_test_setup_teardown(what_waits_goes_with_the_first_that_does_not, start_endless, end),
        cmocka_unit_test_setup_teardown(a_large_command_does_not_wait_and_passes_none, start_endless, end),
        cmocka_unit_test_setup_teardown(what_waits_is_due_when_its_time_is_over, start_brief, end),
        cmocka_unit_test_setup_teardown(a_command_that_has_waited_alone_goes_too, start_brief, end),
        cmocka_unit_test_setup_teardown(a_release_does_not_wait_until_they_are_due, start_endless, end),
        cmocka_unit_test_setup_teardown(what_is_overdue_goes_with_the_next, start_brief, end),
        cmocka_unit_test_setup_teardown(a_timer_that_is_late_does_not_end_the_next_wait, start_brief, end),
        cmocka_unit_test_setup_teardown(waits_that_were_filled_were_right, start_brief, end),
        cmocka_unit_test_setup_teardown(a_release_of_nothing_emits_nothing, start_brief, end),
        cmocka_unit_test_setup_teardown(where_waits_bring_nothing_few_are_made, start_brief, end),
        cmocka_unit_test_setup_teardown(where_waits_bring_something_all_are_made, start_brief, end),
        cmocka_unit_test_setup_teardown(a_burst_is_no_reason_to_wait, start_brief, end),
        cmocka_unit_test_setup_teardown(it_unlearns_to_wait, start_brief, end),
        cmocka_unit_test_setup_teardown(without_a_time_to_wait_none_waits, start_without, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
