#include "common/kafka_internal.h"
#include "tests/unit/lone_producer.h"

static void assert_property(const struct kafka_producer *p, const char *name, const char *expected)
{
    char value[64] = "";
    size_t size = sizeof value;
    assert_int_equal(rd_kafka_conf_get(rd_kafka_conf(kafka_producer_handle(p)), name, value, &size),
                     RD_KAFKA_CONF_OK);
    assert_string_equal(value, expected);
}

static void looking_at_a_topic_does_not_make_it(void **state)
{
    (void)state;
    const char *const ids[] = {NULL, "transactions"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        struct kafka_producer *p = lone_producer(ids[i]);
        assert_property(p, "allow.auto.create.topics", "false");
        kafka_producer_free(p);
    }
}

static void nobody_can_configure_that_topics_are_made(void **state)
{
    (void)state;
    char text[128];
    assert_non_null(kafka_check_property("allow.auto.create.topics", "true", text, sizeof text));
    assert_null(kafka_check_property("linger.ms", "1", text, sizeof text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(looking_at_a_topic_does_not_make_it),
        cmocka_unit_test(nobody_can_configure_that_topics_are_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
