#include "ingress/stats.h"

#include <stddef.h>

static const struct {
    unsigned status;
    const char *labels;
} STATUSES[] = {
    {201, "status=\"201\""}, {202, "status=\"202\""}, {200, "status=\"200\""},
    {400, "status=\"400\""}, {401, "status=\"401\""}, {404, "status=\"404\""},
    {405, "status=\"405\""}, {408, "status=\"408\""}, {413, "status=\"413\""},
    {415, "status=\"415\""}, {417, "status=\"417\""}, {422, "status=\"422\""},
    {431, "status=\"431\""}, {304, "status=\"304\""}, {500, "status=\"500\""},
    {501, "status=\"501\""}, {503, "status=\"503\""}, {504, "status=\"504\""},
    {505, "status=\"505\""}, {0, "status=\"none\""}, /* the last: the client went away, or whatever is not listed */
};

enum { N_STATUSES = sizeof STATUSES / sizeof STATUSES[0] };
_Static_assert((int)N_STATUSES <= (int)STATS_STATUSES, "a counter for each status");

static const char *const READS[READ_OUTCOMES] = {
    [READ_SHOWN] = "outcome=\"shown\"",
    [READ_NOT_MODIFIED] = "outcome=\"not_modified\"",
    [READ_NOT_FOUND] = "outcome=\"not_found\"",
    [READ_NO_PLACE] = "outcome=\"no_place\"",
    [READ_TOO_LARGE] = "outcome=\"too_large\"",
    [READ_NO_ROOM] = "outcome=\"no_room\"",
    [READ_QUEUE_FULL] = "outcome=\"queue_full\"",
    [READ_LATE] = "outcome=\"late\"",
    [READ_UNAVAILABLE] = "outcome=\"unavailable\"",
    [READ_CLOSING] = "outcome=\"closing\"",
};

static void register_reads(struct stats *s, struct metrics *m)
{
    for (size_t i = 0; i < READ_OUTCOMES; i++)
        s->reads[i] =
            metrics_counter(m, "gold_label_ingress_reads_total", READS[i], "Reads by what came of them");
    s->read =
        metrics_histogram(m, "gold_label_ingress_read_seconds", NULL, "From a read's request to its answer");
    s->reads_open = metrics_gauge(m, "gold_label_ingress_read_connections", "state=\"open\"",
                                  "Connections to the database");
    s->reads_busy = metrics_gauge(m, "gold_label_ingress_read_connections", "state=\"busy\"",
                                  "Connections to the database");
    s->reads_queued =
        metrics_gauge(m, "gold_label_ingress_reads_queued", NULL, "Reads that wait for a connection");
    s->passed = metrics_counter(m, "gold_label_ingress_partitions_passed_total", NULL,
                                "Times that a command passed a partition which stands still.");
    s->answer_memory = metrics_gauge(m, "gold_label_ingress_answer_memory_bytes", NULL,
                                     "Memory of 201 answers above 16 KiB that are being sent.");
    s->shortened = metrics_counter(m, "gold_label_ingress_answers_shortened_total", NULL,
                                   "Labels answered 202 though stored, for want of that memory.");
    s->reads_memory = metrics_gauge(m, "gold_label_ingress_read_memory_bytes", NULL,
                                    "Memory of answers to reads that are being read or sent");
}

void stats_register(struct stats *s, struct metrics *m)
{
    for (size_t i = 0; i < N_STATUSES; i++)
        s->requests[i] = metrics_counter(m, "gold_label_ingress_requests_total", STATUSES[i].labels,
                                         "Requests by the status of their answer");
    s->pending = metrics_gauge(m, "gold_label_ingress_pending", NULL, "Requests that wait for Kafka");
    s->request = metrics_histogram(m, "gold_label_ingress_request_seconds", NULL,
                                   "From the request line to the end of the answer");
    s->parse = metrics_histogram(m, "gold_label_ingress_parse_seconds", NULL,
                                 "Checking head and body of a label until its command is ready");
    s->publish = metrics_histogram(m, "gold_label_ingress_publish_seconds", NULL,
                                   "From a command that is ready to its acknowledgement");
    s->result = metrics_histogram(m, "gold_label_ingress_result_seconds", NULL,
                                  "From a command that is ready to receiving its result");
    s->reply = metrics_histogram(m, "gold_label_ingress_reply_seconds", NULL,
                                 "From receiving a result to the end of its answer");
    s->groups = metrics_counter(m, "gold_label_ingress_published_groups_total", NULL,
                                "Groups of commands that were produced together");
    s->publish_refused = metrics_counter(m, "gold_label_ingress_publish_failures_total", "kind=\"refused\"",
                                         "Commands that were not acknowledged");
    s->not_delivered = metrics_counter(m, "gold_label_ingress_publish_failures_total",
                                       "kind=\"not_delivered\"", "Commands that were not acknowledged");
    s->delivery_unknown = metrics_counter(m, "gold_label_ingress_publish_failures_total", "kind=\"unknown\"",
                                          "Commands that were not acknowledged");
    s->results_skipped = metrics_counter(m, "gold_label_ingress_results_skipped_total", NULL,
                                         "Results that no request was waiting for");
    s->results_unreadable = metrics_counter(m, "gold_label_ingress_results_unreadable_total", NULL,
                                            "Results for a waiting request that could not be read");
    s->grants_refused = metrics_counter(m, "gold_label_ingress_tokens_refused_total", NULL,
                                        "Commands whose token the worker did not accept");
    register_reads(s, m);
}

void stats_turned_away(struct stats *s, unsigned status_code)
{
    size_t i = 0;

    while (i + 1 < N_STATUSES && STATUSES[i].status != status_code)
        i++;
    counter_add(s->requests[i], 1);
}

void stats_request(struct stats *s, unsigned status_code, int64_t duration_us)
{
    stats_turned_away(s, status_code);
    if (status_code)
        histogram_observe(s->request, duration_us);
}
