/* What the worker's loop does about a transactor. */
#include "tests/unit/fake_pipeline.h"

static struct {
    enum kafka_transaction state;
    bool stuck;
    unsigned looked_at; /* batches, before it was begun */
    bool answered;
    bool begun;
} transactor;

enum kafka_transaction kafka_transaction_state(struct kafka_transactor *t)
{
    (void)t;
    return transactor.state;
}

bool kafka_transaction_is_stuck(struct kafka_transactor *t)
{
    (void)t;
    return transactor.stuck;
}

void kafka_transaction_begin(struct kafka_transactor *t)
{
    (void)t;
    transactor.begun = true;
    transactor.state = KAFKA_TX_BUSY;
}

bool pipeline_look_at_topics_of(struct pipeline *p, const struct batch *b)
{
    assert_ptr_equal(b, p->ring[transactor.looked_at]);
    assert_false(transactor.begun);
    transactor.looked_at++;
    return transactor.answered;
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
    transactor.state = KAFKA_TX_BUSY;
    transactor.stuck = false;
    assert_int_equal(pipeline_transact(&f->p), STATUS_OK);
}

static void a_transaction_that_is_stuck_ends_the_process(void **state)
{
    struct fixture *f = *state;
    transactor.state = KAFKA_TX_BUSY;
    transactor.stuck = true;
    assert_int_equal(pipeline_transact(&f->p), STATUS_FATAL);
}

/* Begins a transaction with two batches; returns how many were looked at before. */
static unsigned begin(struct fixture *f, bool answered)
{
    memset(&transactor, 0, sizeof transactor);
    transactor.state = KAFKA_TX_NONE;
    transactor.answered = answered;
    add(f, 1);
    add(f, 2);
    assert_int_equal(pipeline_transact(&f->p), STATUS_OK);
    assert_true(transactor.begun);
    return transactor.looked_at;
}

static void reply_topics_are_looked_at_before_a_transaction_is_begun(void **state)
{
    assert_int_equal(begin(*state, true), 2);
}

static void where_nobody_answers_it_is_asked_once(void **state)
{
    assert_int_equal(begin(*state, false), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PIPELINE(a_transaction_is_waited_for),
        WITH_PIPELINE(a_transaction_that_is_stuck_ends_the_process),
        WITH_PIPELINE(reply_topics_are_looked_at_before_a_transaction_is_begun),
        WITH_PIPELINE(where_nobody_answers_it_is_asked_once),
    };
    return cmocka_run_group_tests_name("pipeline_transaction", tests, NULL, NULL);
}
