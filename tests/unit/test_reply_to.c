#include "tests/unit/reply_fixture.h"

/* ---- where to ---- */

static void a_command_that_asks_for_nothing_is_answered_by_key(void **state)
{
    struct fixture *f = *state;
    assert_goes(f, NULL, KAFKA_PARTITION_BY_KEY);
    assert_null(f->to.echo);
}

static void a_partition_is_decimal_in_our_header(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *text;
        int32_t partition;
    } cases[] = {{"0", 0},   {"7", 7},  {"8", -1}, {"-1", -1},
                 {"07", -1}, {"x", -1}, {"", -1},  {"4294967296", -1}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        f->headers.reply_partition = slice_of(cases[i].text);
        assert_goes(f, NULL, cases[i].partition);
    }
}

static void a_partition_is_four_bytes_big_endian_in_springs_header(void **state)
{
    struct fixture *f = *state;
    const struct {
        struct slice bytes;
        int32_t partition;
    } cases[] = {
        {SLICE_LITERAL("\0\0\0\0"), 0},
        {SLICE_LITERAL("\0\0\0\7"), 7},
        {SLICE_LITERAL("\0\0\0\10"), -1},
        {SLICE_LITERAL("\0\0\1\0"), -1},
        {SLICE_LITERAL("\377\377\377\377"), -1},
        {SLICE_LITERAL("\200\0\0\0"), -1},
        {SLICE_LITERAL("\0\0\7"), -1},
        {SLICE_LITERAL("\0\0\0\0\7"), -1},
        {SLICE_LITERAL("7"), -1},
        {SLICE_LITERAL(""), -1},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        f->headers.spring_reply_partition = cases[i].bytes;
        assert_goes(f, NULL, cases[i].partition);
    }
}

static void our_header_is_preferred_to_springs(void **state)
{
    struct fixture *f = *state;
    f->headers.reply_partition = SLICE_LITERAL("3");
    f->headers.spring_reply_partition = SLICE_LITERAL("\0\0\0\5");
    assert_goes(f, NULL, 3);
    f->headers.reply_partition = SLICE_LITERAL("three");
    assert_goes(f, NULL, 5);
}

/* It may have got more partitions since it was looked at. */
static void a_partition_beyond_those_known_is_settled_later(void **state)
{
    struct fixture *f = *state;
    size_t i = 0;

    f->headers.reply_partition = SLICE_LITERAL("8");
    ask(f);
    assert_true(reply_topics_is_exceeded(f->topics, &f->to, &i));
    assert_int_equal(i, RESULTS);
    see(f, RESULTS, 9, 1);
    assert_false(reply_topics_is_exceeded(f->topics, &f->to, &i));
    reply_topics_settle(f->topics, &f->to);
    assert_int_equal(f->to.partition, 8);
    assert_goes(f, NULL, 8);

    f->headers.reply_partition = SLICE_NONE;
    f->headers.spring_reply_topic = SLICE_LITERAL("bills");
    f->headers.spring_reply_partition = SLICE_LITERAL("\0\0\0\14");
    ask(f);
    assert_true(reply_topics_is_exceeded(f->topics, &f->to, &i));
    assert_int_equal(i, BILLS);
    see(f, BILLS, 12, 1); /* no more than before */
    reply_topics_settle(f->topics, &f->to);
    assert_string_equal(reply_to_topic(&f->to), "bills");
    assert_int_equal(f->to.partition, KAFKA_PARTITION_BY_KEY);

    f->headers.spring_reply_topic = SLICE_NONE;
    f->headers.reply_partition = SLICE_LITERAL("99");
    f->headers.spring_reply_partition = SLICE_LITERAL("\0\0\0\5");
    ask(f);
    assert_false(f->to.beyond); /* one that is known is as good */
    assert_int_equal(f->to.partition, 5);
}

static void a_listed_topic_is_taken_with_a_partition_of_its_own(void **state)
{
    struct fixture *f = *state;
    f->headers.spring_reply_topic = SLICE_LITERAL("bills");
    assert_goes(f, "bills", KAFKA_PARTITION_BY_KEY);
    f->headers.spring_reply_partition = SLICE_LITERAL("\0\0\0\11");
    assert_goes(f, "bills", 9);
    f->headers.spring_reply_topic = SLICE_LITERAL("orders.replies");
    assert_goes(f, "orders.replies", KAFKA_PARTITION_BY_KEY);
    f->headers.reply_partition = SLICE_LITERAL("1"); /* of the results topic */
    assert_goes(f, "orders.replies", KAFKA_PARTITION_BY_KEY);
}

static void a_topic_that_is_not_listed_leads_to_the_results_topic(void **state)
{
    struct fixture *f = *state;
    const struct slice others[] = {SLICE_LITERAL("bill"), SLICE_LITERAL("bills2"), SLICE_LITERAL(""),
                                   SLICE_LITERAL("bills\0"), SLICE_LITERAL("commands")};

    f->headers.spring_reply_partition = SLICE_LITERAL("\0\0\0\1");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        f->headers.spring_reply_topic = others[i];
        assert_goes(f, NULL, KAFKA_PARTITION_BY_KEY); /* the partition was one of the other topic */
    }
    f->headers.reply_partition = SLICE_LITERAL("4");
    assert_goes(f, NULL, 4);
}

static void the_results_topic_may_be_named(void **state)
{
    struct fixture *f = *state;
    f->headers.spring_reply_topic = SLICE_LITERAL("results");
    f->headers.spring_reply_partition = SLICE_LITERAL("\0\0\0\6");
    assert_goes(f, NULL, 6);
}

