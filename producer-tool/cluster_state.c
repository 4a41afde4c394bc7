#include "producer-tool/cluster_state.h"

#include "common/json.h"
#include "producer-tool/result_print.h"
#include <inttypes.h>
#include <stdio.h>

enum { NAME = 28, NUMBER = 12 };

void cluster_state_sum(struct cluster_state *s)
{
    s->lag = 0;
    s->oldest_ms = -1;
    for (size_t i = 0; i < s->n_partitions; i++) {
        struct state_partition *p = &s->partitions[i];
        int64_t done = p->committed > p->range.low ? p->committed : p->range.low;
        /* Nobody commits the offsets of what ends a transaction, was aborted with one or compacted away. */
        if (p->first > done)
            done = p->first;
        p->lag = p->range.high > done ? p->range.high - done : 0;
        s->lag += p->lag;
        if (p->lag == 0)
            p->age_ms = -1;
        if (p->age_ms > s->oldest_ms)
            s->oldest_ms = p->age_ms;
    }
}

static size_t members_kept(const struct cluster_state *s)
{
    return s->n_members < STATE_MEMBERS_MAX ? s->n_members : STATE_MEMBERS_MAX;
}

/* null where it is not known. */
static void add_seconds(struct buffer *to, int64_t ms)
{
    if (ms < 0)
        buffer_add_text(to, "null");
    else
        buffer_printf(to, "%.3f", (double)ms / 1000);
}

void cluster_state_json(const struct cluster_state *s, struct buffer *to)
{
    buffer_add_text(to, "{\"topics\":[");
    for (size_t i = 0; i < STATE_TOPICS; i++) {
        buffer_add_text(to, i ? ",{\"name\":" : "{\"name\":");
        json_write_string(to, slice_of(s->topics[i].name));
        buffer_printf(to, ",\"partitions\":%d,\"messages\":%" PRId64 "}", s->topics[i].partitions,
                      s->topics[i].messages);
    }
    buffer_add_text(to, "],\"group\":{\"name\":");
    json_write_string(to, slice_of(s->group));
    buffer_printf(to, ",\"state\":\"%s\",\"lag\":%" PRId64 ",\"oldest_seconds\":", s->group_state, s->lag);
    add_seconds(to, s->oldest_ms);
    buffer_add_text(to, ",\"partitions\":[");
    for (size_t i = 0; i < s->n_partitions; i++) {
        const struct state_partition *p = &s->partitions[i];
        buffer_printf(to, "%s{\"partition\":%zu,\"begin\":%" PRId64 ",\"end\":%" PRId64 ",\"committed\":",
                      i ? "," : "", i, p->range.low, p->range.high);
        if (p->committed < 0)
            buffer_add_text(to, "null");
        else
            buffer_printf(to, "%" PRId64, p->committed);
        buffer_printf(to, ",\"lag\":%" PRId64 ",\"oldest_seconds\":", p->lag);
        add_seconds(to, p->age_ms);
        buffer_add_char(to, '}');
    }
    buffer_add_text(to, "],\"members\":[");
    for (size_t i = 0; i < members_kept(s); i++) {
        buffer_add_text(to, i ? ",{\"client_id\":" : "{\"client_id\":");
        json_write_string(to, slice_of(s->members[i].client_id));
        buffer_add_text(to, ",\"host\":");
        json_write_string(to, slice_of(s->members[i].host));
        buffer_printf(to, ",\"partitions\":%zu}", s->members[i].partitions);
    }
    buffer_add_text(to, "]}}\n");
}

static void add_number(struct buffer *to, int64_t n)
{
    char text[24] = "-";
    if (n >= 0)
        snprintf(text, sizeof text, "%" PRId64, n);
    table_add_cell(to, slice_of(text), NUMBER);
}

static void add_age(struct buffer *to, int64_t ms)
{
    if (ms < 0)
        buffer_add_text(to, "-\n");
    else
        buffer_printf(to, "%.1f s\n", (double)ms / 1000);
}

void cluster_state_table(const struct cluster_state *s, struct buffer *to)
{
    table_add_cell(to, slice_of("topic"), NAME);
    table_add_cell(to, slice_of("partitions"), NUMBER);
    buffer_add_text(to, "messages\n");
    for (size_t i = 0; i < STATE_TOPICS; i++) {
        table_add_cell(to, slice_of(s->topics[i].name), NAME);
        add_number(to, s->topics[i].partitions);
        if (s->topics[i].partitions)
            buffer_printf(to, "%" PRId64 "\n", s->topics[i].messages);
        else
            buffer_add_text(to, "there is no such topic\n");
    }
    buffer_printf(to, "\ngroup %s: %s, %zu member%s, %" PRId64 " command%s behind, the oldest for ", s->group,
                  s->group_state, s->n_members, s->n_members == 1 ? "" : "s", s->lag, s->lag == 1 ? "" : "s");
    add_age(to, s->oldest_ms);
    static const char *const HEADS[] = {"  partition", "committed", "end", "lag"};
    for (size_t i = 0; i < sizeof HEADS / sizeof *HEADS; i++)
        table_add_cell(to, slice_of(HEADS[i]), NUMBER);
    buffer_add_text(to, "oldest\n");
    for (size_t i = 0; i < s->n_partitions; i++) {
        const struct state_partition *p = &s->partitions[i];
        char number[24];
        snprintf(number, sizeof number, "  %zu", i);
        table_add_cell(to, slice_of(number), NUMBER);
        add_number(to, p->committed);
        add_number(to, p->range.high);
        add_number(to, p->lag);
        add_age(to, p->age_ms);
    }
    for (size_t i = 0; i < members_kept(s); i++)
        buffer_printf(to, "%s  %s %s  %zu partition%s\n", i ? "" : "members\n", s->members[i].client_id,
                      s->members[i].host, s->members[i].partitions, s->members[i].partitions == 1 ? "" : "s");
}
