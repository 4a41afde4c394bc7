/* When the worker's loop looks at the topics that answers go to, and how closely. */
#include "tests/unit/fake_pipeline.h"

enum { DEAD, RESULTS, BILLS, LOOKS_MAX = 16, MINUTE_US = 60 * 1000000 };

static struct {
    struct kafka_topic_view bills; /* what is seen of it */
    size_t n;
    struct {
        int topic;
        bool closely;
    } at[LOOKS_MAX];
} looks;

struct kafka_topic_view pipeline_probe(struct pipeline *p, const char *topic, bool closely, int timeout_ms)
{
    bool is_bills = strcmp(topic, "bills") == 0;
    struct kafka_topic_view view =
        is_bills ? looks.bills : (struct kafka_topic_view){.answered = true, .partitions = 8};
    (void)p;
    (void)timeout_ms;
    assert_true(looks.n < LOOKS_MAX);
    looks.at[looks.n].topic = is_bills ? BILLS : strcmp(topic, "results") == 0 ? RESULTS : DEAD;
    looks.at[looks.n++].closely = closely;
    if (!closely)
        view.min_in_sync = 0;
    return view;
}

bool pipeline_owns_producer(const struct pipeline *p)
{
    (void)p;
    return true;
}

/* All that is due, and that becomes due by it. */
static void look(struct fixture *f)
{
    looks.n = 0;
    while (pipeline_look_due_us(&f->p) <= fake.now_us)
        pipeline_look_at_topics(&f->p);
}

static void begin(struct fixture *f, int32_t in_sync, int32_t min_in_sync)
{
    f->settings.dlq_topic = "dead";
    looks.bills = (struct kafka_topic_view){
        .answered = true, .partitions = 1, .in_sync = in_sync, .min_in_sync = min_in_sync};
    look(f);
}

/* A batch with two results for it; looks at it as before a transaction. */
static bool look_for_batch(struct fixture *f)
{
    struct batch *b = add(f, 2);
    struct command_headers headers = {.spring_reply_topic = SLICE_LITERAL("bills")};
    for (size_t i = 0; i < b->n; i++)
        assert_int_equal(reply_topics_resolve(f->p.reply_topics, &headers, b->arena, &b->entries[i].reply),
                         STATUS_OK);
    looks.n = 0;
    bool answered = pipeline_look_at_topics_of(&f->p, b);
    pipeline_retire(&f->p);
    return answered;
}

static void a_round_looks_closely_at_the_topics_of_the_list(void **state)
{
    struct fixture *f = *state;
    begin(f, 0, 2);
    assert_int_equal(looks.n, 3);
    for (int i = DEAD; i <= BILLS; i++) {
        assert_int_equal(looks.at[i].topic, i);
        assert_int_equal(looks.at[i].closely, i == BILLS);
    }
    assert_int_equal(pipeline_look_due_us(&f->p), fake.now_us + MINUTE_US);
}

static void a_topic_that_lacks_replicas_is_looked_at_again_soon(void **state)
{
    struct fixture *f = *state;
    begin(f, 1, 2);
    assert_in_range(pipeline_look_due_us(&f->p) - fake.now_us, 1, MINUTE_US / 10);
    fake.now_us = pipeline_look_due_us(&f->p);
    looks.bills.min_in_sync = 1; /* it was altered */
    look(f);
    assert_int_equal(looks.n, 3);
    assert_int_equal(pipeline_look_due_us(&f->p), fake.now_us + MINUTE_US);
}

static void so_is_one_that_is_found_to_lack_them_before_a_transaction(void **state)
{
    struct fixture *f = *state;
    begin(f, 0, 2);
    fake.now_us += MINUTE_US / 10;
    looks.bills.in_sync = 1;
    assert_true(look_for_batch(f));
    assert_int_equal(looks.n, 1);
    assert_in_range(pipeline_look_due_us(&f->p) - fake.now_us, 1, MINUTE_US / 10);
}

static void that_nobody_says_what_a_topic_needs_is_asked_again_at_once(void **state)
{
    struct fixture *f = *state;
    begin(f, 1, 0);
    assert_in_range(pipeline_look_due_us(&f->p) - fake.now_us, 1, MINUTE_US / 60);
    fake.now_us = pipeline_look_due_us(&f->p);
    looks.bills.min_in_sync = -1; /* it may not be known: that is an answer */
    look(f);
    assert_int_equal(looks.n, 3);
    assert_int_equal(pipeline_look_due_us(&f->p), fake.now_us + MINUTE_US);
}

