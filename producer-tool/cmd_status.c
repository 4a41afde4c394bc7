#include "common/clock.h"
#include "common/log.h"
#include "producer-tool/cluster_state.h"
#include "producer-tool/output.h"
#include "producer-tool/reader.h"
#include "producer-tool/verbs.h"
#include <stdlib.h>
#include <unistd.h>

enum {
    EXIT_STOPPED = 3,
    CONNECT_FOR_S = 10,
    ANSWER_MS = 10000,
    AGES_US = 10000000, /* for the oldest commands to come */
    WAIT_MS = 100,
};
enum { AGE_WANTED = -1, AGE_UNKNOWN = -2 };
enum format { FORMAT_AUTO, FORMAT_JSON, FORMAT_TABLE };

struct status_options {
    const char *config;
    int format;
};

static const char *const FORMATS[] = {"auto", "json", "table", NULL};

#define MEMBER(name) offsetof(struct status_options, name)
static const struct verb_option OPTIONS[] = {
    {.name = "format",
     .value = "auto|json|table",
     .kind = OPTION_CHOICE,
     .offset = MEMBER(format),
     .fallback = "auto",
     .choices = FORMATS,
     .help = "auto: a table on a terminal, else one JSON object"},
    {.name = "config", .value = "FILE", .offset = MEMBER(config), .help = "settings; see gold-label --help"},
};

struct view {
    struct tool_settings settings;
    struct config *config;
    struct reader reader; /* of the command topic; asks about the others too */
    struct cluster_state state;
};

static status look_at_topic(struct view *v, struct state_topic *t, struct fault *f)
{
    t->partitions = kafka_consumer_partitions(v->reader.consumer, t->name, ANSWER_MS);
    if (t->partitions < 0)
        return tool_need_topic(t->partitions, t->name, f);
    size_t n = (size_t)t->partitions;
    if (n == 0)
        return STATUS_OK;
    struct kafka_range *ranges = calloc(n, sizeof *ranges);
    if (!ranges)
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "no memory for %zu partitions", n);
    status st = kafka_ranges(v->reader.consumer, t->name, n, ANSWER_MS, ranges, f);
    for (size_t i = 0; st == STATUS_OK && i < n; i++)
        t->messages += ranges[i].high - ranges[i].low;
    free(ranges);
    return st;
}

static void take_member(void *ctx, const struct kafka_member *m)
{
    struct cluster_state *s = ctx;
    size_t i = s->n_members++;
    if (i >= STATE_MEMBERS_MAX)
        return;
    snprintf(s->members[i].client_id, sizeof s->members[i].client_id, "%s", m->client_id);
    snprintf(s->members[i].host, sizeof s->members[i].host, "%s", m->host);
    s->members[i].partitions = m->partitions;
}

/* Commits before ends: a worker that goes on meanwhile is not said to be further than the end. */
static status look_at_partitions(struct view *v, struct fault *f)
{
    struct cluster_state *s = &v->state;
    size_t n = v->reader.partitions;
    int64_t *committed = calloc(n, sizeof *committed);
    struct kafka_range *ranges = calloc(n, sizeof *ranges);
    s->partitions = calloc(n, sizeof *s->partitions);
    status st = STATUS_OK;

    if (!committed || !ranges || !s->partitions) {
        fault_set(f, STATUS_NO_MEMORY, "no_memory", "no memory for %zu partitions", n);
        st = STATUS_NO_MEMORY;
    }
    if (st == STATUS_OK)
        st = kafka_committed(v->reader.consumer, v->settings.commands_topic, n, ANSWER_MS, committed, f);
    if (st == STATUS_OK)
        st = kafka_ranges(v->reader.consumer, v->settings.commands_topic, n, ANSWER_MS, ranges, f);
    for (size_t i = 0; st == STATUS_OK && i < n; i++)
        s->partitions[i] = (struct state_partition){ranges[i], committed[i], 0, 0, AGE_WANTED};
    s->n_partitions = st == STATUS_OK ? n : 0;
    free(committed);
    free(ranges);
    cluster_state_sum(s);
    return st;
}

/* One partition further, perhaps: returns of how many the age is known now, or never will be. */
static size_t take_age(struct view *v)
{
    int32_t ended = -1;
    struct kafka_message *m = kafka_read_next(v->reader.consumer, WAIT_MS, &ended);
    if (!m && ended < 0)
        return 0;

    struct kafka_record record = m ? kafka_view(m) : (struct kafka_record){.partition = ended};
    struct state_partition *p = &v->state.partitions[record.partition];
    size_t news = p->age_ms == AGE_WANTED;
    int64_t now_ms = clock_unix_us(clock_system()) / 1000;
    if (news && m)
        p->age_ms = record.timestamp_ms < now_ms ? now_ms - record.timestamp_ms : 0;
    else if (news)
        p->age_ms = AGE_UNKNOWN;
    if (news)
        p->first = m ? record.offset : p->range.high;
    kafka_message_free(m);
    return news;
}

