#include "ingress/pending.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MAX = 64, MAX_BYTES = 1000 };

static struct waiter waiter(unsigned number, int64_t deadline_us)
{
    /* Each belongs to somebody else. */
    struct waiter w = {.deadline_us = deadline_us, .give_up_us = deadline_us + 50, .party = number};
    w.correlation[0] = (uint8_t)number;
    w.correlation[15] = (uint8_t)~number;
    return w;
}

static void *add(struct pending *p, struct waiter w)
{
    void *ticket = NULL;
    assert_int_equal(pending_add(p, &w, &ticket), STATUS_OK);
    assert_non_null(ticket);
    return ticket;
}

static int make(void **state)
{
    *state = pending_new(MAX, MAX_BYTES);
    return *state ? 0 : -1;
}

static int dispose(void **state)
{
    pending_free(*state);
    return 0;
}

static void a_waiter_is_taken_exactly_once(void **state)
{
    struct pending *p = *state;
    struct waiter w = waiter(1, 100);
    struct waiter out;
    void *ticket = add(p, w);

    assert_true(pending_take(p, w.correlation, 0, &out));
    assert_memory_equal(out.correlation, w.correlation, PENDING_CORRELATION_LEN);
    assert_false(pending_take(p, w.correlation, 0, &out));
    assert_false(pending_take_ticket(p, ticket, &out));
    assert_int_equal(pending_published(p, ticket, 0, &out), PENDING_GONE);
    assert_false(pending_expire(p, 1000, &out));
    assert_false(pending_take_any(p, &out));
    assert_int_equal(pending_count(p), 0);
}

static void an_unknown_correlation_id_finds_nobody(void **state)
{
    struct pending *p = *state;
    struct waiter w = waiter(1, 100);
    struct waiter out;

    add(p, w);
    w.correlation[15]++; /* the same bucket */
    assert_false(pending_take(p, w.correlation, 0, &out));
}

static void a_ticket_does_not_find_the_next_waiter_of_its_slot(void **state)
{
    struct pending *p = *state;
    struct waiter out;
    void *first = add(p, waiter(1, 100));

    assert_true(pending_take_ticket(p, first, &out));
    void *second = add(p, waiter(2, 100));
    assert_ptr_not_equal(first, second);
    assert_int_equal(pending_published(p, first, 0, &out), PENDING_GONE);
    assert_false(pending_take_ticket(p, first, &out));
    assert_true(pending_take_ticket(p, second, &out));
    assert_int_equal(out.correlation[0], 2);
    assert_false(pending_take_ticket(p, NULL, &out));
}

static void a_full_table_refuses_and_takes_again_when_one_has_gone(void **state)
{
    struct pending *p = *state;
    struct waiter w = waiter(MAX, 100);
    struct waiter out;
    void *ticket = NULL;

    for (unsigned i = 0; i < MAX; i++)
        add(p, waiter(i, 100 + i));
    assert_int_equal(pending_add(p, &w, &ticket), STATUS_FULL);
    assert_int_equal(pending_count(p), MAX);
    w = waiter(7, 0);
    assert_true(pending_take(p, w.correlation, 0, &out));
    add(p, waiter(MAX, 100));
}

static struct waiter waiter_of(uint32_t party, unsigned number, uint32_t bytes)
{
    struct waiter w = waiter(number, 100);
    w.party = party;
    w.bytes = bytes;
    return w;
}

static void nobody_takes_all_places(void **state)
{
    struct pending *p = *state;
    struct waiter out;
    void *ticket;
    unsigned n = 0;

    for (struct waiter w = waiter_of(1, n, 0); pending_add(p, &w, &ticket) == STATUS_OK;
         w = waiter_of(1, n, 0))
        n++;
    assert_in_range(n, MAX / 2, MAX - 4);
    add(p, waiter_of(2, MAX, 0));
    assert_true(pending_take(p, waiter_of(1, 0, 0).correlation, 0, &out));
    assert_true(pending_take(p, waiter_of(1, 1, 0).correlation, 0, &out));
    add(p, waiter_of(1, 0, 0));
}

