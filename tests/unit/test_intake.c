/* From a message to an entry of a batch. */
#include "common/log.h"
#include "tests/unit/avro_golden.h"
#include "worker/intake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* The message of the test: a topic for its answer, and a value. */
static struct {
    struct slice value;
    struct slice reply_topic;
} message;

struct kafka_record kafka_view(const struct kafka_message *m)
{
    (void)m;
    return (struct kafka_record){.topic = "commands", .value = message.value};
}

bool kafka_header_at(const struct kafka_message *m, size_t i, struct kafka_header *out)
{
    (void)m;
    *out = (struct kafka_header){"kafka_replyTopic", message.reply_topic};
    return i == 0;
}

void kafka_message_free(struct kafka_message *m)
{
    (void)m;
}

struct fixture {
    struct metrics *metrics;
    struct avro_codec *codec;
    struct reply_topics *reply_topics;
    struct intake *intake;
    struct batch *batch;
};

static int make(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT, "test");
    f->metrics = metrics_new();
    f->codec = avro_codec_new(&(struct avro_codec_options){-1, -1});
    f->reply_topics = reply_topics_new("results", "bills", false, f->metrics);
    f->intake = intake_new(&(struct intake_options){.codec = f->codec,
                                                    .reply_topics = f->reply_topics,
                                                    .clock = clock_system(),
                                                    .metrics = f->metrics,
                                                    .unreadable_percent = 50});
    f->batch = batch_new(4);
    *state = f;
    return 0;
}

static int dispose(void **state)
{
    struct fixture *f = *state;
    batch_free(f->batch);
    intake_free(f->intake);
    reply_topics_free(f->reply_topics);
    avro_codec_free(f->codec);
    metrics_free(f->metrics);
    free(f);
    return 0;
}

static struct entry *judge(struct fixture *f, struct slice value, const char *reply_topic)
{
    message.value = value;
    message.reply_topic = slice_of(reply_topic);
    struct entry *e = batch_add(f->batch, NULL);
    assert_int_equal(intake_judge(f->intake, e), STATUS_OK);
    return e;
}

static void a_command_is_answered_where_it_asks_for(void **state)
{
    char bytes[256];
    size_t n = unhex(GOLDEN_COMMAND_FULL, bytes, sizeof bytes);
    struct entry *e = judge(*state, slice_make(bytes, n), "bills");
    assert_int_equal(e->fate, ENTRY_STORE);
    assert_string_equal(reply_to_topic(&e->reply), "bills");
}

/* What becomes of a dead letter says nothing of a topic for answers. */
static void one_that_cannot_be_read_goes_nowhere_else_than_to_the_dead_letters(void **state)
{
    struct entry *e = judge(*state, SLICE_LITERAL("garbage"), "bills");
    assert_int_equal(e->fate, ENTRY_DEAD);
    assert_null(reply_to_topic(&e->reply));
}

/* They are as much in memory as what is in the record. */
static void headers_count_as_bytes_of_the_batch(void **state)
{
    struct fixture *f = *state;
    (void)judge(f, SLICE_LITERAL("garbage"), "a topic");
    size_t one = strlen("garbage") + HEADER_COST + strlen("kafka_replyTopic");
    assert_int_equal(f->batch->bytes, one + strlen("a topic"));
    (void)judge(f, SLICE_LITERAL("garbage"), "");
    assert_int_equal(f->batch->bytes, 2 * one + strlen("a topic"));
}

/* So many commands, one after the other; what is said to the last of them. */
static status judge_many(struct fixture *f, struct slice value, unsigned n)
{
    status st = STATUS_OK;
    message.value = value;
    for (unsigned i = 0; i < n && st == STATUS_OK; i++) {
        batch_reset(f->batch);
        st = intake_judge(f->intake, batch_add(f->batch, NULL));
    }
    return st;
}

static void what_cannot_be_read_is_counted_among_the_last_thousand(void **state)
{
    struct fixture *f = *state;
    char bytes[256];
    size_t n = unhex(GOLDEN_COMMAND_FULL, bytes, sizeof bytes);
    const struct slice good = slice_make(bytes, n);
    const struct slice bad = SLICE_LITERAL("garbage");

    assert_int_equal(judge_many(f, good, 700), STATUS_OK);
    assert_int_equal(judge_many(f, bad, 500), STATUS_OK);
    assert_int_equal(judge_many(f, good, 500), STATUS_OK);
    assert_int_equal(judge_many(f, bad, 500), STATUS_OK);   /* as many have gone out of sight */
    assert_int_equal(judge_many(f, good, 2500), STATUS_OK); /* all, and once only */
    assert_int_equal(judge_many(f, bad, 500), STATUS_OK);
    assert_int_equal(judge_many(f, bad, 1), STATUS_CONFIG);
}

static void that_more_than_half_cannot_be_read_is_noticed_wherever_it_begins(void **state)
{
    struct fixture *f = *state;
    char bytes[256];
    size_t n = unhex(GOLDEN_COMMAND_FULL, bytes, sizeof bytes);

    assert_int_equal(judge_many(f, slice_make(bytes, n), 500), STATUS_OK);
    assert_int_equal(judge_many(f, SLICE_LITERAL("garbage"), 500), STATUS_OK);
    assert_int_equal(judge_many(f, SLICE_LITERAL("garbage"), 1), STATUS_CONFIG);
}

#define WITH_INTAKE(test) cmocka_unit_test_setup_teardown(test, make, dispose)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_INTAKE(a_command_is_answered_where_it_asks_for),
        WITH_INTAKE(one_that_cannot_be_read_goes_nowhere_else_than_to_the_dead_letters),
        WITH_INTAKE(headers_count_as_bytes_of_the_batch),
        WITH_INTAKE(what_cannot_be_read_is_counted_among_the_last_thousand),
        WITH_INTAKE(that_more_than_half_cannot_be_read_is_noticed_wherever_it_begins),
    };
    return cmocka_run_group_tests_name("intake", tests, NULL, NULL);
}
