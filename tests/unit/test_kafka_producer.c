#include "common/kafka_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* A producer whose broker is not there. */
static struct kafka_producer *make(const char *transactional_id)
{
    const struct kafka_producer_options options = {
        .client_id = "test",
        .brokers = "127.0.0.1:1",
        .queue_messages = 10,
        .queue_bytes = 1024 * 1024,
        .in_flight = 1,
        .transactional_id = transactional_id,
    };
    struct kafka_producer *p = NULL;
    struct fault fault = {0};
    assert_int_equal(kafka_producer_new(&options, &p, &fault), STATUS_OK);
    return p;
}

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
        struct kafka_producer *p = make(ids[i]);
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
