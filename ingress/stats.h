/* What the ingress counts. */
#pragma once
#include "common/metrics.h"
#include "ingress/read.h"
#include <stdint.h>

enum { STATS_STATUSES = 20 };

struct stats {
    struct counter *requests[STATS_STATUSES]; /* by status; see stats_request() */
    struct gauge *pending;
    struct histogram *request;       /* request line → answer handed over */
    struct histogram *parse;         /* token, JSON, rules → command ready */
    struct histogram *publish;       /* command ready → acknowledged */
    struct histogram *result;        /* command ready → result received */
    struct histogram *reply;         /* result received → answer handed over */
    struct gauge *answer_memory;     /* bytes of large 201 answers that are being sent */
    struct counter *shortened;       /* answered 202 though stored: there was no memory for the label */
    struct counter *passed;          /* commands that passed a partition which stands still */
    struct counter *groups;          /* in which commands were produced (gather.h) */
    struct counter *publish_refused; /* the producer did not take the command */
    struct counter *not_delivered;
    struct counter *delivery_unknown;
    struct counter *results_skipped; /* of other instances, or too late */
    struct counter *results_unreadable;
    struct counter *grants_refused; /* the worker did not accept our own token */
    struct counter *reads[READ_OUTCOMES];
    struct histogram *read;     /* request → answer */
    struct gauge *reads_open;   /* connections to the database … */
    struct gauge *reads_busy;   /* … that have a read */
    struct gauge *reads_queued; /* reads that wait for one of them */
    struct gauge *reads_memory; /* bytes of answers that are being read or sent */
};

void stats_register(struct stats *s, struct metrics *m);
/* Of one that was answered before its head was whole: it is counted, not timed. */
void stats_turned_away(struct stats *s, unsigned status_code);
/* `status_code` 0: the connection was lost before an answer. */
void stats_request(struct stats *s, unsigned status_code, int64_t duration_us);
