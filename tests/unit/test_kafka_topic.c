/* What a broker says of a topic. */
#include "common/kafka_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct {
    rd_kafka_resp_err_t asked, topic;
    int32_t last_leader;
} fake;

rd_kafka_resp_err_t rd_kafka_metadata(rd_kafka_t *rk, int all_topics, rd_kafka_topic_t *only_rkt,
                                      const struct rd_kafka_metadata **metadatap, int timeout_ms)
{
    static struct rd_kafka_metadata_partition partitions[] = {{.leader = 1}, {.leader = 2}, {.leader = 3}};
    static struct rd_kafka_metadata_topic topic = {.partition_cnt = 3, .partitions = partitions};
    static const struct rd_kafka_metadata answer = {.topic_cnt = 1, .topics = &topic};
    (void)rk;
    (void)all_topics;
    (void)only_rkt;
    (void)timeout_ms;
    topic.err = fake.topic;
    partitions[2].leader = fake.last_leader;
    *metadatap = &answer;
    return fake.asked;
}

void rd_kafka_metadata_destroy(const struct rd_kafka_metadata *metadata)
{
    (void)metadata;
}

static struct kafka_topic_view look(atomic_bool *reachable)
{
    int never_looked_into;
    atomic_init(reachable, false);
    return kafka_look_at_topic(NULL, (rd_kafka_topic_t *)&never_looked_into, "results", 10, reachable);
}

static void assert_seen(rd_kafka_resp_err_t said_of_topic, int32_t partitions, bool leaderless)
{
    atomic_bool reachable;
    fake.asked = RD_KAFKA_RESP_ERR_NO_ERROR;
    fake.topic = said_of_topic;
    struct kafka_topic_view view = look(&reachable);
    assert_int_equal(view.partitions, partitions);
    assert_int_equal(view.leaderless, leaderless);
    assert_true(reachable);
}

static void partitions_are_counted(void **state)
{
    (void)state;
    fake.last_leader = 3;
    assert_seen(RD_KAFKA_RESP_ERR_NO_ERROR, 3, false);
}

static void one_partition_without_a_leader_is_seen(void **state)
{
    (void)state;
    fake.last_leader = -1;
    assert_seen(RD_KAFKA_RESP_ERR_NO_ERROR, 3, true);
}

static void a_topic_that_a_broker_does_not_know_has_none(void **state)
{
    (void)state;
    assert_seen(RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, 0, false);
    assert_seen(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, 0, false);
}

static void one_that_may_not_be_seen_or_has_no_leader_is_not_taken_for_missing(void **state)
{
    (void)state;
    assert_seen(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, -1, false);
    assert_seen(RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, -1, true);
}

static void without_an_answer_nothing_is_known(void **state)
{
    (void)state;
    atomic_bool reachable;
    fake.asked = RD_KAFKA_RESP_ERR__TRANSPORT;
    assert_int_equal(look(&reachable).partitions, -1);
    assert_false(reachable);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(partitions_are_counted),
        cmocka_unit_test(one_partition_without_a_leader_is_seen),
        cmocka_unit_test(a_topic_that_a_broker_does_not_know_has_none),
        cmocka_unit_test(one_that_may_not_be_seen_or_has_no_leader_is_not_taken_for_missing),
        cmocka_unit_test(without_an_answer_nothing_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
