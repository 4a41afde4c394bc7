/* pace: how steadily this machine works. One thread per processor adds numbers and counts how far it gets in each slice of 10 ms.
 * Where nothing else runs, what the slow slices lack was taken by others on the same host (a shared processor, a quota, another
 * clock): no program on this machine answers faster than that lets it. Prints one line of JSON. */
#include "common/buffer.h"
#include "common/clock.h"
#include "tests/bench/program.h"
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

enum { SLICE_US = 10 * 1000, SLICES_PER_S = 100, US_PER_MS = 1000, STEP = 5000, PERCENT = 100 };

/* A dip is where all processors together do less than half of what they usually do. */
enum { DIP_PERCENT = 50 };

struct settings {
    int64_t seconds;
};

static const struct config_option OPTIONS[] = {
    {"bench", "seconds", CONFIG_INTEGER, .offset = offsetof(struct settings, seconds), .required = true,
     .min = 1, .max = 3600, .help = "how long"},
};

struct counter_thread {
    pthread_t thread;
    bool started;
    int64_t began_us;
    uint32_t *steps; /* of each slice */
    size_t n;
};

static int64_t now_us(void)
{
    return clock_monotonic_us(clock_system());
}

static void *count_steps(void *ctx)
{
    struct counter_thread *t = ctx;
    volatile uint64_t sum = 0;

    for (;;) {
        int64_t passed_us = now_us() - t->began_us;
        size_t slice = passed_us > 0 ? (size_t)passed_us / SLICE_US : 0;
        if (slice >= t->n)
            return NULL;
        for (uint64_t i = 0; i < STEP; i++)
            sum += i;
        t->steps[slice]++;
    }
}

/* ---- what they have found ---- */

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

struct dips {
    size_t n, longest, slices;
};

static struct dips find_dips(const uint32_t *slices, size_t n, uint32_t usual)
{
    struct dips d = {0};
    size_t length = 0;

    for (size_t i = 0; i < n; i++) {
        bool dip = (uint64_t)slices[i] * PERCENT < (uint64_t)usual * DIP_PERCENT;
        d.n += dip && length == 0;
        d.slices += dip;
        length = dip ? length + 1 : 0;
        d.longest = length > d.longest ? length : d.longest;
    }
    return d;
}

/* Of sorted slices, the one that `percent` of them are below, as a multiple of `usual`. */
static double quantile(const uint32_t *sorted, size_t n, size_t percent, double usual)
{
    size_t at = n * percent / PERCENT;
    return sorted[at < n ? at : n - 1] / usual;
}

/* `slices` and `sorted`: what all threads did in each slice, in time and by size. */
static void print_pace(const uint32_t *slices, uint32_t *sorted, size_t n)
{
    enum { WORST = 0, FEW = 1, SOME = 10, HALF = 50, MOST = 90, BEST = PERCENT };
    struct buffer text = {0};

    qsort(sorted, n, sizeof *sorted, by_size);
    uint32_t median = sorted[n * HALF / PERCENT];
    double usual = median > 0 ? median : 1;
    struct dips d = find_dips(slices, n, median);
    buffer_printf(&text, "{\"slices\": %zu, \"worst\": %.3f, \"p1\": %.3f, \"p10\": %.3f, ", n,
                  quantile(sorted, n, WORST, usual), quantile(sorted, n, FEW, usual),
                  quantile(sorted, n, SOME, usual));
    buffer_printf(&text, "\"p90\": %.3f, \"best\": %.3f, ", quantile(sorted, n, MOST, usual),
                  quantile(sorted, n, BEST, usual));
    buffer_printf(&text, "\"dips_per_s\": %.2f, \"longest_dip_ms\": %zu, \"in_dips\": %.4f}\n",
                  (double)d.n * SLICES_PER_S / (double)n, d.longest * SLICE_US / US_PER_MS,
                  (double)d.slices / (double)n);
    fwrite(text.at, 1, text.len, stdout);
    buffer_dispose(&text);
}

/* ---- run ---- */

static status start(struct counter_thread *t, size_t processor, size_t n, int64_t began_us)
{
    pthread_attr_t attributes;
    cpu_set_t one;

    t->began_us = began_us;
    t->n = n;
    t->steps = calloc(n, sizeof *t->steps);
    if (!t->steps || pthread_attr_init(&attributes) != 0)
        return STATUS_NO_MEMORY;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    t->started = pthread_attr_setaffinity_np(&attributes, sizeof one, &one) == 0 &&
                 pthread_create(&t->thread, &attributes, count_steps, t) == 0;
    pthread_attr_destroy(&attributes);
    return t->started ? STATUS_OK : STATUS_FATAL;
}

static status run_threads(struct counter_thread *threads, const cpu_set_t *processors, size_t n)
{
    int64_t began_us = now_us();
    status st = STATUS_OK;

    for (size_t i = 0, k = 0; i < CPU_SETSIZE && st == STATUS_OK; i++) {
        if (CPU_ISSET(i, processors))
            st = start(&threads[k++], i, n, began_us);
    }
    for (int i = 0; i < CPU_COUNT(processors); i++) {
        if (threads[i].started)
            pthread_join(threads[i].thread, NULL);
    }
    return st;
}

static status run(const void *settings, struct fault *f)
{
    const struct settings *s = settings;
    size_t n = (size_t)s->seconds * SLICES_PER_S;
    cpu_set_t processors;

    if (sched_getaffinity(0, sizeof processors, &processors) != 0)
        return fault_set(f, STATUS_FATAL, "processors",
                         "the processors of this machine could not be asked for");
    size_t n_threads = (size_t)CPU_COUNT(&processors);
    struct counter_thread *threads = calloc(n_threads, sizeof *threads);
    uint32_t *slices = calloc(2 * n, sizeof *slices);
    status st = threads && slices ? run_threads(threads, &processors, n) : STATUS_NO_MEMORY;
    if (st == STATUS_OK) {
        for (size_t i = 0; i < n; i++) {
            for (size_t k = 0; k < n_threads; k++)
                slices[i] += threads[k].steps[i];
            slices[n + i] = slices[i];
        }
        print_pace(slices, slices + n, n);
    } else {
        fault_set(f, st, "threads", "a thread for each of %zu processors could not be started", n_threads);
    }
    for (size_t k = 0; threads && k < n_threads; k++)
        free(threads[k].steps);
    free(threads);
    free(slices);
    return st;
}

static const struct bench_program PROGRAM = {
    .config = {.name = "pace",
               .summary =
                   "Counts what the processors do in slices of 10 ms and prints how steady it is as JSON.",
               .options = OPTIONS,
               .n_options = sizeof OPTIONS / sizeof *OPTIONS},
    .failure = "the pace could not be measured",
    .run = run,
};

int main(int argc, char **argv)
{
    struct settings settings = {0};
    return bench_main(&PROGRAM, argc, argv, &settings);
}