static void before_a_transaction_what_a_topic_needs_is_asked_only_while_nobody_has_said(void **state)
{
    struct fixture *f = *state;
    begin(f, 0, 0);
    looks.bills.min_in_sync = 2;
    fake.now_us += MINUTE_US;
    assert_true(look_for_batch(f));
    assert_int_equal(looks.n, 1);
    assert_true(looks.at[0].closely);
    fake.now_us += MINUTE_US;
    assert_true(look_for_batch(f));
    assert_int_equal(looks.n, 1);
    assert_false(looks.at[0].closely);
    assert_true(look_for_batch(f)); /* a moment later */
    assert_int_equal(looks.n, 0);
}

static void before_a_transaction_it_is_asked_once_where_nobody_answers(void **state)
{
    struct fixture *f = *state;
    begin(f, 0, 2);
    looks.bills.answered = false;
    looks.bills.partitions = -1;
    fake.now_us += MINUTE_US;
    assert_false(look_for_batch(f));
    assert_int_equal(looks.n, 1);
    assert_false(look_for_batch(f)); /* nothing was seen a moment ago */
    assert_int_equal(looks.n, 1);
    looks.bills.answered = true;
    looks.bills.partitions = 1;
    assert_true(look_for_batch(f));
    assert_int_equal(looks.n, 1);
}

/* A broker that may not describe one topic can describe the others. */
static void that_a_broker_says_nothing_of_one_topic_keeps_nobody_from_looking_at_the_others(void **state)
{
    struct fixture *f = *state;
    begin(f, 0, 2);
    looks.bills.partitions = -1;
    fake.now_us += MINUTE_US;
    assert_true(look_for_batch(f));
    assert_int_equal(looks.n, 1); /* for both of its results */
}

/* Whether a result that asks for that partition of bills goes there. */
static bool goes_to_bills(struct fixture *f, const char *partition, size_t n_looks)
{
    struct batch *b = add(f, 1);
    const struct command_headers headers = {.spring_reply_topic = SLICE_LITERAL("bills"),
                                            .spring_reply_partition = slice_make(partition, 4)};
    struct reply_to to;
    assert_int_equal(reply_topics_resolve(f->p.reply_topics, &headers, b->arena, &to), STATUS_OK);
    looks.n = 0;
    pipeline_settle_reply(&f->p, &to);
    assert_int_equal(looks.n, n_looks);
    assert_false(to.beyond);
    pipeline_retire(&f->p);
    return to.partition == partition[3];
}

static void a_partition_that_is_not_known_is_looked_for_but_not_by_everybody(void **state)
{
    struct fixture *f = *state;
    begin(f, 0, 2); /* bills has one */
    fake.now_us += MINUTE_US;
    assert_true(goes_to_bills(f, "\0\0\0\0", 0));
    looks.bills.partitions = 2;
    assert_true(goes_to_bills(f, "\0\0\0\1", 1));
    assert_true(goes_to_bills(f, "\0\0\0\1", 0));
    assert_false(goes_to_bills(f, "\0\0\0\7", 0)); /* it was looked at just now */
    fake.now_us += MINUTE_US;
    assert_false(goes_to_bills(f, "\0\0\0\7", 1));
    assert_false(goes_to_bills(f, "\0\0\0\7", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PIPELINE(a_round_looks_closely_at_the_topics_of_the_list),
        WITH_PIPELINE(a_topic_that_lacks_replicas_is_looked_at_again_soon),
        WITH_PIPELINE(so_is_one_that_is_found_to_lack_them_before_a_transaction),
        WITH_PIPELINE(that_nobody_says_what_a_topic_needs_is_asked_again_at_once),
        WITH_PIPELINE(before_a_transaction_what_a_topic_needs_is_asked_only_while_nobody_has_said),
        WITH_PIPELINE(before_a_transaction_it_is_asked_once_where_nobody_answers),
        WITH_PIPELINE(that_a_broker_says_nothing_of_one_topic_keeps_nobody_from_looking_at_the_others),
        WITH_PIPELINE(a_partition_that_is_not_known_is_looked_for_but_not_by_everybody),
    };
    return cmocka_run_group_tests_name("pipeline_topics", tests, NULL, NULL);
}
