#include "common/json.h"

#include "common/clock.h"

/* What stands behind the backslash; 'u' is for \u00XX, 0 for a byte that stands for itself. */
static char escape_of(unsigned char c)
{
    static const char ESCAPES[] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r', ['"'] = '"', ['\\'] = '\\',
    };

    if (c < sizeof ESCAPES && ESCAPES[c])
        return ESCAPES[c];
    return c < 0x20 ? 'u' : 0;
}

void json_write_string(struct buffer *b, struct slice utf8)
{
    if (!utf8.at) {
        buffer_add_text(b, "null");
        return;
    }

    buffer_add_char(b, '"');
    size_t written = 0;
    for (size_t i = 0; i < utf8.len; i++) {
        unsigned char c = (unsigned char)utf8.at[i];
        char escape = escape_of(c);
        if (!escape)
            continue;
        buffer_add(b, utf8.at + written, i - written);
        written = i + 1;
        if (escape == 'u')
            buffer_printf(b, "\\u%04x", c);
        else
            buffer_add(b, (const char[]){'\\', escape}, 2);
    }
    buffer_add(b, utf8.at + written, utf8.len - written);
    buffer_add_char(b, '"');
}

void json_write_time(struct buffer *b, int64_t unix_us)
{
    char text[CLOCK_TEXT_SIZE];
    clock_format(unix_us, text);
    json_write_string(b, slice_of(text));
}

/* `before` is what leads to the value: a brace or comma, the member's name, the colon. */
static void write_text(struct buffer *b, const char *before, struct slice value)
{
    buffer_add_text(b, before);
    json_write_string(b, value);
}

static void write_as_is(struct buffer *b, const char *before, struct slice json)
{
    buffer_add_text(b, before);
    if (json.at)
        buffer_add_slice(b, json);
    else
        buffer_add_text(b, "null");
}

static struct slice flag_json(enum label_flag flag)
{
    static const char *const TEXTS[] = {
        [LABEL_FLAG_ABSENT] = "null", [LABEL_FLAG_FALSE] = "false", [LABEL_FLAG_TRUE] = "true"};
    return slice_of(TEXTS[flag]);
}

void json_write_label(struct buffer *b, const struct label_result *r)
{
    write_text(b, "{\"id\":", r->command_id_text);
    write_text(b, ",\"account_id\":", r->account_id);
    write_text(b, ",\"run_id\":", r->run_id_text);
    write_text(b, ",\"output_resource_name\":", r->output_resource_name);
    write_text(b, ",\"text_value\":", r->text_value);
    write_as_is(b, ",\"object_value\":", r->object_value);
    write_as_is(b, ",\"object_value_is_partial\":", flag_json(r->object_value_is_partial));
    write_text(b, ",\"created_by\":", r->created_by);
    buffer_add_text(b, ",\"created_at\":");
    json_write_time(b, r->created_at_us);
    write_text(b, ",\"updated_by\":", r->updated_by);
    buffer_add_text(b, ",\"updated_at\":");
    if (r->has_updated_at)
        json_write_time(b, r->updated_at_us);
    else
        buffer_add_text(b, "null");
    buffer_add_char(b, '}');
}

void json_write_error(struct buffer *b, const char *code, const char *message)
{
    write_text(b, "{\"error\":", slice_of(message));
    write_text(b, ",\"code\":", slice_of(code));
    buffer_add_char(b, '}');
}

/* Line ends inside well-formed JSON are white space between tokens only. */
static void join_lines(struct buffer *b, size_t from)
{
    for (size_t i = from; i < b->len; i++) {
        if (b->at[i] == '\n' || b->at[i] == '\r')
            b->at[i] = ' ';
    }
}

void json_write_result(struct buffer *b, const struct label_result *r)
{
    bool created = r->outcome == LABEL_CREATED;

    write_text(b, "{\"outcome\":", slice_of(created ? "CREATED" : "REJECTED"));
    write_text(b, ",\"command_id\":", r->command_id_text);
    write_text(b, ",\"run_id\":", r->run_id_text);
    if (created) {
        write_as_is(b, ",\"replayed\":", slice_of(r->replayed ? "true" : "false"));
        buffer_add_text(b, ",\"label\":");
        size_t from = b->len;
        json_write_label(b, r);
        join_lines(b, from);
    } else {
        write_text(b, ",\"code\":", slice_of(label_rejection_text(r->code)));
        write_text(b, ",\"message\":", r->message);
    }
    buffer_add_char(b, '}');
}
