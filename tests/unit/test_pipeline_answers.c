/* Answers, at least once: their order, where they go, and what they are sent with. */
#include "tests/unit/fake_pipeline.h"

/* ---- order ---- */

static void answers_are_sent_again_in_their_order(void **state)
{
    struct fixture *f = *state;
    struct batch *b = add(f, 3);
    answer(f);
    for (size_t i = 0; i < 3; i++)
        report(f, b, i, false);
    let_time_pass(f);
    assert_string_equal(fake.sent, "abcabc");
    report(f, b, 0, false);
    report(f, b, 1, true);
    report(f, b, 2, false);
    let_time_pass(f);
    report(f, b, 0, false);
    report(f, b, 2, false);
    let_time_pass(f);
    assert_string_equal(fake.sent, "abcabcacac");
}

static void a_later_batch_does_not_overtake_answers_that_are_to_be_sent_again(void **state)
{
    struct fixture *f = *state;
    struct batch *b = add(f, 2);
    answer(f);
    report(f, b, 0, false);
    report(f, b, 1, true);
    add(f, 1);
    answer(f);
    assert_string_equal(fake.sent, "ab");
    let_time_pass(f);
    assert_string_equal(fake.sent, "abac");
}

/* ---- where to ---- */

static struct reply_to *ask_for_bills(struct fixture *f, struct batch *b)
{
    const struct command_headers h = {.spring_reply_topic = SLICE_LITERAL("bills"),
                                      .spring_reply_partition = SLICE_LITERAL("\0\0\0\3")};
    struct reply_to *to = &b->entries[0].reply;
    assert_int_equal(reply_topics_resolve(f->p.reply_topics, &h, b->arena, to), STATUS_OK);
    return to;
}

static void an_answer_that_its_topic_does_not_take_goes_to_the_results_topic(void **state)
{
    struct fixture *f = *state;
    struct batch *b = add(f, 1);
    struct reply_to *to = ask_for_bills(f, b);
    answer(f);
    report(f, b, 0, false);
    assert_null(reply_to_topic(to));
    assert_true(to->diverted);
}

static void an_outage_is_no_fault_of_a_topic(void **state)
{
    struct fixture *f = *state;
    struct batch *b = add(f, 1);
    struct reply_to *to = ask_for_bills(f, b);
    answer(f);
    fake.outage = true;
    report(f, b, 0, false);
    assert_string_equal(reply_to_topic(to), "bills");
    assert_int_equal(to->partition, 3);
}

static void an_answer_that_would_fail_again_loses_its_partition_before_its_topic(void **state)
{
    struct fixture *f = *state;
    struct batch *b = add(f, 1);
    struct reply_to *to = ask_for_bills(f, b);
    answer(f);
    pipeline_delivered(&f->p, &b->entries[0], KAFKA_NOT_DELIVERED, false, "no such partition");
    assert_string_equal(reply_to_topic(to), "bills");
    assert_int_equal(to->partition, KAFKA_PARTITION_BY_KEY);
    let_time_pass(f);
    pipeline_delivered(&f->p, &b->entries[0], KAFKA_NOT_DELIVERED, false, "too large");
    assert_null(reply_to_topic(to));
}

static void a_transaction_remembers_which_answer_was_refused(void **state)
{
    struct fixture *f = *state;
    struct batch *b = add(f, 2);
    struct reply_to *to = ask_for_bills(f, b);
    f->p.transactor = (struct kafka_transactor *)f; /* only asked whether it is there */
    assert_int_equal(pipeline_send(&f->p, 0), STATUS_OK);
    report(f, b, 0, false);
    report(f, b, 1, false);
    assert_true(b->entries[0].refused);
    assert_false(b->entries[1].refused); /* it was for the results topic */
    assert_string_equal(reply_to_topic(to), "bills");
    f->p.transactor = NULL;
}

/* ---- which producer ---- */

static void a_full_batch_that_nothing_follows_is_answered_at_once(void **state)
{
    struct fixture *f = *state;
    add(f, ROWS);
    answer(f);
    assert_string_equal(fake.with, "ssss");
}

static void answers_of_a_full_batch_wait_for_each_other_where_more_follow(void **state)
{
    struct fixture *f = *state;
    add(f, ROWS);
    collect(f, 1);
    answer(f);
    assert_string_equal(fake.with, "bbbb");
}

static void a_batch_keeps_the_producer_that_it_began_with(void **state)
{
    struct fixture *f = *state;
    fake.room = 2;
    add(f, ROWS);
    answer(f);
    collect(f, 1);
    fake.room = SENT_MAX - 1;
    answer(f);
    assert_string_equal(fake.with, "ssss");
}

static void a_batch_waits_where_the_one_before_it_has_another_producer(void **state)
{
    struct fixture *f = *state;
    struct batch *first = add(f, ROWS);
    collect(f, 1);
    answer(f);
    add(f, 0);
    answer(f);
    assert_string_equal(fake.with, "bbbb");
    for (size_t i = 0; i < ROWS; i++)
        report(f, first, i, true);
    answer(f);
    assert_string_equal(fake.with, "bbbbs");
}

/* ---- acknowledgements ---- */

static bool is_told(const struct fixture *f)
{
    uint64_t count;
    return read(f->p.acknowledged_fd, &count, sizeof count) == sizeof count;
}

static void the_last_acknowledgement_of_a_batch_is_told(void **state)
{
    struct fixture *f = *state;
    struct batch *b = add(f, 2);
    answer(f);
    report(f, b, 0, true);
    assert_false(is_told(f));
    report(f, b, 1, true);
    assert_true(is_told(f));
    answer(f);
    assert_int_equal(f->p.used, 0);
}

