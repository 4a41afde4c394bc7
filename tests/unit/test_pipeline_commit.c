/* The offsets behind answers, at least once. */
#include "tests/unit/fake_pipeline.h"

/* A command that is answered. */
static void finish_one(struct fixture *f)
{
    struct batch *b = add(f, 1);
    b->offsets.n = 0;
    assert_true(offsets_note(&b->offsets, 0, (int64_t)f->commands));
    b->generation = f->p.generation;
    answer(f);
    report(f, b, 0, true);
    answer(f);
}

static void commit_later(struct fixture *f)
{
    fake.now_us += 1000 * 1000;
    assert_int_equal(pipeline_commit(&f->p, false), STATUS_OK);
}

static void what_could_not_be_committed_is_committed_again_after_a_while(void **state)
{
    struct fixture *f = *state;
    finish_one(f);
    commit_later(f);
    pipeline_committed(&f->p, false);
    assert_int_equal(pipeline_commit(&f->p, false), STATUS_OK);
    assert_int_equal(fake.commits, 1);
    commit_later(f);
    assert_int_equal(fake.commits, 2);
    assert_int_equal(fake.committed, 1);
    pipeline_committed(&f->p, true);
    commit_later(f);
    assert_int_equal(fake.commits, 2);
}

static void what_is_finished_later_goes_with_what_could_not_be_committed(void **state)
{
    struct fixture *f = *state;
    finish_one(f);
    commit_later(f);
    finish_one(f);
    commit_later(f);
    assert_int_equal(fake.commits, 1); /* one at a time */
    pipeline_committed(&f->p, false);
    commit_later(f);
    assert_int_equal(fake.commits, 2);
    assert_int_equal(fake.committed, 2);
}

static void what_could_not_be_committed_before_a_rebalance_is_not_committed_after_it(void **state)
{
    struct fixture *f = *state;
    finish_one(f);
    commit_later(f);
    f->p.generation++;
    pipeline_committed(&f->p, false);
    commit_later(f);
    assert_int_equal(fake.commits, 1);
}

static void a_commit_that_waits_takes_what_is_on_its_way_with_it(void **state)
{
    struct fixture *f = *state;
    finish_one(f);
    commit_later(f);
    assert_int_equal(pipeline_commit(&f->p, true), STATUS_OK);
    assert_int_equal(fake.commits, 2);
    assert_int_equal(fake.committed, 1);
}

static void a_commit_that_cannot_begin_is_not_forgotten(void **state)
{
    struct fixture *f = *state;
    finish_one(f);
    fake.commit_status = STATUS_RETRY;
    commit_later(f);
    fake.commit_status = STATUS_OK;
    commit_later(f);
    assert_int_equal(fake.commits, 2);
    assert_int_equal(fake.committed, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PIPELINE(what_could_not_be_committed_is_committed_again_after_a_while),
        WITH_PIPELINE(what_is_finished_later_goes_with_what_could_not_be_committed),
        WITH_PIPELINE(what_could_not_be_committed_before_a_rebalance_is_not_committed_after_it),
        WITH_PIPELINE(a_commit_that_waits_takes_what_is_on_its_way_with_it),
        WITH_PIPELINE(a_commit_that_cannot_begin_is_not_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
