/* Counters, gauges and histograms in Prometheus' text format (version 0.0.4). Registered at start, updated by any thread
 * without a lock, read by the admin listener. */
#pragma once
#include "common/buffer.h"
#include <stdint.h>

struct metrics;
struct counter;
struct gauge;
struct histogram;

struct metrics *metrics_new(void);
void metrics_free(struct metrics *m);

/* `name` and `help` must be static; `labels` is NULL or the text between the braces (`code="201"`), copied. Several metrics may
 * share a name with different labels: register them one after another. NULL when memory is short; the update functions take
 * NULL and do nothing. They belong to `m`. */
struct counter *metrics_counter(struct metrics *m, const char *name, const char *labels, const char *help);
struct gauge *metrics_gauge(struct metrics *m, const char *name, const char *labels, const char *help);
/* Durations: observed in microseconds, exposed in seconds, with buckets from 100 µs to 30 s (about three per decade). */
struct histogram *metrics_histogram(struct metrics *m, const char *name, const char *labels,
                                    const char *help);

void counter_add(struct counter *c, uint64_t n);
uint64_t counter_value(const struct counter *c);
void gauge_set(struct gauge *g, int64_t value);
void gauge_add(struct gauge *g, int64_t delta);
void histogram_observe(struct histogram *h, int64_t microseconds);

void metrics_write(const struct metrics *m, struct buffer *out);
