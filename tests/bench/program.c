#include "tests/bench/program.h"

#include "common/clock.h"
#include "common/log.h"
#include <stdlib.h>
#include <sys/resource.h>

enum { ANSWER_MS = 10 * 1000, POLL_MS = 100 };

int bench_main(const struct bench_program *program, int argc, char **argv, void *settings)
{
    struct config *config = NULL;
    struct fault fault = {0};
    int code = EXIT_SUCCESS;

    if (config_start(&program->config, argc, argv, settings, &config, &code) == CONFIG_EXIT)
        return code;
    log_setup(LOG_LEVEL_WARNING, LOG_FORMAT_LOGFMT, program->config.name);
    status st = program->run(settings, &fault);
    if (st != STATUS_OK)
        log_error(program->failure, LOG_STR("status", status_text(st)), LOG_STR("reason", fault.message));
    config_free(config);
    return st == STATUS_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

static status need_topic(int32_t partitions, const char *topic, struct fault *f)
{
    if (partitions > 0)
        return STATUS_OK;
    return fault_set(f, STATUS_NOT_FOUND, "topic",
                     partitions < 0 ? "%s: no broker answers" : "there is no topic %s", topic);
}

status bench_producer_new(const struct kafka_producer_options *options, const char *topic,
                          struct kafka_producer **out, struct fault *f)
{
    struct kafka_producer *p = NULL;
    status st = kafka_producer_new(options, &p, f);
    if (st == STATUS_OK)
        st = need_topic(kafka_producer_probe(p, topic, ANSWER_MS).partitions, topic, f);
    if (st == STATUS_OK)
        *out = p;
    else
        kafka_producer_free(p);
    return st;
}

status bench_reader_new(const struct kafka_consumer_options *options, const char *topic,
                        struct kafka_consumer **out, struct fault *f)
{
    struct kafka_consumer *c = NULL;
    status st = kafka_consumer_new(options, &c, f);
    if (st != STATUS_OK)
        return st;

    int32_t partitions = kafka_consumer_partitions(c, topic, ANSWER_MS);
    st = need_topic(partitions, topic, f);
    if (st == STATUS_OK)
        st = kafka_consumer_assign(c, topic, NULL, (size_t)partitions, KAFKA_START_OLDEST, ANSWER_MS, f);
    if (st == STATUS_OK)
        *out = c;
    else
        kafka_consumer_close(c);
    return st;
}

status bench_read(struct kafka_consumer *reader, struct kafka_message **out, struct fault *f)
{
    int64_t deadline_us = clock_monotonic_us(clock_system()) + ANSWER_MS * 1000;
    do {
        *out = kafka_consumer_poll(reader, POLL_MS);
    } while (!*out && clock_monotonic_us(clock_system()) < deadline_us);
    return *out ? STATUS_OK
                : fault_set(f, STATUS_NOT_FOUND, "too_few", "no further message for %d s", ANSWER_MS / 1000);
}

static double seconds_of(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

double bench_cpu_seconds(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
}
