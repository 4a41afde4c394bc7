/* Reply topics that take nothing: not there, without a leader or replicas enough, given up. */
#include "common/log.h"
#include "tests/unit/captured_log.h"
#include "tests/unit/reply_fixture.h"

enum { GIVEN_UP_UNTIL = 100 };

static void see_leaderless(struct fixture *f, size_t topic, int32_t partitions)
{
    const struct kafka_topic_view view = {.answered = true, .partitions = partitions, .leaderless = true};
    reply_topics_looked_at(f->topics, topic, view, 0);
}

/* `min_in_sync`: as kafka_topic_view has it. */
static void see_replicas(struct fixture *f, size_t topic, int32_t in_sync, int32_t min_in_sync)
{
    const struct kafka_topic_view view = {
        .answered = true, .partitions = 12, .in_sync = in_sync, .min_in_sync = min_in_sync};
    reply_topics_looked_at(f->topics, topic, view, 0);
}

static void a_topic_that_does_not_exist_is_like_one_that_is_not_listed(void **state)
{
    struct fixture *f = *state;
    f->headers.spring_reply_topic = SLICE_LITERAL("bills");
    see(f, BILLS, 0, 0);
    assert_goes(f, NULL, KAFKA_PARTITION_BY_KEY);
    see(f, BILLS, -1, 0); /* no answer: it is still not there */
    assert_goes(f, NULL, KAFKA_PARTITION_BY_KEY);
    see(f, BILLS, 12, 0);
    assert_goes(f, "bills", KAFKA_PARTITION_BY_KEY);
}

static void a_topic_that_was_never_looked_at_is_believed_to_be_there(void **state)
{
    struct fixture *f = *state;
    reply_topics_free(f->topics);
    f->topics = reply_topics_new("results", "orders.replies,bills", false, f->metrics);
    f->headers.spring_reply_topic = SLICE_LITERAL("bills");
    f->headers.spring_reply_partition = SLICE_LITERAL("\0\0\3\0");
    assert_goes(f, "bills", 768);
}

static void where_only_known_topics_are_used_it_is_looked_at_before_it_is_written_to(void **state)
{
    struct fixture *f = *state;
    reply_topics_free(f->topics);
    f->topics = reply_topics_new("results", "orders.replies,bills", true, f->metrics);
    f->headers.reply_partition = SLICE_LITERAL("768");
    assert_goes(f, NULL, 768); /* the results topic is not of the list */
    f->headers.spring_reply_topic = SLICE_LITERAL("bills");
    assert_goes(f, NULL, KAFKA_PARTITION_BY_KEY);
    see(f, BILLS, -1, 0);
    assert_goes(f, NULL, KAFKA_PARTITION_BY_KEY);
    ask(f); /* between the two it is looked at */
    see(f, BILLS, 12, 0);
    assert_string_equal(reply_to_topic(&f->to), "bills");
}

static void nothing_is_sent_to_a_topic_without_a_leader_until_it_has_one(void **state)
{
    struct fixture *f = *state;
    f->headers.spring_reply_topic = SLICE_LITERAL("bills");
    ask(f);
    struct reply_to resolved_before = f->to;
    see_leaderless(f, BILLS, 12);
    assert_goes(f, NULL, KAFKA_PARTITION_BY_KEY);
    assert_null(reply_to_topic(&resolved_before));
    assert_true(resolved_before.diverted);
    see(f, BILLS, -1, 0);
    assert_goes(f, NULL, KAFKA_PARTITION_BY_KEY); /* nobody has said that it has one */
    see(f, BILLS, 12, 0);
    assert_goes(f, "bills", KAFKA_PARTITION_BY_KEY);
    see_leaderless(f, BILLS, -1); /* of the topic as a whole */
    assert_goes(f, NULL, KAFKA_PARTITION_BY_KEY);
}

static void nothing_is_sent_to_a_topic_with_too_few_replicas_in_sync_until_it_has_enough(void **state)
{
    struct fixture *f = *state;
    f->headers.spring_reply_topic = SLICE_LITERAL("bills");
    ask(f);
    struct reply_to resolved_before = f->to;
    see_replicas(f, BILLS, 1, 2);
    assert_goes(f, NULL, KAFKA_PARTITION_BY_KEY);
    assert_null(reply_to_topic(&resolved_before));
    assert_true(reply_topics_lack(f->topics));
    see(f, BILLS, -1, 0);
    assert_goes(f, NULL, KAFKA_PARTITION_BY_KEY); /* nobody has said that it has more */
    see_replicas(f, BILLS, 2, 0);                 /* enough, though it has more */
    assert_goes(f, "bills", KAFKA_PARTITION_BY_KEY);
    assert_false(reply_topics_lack(f->topics));
    see_replicas(f, BILLS, 1, 0); /* what it needs is remembered */
    assert_goes(f, NULL, KAFKA_PARTITION_BY_KEY);
    see_replicas(f, BILLS, 0, 0); /* all that it has */
    assert_goes(f, "bills", KAFKA_PARTITION_BY_KEY);
}

