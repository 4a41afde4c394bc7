#include "common/avro_show.h"

#include "common/avro_frame.h"
#include "common/avro_schema.h"
#include "common/json.h"
#include "common/text.h"
#include <inttypes.h>
#include <string.h>

enum { SHOWN = 200 /* bytes of a text */, PATH_MAX_LEN = 128 };

struct show {
    struct slice bytes;
    size_t at;
    size_t field_at;   /* where the field that is being read began */
    const char *wrong; /* why it cannot go on; NULL: it can */
    struct buffer *to;
};

static int64_t read_varint(struct show *s)
{
    uint64_t zigzag = 0;
    for (unsigned i = 0; i < AVRO_WALK_VARINT_MAX && s->at < s->bytes.len; i++) {
        const uint8_t byte = (uint8_t)s->bytes.at[s->at++];
        zigzag |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80)
            return (int64_t)(zigzag >> 1) ^ -(int64_t)(zigzag & 1);
    }
    s->wrong = s->at == s->bytes.len ? "the bytes end within a number" : "a number of more than 64 bits";
    return 0;
}

static void add_text(struct buffer *to, struct slice text)
{
    if (!text_is_utf8(text)) {
        buffer_printf(to, "(%zu bytes that are not UTF-8)", text.len);
        return;
    }
    const struct slice shown = text_prefix(text, SHOWN);
    json_write_string(to, shown);
    if (shown.len < text.len)
        buffer_printf(to, " … of %zu bytes", text.len);
}

static void show_text(struct show *s)
{
    const int64_t length = read_varint(s);
    const size_t left = s->bytes.len - s->at;
    if (s->wrong)
        return;
    if (length < 0) {
        s->wrong = "a negative length";
        return;
    }
    const size_t there = (uint64_t)length < left ? (size_t)length : left;
    add_text(s->to, slice_make(s->bytes.at + s->at, there));
    s->at += there;
    if ((uint64_t)length > there)
        s->wrong = "the bytes end within a text";
}

static void show_boolean(struct show *s)
{
    if (s->at == s->bytes.len) {
        s->wrong = "the bytes end before a boolean";
        return;
    }
    const char byte = s->bytes.at[s->at++];
    buffer_add_text(s->to, byte == 0 ? "false" : byte == 1 ? "true" : "(neither true nor false)");
}

static void show_number(struct show *s)
{
    const int64_t number = read_varint(s);
    if (!s->wrong)
        buffer_printf(s->to, "%" PRId64, number);
}

static void show_symbol(struct show *s, avro_schema_t type)
{
    const int64_t index = read_varint(s);
    if (s->wrong)
        return;
    if (index < 0 || index >= avro_schema_enum_number_of_symbols(type))
        s->wrong = "an enum has no such symbol";
    else
        buffer_add_text(s->to, avro_schema_enum_get(type, (int)index));
}

static void show_record(struct show *s, avro_schema_t record, const char *path);

/* The branch that is there, or `s->wrong`. */
static avro_schema_t read_branch(struct show *s, avro_schema_t type)
{
    const int64_t branch = read_varint(s);
    if (!s->wrong && (branch < 0 || branch >= (int64_t)avro_schema_union_size(type)))
        s->wrong = "a union has no such branch";
    return s->wrong ? NULL : avro_schema_union_branch(type, (int)branch);
}

static void show_scalar(struct show *s, avro_schema_t type)
{
    switch (avro_typeof(type)) {
    case AVRO_STRING:
        show_text(s);
        break;
    case AVRO_BOOLEAN:
        show_boolean(s);
        break;
    case AVRO_INT32:
    case AVRO_INT64:
        show_number(s);
        break;
    case AVRO_ENUM:
        show_symbol(s, type);
        break;
    case AVRO_NULL:
        buffer_add_text(s->to, "null");
        break;
    default: /* embed.py lets no other type through */
        s->wrong = "a type that is not supported";
    }
}

/* The recursion is as deep as the schema: a built-in one, without recursive types. */
static void show_field(struct show *s, avro_schema_t type, const char *path)
{
    s->field_at = s->at;
    if (is_avro_union(type))
        type = read_branch(s, type);
    if (s->wrong)
        return;
    if (is_avro_record(type)) {
        show_record(s, type, path);
        return;
    }
    buffer_printf(s->to, "  %s: ", path);
    show_scalar(s, type);
    buffer_add_char(s->to, '\n');
}

static void show_record(struct show *s, avro_schema_t record, const char *path)
{
    const int n = (int)avro_schema_record_size(record);
    for (int i = 0; i < n && !s->wrong; i++) {
        char inner[PATH_MAX_LEN];
        snprintf(inner, sizeof inner, "%s%s%s", path, *path ? "." : "",
                 avro_schema_record_field_name(record, i));
        show_field(s, avro_schema_record_field_get_by_index(record, i), inner);
    }
}

/* ---- the writer's schema ---- */

static const struct avro_builtin *builtin_of(const struct avro_frame *frame, bool *known)
{
    size_t n;
    const struct avro_builtin *all = avro_builtins(&n);
    const struct avro_builtin *in_force = NULL;
    *known = true;
    for (size_t i = 0; i < n; i++) {
        if (frame->kind == AVRO_FRAME_SINGLE_OBJECT && all[i].fingerprint == frame->number)
            return &all[i];
        if (all[i].newest && strcmp(all[i].name, AVRO_COMMAND.name) == 0)
            in_force = &all[i];
    }
    *known = false;
    return in_force;
}

static void show_frame(const struct avro_frame *frame, const char *file, bool known, struct buffer *to)
{
    if (frame->kind == AVRO_FRAME_CONFLUENT)
        buffer_printf(to, "  frame: Confluent, schema id %" PRIu64 ", read as %s\n", frame->number, file);
    else
        buffer_printf(to, "  frame: single-object, schema fingerprint %016" PRIx64 ", %s%s\n", frame->number,
                      known ? "" : "unknown: read as ", file);
}

void avro_show(struct slice value, struct buffer *to)
{
    const struct avro_frame frame = avro_frame_read(value);
    if (!value.at || frame.kind == AVRO_FRAME_NONE) {
        buffer_add_text(to, value.at ? "  frame: none that is known\n" : "  null\n");
        return;
    }
    bool known;
    const struct avro_builtin *builtin = builtin_of(&frame, &known);
    avro_schema_t schema = NULL;
    if (avro_schema_from_json_length(builtin->json, strlen(builtin->json), &schema) != 0) {
        to->failed = true;
        return;
    }
    struct show s = {.bytes = value, .at = frame.len, .to = to};
    show_frame(&frame, builtin->file, known, to);
    show_record(&s, schema, "");
    avro_schema_decref(schema);

    if (s.wrong)
        buffer_printf(to, "  breaks off at byte %zu: %s\n", s.field_at, s.wrong);
    else if (s.at < value.len)
        buffer_printf(to, "  the record ends at byte %zu, and %zu bytes follow\n", s.at, value.len - s.at);
}