static void the_list_does_not_hold_the_results_topic(void **state)
{
    struct fixture *f = *state;
    assert_true(reply_topics_lists(f->topics, "bills"));
    assert_false(reply_topics_lists(f->topics, "results"));
    assert_false(reply_topics_lists(f->topics, "dead"));
    struct reply_topics *itself = reply_topics_new("results", "results,bills", false, f->metrics);
    assert_true(reply_topics_lists(itself, "bills"));
    assert_false(reply_topics_lists(itself, "results"));
    reply_topics_free(itself);
}

static void an_address_widens_to_the_default(void **state)
{
    struct fixture *f = *state;
    f->headers.spring_reply_topic = SLICE_LITERAL("bills");
    f->headers.spring_reply_partition = SLICE_LITERAL("\0\0\0\3");
    assert_goes(f, "bills", 3);
    assert_true(reply_to_widen(&f->to));
    assert_string_equal(reply_to_topic(&f->to), "bills");
    assert_int_equal(f->to.partition, KAFKA_PARTITION_BY_KEY);
    assert_true(reply_to_widen(&f->to));
    assert_null(reply_to_topic(&f->to));
    assert_false(reply_to_widen(&f->to));
}

/* ---- what is echoed ---- */

static void springs_headers_are_echoed_as_they_came(void **state)
{
    struct fixture *f = *state;
    f->headers.spring_correlation_id = SLICE_LITERAL("\0\377id");
    f->headers.spring_reply_topic = SLICE_LITERAL("not listed");
    f->headers.spring_reply_partition = SLICE_LITERAL("\377\377\377\377");
    ask(f);
    assert_true(slice_equal(f->to.echo->correlation_id, f->headers.spring_correlation_id));
    assert_true(slice_equal(f->to.echo->topic, f->headers.spring_reply_topic));
    assert_true(slice_equal(f->to.echo->partition, f->headers.spring_reply_partition));
}

static void what_is_out_of_bounds_is_not_echoed(void **state)
{
    struct fixture *f = *state;
    static const char bytes[REPLY_CORRELATION_MAX + 1];
    f->headers.spring_correlation_id = slice_make(bytes, sizeof bytes);
    f->headers.spring_reply_topic = slice_make(bytes, TEXT_TOPIC_NAME_MAX + 1);
    f->headers.spring_reply_partition = slice_make(bytes, 5);
    ask(f);
    assert_null(f->to.echo->correlation_id.at);
    assert_null(f->to.echo->topic.at);
    assert_null(f->to.echo->partition.at);

    f->headers.spring_correlation_id = slice_make(bytes, REPLY_CORRELATION_MAX);
    ask(f);
    assert_int_equal(f->to.echo->correlation_id.len, REPLY_CORRELATION_MAX);
    f->headers.spring_correlation_id = slice_make(bytes, 0);
    ask(f);
    assert_null(f->to.echo->correlation_id.at);
}

/* ---- the list ---- */

static size_t faults_of(const char *list)
{
    static const char *const ours[] = {"commands", "dead", NULL};
    struct buffer faults = {0};
    size_t n = 0;

    reply_topics_check(list, ours, sizeof ours / sizeof *ours, &faults);
    for (size_t i = 0; i < faults.len; i++)
        n += faults.at[i] == '\n';
    buffer_dispose(&faults);
    return n;
}

static void every_fault_of_the_list_is_reported(void **state)
{
    (void)state;
    static const struct {
        const char *list;
        size_t faults;
    } cases[] = {
        {NULL, 0},
        {"a", 0},
        {" a ,\tb.C_9-x", 0},
        {"a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p", 0},
        {"a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", 1},
        {"", 1},
        {"a,,b", 1},
        {"a,", 1},
        {".", 1},
        {"..", 1},
        {"a b", 1},
        {"\303\274", 1},
        {"commands", 1},
        {"dead,commands,a/b", 3},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(faults_of(cases[i].list), cases[i].faults);
}

static void a_name_has_at_most_249_bytes(void **state)
{
    (void)state;
    char name[TEXT_TOPIC_NAME_MAX + 2] = {0};
    memset(name, 'a', TEXT_TOPIC_NAME_MAX);
    assert_int_equal(faults_of(name), 0);
    name[TEXT_TOPIC_NAME_MAX] = 'a';
    assert_int_equal(faults_of(name), 1);
}

static void the_topics_are_the_results_topic_and_the_list(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(reply_topics_name(f->topics, RESULTS), "results");
    assert_string_equal(reply_topics_name(f->topics, ORDERS), "orders.replies");
    assert_string_equal(reply_topics_name(f->topics, BILLS), "bills");
    assert_null(reply_topics_name(f->topics, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TOPICS(a_command_that_asks_for_nothing_is_answered_by_key),
        WITH_TOPICS(a_partition_is_decimal_in_our_header),
        WITH_TOPICS(a_partition_is_four_bytes_big_endian_in_springs_header),
        WITH_TOPICS(our_header_is_preferred_to_springs),
        WITH_TOPICS(a_partition_beyond_those_known_is_settled_later),
        WITH_TOPICS(a_listed_topic_is_taken_with_a_partition_of_its_own),
        WITH_TOPICS(a_topic_that_is_not_listed_leads_to_the_results_topic),
        WITH_TOPICS(the_results_topic_may_be_named),
        WITH_TOPICS(the_list_does_not_hold_the_results_topic),
        WITH_TOPICS(an_address_widens_to_the_default),
        WITH_TOPICS(springs_headers_are_echoed_as_they_came),
        WITH_TOPICS(what_is_out_of_bounds_is_not_echoed),
        cmocka_unit_test(every_fault_of_the_list_is_reported),
        cmocka_unit_test(a_name_has_at_most_249_bytes),
        WITH_TOPICS(the_topics_are_the_results_topic_and_the_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
