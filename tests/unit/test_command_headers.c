#include "worker/command_headers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void every_known_header_is_found(void **state)
{
    (void)state;
    struct command_headers h = {0};
    const struct {
        const char *name;
        const struct slice *found;
    } known[] = {
        {"authorization", &h.authorization},
        {"correlation-id", &h.correlation_id},
        {"reply-partition", &h.reply_partition},
        {"traceparent", &h.traceparent},
        {"kafka_correlationId", &h.spring_correlation_id},
        {"kafka_replyPartition", &h.spring_reply_partition},
        {"kafka_replyTopic", &h.spring_reply_topic},
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        command_headers_take(&h, &(struct kafka_header){known[i].name, slice_of(known[i].name)});
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        assert_true(slice_is(*known[i].found, known[i].name));
}

static void of_equal_headers_the_last_counts(void **state)
{
    (void)state;
    struct command_headers h = {0};
    command_headers_take(&h, &(struct kafka_header){"correlation-id", SLICE_LITERAL("first")});
    command_headers_take(&h, &(struct kafka_header){"correlation-id", SLICE_LITERAL("last")});
    assert_true(slice_is(h.correlation_id, "last"));
}

static void names_are_compared_byte_by_byte(void **state)
{
    (void)state;
    struct command_headers h = {0};
    const char *const others[] = {"", "Correlation-Id", "correlation_id", "kafka_replytopic", "traceparents"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        command_headers_take(&h, &(struct kafka_header){others[i], SLICE_LITERAL("x")});
    assert_memory_equal(&h, &(struct command_headers){0}, sizeof h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_known_header_is_found),
        cmocka_unit_test(of_equal_headers_the_last_counts),
        cmocka_unit_test(names_are_compared_byte_by_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
