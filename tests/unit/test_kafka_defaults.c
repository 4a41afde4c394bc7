/* Properties of librdkafka whose defaults cost minutes. */
#include "common/kafka_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_consumer_whose_metadata_is_lost_asks_again_within_ten_seconds(void **state)
{
    (void)state;
    const struct kafka_consumer_options options = {
        .client_id = "test", .brokers = "127.0.0.1:1", .group = "group"};
    struct kafka_consumer *c = NULL;
    struct fault fault = {0};
    assert_int_equal(kafka_consumer_new(&options, &c, &fault), STATUS_OK);
    const rd_kafka_conf_t *conf = rd_kafka_conf(kafka_consumer_handle(c));
    assert_int_equal(kafka_conf_number_of(conf, "topic.metadata.refresh.interval.ms", -1), 10000);
    assert_int_equal(kafka_conf_number_of(conf, "metadata.max.age.ms", -1), 900000);
    kafka_consumer_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_consumer_whose_metadata_is_lost_asks_again_within_ten_seconds),
    };
    return cmocka_run_group_tests_name("kafka_defaults", tests, NULL, NULL);
}
