#include "producer-tool/letter.h"

#include "common/json.h"
#include "common/text.h"
#include "producer-tool/result_print.h"
#include <inttypes.h>
#include <strings.h>

enum { PLACE = 12, TIME = 20, CODE = 16, BYTES = 8, REPLAYS = 7, REASON = 60 };

struct letter letter_of(const struct kafka_message *m)
{
    struct letter l = {
        .record = kafka_view(m),
        .topic = kafka_header_find(m, "dlq-topic"),
        .partition = kafka_header_find(m, "dlq-partition"),
        .offset = kafka_header_find(m, "dlq-offset"),
        .code = kafka_header_find(m, "dlq-code"),
        .reason = kafka_header_find(m, "dlq-message"),
        .time = kafka_header_find(m, "dlq-time"),
    };
    struct slice replays = kafka_header_find(m, LETTER_REPLAYS);
    /* A count that cannot be read must not start from the beginning. */
    if (replays.at && !text_to_u64(replays, UINT32_MAX, &l.replays))
        l.replays = UINT32_MAX;
    return l;
}

bool letter_owns_header(const char *name)
{
    return strncasecmp(name, "dlq-", 4) == 0 || strcasecmp(name, "authorization") == 0;
}

bool letter_has_value(const struct letter *l)
{
    return l->record.value.at || slice_is(l->code, "null_value");
}

/* Headers and keys are anybody's bytes. */
static void add_text(struct buffer *to, const char *name, struct slice value)
{
    buffer_printf(to, ",\"%s\":", name);
    json_write_string(to, value.at && text_is_utf8(value) ? value : SLICE_NONE);
}

void letter_print_json(struct buffer *to, const struct letter *l)
{
    buffer_printf(to, "{\"partition\":%d,\"offset\":%lld", l->record.partition, (long long)l->record.offset);
    add_text(to, "time", l->time);
    add_text(to, "code", l->code);
    add_text(to, "message", l->reason);
    add_text(to, "topic", l->topic);
    add_text(to, "command_partition", l->partition);
    add_text(to, "command_offset", l->offset);
    add_text(to, "key", l->record.key);
    buffer_printf(to, ",\"bytes\":%zu,\"replays\":%" PRIu64 "}\n", l->record.value.len, l->replays);
}

void letter_print_head(struct buffer *to)
{
    table_add_cell(to, slice_of("place"), PLACE);
    table_add_cell(to, slice_of("time"), TIME);
    table_add_cell(to, slice_of("code"), CODE);
    table_add_cell(to, slice_of("bytes"), BYTES);
    table_add_cell(to, slice_of("replays"), REPLAYS);
    buffer_add_text(to, "reason\n");
}

void letter_print_row(struct buffer *to, const struct letter *l)
{
    char text[48];
    snprintf(text, sizeof text, "%d:%lld", l->record.partition, (long long)l->record.offset);
    table_add_cell(to, slice_of(text), PLACE);
    table_add_cell(to, slice_make(l->time.at, l->time.len < TIME - 1 ? l->time.len : TIME - 1), TIME);
    table_add_cell(to, l->code, CODE);
    snprintf(text, sizeof text, "%zu", l->record.value.len);
    table_add_cell(to, slice_of(text), BYTES);
    snprintf(text, sizeof text, "%" PRIu64, l->replays);
    table_add_cell(to, slice_of(text), REPLAYS);
    table_add_cell(to, l->reason, REASON);
    while (to->len > 0 && to->at[to->len - 1] == ' ')
        to->len--;
    buffer_add_char(to, '\n');
}