static void bytes_count_until_they_are_published(void **state)
{
    struct pending *p = *state;
    struct waiter large = waiter_of(1, 1, MAX_BYTES);
    struct waiter small = waiter_of(2, 2, 1);
    struct waiter out;
    void *ticket = add(p, large);
    void *other;

    assert_int_equal(pending_add(p, &small, &other), STATUS_FULL);
    assert_int_equal(pending_count(p), 1);
    assert_int_equal(pending_published(p, ticket, 0, &out), PENDING_WAITS);
    assert_int_equal(pending_published(p, ticket, 0, &out), PENDING_WAITS);
    other = add(p, small);
    assert_true(pending_take(p, large.correlation, 0, &out));
    assert_true(pending_take_ticket(p, other, &out));
    /* All is free again, and no more than that. */
    ticket = add(p, large);
    assert_int_equal(pending_add(p, &small, &other), STATUS_FULL);
    assert_true(pending_take_ticket(p, ticket, &out));
    add(p, large);
}

static void a_command_takes_its_bytes_for_as_long_as_it_is_queued(void **state)
{
    struct pending *p = *state;
    struct waiter large = waiter_of(1, 1, MAX_BYTES);
    struct waiter small = waiter_of(2, 2, 1);
    struct waiter out;
    void *ticket = add(p, large);
    void *other;

    assert_true(pending_expire(p, large.give_up_us, &out));
    assert_int_equal(pending_count(p), 0);
    assert_true(pending_next_us(p) == INT64_MAX);
    assert_int_equal(pending_add(p, &small, &other), STATUS_FULL);
    assert_int_equal(pending_published(p, ticket, 1000, &out), PENDING_ANSWERED);
    assert_int_equal(out.correlation[0], 1);
    assert_int_equal(pending_published(p, ticket, 1000, &out), PENDING_GONE);
    other = add(p, small);
    assert_true(pending_take_ticket(p, other, &out));

    /* The same where it has failed. */
    ticket = add(p, large);
    assert_true(pending_take_any(p, &out));
    assert_int_equal(pending_add(p, &small, &other), STATUS_FULL);
    assert_false(pending_take_ticket(p, ticket, &out));
    add(p, large);
}

static void a_command_takes_its_place_for_as_long_as_it_is_queued(void **state)
{
    struct pending *p = *state;
    struct waiter next = waiter(MAX, 100);
    void *tickets[MAX];
    struct waiter out;
    void *ticket;

    for (unsigned i = 0; i < MAX; i++)
        tickets[i] = add(p, waiter(i, 100));
    while (pending_take_any(p, &out)) {
    }
    assert_int_equal(pending_add(p, &next, &ticket), STATUS_FULL);
    assert_int_equal(pending_published(p, tickets[7], 0, &out), PENDING_ANSWERED);
    ticket = add(p, next);
    assert_int_equal(pending_published(p, ticket, 0, &out), PENDING_WAITS);
    assert_int_equal(out.correlation[0], MAX);
    assert_true(pending_take_ticket(p, ticket, &out));
    assert_int_equal(out.correlation[0], MAX);
}

static void deadlines_come_in_order(void **state)
{
    struct pending *p = *state;
    struct waiter out;
    int64_t last_us = 0;

    assert_true(pending_next_us(p) == INT64_MAX);
    for (unsigned i = 0; i < MAX; i++)
        (void)pending_published(p, add(p, waiter(i, 1000 + (i * 37) % MAX)), 0, &out);
    for (unsigned i = 0; i < MAX; i += 3) {
        struct waiter gone = waiter(i, 0);
        assert_true(pending_take(p, gone.correlation, 0, &out));
    }
    for (size_t left = pending_count(p); left > 0; left--) {
        int64_t next_us = pending_next_us(p);
        assert_true(next_us >= last_us);
        assert_false(pending_expire(p, next_us - 1, &out));
        assert_true(pending_expire(p, next_us, &out));
        assert_true(out.deadline_us == next_us && out.published);
        last_us = next_us;
    }
    assert_true(pending_next_us(p) == INT64_MAX);
}

