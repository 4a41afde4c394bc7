#include "common/shares.h"

#include <stdio.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct shares SHARES; /* too large for a stack */

static struct shares *shares_of(uint64_t max)
{
    SHARES = (struct shares){.max = max};
    return &SHARES;
}

static uint64_t take_what_goes(struct shares *s, uint32_t party)
{
    uint64_t n = 0;

    while (shares_take(s, party, 1))
        n++;
    return n;
}

static void one_party_alone_has_four_fifths(void **state)
{
    (void)state;
    assert_int_equal(take_what_goes(shares_of(1000), 7), 800);
}

static void all_who_want_much_come_to_have_the_same_and_leave_some(void **state)
{
    enum { PARTIES = 10, TURNS = 20000 };
    struct shares *s = shares_of(1000);
    unsigned taken = 0;

    (void)state;
    for (uint32_t party = 0; party < PARTIES; party++)
        (void)take_what_goes(s, party);
    for (uint32_t turn = 0; turn < TURNS; turn++) {
        if (s->held[turn % PARTIES] > 0)
            shares_give_back(s, turn % PARTIES, 1);
        for (uint32_t i = 0; i < PARTIES; i++)
            taken += shares_take(s, (turn * 7 + i) % PARTIES, 1);
    }
    for (uint32_t party = 0; party < PARTIES; party++)
        assert_in_range(s->held[party], 80, 110);
    assert_true(taken > TURNS / 2);
    assert_true(s->taken < s->max);
    assert_true(shares_take(s, PARTIES, 1));
}

static void what_is_given_back_can_be_taken_by_others(void **state)
{
    struct shares *s = shares_of(1000);
    uint64_t first = take_what_goes(s, 1);
    uint64_t second = take_what_goes(s, 2);

    (void)state;
    assert_int_equal(second, 160); /* four fifths of what was left */
    assert_false(shares_take(s, 1, 1));
    shares_give_back(s, 1, first);
    assert_int_equal(second + take_what_goes(s, 2), 800);
    shares_give_back(s, 2, 800);
    assert_int_equal(s->taken, 0);
    assert_int_equal(take_what_goes(s, 1), 800);
}

static void a_first_piece_may_be_all_there_is(void **state)
{
    struct shares *s = shares_of(1);

    (void)state;
    assert_true(shares_take(s, 5, 1));
    assert_false(shares_take(s, 6, 1));
    shares_give_back(s, 5, 1);
    assert_true(shares_take(s, 6, 1));
    s = shares_of(100);
    assert_false(shares_take(s, 0, 101));
    assert_false(shares_take(s, 0, UINT64_MAX));
    assert_true(shares_take(s, 0, 100));
    assert_false(shares_take(s, 1, 1));
    assert_true(shares_take(s, 0, 0));
    assert_true(shares_take(s, 1, 0));
}

static void names_are_spread_over_the_parties(void **state)
{
    bool seen[SHARES_PARTIES] = {false};
    unsigned distinct = 0;
    unsigned moved = 0;

    (void)state;
    for (int i = 0; i < SHARES_PARTIES; i++) {
        char name[32];
        int len = snprintf(name, sizeof name, "account-%d", i);
        uint32_t party = shares_party(1, slice_make(name, (size_t)len));
        assert_true(party < SHARES_PARTIES);
        assert_int_equal(party, shares_party(1, slice_make(name, (size_t)len)));
        distinct += !seen[party];
        seen[party] = true;
        moved += party != shares_party(2, slice_make(name, (size_t)len));
    }
    assert_true(distinct > SHARES_PARTIES / 2); /* 1 - 1/e of them where it is random */
    assert_true(moved > SHARES_PARTIES * 9 / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_party_alone_has_four_fifths),
        cmocka_unit_test(all_who_want_much_come_to_have_the_same_and_leave_some),
        cmocka_unit_test(what_is_given_back_can_be_taken_by_others),
        cmocka_unit_test(a_first_piece_may_be_all_there_is),
        cmocka_unit_test(names_are_spread_over_the_parties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
