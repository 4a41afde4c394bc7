#include "common/metrics.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static int make(void **state)
{
    *state = metrics_new();
    return *state ? 0 : -1;
}

static int drop(void **state)
{
    metrics_free(*state);
    return 0;
}

static void assert_text(const struct metrics *m, const char *expected)
{
    struct buffer out = {0};
    metrics_write(m, &out);
    buffer_add_char(&out, '\0');
    assert_false(out.failed);
    assert_string_equal(out.at, expected);
    buffer_dispose(&out);
}

static void assert_has_line(const struct metrics *m, const char *line)
{
    struct buffer out = {0};
    char framed[256];
    buffer_add_char(&out, '\n');
    metrics_write(m, &out);
    buffer_add_char(&out, '\0');
    snprintf(framed, sizeof framed, "\n%s\n", line);
    if (!strstr(out.at, framed))
        fail_msg("no line %s in:%s", line, out.at);
    buffer_dispose(&out);
}

static void nothing_registered_is_nothing_written(void **state)
{
    assert_text(*state, "");
}

static void counters_and_gauges_are_written_with_help_and_type(void **state)
{
    struct metrics *m = *state;
    struct counter *c = metrics_counter(m, "labels_total", NULL, "Labels stored.");
    struct gauge *g = metrics_gauge(m, "pending", NULL, "Requests that wait.");

    counter_add(c, 2);
    counter_add(c, UINT64_C(18446744073709551613));
    gauge_set(g, 5);
    gauge_add(g, -12);
    assert_text(m, "# HELP labels_total Labels stored.\n"
                   "# TYPE labels_total counter\n"
                   "labels_total 18446744073709551615\n"
                   "# HELP pending Requests that wait.\n"
                   "# TYPE pending gauge\n"
                   "pending -7\n");
    assert_true(counter_value(c) == UINT64_MAX);
}

static void one_name_with_several_labels_has_one_head(void **state)
{
    struct metrics *m = *state;
    char labels[] = "code=\"201\"";
    struct counter *created = metrics_counter(m, "http_total", labels, "Responses.");
    labels[0] = '?'; /* it was copied */
    metrics_gauge(m, "between", NULL, "Another.");
    metrics_counter(m, "http_total", "code=\"404\"", "Responses.");

    counter_add(created, 1);
    assert_text(m, "# HELP http_total Responses.\n"
                   "# TYPE http_total counter\n"
                   "http_total{code=\"201\"} 1\n"
                   "http_total{code=\"404\"} 0\n"
                   "# HELP between Another.\n"
                   "# TYPE between gauge\n"
                   "between 0\n");
}

static void line_feeds_and_backslashes_of_a_help_are_escaped(void **state)
{
    metrics_gauge(*state, "g", NULL, "one\\two\nthree");
    assert_has_line(*state, "# HELP g one\\\\two\\nthree");
}

static void a_histogram_is_cumulative_and_in_seconds(void **state)
{
    struct metrics *m = *state;
    struct histogram *h = metrics_histogram(m, "wait_seconds", NULL, "Time.");
    static const int64_t OBSERVED[] = {-5, 0, 100, 101, 1000, 2000000, 30000000, 30000001};

    for (size_t i = 0; i < sizeof OBSERVED / sizeof OBSERVED[0]; i++)
        histogram_observe(h, OBSERVED[i]);
    assert_text(m, "# HELP wait_seconds Time.\n"
                   "# TYPE wait_seconds histogram\n"
                   "wait_seconds_bucket{le=\"0.0001\"} 3\n"
                   "wait_seconds_bucket{le=\"0.00025\"} 4\n"
                   "wait_seconds_bucket{le=\"0.0005\"} 4\n"
                   "wait_seconds_bucket{le=\"0.001\"} 5\n"
                   "wait_seconds_bucket{le=\"0.0025\"} 5\n"
                   "wait_seconds_bucket{le=\"0.005\"} 5\n"
                   "wait_seconds_bucket{le=\"0.01\"} 5\n"
                   "wait_seconds_bucket{le=\"0.025\"} 5\n"
                   "wait_seconds_bucket{le=\"0.05\"} 5\n"
                   "wait_seconds_bucket{le=\"0.1\"} 5\n"
                   "wait_seconds_bucket{le=\"0.25\"} 5\n"
                   "wait_seconds_bucket{le=\"0.5\"} 5\n"
                   "wait_seconds_bucket{le=\"1\"} 5\n"
                   "wait_seconds_bucket{le=\"2.5\"} 6\n"
                   "wait_seconds_bucket{le=\"5\"} 6\n"
                   "wait_seconds_bucket{le=\"10\"} 6\n"
                   "wait_seconds_bucket{le=\"30\"} 7\n"
                   "wait_seconds_bucket{le=\"+Inf\"} 8\n"
                   "wait_seconds_sum 62.001202\n"
                   "wait_seconds_count 8\n");
}

static void a_histogram_keeps_its_labels_beside_the_bound(void **state)
{
    histogram_observe(metrics_histogram(*state, "h", "stage=\"store\"", "Time."), 1);
    assert_has_line(*state, "h_bucket{stage=\"store\",le=\"0.0001\"} 1");
    assert_has_line(*state, "h_sum{stage=\"store\"} 0.000001");
    assert_has_line(*state, "h_count{stage=\"store\"} 1");
}

static void updates_of_null_do_nothing(void **state)
{
    (void)state;
    counter_add(NULL, 1);
    gauge_set(NULL, 1);
    gauge_add(NULL, 1);
    histogram_observe(NULL, 1);
    assert_true(counter_value(NULL) == 0);
    assert_null(metrics_counter(NULL, "c", NULL, "Help."));
    metrics_free(NULL);
}

enum { THREADS = 4, ROUNDS = 20000 };

struct shared {
    struct counter *counter;
    struct gauge *gauge;
    struct histogram *histogram;
};

static void *update(void *arg)
{
    struct shared *s = arg;
    for (int i = 0; i < ROUNDS; i++) {
        counter_add(s->counter, 1);
        gauge_add(s->gauge, i % 2 ? -1 : 1);
        histogram_observe(s->histogram, 100);
    }
    return NULL;
}

static void no_update_of_several_threads_is_lost(void **state)
{
    struct metrics *m = *state;
    struct shared s = {metrics_counter(m, "c", NULL, "C."), metrics_gauge(m, "g", NULL, "G."),
                       metrics_histogram(m, "h", NULL, "H.")};
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, update, &s), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_has_line(m, "c 80000");
    assert_has_line(m, "g 0");
    assert_has_line(m, "h_count 80000");
    assert_has_line(m, "h_sum 8.000000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_registered_is_nothing_written, make, drop),
        cmocka_unit_test_setup_teardown(counters_and_gauges_are_written_with_help_and_type, make, drop),
        cmocka_unit_test_setup_teardown(one_name_with_several_labels_has_one_head, make, drop),
        cmocka_unit_test_setup_teardown(line_feeds_and_backslashes_of_a_help_are_escaped, make, drop),
        cmocka_unit_test_setup_teardown(a_histogram_is_cumulative_and_in_seconds, make, drop),
        cmocka_unit_test_setup_teardown(a_histogram_keeps_its_labels_beside_the_bound, make, drop),
        cmocka_unit_test(updates_of_null_do_nothing),
        cmocka_unit_test_setup_teardown(no_update_of_several_threads_is_lost, make, drop),
    };
    return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
