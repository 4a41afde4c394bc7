#include "producer-tool/letter_decode.h"

#include "common/json.h"
#include "common/text.h"
#include <stdint.h>

enum {
    SINGLE_OBJECT_LEN = 10, /* C3 01 and the fingerprint */
    REGISTRY_LEN = 5,       /* 00 and the schema id */
    VARINT_MAX = 10,
    SHOWN = 200, /* bytes of a text */
    ROW = 16,
};

/* The fields of schemas/avro/create-gold-label.avsc, in order. */
static const struct {
    const char *name;
    bool optional; /* a union with null as its first branch */
    bool boolean;  /* text otherwise */
} FIELDS[] = {
    {"command_id", false, false}, {"run_id", false, false},      {"output_resource_name", false, false},
    {"text_value", true, false},  {"object_value", true, false}, {"object_value_is_partial", true, true},
    {"account_id", true, false},  {"created_by", true, false},
};

struct cursor {
    struct slice bytes;
    size_t at;
    const char *wrong; /* why it cannot go on; NULL: it can */
};

static int64_t read_varint(struct cursor *c)
{
    uint64_t zigzag = 0;
    for (unsigned i = 0; i < VARINT_MAX && c->at < c->bytes.len; i++) {
        unsigned char byte = (unsigned char)c->bytes.at[c->at++];
        zigzag |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80)
            return (int64_t)(zigzag >> 1) ^ -(int64_t)(zigzag & 1);
    }
    c->wrong = c->at == c->bytes.len ? "the bytes end within a number" : "a number of more than 64 bits";
    return 0;
}

static void add_shown(struct buffer *to, struct slice text)
{
    if (!text_is_utf8(text)) {
        buffer_printf(to, "(%zu bytes that are not UTF-8)", text.len);
        return;
    }
    struct slice shown = text_prefix(text, SHOWN);
    json_write_string(to, shown);
    if (shown.len < text.len)
        buffer_printf(to, " … of %zu bytes", text.len);
}

static void read_text(struct cursor *c, struct buffer *to)
{
    int64_t length = read_varint(c);
    size_t left = c->bytes.len - c->at;
    if (c->wrong)
        return;
    if (length < 0) {
        c->wrong = "a negative length";
        return;
    }
    size_t there = (uint64_t)length < left ? (size_t)length : left;
    add_shown(to, slice_make(c->bytes.at + c->at, there));
    c->at += there;
    if ((uint64_t)length > there)
        c->wrong = "the bytes end within a text";
}

static void read_boolean(struct cursor *c, struct buffer *to)
{
    if (c->at == c->bytes.len) {
        c->wrong = "the bytes end before a boolean";
        return;
    }
    char byte = c->bytes.at[c->at++];
    buffer_add_text(to, byte == 0 ? "false" : byte == 1 ? "true" : "(neither true nor false)");
}

static void read_field(struct cursor *c, size_t i, struct buffer *to)
{
    int64_t branch = FIELDS[i].optional ? read_varint(c) : 1;
    if (!c->wrong && (branch < 0 || branch > 1))
        c->wrong = "a union has no such branch";
    if (c->wrong)
        return;
    buffer_printf(to, "  %s: ", FIELDS[i].name);
    if (branch == 0)
        buffer_add_text(to, "null");
    else if (FIELDS[i].boolean)
        read_boolean(c, to);
    else
        read_text(c, to);
    buffer_add_char(to, '\n');
}

/* Says what the frame is and returns its length; 0 where it is none. */
static size_t read_frame(struct slice value, struct buffer *to)
{
    if (value.len >= SINGLE_OBJECT_LEN && memcmp(value.at, "\xc3\x01", 2) == 0) {
        buffer_add_text(to, "  frame: single-object, schema fingerprint ");
        for (int i = SINGLE_OBJECT_LEN - 1; i >= 2; i--)
            buffer_printf(to, "%02x", (unsigned char)value.at[i]);
        buffer_add_char(to, '\n');
        return SINGLE_OBJECT_LEN;
    }
    if (value.len >= REGISTRY_LEN && value.at[0] == '\0') {
        const unsigned char *id = (const unsigned char *)value.at + 1;
        buffer_printf(to, "  frame: Confluent, schema id %u\n",
                      (unsigned)id[0] << 24 | (unsigned)id[1] << 16 | (unsigned)id[2] << 8 | id[3]);
        return REGISTRY_LEN;
    }
    buffer_add_text(to, "  frame: none that is known\n");
    return 0;
}

void letter_decode(struct slice value, struct buffer *to)
{
    struct cursor c = {.bytes = value};
    if (!value.at) {
        buffer_add_text(to, "  null\n");
        return;
    }
    c.at = read_frame(value, to);
    if (c.at == 0)
        return;
    size_t field_at = c.at;
    for (size_t i = 0; i < sizeof FIELDS / sizeof *FIELDS && !c.wrong; i++) {
        field_at = c.at;
        read_field(&c, i, to);
    }
    if (c.wrong)
        buffer_printf(to, "  breaks off at byte %zu: %s\n", field_at, c.wrong);
    else if (c.at < value.len)
        buffer_printf(to, "  the record ends at byte %zu, and %zu bytes follow\n", c.at, value.len - c.at);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void add_row(struct slice row, struct buffer *to)
{
    for (size_t i = 0; i < row.len; i++)
        buffer_printf(to, " %02x", (unsigned char)row.at[i]);
    buffer_printf(to, "%*s  ", (int)(3 * (ROW - row.len)), "");
    for (size_t i = 0; i < row.len; i++) {
        bool is_plain = row.at[i] >= ' ' && row.at[i] <= '~';
        buffer_add(to, is_plain ? &row.at[i] : ".", 1);
    }
    buffer_add_char(to, '\n');
}

void letter_dump(struct slice value, size_t max, struct buffer *to)
{
    size_t shown = least(value.len, max);
    for (size_t at = 0; at < shown; at += ROW) {
        buffer_printf(to, "  %06zx ", at);
        add_row(slice_make(value.at + at, least(shown - at, ROW)), to);
    }
    if (value.len > max)
        buffer_printf(to, "  … %zu more bytes\n", value.len - max);
}