static void what_a_topic_needs_in_sync_can_be_altered(void **state)
{
    struct fixture *f = *state;
    f->headers.spring_reply_topic = SLICE_LITERAL("bills");
    see_replicas(f, BILLS, 1, 2);
    assert_goes(f, NULL, KAFKA_PARTITION_BY_KEY);
    see_replicas(f, BILLS, 1, 1);
    assert_goes(f, "bills", KAFKA_PARTITION_BY_KEY);
}

static void a_topic_whose_need_may_not_be_known_is_taken_to_have_enough(void **state)
{
    struct fixture *f = *state;
    f->headers.spring_reply_topic = SLICE_LITERAL("bills");
    see_replicas(f, BILLS, 1, 0);
    assert_false(reply_topics_knows_need(f->topics, BILLS)); /* nobody has answered */
    assert_goes(f, "bills", KAFKA_PARTITION_BY_KEY);
    see_replicas(f, BILLS, 1, -1);
    assert_true(reply_topics_knows_need(f->topics, BILLS));
    assert_goes(f, "bills", KAFKA_PARTITION_BY_KEY);
}

static void a_look_is_stale_when_it_was_before_the_time(void **state)
{
    struct fixture *f = *state;
    size_t i = 0;
    see(f, BILLS, 12, 50);
    ask(f);
    assert_false(reply_topics_is_stale(f->topics, &f->to, 100, &i)); /* the results topic */
    f->headers.spring_reply_topic = SLICE_LITERAL("bills");
    ask(f);
    assert_false(reply_topics_is_stale(f->topics, &f->to, 50, &i));
    assert_true(reply_topics_is_stale(f->topics, &f->to, 51, &i));
    assert_int_equal(i, BILLS);
    see(f, BILLS, -1, 51); /* nobody answered */
    assert_true(reply_topics_is_stale(f->topics, &f->to, 51, &i));
    see(f, BILLS, 12, 51);
    assert_false(reply_topics_is_stale(f->topics, &f->to, 51, &i));
    const struct kafka_topic_view nothing_said = {.answered = true, .partitions = -1};
    reply_topics_looked_at(f->topics, BILLS, nothing_said, 52);
    assert_false(reply_topics_is_stale(f->topics, &f->to, 52, &i));
}

static void the_results_topic_is_used_whatever_it_lacks(void **state)
{
    struct fixture *f = *state;
    see_replicas(f, RESULTS, 1, 2);
    f->headers.reply_partition = SLICE_LITERAL("7");
    assert_goes(f, NULL, 7);
    see_leaderless(f, RESULTS, 8);
    assert_goes(f, NULL, 7);
    assert_false(reply_topics_lack(f->topics));
    f->headers.spring_reply_topic = SLICE_LITERAL("results");
    assert_goes(f, NULL, 7);
}

static void a_topic_that_was_given_up_is_used_again_when_its_time_is_over_and_it_is_there(void **state)
{
    struct fixture *f = *state;
    f->headers.spring_reply_topic = SLICE_LITERAL("bills");
    ask(f);
    reply_topics_give_up(f->topics, &f->to, GIVEN_UP_UNTIL);
    assert_null(f->to.topic);
    assert_int_equal(f->to.partition, KAFKA_PARTITION_BY_KEY);
    assert_goes(f, NULL, KAFKA_PARTITION_BY_KEY);
    see(f, BILLS, 12, GIVEN_UP_UNTIL);
    assert_goes(f, "bills", KAFKA_PARTITION_BY_KEY);
}

static void a_topic_that_was_given_up_is_not_used_before_its_time_though_it_is_there(void **state)
{
    struct fixture *f = *state;
    f->headers.spring_reply_topic = SLICE_LITERAL("bills");
    ask(f);
    struct reply_to resolved_before = f->to;
    reply_topics_give_up(f->topics, &f->to, GIVEN_UP_UNTIL);
    see(f, BILLS, 12, GIVEN_UP_UNTIL - 1);
    assert_goes(f, NULL, KAFKA_PARTITION_BY_KEY);
    assert_null(reply_to_topic(&resolved_before));
}