static void without_a_delivery_report_a_waiter_stays_until_it_is_given_up(void **state)
{
    struct pending *p = *state;
    struct waiter out;

    add(p, waiter(1, 100));
    add(p, waiter(2, 120));
    assert_false(pending_expire(p, 149, &out));
    assert_true(pending_next_us(p) == 150);
    assert_true(pending_expire(p, 150, &out));
    assert_int_equal(out.correlation[0], 1);
    assert_false(out.published);
    assert_true(pending_next_us(p) == 170);
}

static void a_report_behind_the_deadline_takes_the_waiter(void **state)
{
    struct pending *p = *state;
    struct waiter out;
    void *ticket = add(p, waiter(1, 100));

    assert_false(pending_expire(p, 110, &out));
    assert_int_equal(pending_published(p, ticket, 120, &out), PENDING_TAKEN);
    assert_true(out.published);
    assert_int_equal(pending_count(p), 0);
}

static void a_report_before_the_deadline_leaves_the_waiter(void **state)
{
    struct pending *p = *state;
    struct waiter out;
    void *ticket = add(p, waiter(1, 100));

    assert_int_equal(pending_published(p, ticket, 50, &out), PENDING_WAITS);
    assert_int_equal(pending_count(p), 1);
    assert_true(pending_expire(p, 100, &out));
    assert_true(out.published);
}

static void an_immediate_answer_only_waits_for_the_report(void **state)
{
    struct pending *p = *state;
    struct waiter w = waiter(1, 100);
    struct waiter out;

    w.preference.respond_async = true;
    assert_int_equal(pending_published(p, add(p, w), 0, &out), PENDING_TAKEN);

    w.preference.wait_s = 5;
    assert_int_equal(pending_published(p, add(p, w), 0, &out), PENDING_WAITS);
}

/* ---- two threads ---- */

struct race {
    struct pending *p;
    void *tickets[MAX];
    unsigned taken; /* of one thread */
};

static void *take_by_ticket(void *ctx)
{
    struct race *r = ctx;
    struct waiter out;

    for (size_t i = 0; i < MAX; i++)
        r->taken += pending_take_ticket(r->p, r->tickets[i], &out);
    return NULL;
}

static void of_two_threads_one_takes_each_waiter(void **state)
{
    struct pending *p = *state;

    for (int round = 0; round < 200; round++) {
        struct race other = {.p = p};
        struct waiter out;
        unsigned mine = 0;
        pthread_t thread;

        for (unsigned i = 0; i < MAX; i++)
            other.tickets[i] = add(p, waiter(i, i));
        assert_int_equal(pthread_create(&thread, NULL, take_by_ticket, &other), 0);
        for (unsigned i = 0; i < MAX; i++) {
            struct waiter w = waiter(i, 0);
            mine += pending_take(p, w.correlation, 0, &out);
        }
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(mine + other.taken, MAX);
        assert_int_equal(pending_count(p), 0);
    }
}

int main(void)
{
#define WITH_TABLE(test) cmocka_unit_test_setup_teardown(test, make, dispose)
    const struct CMUnitTest tests[] = {
        WITH_TABLE(a_waiter_is_taken_exactly_once),
        WITH_TABLE(an_unknown_correlation_id_finds_nobody),
        WITH_TABLE(a_ticket_does_not_find_the_next_waiter_of_its_slot),
        WITH_TABLE(a_full_table_refuses_and_takes_again_when_one_has_gone),
        WITH_TABLE(nobody_takes_all_places),
        WITH_TABLE(bytes_count_until_they_are_published),
        WITH_TABLE(a_command_takes_its_bytes_for_as_long_as_it_is_queued),
        WITH_TABLE(a_command_takes_its_place_for_as_long_as_it_is_queued),
        WITH_TABLE(deadlines_come_in_order),
        WITH_TABLE(without_a_delivery_report_a_waiter_stays_until_it_is_given_up),
        WITH_TABLE(a_report_behind_the_deadline_takes_the_waiter),
        WITH_TABLE(a_report_before_the_deadline_leaves_the_waiter),
        WITH_TABLE(an_immediate_answer_only_waits_for_the_report),
        WITH_TABLE(of_two_threads_one_takes_each_waiter),
    };
    return cmocka_run_group_tests_name("pending", tests, NULL, NULL);
}