/* Reads the first command of each partition that is behind. */
static status look_at_ages(struct view *v, struct fault *f)
{
    struct cluster_state *s = &v->state;
    struct kafka_offset *first = calloc(s->n_partitions ? s->n_partitions : 1, sizeof *first);
    size_t wanted = 0;
    if (!first)
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "no memory for %zu partitions", s->n_partitions);
    for (size_t i = 0; i < s->n_partitions; i++) {
        const struct state_partition *p = &s->partitions[i];
        int64_t offset = p->committed > p->range.low ? p->committed : p->range.low;
        if (p->lag > 0)
            first[wanted++] = (struct kafka_offset){(int32_t)i, offset};
    }
    status st = STATUS_OK;
    if (wanted > 0)
        st = kafka_consumer_assign_offsets(v->reader.consumer, v->settings.commands_topic, first, wanted, f);
    free(first);

    int64_t deadline = clock_monotonic_us(clock_system()) + AGES_US;
    while (st == STATUS_OK && wanted > 0 && clock_monotonic_us(clock_system()) < deadline)
        wanted -= take_age(v);
    cluster_state_sum(s);
    return st;
}

static status look(struct view *v, struct fault *f)
{
    const struct reader_options reader = {
        .settings = &v->settings,
        .properties = config_kafka(v->config),
        .topic = v->settings.commands_topic,
        .group = v->settings.group,
        .from = {PLACE_END, 0},
        .to = {PLACE_END, 0},
        .partition = READER_ALL,
        .connect_s = CONNECT_FOR_S,
    };
    struct cluster_state *s = &v->state;
    s->topics[0].name = v->settings.commands_topic;
    s->topics[1].name = v->settings.results_topic;
    s->topics[2].name = v->settings.dlq_topic;
    s->group = v->settings.group;

    status st = reader_open(&v->reader, &reader, f);
    for (size_t i = 0; st == STATUS_OK && i < STATE_TOPICS; i++)
        st = look_at_topic(v, &s->topics[i], f);
    if (st == STATUS_OK)
        st = kafka_group_members(v->reader.consumer, s->group, v->settings.commands_topic, ANSWER_MS,
                                 s->group_state, take_member, s, f);
    if (st == STATUS_OK)
        st = look_at_partitions(v, f);
    return st == STATUS_OK ? look_at_ages(v, f) : st;
}

static int look_and_print(struct view *v, const struct status_options *o)
{
    struct fault f = {0};
    struct buffer text = {0};
    status st = look(v, &f);
    if (st) {
        log_error("cannot look at the cluster", LOG_STR("reason", f.message));
        return reader_exit_code(st);
    }
    if (o->format == FORMAT_TABLE || (o->format == FORMAT_AUTO && isatty(STDOUT_FILENO) == 1))
        cluster_state_table(&v->state, &text);
    else
        cluster_state_json(&v->state, &text);
    bool ok = output_print(&text);
    buffer_dispose(&text);
    return ok ? 0 : EXIT_STOPPED;
}

static int run(int argc, char **argv)
{
    struct status_options o;
    struct buffer faults = {0};
    struct view *v = calloc(1, sizeof *v);

    if (options_parse(&VERB_STATUS, argc, argv, &o, &faults) == OPTIONS_HELP) {
        options_print_help(&VERB_STATUS, stdout);
        buffer_dispose(&faults);
        free(v);
        return 0;
    }
    faults.failed |= !v;
    if (v) {
        v->reader = (struct reader){.signal_fd = -1, .event_fd = -1};
        v->config = tool_settings_load(o.config, &v->settings, &faults);
    }
    int code = faults.len || faults.failed ? options_refuse(&VERB_STATUS, &faults) : look_and_print(v, &o);
    if (v) {
        reader_dispose(&v->reader);
        free(v->state.partitions);
        config_free(v->config);
        free(v);
    }
    buffer_dispose(&faults);
    return code;
}

const struct verb VERB_STATUS = {
    .name = "status",
    .summary = "Says how topics and workers stand: lag, age of the oldest command, members",
    .options = OPTIONS,
    .n_options = sizeof OPTIONS / sizeof *OPTIONS,
    .notes = "A worker commits what it has answered: while it works, its last batch still\n"
             "counts as behind. Exit: 0 printed, 2 usage or settings, 3 no broker answers,\n"
             "130 interrupted while it waits for one.\n",
    .examples = "  gold-label status\n"
                "  gold-label status --format json | jq .group.lag\n",
    .run = run,
};