static void only_the_topic_that_is_given_up_is_left_out(void **state)
{
    struct fixture *f = *state;
    f->headers.spring_reply_topic = SLICE_LITERAL("bills");
    ask(f);
    reply_topics_give_up(f->topics, &f->to, GIVEN_UP_UNTIL);
    f->headers.spring_reply_topic = SLICE_LITERAL("orders.replies");
    assert_goes(f, "orders.replies", KAFKA_PARTITION_BY_KEY);
}

static void a_result_is_diverted_when_it_loses_its_topic(void **state)
{
    struct fixture *f = *state;
    ask(f);
    reply_topics_give_up(f->topics, &f->to, GIVEN_UP_UNTIL);
    assert_false(f->to.diverted); /* it had none */

    f->headers.spring_reply_topic = SLICE_LITERAL("bills");
    f->headers.spring_reply_partition = SLICE_LITERAL("\0\0\0\3");
    ask(f);
    assert_true(reply_to_widen(&f->to));
    assert_false(f->to.diverted); /* it has lost its partition */
    assert_true(reply_to_widen(&f->to));
    assert_true(f->to.diverted);
    ask(f);
    struct reply_to resolved_before = f->to;
    reply_topics_give_up(f->topics, &f->to, GIVEN_UP_UNTIL);
    assert_true(f->to.diverted);
    assert_null(reply_to_topic(&resolved_before));
    assert_true(resolved_before.diverted);
}

static void giving_up_a_partition_of_the_results_topic_gives_no_topic_up(void **state)
{
    struct fixture *f = *state;
    f->headers.reply_partition = SLICE_LITERAL("3");
    ask(f);
    reply_topics_give_up(f->topics, &f->to, GIVEN_UP_UNTIL);
    assert_int_equal(f->to.partition, KAFKA_PARTITION_BY_KEY);
    assert_goes(f, NULL, 3);
}

static void an_address_whose_topic_goes_becomes_the_default(void **state)
{
    struct fixture *f = *state;
    f->headers.spring_reply_topic = SLICE_LITERAL("bills");
    f->headers.spring_reply_partition = SLICE_LITERAL("\0\0\0\3");
    assert_goes(f, "bills", 3);
    see(f, BILLS, 0, 0);
    assert_null(reply_to_topic(&f->to));
    assert_int_equal(f->to.partition, KAFKA_PARTITION_BY_KEY);
    see(f, BILLS, 12, 0); /* it stays where it is: it may have been sent */
    assert_null(reply_to_topic(&f->to));
}

/* Whether anything is logged when it is seen with so many partitions. */
static bool is_told_of(struct fixture *f, int32_t partitions)
{
    log_setup(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT, "test");
    struct captured log = capture_begin();
    see(f, BILLS, partitions, 0);
    return capture_end(log) > 0;
}

static void that_a_topic_takes_results_again_is_not_said_of_one_that_went(void **state)
{
    struct fixture *f = *state;
    see_leaderless(f, BILLS, 12);
    assert_true(is_told_of(f, 12));
    see_leaderless(f, BILLS, 12);
    assert_false(is_told_of(f, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TOPICS(a_topic_that_does_not_exist_is_like_one_that_is_not_listed),
        WITH_TOPICS(a_topic_that_was_never_looked_at_is_believed_to_be_there),
        WITH_TOPICS(where_only_known_topics_are_used_it_is_looked_at_before_it_is_written_to),
        WITH_TOPICS(nothing_is_sent_to_a_topic_without_a_leader_until_it_has_one),
        WITH_TOPICS(nothing_is_sent_to_a_topic_with_too_few_replicas_in_sync_until_it_has_enough),
        WITH_TOPICS(what_a_topic_needs_in_sync_can_be_altered),
        WITH_TOPICS(a_topic_whose_need_may_not_be_known_is_taken_to_have_enough),
        WITH_TOPICS(the_results_topic_is_used_whatever_it_lacks),
        WITH_TOPICS(a_look_is_stale_when_it_was_before_the_time),
        WITH_TOPICS(a_topic_that_was_given_up_is_used_again_when_its_time_is_over_and_it_is_there),
        WITH_TOPICS(a_topic_that_was_given_up_is_not_used_before_its_time_though_it_is_there),
        WITH_TOPICS(only_the_topic_that_is_given_up_is_left_out),
        WITH_TOPICS(a_result_is_diverted_when_it_loses_its_topic),
        WITH_TOPICS(giving_up_a_partition_of_the_results_topic_gives_no_topic_up),
        WITH_TOPICS(an_address_whose_topic_goes_becomes_the_default),
        WITH_TOPICS(that_a_topic_takes_results_again_is_not_said_of_one_that_went),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
