#include "common/kafka_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_partition_that_is_not_there_is_named(void **state)
{
    (void)state;
    static const rd_kafka_resp_err_t MISSING[] = {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,
                                                  RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
                                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART};
    for (size_t i = 0; i < sizeof MISSING / sizeof *MISSING; i++) {
        struct fault f = {0};
        assert_int_equal(kafka_status(MISSING[i], "the end", "results", 7, &f), STATUS_NOT_FOUND);
        assert_string_equal(f.message, "there is no partition 7 of topic results");
        assert_string_equal(f.code, "no_partition");
    }
}

static void of_several_partitions_only_the_topic_is_named(void **state)
{
    (void)state;
    struct fault f = {0};
    assert_int_equal(
        kafka_status(RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, "offsets by time", "results", KAFKA_NO_PARTITION, &f),
        STATUS_NOT_FOUND);
    assert_string_equal(f.message, "there is no such topic or partition: results");
}

static void what_may_go_by_names_the_partition_too(void **state)
{
    (void)state;
    struct fault f = {0};
    assert_int_equal(kafka_status(RD_KAFKA_RESP_ERR__TIMED_OUT, "the end", "results", 0, &f), STATUS_RETRY);
    assert_string_equal(f.message, "cannot ask for the end of results [0]: Local: Timed out");
}

static void an_answer_is_no_fault(void **state)
{
    (void)state;
    assert_int_equal(kafka_status(RD_KAFKA_RESP_ERR_NO_ERROR, "the end", "results", 0, NULL), STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_partition_that_is_not_there_is_named),
        cmocka_unit_test(of_several_partitions_only_the_topic_is_named),
        cmocka_unit_test(what_may_go_by_names_the_partition_too),
        cmocka_unit_test(an_answer_is_no_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
