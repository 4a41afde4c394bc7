#include "common/metrics.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Upper bounds of a histogram's buckets, about three per decade. */
static const struct {
    int64_t us;
    const char *seconds;
} BUCKETS[] = {
    {100, "0.0001"}, {250, "0.00025"}, {500, "0.0005"}, {1000, "0.001"},  {2500, "0.0025"}, {5000, "0.005"},
    {10000, "0.01"}, {25000, "0.025"}, {50000, "0.05"}, {100000, "0.1"},  {250000, "0.25"}, {500000, "0.5"},
    {1000000, "1"},  {2500000, "2.5"}, {5000000, "5"},  {10000000, "10"}, {30000000, "30"},
};
enum { N_BUCKETS = sizeof BUCKETS / sizeof BUCKETS[0], US_PER_S = 1000000 };

struct counter {
    _Atomic uint64_t value;
};

struct gauge {
    _Atomic int64_t value;
};

struct histogram {
    _Atomic uint64_t buckets[N_BUCKETS + 1]; /* each without those below it; the last is above every bound */
    _Atomic uint64_t sum_us;
};

enum kind { KIND_COUNTER, KIND_GAUGE, KIND_HISTOGRAM };

struct metric {
    struct metric *next;
    enum kind kind;
    const char *name;
    const char *help;
    char *labels; /* NULL: none */
    union {
        struct counter counter;
        struct gauge gauge;
        struct histogram histogram;
    };
};

struct metrics {
    struct metric *first;
};

struct metrics *metrics_new(void)
{
    return calloc(1, sizeof(struct metrics));
}

void metrics_free(struct metrics *m)
{
    if (!m)
        return;
    for (struct metric *each = m->first; each;) {
        struct metric *next = each->next;
        free(each->labels);
        free(each);
        each = next;
    }
    free(m);
}

/* Behind the last one of that name, for the text format wants one name's lines together; else at the end. */
static void insert(struct metrics *m, struct metric *new)
{
    struct metric **at = &m->first;
    struct metric **behind = NULL;

    for (; *at; at = &(*at)->next) {
        if (strcmp((*at)->name, new->name) == 0)
            behind = &(*at)->next;
    }
    if (!behind)
        behind = at;
    new->next = *behind;
    *behind = new;
}

static struct metric *register_metric(struct metrics *m, enum kind kind, const char *name, const char *labels,
                                      const char *help)
{
    struct metric *new = m ? calloc(1, sizeof *new) : NULL;
    if (!new)
        return NULL;
    if (labels && !(new->labels = strdup(labels))) {
        free(new);
        return NULL;
    }
    new->kind = kind;
    new->name = name;
    new->help = help;
    insert(m, new);
    return new;
}

struct counter *metrics_counter(struct metrics *m, const char *name, const char *labels, const char *help)
{
    struct metric *new = register_metric(m, KIND_COUNTER, name, labels, help);
    return new ? &new->counter : NULL;
}

struct gauge *metrics_gauge(struct metrics *m, const char *name, const char *labels, const char *help)
{
    struct metric *new = register_metric(m, KIND_GAUGE, name, labels, help);
    return new ? &new->gauge : NULL;
}

struct histogram *metrics_histogram(struct metrics *m, const char *name, const char *labels, const char *help)
{
    struct metric *new = register_metric(m, KIND_HISTOGRAM, name, labels, help);
    return new ? &new->histogram : NULL;
}

void counter_add(struct counter *c, uint64_t n)
{
    if (c)
        atomic_fetch_add_explicit(&c->value, n, memory_order_relaxed);
}

uint64_t counter_value(const struct counter *c)
{
    return c ? atomic_load_explicit(&c->value, memory_order_relaxed) : 0;
}

void gauge_set(struct gauge *g, int64_t value)
{
    if (g)
        atomic_store_explicit(&g->value, value, memory_order_relaxed);
}

void gauge_add(struct gauge *g, int64_t delta)
{
    if (g)
        atomic_fetch_add_explicit(&g->value, delta, memory_order_relaxed);
}

void histogram_observe(struct histogram *h, int64_t microseconds)
{
    if (!h)
        return;
    if (microseconds < 0)
        microseconds = 0;
    size_t i = 0;
    while (i < N_BUCKETS && microseconds > BUCKETS[i].us)
        i++;
    atomic_fetch_add_explicit(&h->buckets[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->sum_us, (uint64_t)microseconds, memory_order_relaxed);
}

/* `name{labels}`, or what of it there is. */
static void write_name(struct buffer *out, const struct metric *m, const char *suffix)
{
    buffer_printf(out, "%s%s", m->name, suffix);
    if (m->labels)
        buffer_printf(out, "{%s}", m->labels);
}

static void write_bucket(struct buffer *out, const struct metric *m, const char *bound, uint64_t count)
{
    buffer_printf(out, "%s_bucket{%s%sle=\"%s\"} %" PRIu64 "\n", m->name, m->labels ? m->labels : "",
                  m->labels ? "," : "", bound, count);
}

static void write_histogram(struct buffer *out, const struct metric *m)
{
    uint64_t count = 0;
    uint64_t sum_us = atomic_load_explicit(&m->histogram.sum_us, memory_order_relaxed);

    for (size_t i = 0; i <= N_BUCKETS; i++) {
        count += atomic_load_explicit(&m->histogram.buckets[i], memory_order_relaxed);
        write_bucket(out, m, i < N_BUCKETS ? BUCKETS[i].seconds : "+Inf", count);
    }
    write_name(out, m, "_sum");
    buffer_printf(out, " %" PRIu64 ".%06" PRIu64 "\n", sum_us / US_PER_S, sum_us % US_PER_S);
    write_name(out, m, "_count");
    buffer_printf(out, " %" PRIu64 "\n", count);
}

static void write_head(struct buffer *out, const struct metric *m)
{
    static const char *const KINDS[] = {
        [KIND_COUNTER] = "counter",
        [KIND_GAUGE] = "gauge",
        [KIND_HISTOGRAM] = "histogram",
    };
    buffer_printf(out, "# HELP %s ", m->name);
    for (const char *c = m->help; *c; c++) {
        if (*c == '\n')
            buffer_add_text(out, "\\n");
        else if (*c == '\\')
            buffer_add_text(out, "\\\\");
        else
            buffer_add_char(out, *c);
    }
    buffer_printf(out, "\n# TYPE %s %s\n", m->name, KINDS[m->kind]);
}

void metrics_write(const struct metrics *m, struct buffer *out)
{
    const char *name = "";

    for (const struct metric *each = m->first; each; each = each->next) {
        if (strcmp(each->name, name) != 0)
            write_head(out, each);
        name = each->name;

        switch (each->kind) {
        case KIND_COUNTER:
            write_name(out, each, "");
            buffer_printf(out, " %" PRIu64 "\n", counter_value(&each->counter));
            break;
        case KIND_GAUGE:
            write_name(out, each, "");
            buffer_printf(out, " %" PRId64 "\n",
                          atomic_load_explicit(&each->gauge.value, memory_order_relaxed));
            break;
        case KIND_HISTOGRAM:
            write_histogram(out, each);
            break;
        }
    }
}
