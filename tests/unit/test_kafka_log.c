#include "common/kafka_internal.h"
#include "common/log.h"

#include <librdkafka/rdkafka_mock.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { INIT_PRODUCER_ID = 22, S = 1000 * 1000 };

static const char LOADING[] =
    "[thrd:main]: Failed to acquire idempotence PID from broker b:1/1: Broker: Coordinator load in progress: "
    "retrying";

/* A broker that answers for one producer. */
struct broker {
    rd_kafka_t *rk;
    rd_kafka_mock_cluster_t *cluster;
};

static void broker_start(struct broker *b)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char reason[192];

    rd_kafka_conf_set_log_cb(conf, NULL);
    b->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    assert_non_null(b->rk);
    b->cluster = rd_kafka_mock_cluster_new(b->rk, 1);
    assert_non_null(b->cluster);
    assert_int_equal(rd_kafka_mock_topic_create(b->cluster, "t", 1, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
}

static void broker_stop(struct broker *b)
{
    rd_kafka_mock_cluster_destroy(b->cluster);
    rd_kafka_destroy(b->rk);
}

static void on_delivered(void *ctx, void *opaque, enum kafka_delivery delivery, bool retriable,
                         const char *error)
{
    (void)opaque;
    (void)retriable;
    (void)error;
    *(bool *)ctx = delivery == KAFKA_DELIVERED;
}

static void deliver_one(const struct broker *b)
{
    bool delivered = false;
    const struct kafka_producer_options options = {
        .client_id = "test",
        .brokers = rd_kafka_mock_cluster_bootstraps(b->cluster),
        .message_timeout_ms = 20000,
        .queue_messages = 10,
        .queue_bytes = 1024 * 1024,
        .in_flight = 1,
        .idempotent = true,
        .delivered = on_delivered,
        .ctx = &delivered,
    };
    struct kafka_producer *p = NULL;
    struct fault fault = {0};

    assert_int_equal(kafka_producer_new(&options, &p, &fault), STATUS_OK);
    assert_int_equal(
        kafka_produce(p, "t", KAFKA_PARTITION_BY_KEY, slice_of("k"), slice_of("v"), NULL, 0, NULL),
        STATUS_OK);
    assert_int_equal(kafka_producer_flush(p, 20000), 0);
    kafka_producer_free(p);
    assert_true(delivered);
}

/* What is logged on stderr while one message is delivered. */
static void log_of_delivery(const struct broker *b, char *text, size_t size)
{
    FILE *file = tmpfile();
    int saved = dup(STDERR_FILENO);

    assert_non_null(file);
    dup2(fileno(file), STDERR_FILENO);
    deliver_one(b);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(file);
    text[fread(text, 1, size - 1, file)] = '\0';
    (void)fclose(file);
}

static void a_broker_that_has_no_producer_ids_yet_is_no_warning(void **state)
{
    (void)state;
    struct broker b;
    char text[4096];

    log_setup(LOG_LEVEL_DEBUG, LOG_FORMAT_LOGFMT, "t");
    broker_start(&b);
    rd_kafka_mock_push_request_errors(b.cluster, INIT_PRODUCER_ID, 1,
                                      RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS);
    log_of_delivery(&b, text, sizeof text);
    broker_stop(&b);
    assert_non_null(strstr(text, "Coordinator load in progress"));
    assert_non_null(strstr(text, "level=debug"));
    assert_null(strstr(text, "level=warning"));
}

static void one_that_goes_on_saying_so_is_a_fault(void **state)
{
    (void)state;
    struct kafka_loading l = {0};

    assert_true(kafka_is_still_loading(&l, "GETPID", LOADING, 100 * S));
    assert_true(kafka_is_still_loading(&l, "GETPID", LOADING, 103 * S));
    assert_false(kafka_is_still_loading(&l, "GETPID", LOADING, 105 * S));
    assert_false(kafka_is_still_loading(&l, "GETPID", LOADING, 110 * S));
}

static void one_that_starts_again_later_has_its_time_again(void **state)
{
    (void)state;
    struct kafka_loading l = {0};

    assert_true(kafka_is_still_loading(&l, "GETPID", LOADING, 100 * S));
    assert_true(kafka_is_still_loading(&l, "GETPID", LOADING, 200 * S));
    assert_true(kafka_is_still_loading(&l, "GETPID", LOADING, 204 * S));
    assert_false(kafka_is_still_loading(&l, "GETPID", LOADING, 205 * S));
}

static void any_other_reason_is_a_fault_at_once(void **state)
{
    (void)state;
    struct kafka_loading l = {0};

    assert_false(
        kafka_is_still_loading(&l, "GETPID",
                               "Failed to acquire idempotence PID from broker b:1/1: Broker: Cluster "
                               "authorization failed: retrying",
                               100 * S));
    assert_false(kafka_is_still_loading(&l, "FAIL", LOADING, 100 * S));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broker_that_has_no_producer_ids_yet_is_no_warning),
        cmocka_unit_test(one_that_goes_on_saying_so_is_a_fault),
        cmocka_unit_test(one_that_starts_again_later_has_its_time_again),
        cmocka_unit_test(any_other_reason_is_a_fault_at_once),
    };
    return cmocka_run_group_tests_name("kafka_log", tests, NULL, NULL);
}
