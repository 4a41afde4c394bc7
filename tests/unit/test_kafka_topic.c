/* What a broker says of a topic. */
#include "common/kafka_internal.h"
#include "tests/unit/captured_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct {
    rd_kafka_resp_err_t asked, topic;
    int32_t last_leader;
    struct {
        int in_sync, replicas;
    } has[3]; /* of each partition */
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
    for (size_t i = 0; i < 3; i++) {
        partitions[i].isr_cnt = fake.has[i].in_sync;
        partitions[i].replica_cnt = fake.has[i].replicas;
    }
    *metadatap = &answer;
    return fake.asked;
}

void rd_kafka_metadata_destroy(const struct rd_kafka_metadata *metadata)
{
    (void)metadata;
}

static struct kafka_topic_view look_at(const char *name, struct kafka_looks *looks)
{
    int never_looked_into;
    return kafka_look_at_topic(NULL, (rd_kafka_topic_t *)&never_looked_into, name, 10, looks);
}

static struct kafka_topic_view look(atomic_bool *reachable)
{
    struct kafka_looks looks = {.reachable = false};
    struct kafka_topic_view view = look_at("results", &looks);
    atomic_init(reachable, looks.reachable);
    return view;
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
    assert_true(view.answered);
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

static void assert_in_sync(int32_t in_sync)
{
    atomic_bool reachable;
    fake.asked = fake.topic = RD_KAFKA_RESP_ERR_NO_ERROR;
    assert_int_equal(look(&reachable).in_sync, in_sync);
}

static void of_the_partitions_that_lack_replicas_the_fewest_in_sync_are_seen(void **state)
{
    (void)state;
    memset(&fake, 0, sizeof fake);
    fake.has[0].in_sync = fake.has[0].replicas = 1; /* has all */
    fake.has[1].in_sync = 2;
    fake.has[1].replicas = 3;
    fake.has[2].in_sync = 4;
    fake.has[2].replicas = 5;
    assert_in_sync(2);
    fake.has[1].in_sync = 3;
    assert_in_sync(4);
    fake.has[2].in_sync = 5;
    assert_in_sync(0);
}

static void replicas_of_a_partition_without_a_leader_do_not_count(void **state)
{
    (void)state;
    memset(&fake, 0, sizeof fake);
    fake.last_leader = -1;
    fake.has[2].in_sync = 1;
    fake.has[2].replicas = 2;
    assert_in_sync(0);
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

/* Lines of the log that looks at two topics cost. */
static unsigned lines_of(struct kafka_looks *looks, unsigned times)
{
    struct captured log = capture_begin();
    for (unsigned i = 0; i < times; i++) {
        (void)look_at("results", looks);
        (void)look_at("replies", looks);
    }
    return capture_end(log);
}

static void what_is_not_said_is_told_of_each_topic_every_ten_seconds(void **state)
{
    (void)state;
    struct kafka_looks looks = {.reachable = false};
    fake.asked = RD_KAFKA_RESP_ERR_NO_ERROR;
    fake.topic = RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    assert_int_equal(lines_of(&looks, 5), 2);
    assert_int_equal(lines_of(&looks, 5), 0);
    for (size_t i = 0; i < sizeof looks.told_us / sizeof *looks.told_us; i++)
        looks.told_us[i] -= looks.told_us[i] ? 10 * 1000000 : 0;
    assert_int_equal(lines_of(&looks, 5), 2);
}

static void without_an_answer_nothing_is_known(void **state)
{
    (void)state;
    atomic_bool reachable;
    fake.asked = RD_KAFKA_RESP_ERR__TRANSPORT;
    struct kafka_topic_view view = look(&reachable);
    assert_int_equal(view.partitions, -1);
    assert_false(view.answered);
    assert_false(reachable);
}

/* ---- its configuration ---- */

static struct {
    bool answers;
    rd_kafka_resp_err_t whole, topic;
    const char *value; /* NULL: there is no such entry */
} configuration;

void rd_kafka_DescribeConfigs(rd_kafka_t *rk, rd_kafka_ConfigResource_t **configs, size_t config_cnt,
                              const rd_kafka_AdminOptions_t *options, rd_kafka_queue_t *rkqu)
{
    (void)rk;
    (void)options;
    (void)rkqu;
    assert_int_equal(config_cnt, 1);
    assert_int_equal(rd_kafka_ConfigResource_type(configs[0]), RD_KAFKA_RESOURCE_TOPIC);
    assert_string_equal(rd_kafka_ConfigResource_name(configs[0]), "results");
}

static int nothing_in_it[3];

rd_kafka_event_t *rd_kafka_queue_poll(rd_kafka_queue_t *rkqu, int timeout_ms)
{
    (void)rkqu;
    assert_int_equal(timeout_ms, 10);
    return configuration.answers ? (rd_kafka_event_t *)&nothing_in_it : NULL;
}

rd_kafka_resp_err_t rd_kafka_event_error(rd_kafka_event_t *rkev)
{
    (void)rkev;
    return configuration.whole;
}

void rd_kafka_event_destroy(rd_kafka_event_t *rkev)
{
    (void)rkev;
}

const rd_kafka_DescribeConfigs_result_t *rd_kafka_event_DescribeConfigs_result(rd_kafka_event_t *rkev)
{
    return rkev;
}

const rd_kafka_ConfigResource_t **
rd_kafka_DescribeConfigs_result_resources(const rd_kafka_DescribeConfigs_result_t *result, size_t *cntp)
{
    static const rd_kafka_ConfigResource_t *resources[] = {(const rd_kafka_ConfigResource_t *)&nothing_in_it};
    (void)result;
    *cntp = 1;
    return resources;
}

rd_kafka_resp_err_t rd_kafka_ConfigResource_error(const rd_kafka_ConfigResource_t *config)
{
    (void)config;
    return configuration.topic;
}

const rd_kafka_ConfigEntry_t **rd_kafka_ConfigResource_configs(const rd_kafka_ConfigResource_t *config,
                                                               size_t *cntp)
{
    static const rd_kafka_ConfigEntry_t *entries[] = {(const rd_kafka_ConfigEntry_t *)&nothing_in_it[0],
                                                      (const rd_kafka_ConfigEntry_t *)&nothing_in_it[1]};
    (void)config;
    *cntp = configuration.value ? 2 : 1;
    return entries;
}

const char *rd_kafka_ConfigEntry_name(const rd_kafka_ConfigEntry_t *entry)
{
    bool is_first = (const void *)entry == &nothing_in_it[0];
    return is_first ? "max.message.bytes" : "min.insync.replicas";
}

const char *rd_kafka_ConfigEntry_value(const rd_kafka_ConfigEntry_t *entry)
{
    bool is_first = (const void *)entry == &nothing_in_it[0];
    return is_first ? "7" : configuration.value;
}

static void assert_min_in_sync(int32_t expected)
{
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, NULL, NULL, 0);
    assert_non_null(rk);
    assert_int_equal(kafka_ask_min_in_sync(rk, "results", 10), expected);
    rd_kafka_destroy(rk);
}

static void what_a_topic_needs_in_sync_is_read(void **state)
{
    (void)state;
    memset(&configuration, 0, sizeof configuration);
    configuration.answers = true;
    configuration.value = "2";
    assert_min_in_sync(2);
}

static void without_an_answer_what_it_needs_is_not_known(void **state)
{
    (void)state;
    memset(&configuration, 0, sizeof configuration);
    configuration.value = "2";
    assert_min_in_sync(0);
    configuration.answers = true;
    configuration.whole = RD_KAFKA_RESP_ERR__TIMED_OUT;
    assert_min_in_sync(0);
    configuration.whole = RD_KAFKA_RESP_ERR_NO_ERROR;
    configuration.topic = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    assert_min_in_sync(0);
}

static void a_broker_without_such_a_setting_needs_the_leader_alone(void **state)
{
    (void)state;
    memset(&configuration, 0, sizeof configuration);
    configuration.answers = true;
    assert_min_in_sync(1);
    configuration.value = "many";
    assert_min_in_sync(1);
}

static void where_configurations_may_not_be_described_that_is_told(void **state)
{
    (void)state;
    memset(&configuration, 0, sizeof configuration);
    configuration.answers = true;
    configuration.topic = RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    assert_min_in_sync(-1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(partitions_are_counted),
        cmocka_unit_test(one_partition_without_a_leader_is_seen),
        cmocka_unit_test(of_the_partitions_that_lack_replicas_the_fewest_in_sync_are_seen),
        cmocka_unit_test(replicas_of_a_partition_without_a_leader_do_not_count),
        cmocka_unit_test(what_a_topic_needs_in_sync_is_read),
        cmocka_unit_test(without_an_answer_what_it_needs_is_not_known),
        cmocka_unit_test(a_broker_without_such_a_setting_needs_the_leader_alone),
        cmocka_unit_test(where_configurations_may_not_be_described_that_is_told),
        cmocka_unit_test(a_topic_that_a_broker_does_not_know_has_none),
        cmocka_unit_test(one_that_may_not_be_seen_or_has_no_leader_is_not_taken_for_missing),
        cmocka_unit_test(what_is_not_said_is_told_of_each_topic_every_ten_seconds),
        cmocka_unit_test(without_an_answer_nothing_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
