/* What the worker's loop does about a transactor that is busy. */
#include "tests/unit/fake_pipeline.h"

static struct {
    bool stuck;
} transactor;

enum kafka_transaction kafka_transaction_state(struct kafka_transactor *t)
{
    (void)t;
    return KAFKA_TX_BUSY;
}

bool kafka_transaction_is_stuck(struct kafka_transactor *t)
{
    (void)t;
    return transactor.stuck;
}

/* ---- not called ---- */

status kafka_transactor_new(const struct kafka_transactor_options *options, struct kafka_transactor **out)
{
    (void)options;
    (void)out;
    return STATUS_FATAL;
}

unsigned kafka_transaction_fenced(struct kafka_transactor *t)
{
    (void)t;
    return 0;
}

void kafka_transaction_begin(struct kafka_transactor *t)
{
    (void)t;
}

void kafka_transaction_commit(struct kafka_transactor *t, const struct kafka_offset *offsets, size_t n)
{
    (void)t;
    (void)offsets;
    (void)n;
}

void kafka_transaction_abandon(struct kafka_transactor *t)
{
    (void)t;
}

void kafka_transaction_end(struct kafka_transactor *t)
{
    (void)t;
}

bool pipeline_is_storing(const struct pipeline *p)
{
    (void)p;
    return false;
}

/* ---- tests ---- */

static void a_transaction_is_waited_for(void **state)
{
    struct fixture *f = *state;
    transactor.stuck = false;
    assert_int_equal(pipeline_transact(&f->p), STATUS_OK);
}

static void a_transaction_that_is_stuck_ends_the_process(void **state)
{
    struct fixture *f = *state;
    transactor.stuck = true;
    assert_int_equal(pipeline_transact(&f->p), STATUS_FATAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PIPELINE(a_transaction_is_waited_for),
        WITH_PIPELINE(a_transaction_that_is_stuck_ends_the_process),
    };
    return cmocka_run_group_tests_name("pipeline_transaction", tests, NULL, NULL);
}