static void answers_that_are_on_their_way_need_nobody_to_wait_for_them(void **state)
{
    struct fixture *f = *state;
    assert_false(pipeline_needs_acknowledgements(&f->p));
    add(f, 1);
    answer(f);
    assert_false(pipeline_needs_acknowledgements(&f->p));
}

static void acknowledgements_are_needed_where_no_batch_is_left_to_collect_in(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < BATCHES; i++)
        add(f, 1);
    answer(f);
    assert_true(pipeline_needs_acknowledgements(&f->p));
}

static void acknowledgements_are_needed_where_answers_cannot_be_sent_yet(void **state)
{
    struct fixture *f = *state;
    fake.room = 1;
    struct batch *b = add(f, 2);
    answer(f);
    assert_true(pipeline_needs_acknowledgements(&f->p));
    fake.room = SENT_MAX - 1;
    answer(f);
    assert_false(pipeline_needs_acknowledgements(&f->p));
    report(f, b, 0, false);
    assert_true(pipeline_needs_acknowledgements(&f->p));
}

static void what_is_not_told_is_looked_at_by_and_by(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(pipeline_untold_us(&f->p), -1);
    fake.room = 1;
    add(f, 2);
    answer(f); /* librdkafka makes room a moment after its last word */
    assert_int_equal(pipeline_untold_us(&f->p), fake.now_us + 1000);
    answer(f); /* woken by something else */
    assert_int_equal(pipeline_untold_us(&f->p), fake.now_us + 1000);
    static const int64_t WAITS_MS[] = {2, 4, 8, 16, 32, 50, 50};
    for (size_t i = 0; i < sizeof WAITS_MS / sizeof *WAITS_MS; i++) {
        fake.now_us = pipeline_untold_us(&f->p);
        answer(f);
        assert_int_equal(pipeline_untold_us(&f->p), fake.now_us + WAITS_MS[i] * 1000);
    }
    fake.room = SENT_MAX - 1;
    answer(f);
    assert_int_equal(pipeline_untold_us(&f->p), fake.now_us + 20 * 1000);
    assert_false(pipeline_needs_acknowledgements(&f->p));
    fake.now_us += 20 * 1000; /* that was the look: from now on it is told */
    answer(f);
    assert_int_equal(pipeline_untold_us(&f->p), -1);
    assert_true(pipeline_needs_acknowledgements(&f->p));
}

static void acknowledgements_are_needed_at_the_end(void **state)
{
    struct fixture *f = *state;
    add(f, 1);
    answer(f);
    f->p.partitions = 0;
    assert_true(pipeline_needs_acknowledgements(&f->p));
    f->p.partitions = 1;
    f->p.phase = PIPELINE_DRAINING;
    assert_true(pipeline_needs_acknowledgements(&f->p));
}

static void what_was_acknowledged_since_makes_the_next_wait_a_short_one(void **state)
{
    struct fixture *f = *state;
    f->p.resend_attempts = 7;
    struct batch *b = add(f, 2);
    answer(f);
    report(f, b, 0, false);
    assert_int_equal(f->p.resend_attempts, 8);
    let_time_pass(f);
    report(f, b, 1, true);
    report(f, b, 0, false);
    assert_int_equal(f->p.resend_attempts, 1);
}

/* ---- the end ---- */

static void what_is_dropped_while_closing_is_not_sent_again(void **state)
{
    struct fixture *f = *state;
    struct batch *b = add(f, 1);
    answer(f);
    f->p.phase = PIPELINE_CLOSING;
    report(f, b, 0, false);
    assert_int_equal(b->n_resend, 0);
    assert_int_equal(f->p.resend_attempts, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PIPELINE(answers_are_sent_again_in_their_order),
        WITH_PIPELINE(a_later_batch_does_not_overtake_answers_that_are_to_be_sent_again),
        WITH_PIPELINE(an_answer_that_its_topic_does_not_take_goes_to_the_results_topic),
        WITH_PIPELINE(an_outage_is_no_fault_of_a_topic),
        WITH_PIPELINE(an_answer_that_would_fail_again_loses_its_partition_before_its_topic),
        WITH_PIPELINE(a_transaction_remembers_which_answer_was_refused),
        WITH_PIPELINE(a_full_batch_that_nothing_follows_is_answered_at_once),
        WITH_PIPELINE(answers_of_a_full_batch_wait_for_each_other_where_more_follow),
        WITH_PIPELINE(a_batch_keeps_the_producer_that_it_began_with),
        WITH_PIPELINE(a_batch_waits_where_the_one_before_it_has_another_producer),
        WITH_PIPELINE(the_last_acknowledgement_of_a_batch_is_told),
        WITH_PIPELINE(answers_that_are_on_their_way_need_nobody_to_wait_for_them),
        WITH_PIPELINE(acknowledgements_are_needed_where_no_batch_is_left_to_collect_in),
        WITH_PIPELINE(acknowledgements_are_needed_where_answers_cannot_be_sent_yet),
        WITH_PIPELINE(what_is_not_told_is_looked_at_by_and_by),
        WITH_PIPELINE(acknowledgements_are_needed_at_the_end),
        WITH_PIPELINE(what_was_acknowledged_since_makes_the_next_wait_a_short_one),
        WITH_PIPELINE(what_is_dropped_while_closing_is_not_sent_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
