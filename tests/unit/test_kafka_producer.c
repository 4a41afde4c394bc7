#include "common/kafka_internal.h"
#include "tests/unit/lone_producer.h"
#include <pthread.h>
#include <time.h>

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
    assert_non_null(kafka_check_property("queued.max.messages.kbytes", "1024", text, sizeof text));
    assert_non_null(strstr(text, "fetch_bytes"));
    assert_null(kafka_check_property("linger.ms", "1", text, sizeof text));
}

static struct {
    int delivered, acknowledged;
    enum kafka_delivery last;
} seen;

static void note_delivered(void *ctx, void *opaque, enum kafka_delivery delivery, bool retriable,
                           const char *error)
{
    (void)ctx;
    (void)opaque;
    (void)retriable;
    assert_non_null(error);
    seen.delivered++;
    seen.last = delivery;
}

static void note_acknowledged(void *ctx, void *opaque)
{
    (void)ctx;
    (void)opaque;
    seen.acknowledged++;
}

/* That one which is delivered is acknowledged, and not said twice, needs a broker: tests/integration/. */
static void what_is_never_sent_is_reported_and_not_acknowledged(void **state)
{
    (void)state;
    const struct kafka_producer_options options = {.client_id = "test",
                                                   .brokers = "127.0.0.1:1",
                                                   .queue_messages = 10,
                                                   .queue_bytes = 1024 * 1024,
                                                   .in_flight = 1,
                                                   .delivered = note_delivered,
                                                   .acknowledged = note_acknowledged};
    struct kafka_producer *p = NULL;
    struct fault fault = {0};
    assert_int_equal(kafka_producer_new(&options, &p, &fault), STATUS_OK);
    assert_property(p, "delivery.report.only.error", "true");
    assert_int_equal(kafka_produce(p, "commands", 0, SLICE_NONE, SLICE_NONE, NULL, 0, NULL), STATUS_OK);
    kafka_producer_purge(p);
    assert_int_equal(kafka_producer_flush(p, 5000), 0);
    assert_int_equal(seen.delivered, 1);
    assert_int_equal(seen.last, KAFKA_NOT_DELIVERED);
    assert_int_equal(seen.acknowledged, 0);
    kafka_producer_free(p);
}

static void *leave_later(void *reports)
{
    struct kafka_reports *r = reports;
    (void)nanosleep(&(struct timespec){.tv_nsec = 50 * 1000 * 1000}, NULL);
    seen.acknowledged++;
    r->calling--;
    return NULL;
}

static void silence_waits_for_whoever_is_still_called(void **state)
{
    (void)state;
    struct kafka_reports r = {.calling = 1};
    pthread_t thread;
    seen.acknowledged = 0;
    assert_int_equal(pthread_create(&thread, NULL, leave_later, &r), 0);
    kafka_reports_silence(&r);
    assert_int_equal(seen.acknowledged, 1);
    assert_true(r.silent);
    pthread_join(thread, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(looking_at_a_topic_does_not_make_it),
        cmocka_unit_test(what_is_never_sent_is_reported_and_not_acknowledged),
        cmocka_unit_test(silence_waits_for_whoever_is_still_called),
        cmocka_unit_test(nobody_can_configure_that_topics_are_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
