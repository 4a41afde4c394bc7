#include "producer-tool/result_print.h"

#include "common/clock.h"
#include "common/text.h"

enum { OUTCOME = 9, PLACE = 12, NAME = 24, TEXT = 48 };

static size_t prefix_of_characters(struct slice utf8, size_t characters)
{
    size_t at = 0;
    size_t n = 0;
    while (at < utf8.len) {
        bool begins = ((unsigned char)utf8.at[at] & 0xC0) != 0x80;
        if (begins && n++ == characters)
            break;
        at++;
    }
    return at;
}

void table_add_cell(struct buffer *to, struct slice text, size_t columns)
{
    if (!text_is_utf8(text))
        text = slice_of("(not UTF-8)");
    bool is_long = text_characters(text) > columns;
    size_t len = is_long ? prefix_of_characters(text, columns - 1) : text.len;
    struct slice shown = slice_make(text.at ? text.at : "", len);

    bool is_harmless = !text_has_control(shown);
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)shown.at[i];
        buffer_add(to, is_harmless || (byte >= ' ' && byte < 0x7f) ? &shown.at[i] : "?", 1);
    }
    size_t width = is_long ? columns : text_characters(shown);
    if (is_long)
        buffer_add_text(to, "…");
    for (; width < columns + 2; width++)
        buffer_add_char(to, ' ');
}

void result_print_head(struct buffer *to)
{
    table_add_cell(to, slice_of("place"), PLACE);
    table_add_cell(to, slice_of("outcome"), OUTCOME);
    table_add_cell(to, slice_of("id"), UUID_TEXT_LEN);
    table_add_cell(to, slice_of("name or code"), NAME);
    buffer_add_text(to, "value or message\n");
}

void result_print_row(struct buffer *to, const struct label_result *r, const struct kafka_record *record)
{
    char place[40];
    bool created = r->outcome == LABEL_CREATED;
    struct slice value = r->text_value.at ? r->text_value : r->object_value;

    snprintf(place, sizeof place, "%d:%lld", record->partition, (long long)record->offset);
    table_add_cell(to, slice_of(place), PLACE);
    table_add_cell(to, slice_of(!created ? "rejected" : r->replayed ? "replayed" : "stored"), OUTCOME);
    table_add_cell(to, r->command_id_text, UUID_TEXT_LEN);
    table_add_cell(to, created ? r->output_resource_name : slice_of(label_rejection_text(r->code)), NAME);
    table_add_cell(to, created ? value : r->message, TEXT);
    while (to->len > 0 && to->at[to->len - 1] == ' ')
        to->len--;
    buffer_add_char(to, '\n');
}
