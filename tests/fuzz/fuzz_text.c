/* Any bytes as a text: UTF-8 against iconv, a whole against its parts, numbers and UUIDs against their written form. */
#include "common/text.h"
#include "common/uuid.h"

#include <iconv.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

/* The number of characters according to the C library; -1 when it finds something that is not UTF-8. */
static long characters_by_iconv(struct slice s)
{
    iconv_t to_utf32 = iconv_open("UTF-32LE", "UTF-8");
    require(to_utf32 != (iconv_t)-1);

    size_t room = 4 * s.len + 4;
    char *out = malloc(room);
    require(out != NULL);
    char *in_at = (char *)(uintptr_t)s.at;
    char *out_at = out;
    size_t in_left = s.len;
    size_t out_left = room;
    bool good = iconv(to_utf32, &in_at, &in_left, &out_at, &out_left) != (size_t)-1 && in_left == 0;

    iconv_close(to_utf32);
    free(out);
    return good ? (long)((room - out_left) / 4) : -1;
}

/* What is said of a whole follows from what is said of its two parts. */
static void check_parts(struct slice s, size_t at_most)
{
    struct slice head = text_prefix(s, at_most);
    struct slice tail = {s.at + head.len, s.len - head.len};

    require(head.len <= at_most && at_most - head.len < 4);
    require(text_is_utf8(head) && text_is_utf8(tail));
    require(text_characters(s) == text_characters(head) + text_characters(tail));
    require(text_is_blank(s) == (text_is_blank(head) && text_is_blank(tail)));
    require(text_has_control(s) == (text_has_control(head) || text_has_control(tail)));
}

static void check_number(struct slice s)
{
    uint64_t value;
    if (!text_to_u64(s, 1000000, &value))
        return;
    char text[16];
    int len = snprintf(text, sizeof text, "%ju", (uintmax_t)value);
    require(value <= 1000000 && slice_equal(s, slice_make(text, (size_t)len)));
}

static void check_uuid(struct slice s)
{
    struct uuid id;
    if (!uuid_parse(s, &id))
        return;
    char text[UUID_TEXT_LEN + 1];
    uuid_format(&id, text);
    require(text_equal_nocase(s, text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { SPLITS_MAX = 64 };
    struct slice s = slice_make(data, size);
    long characters = characters_by_iconv(s);

    require(text_is_utf8(s) == (characters >= 0));
    if (characters >= 0) {
        require(text_characters(s) == (size_t)characters);
        require(text_prefix(s, s.len).len == s.len);
        for (size_t at = 0; at <= s.len && at < SPLITS_MAX; at++)
            check_parts(s, at);
    }
    check_number(s);
    check_uuid(s);
    return 0;
}
