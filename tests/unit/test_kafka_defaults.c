/* Properties of librdkafka whose defaults cost minutes, or a just assigned worker half a second. */
#include "common/kafka_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* What a consumer with these properties has; -1: nothing. */
static int64_t number_of(const char *name, const struct config_properties *properties)
{
    const struct kafka_consumer_options options = {
        .client_id = "test", .brokers = "127.0.0.1:1", .group = "group", .properties = properties};
    struct kafka_consumer *c = NULL;
    struct fault fault = {0};
    assert_int_equal(kafka_consumer_new(&options, &c, &fault), STATUS_OK);
    int64_t number = kafka_conf_number_of(rd_kafka_conf(kafka_consumer_handle(c)), name, -1);
    kafka_consumer_close(c);
    return number;
}

static void a_consumer_whose_metadata_is_lost_asks_again_within_ten_seconds(void **state)
{
    (void)state;
    assert_int_equal(number_of("topic.metadata.refresh.interval.ms", NULL), 10000);
    assert_int_equal(number_of("metadata.max.age.ms", NULL), 900000);
}

static void a_fetch_of_some_partitions_keeps_the_others_waiting_a_tenth_of_a_second(void **state)
{
    (void)state;
    struct config_property named = {.name = "fetch.wait.max.ms", .value = "250"};
    const struct config_properties properties = {.at = &named, .n = 1};
    assert_int_equal(number_of("fetch.wait.max.ms", NULL), 100);
    assert_int_equal(number_of("fetch.wait.max.ms", &properties), 250);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fetch_of_some_partitions_keeps_the_others_waiting_a_tenth_of_a_second),
        cmocka_unit_test(a_consumer_whose_metadata_is_lost_asks_again_within_ten_seconds),
    };
    return cmocka_run_group_tests_name("kafka_defaults", tests, NULL, NULL);
}
