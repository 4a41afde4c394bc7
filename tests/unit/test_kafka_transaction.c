/* A call into librdkafka that never ends is noticed, whichever it is. Of librdkafka the calls for transactions are not real. */
#include "common/kafka_transaction.h"

#include "common/kafka_internal.h"
#include "tests/unit/lone_producer.h"
#include <poll.h>
#include <semaphore.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { S = 1000000, STUCK_S = 60, DEADLINE_MS = 20000 };

static struct {
    _Atomic int64_t now_us;
    const char *hanging; /* the step that does not end before it is let go */
    sem_t reached, let_go;
    atomic_int aborts;
} fake;

/* ---- what the file under test calls ---- */

static int64_t now(const struct clock *c)
{
    (void)c;
    return fake.now_us;
}

static const struct clock fake_clock = {.monotonic_us = now, .unix_us = now};

static rd_kafka_error_t *end_of(const char *step)
{
    if (strcmp(step, fake.hanging) == 0) {
        sem_post(&fake.reached);
        sem_wait(&fake.let_go);
    }
    return NULL;
}

rd_kafka_error_t *rd_kafka_init_transactions(rd_kafka_t *rk, int timeout_ms)
{
    (void)rk;
    (void)timeout_ms;
    return end_of("init");
}

rd_kafka_error_t *rd_kafka_begin_transaction(rd_kafka_t *rk)
{
    (void)rk;
    return end_of("begin");
}

rd_kafka_error_t *rd_kafka_send_offsets_to_transaction(rd_kafka_t *rk,
                                                       const rd_kafka_topic_partition_list_t *offsets,
                                                       const rd_kafka_consumer_group_metadata_t *cgmetadata,
                                                       int timeout_ms)
{
    (void)rk;
    (void)offsets;
    (void)cgmetadata;
    (void)timeout_ms;
    return end_of("send offsets");
}

rd_kafka_error_t *rd_kafka_commit_transaction(rd_kafka_t *rk, int timeout_ms)
{
    (void)rk;
    (void)timeout_ms;
    return end_of("commit");
}

rd_kafka_error_t *rd_kafka_abort_transaction(rd_kafka_t *rk, int timeout_ms)
{
    (void)rk;
    (void)timeout_ms;
    fake.aborts++;
    return end_of("abort");
}

/* ---- a transactor ---- */

struct fixture {
    struct kafka_producer *producer;
    struct kafka_consumer consumer;
    struct kafka_transactor *transactor;
    int event_fd;
};

static void set_up(struct fixture *f, const char *hanging)
{
    fake.hanging = hanging;
    fake.now_us = 1000 * (int64_t)S;
    fake.aborts = 0;
    sem_init(&fake.reached, 0, 0);
    sem_init(&fake.let_go, 0, 0);
    *f = (struct fixture){.event_fd = eventfd(0, EFD_CLOEXEC)};
    f->consumer.membership = rd_kafka_consumer_group_metadata_new("group");
    f->producer = lone_producer("transactions");
    const struct kafka_transactor_options transactions = {
        .producer = f->producer,
        .consumer = &f->consumer,
        .topic = "commands",
        .event_fd = f->event_fd,
        .clock = &fake_clock,
    };
    assert_int_equal(kafka_transactor_new(&transactions, &f->transactor), STATUS_OK);
}

static void tear_down(struct fixture *f)
{
    assert_true(kafka_transactor_free(f->transactor));
    kafka_producer_free(f->producer);
    rd_kafka_consumer_group_metadata_destroy(f->consumer.membership);
    close(f->event_fd);
    sem_destroy(&fake.reached);
    sem_destroy(&fake.let_go);
}

static void wait_for(struct fixture *f, enum kafka_transaction expected)
{
    struct pollfd fd = {.fd = f->event_fd, .events = POLLIN};
    uint64_t count;
    assert_int_equal(poll(&fd, 1, DEADLINE_MS), 1);
    assert_int_equal(read(f->event_fd, &count, sizeof count), sizeof count);
    assert_int_equal(kafka_transaction_state(f->transactor), expected);
}

static void begin(struct fixture *f)
{
    wait_for(f, KAFKA_TX_NONE);
    kafka_transaction_begin(f->transactor);
}

static void commit(struct fixture *f)
{
    const struct kafka_offset offset = {.partition = 0, .offset = 1};
    wait_for(f, KAFKA_TX_OPEN);
    kafka_transaction_commit(f->transactor, &offset, 1);
}

/* Looks as the worker's loop does. */
static void let_pass(struct fixture *f, int seconds)
{
    for (int i = 0; i < seconds; i++) {
        assert_false(kafka_transaction_is_stuck(f->transactor));
        fake.now_us += S;
    }
}

static void assert_gets_stuck(struct fixture *f)
{
    sem_wait(&fake.reached);
    let_pass(f, STUCK_S);
    assert_int_equal(kafka_transaction_state(f->transactor), KAFKA_TX_BUSY);
    assert_true(kafka_transaction_is_stuck(f->transactor));
    assert_false(kafka_transactor_free(f->transactor));
    sem_post(&fake.let_go); /* only so that the test can tidy up */
    tear_down(f);
}

static void an_init_that_never_ends_is_noticed(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, "init");
    assert_gets_stuck(&f);
}

static void a_begin_that_never_ends_is_noticed(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, "begin");
    begin(&f);
    assert_gets_stuck(&f);
}

static void offsets_that_are_sent_for_ever_are_noticed(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, "send offsets");
    begin(&f);
    commit(&f);
    assert_gets_stuck(&f);
}

static void a_commit_that_never_ends_is_noticed(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, "commit");
    begin(&f);
    commit(&f);
    assert_gets_stuck(&f);
}

static void what_ends_in_time_is_not_stuck(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, "commit");
    begin(&f);
    commit(&f);
    sem_wait(&fake.reached);
    let_pass(&f, STUCK_S);
    sem_post(&fake.let_go);
    wait_for(&f, KAFKA_TX_COMMITTED);
    let_pass(&f, STUCK_S); /* nobody is called */
    kafka_transaction_end(f.transactor);
    tear_down(&f);
}

static void a_process_that_was_frozen_gives_the_call_its_time_again(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, "send offsets");
    begin(&f);
    commit(&f);
    sem_wait(&fake.reached);
    let_pass(&f, STUCK_S - 1);
    fake.now_us += 1000 * (int64_t)S;
    sem_post(&fake.reached);
    assert_gets_stuck(&f);
}

static void what_is_open_is_aborted_at_the_end(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, "");
    begin(&f);
    wait_for(&f, KAFKA_TX_OPEN);
    tear_down(&f);
    assert_int_equal(fake.aborts, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_init_that_never_ends_is_noticed),
        cmocka_unit_test(a_begin_that_never_ends_is_noticed),
        cmocka_unit_test(offsets_that_are_sent_for_ever_are_noticed),
        cmocka_unit_test(a_commit_that_never_ends_is_noticed),
        cmocka_unit_test(what_ends_in_time_is_not_stuck),
        cmocka_unit_test(a_process_that_was_frozen_gives_the_call_its_time_again),
        cmocka_unit_test(what_is_open_is_aborted_at_the_end),
    };
    return cmocka_run_group_tests_name("kafka_transaction", tests, NULL, NULL);
}
