#include "producer-tool/letter_dump.h"

enum { ROW = 16 };

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
