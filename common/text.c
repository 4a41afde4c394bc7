#include "common/text.h"

#define HIGH_BITS 0x8080808080808080U

static uint64_t eight_bytes(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static bool is_tail(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

/* Bytes of the character that starts with `first`; 0 when no character does. */
static size_t length_by_first(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first < 0xC2 || first > 0xF4)
        return 0;
    return first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

/* The range of the second byte is what keeps out overlong forms, surrogates and what lies above U+10FFFF. */
static bool second_fits(unsigned char first, unsigned char second)
{
    switch (first) {
    case 0xE0:
        return second >= 0xA0;
    case 0xED:
        return second < 0xA0;
    case 0xF0:
        return second >= 0x90;
    case 0xF4:
        return second < 0x90;
    default:
        return true;
    }
}

/* Bytes of the well-formed character at the start of `s`, which is not empty; 0 when there is none. */
static size_t character_length(struct slice s)
{
    size_t length = length_by_first((unsigned char)s.at[0]);
    if (length <= 1)
        return length;
    if (length > s.len || !second_fits((unsigned char)s.at[0], (unsigned char)s.at[1]))
        return 0;
    for (size_t i = 1; i < length; i++) {
        if (!is_tail(s.at[i]))
            return 0;
    }
    return length;
}

/* Takes one character of valid UTF-8 off the front. */
static uint32_t take_character(struct slice *utf8)
{
    static const unsigned char VALUE_BITS[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    size_t length = character_length(*utf8);
    if (length == 0) /* not valid after all: go on behind it */
        length = 1;
    uint32_t c = (unsigned char)utf8->at[0] & VALUE_BITS[length];
    for (size_t i = 1; i < length; i++)
        c = c << 6 | ((unsigned char)utf8->at[i] & 0x3F);
    utf8->at += length;
    utf8->len -= length;
    return c;
}

/* Most text is ASCII: bytes at the start of `s` that are, in steps of eight, as far as that is seen quickly. */
static size_t ascii_prefix(struct slice s)
{
    size_t len = 0;
    while (s.len - len >= 32 && ((eight_bytes(s.at + len) | eight_bytes(s.at + len + 8) |
                                  eight_bytes(s.at + len + 16) | eight_bytes(s.at + len + 24)) &
                                 HIGH_BITS) == 0)
        len += 32;
    while (s.len - len >= 8 && (eight_bytes(s.at + len) & HIGH_BITS) == 0)
        len += 8;
    return len;
}

size_t text_utf8_prefix(struct slice s)
{
    size_t prefix = 0;

    while (s.len > 0) {
        size_t length = ascii_prefix(s);
        if (length == 0)
            length = character_length(s);
        if (length == 0)
            break;
        s.at += length;
        s.len -= length;
        prefix += length;
    }
    return prefix;
}

static uint64_t four_bytes(const char *at)
{
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* The end of a text is looked at in one word that may overlap what was looked at before. */
static bool is_ascii(struct slice s)
{
    if (s.len >= 8) {
        size_t len = ascii_prefix(s);
        return s.len - len < 8 && (eight_bytes(s.at + s.len - 8) & HIGH_BITS) == 0;
    }
    if (s.len >= 4)
        return ((four_bytes(s.at) | four_bytes(s.at + s.len - 4)) & HIGH_BITS) == 0;
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.at[i] >= 0x80)
            return false;
    }
    return true;
}

bool text_is_utf8(struct slice s)
{
    return is_ascii(s) || text_utf8_prefix(s) == s.len;
}

bool text_is_topic_name(struct slice s)
{
    static const char legal[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

    if (s.len < 1 || s.len > TEXT_TOPIC_NAME_MAX || slice_is(s, ".") || slice_is(s, ".."))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (!memchr(legal, s.at[i], sizeof legal - 1))
            return false;
    }
    return true;
}

static bool is_port(struct slice s)
{
    uint64_t port;
    while (s.len > 0 && s.at[s.len - 1] == ' ')
        s.len--;
    return text_to_u64(s, UINT16_MAX, &port) && port > 0;
}

static bool is_protocol(struct slice s)
{
    static const char *const KNOWN[] = {"plaintext", "ssl", "sasl_plaintext", "sasl_ssl"};
    for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++) {
        if (text_equal_nocase(s, KNOWN[i]))
            return true;
    }
    return false;
}

static bool is_broker(struct slice s)
{
    const char *end = s.at + s.len;
    const char *mark = memmem(s.at, s.len, "://", 3);
    if (mark) {
        if (!is_protocol(slice_make(s.at, (size_t)(mark - s.at))))
            return false;
        s = slice_make(mark + 3, (size_t)(end - (mark + 3)));
        const char *path = memchr(s.at, '/', s.len);
        end = path ? path : end;
        s.len = (size_t)(end - s.at);
    }

    /* More than one colon is an IPv6 address: with a port it stands in brackets. */
    const char *colon = memrchr(s.at, ':', s.len);
    if (colon && (memchr(s.at, ':', s.len) == colon || (colon > s.at && colon[-1] == ']'))) {
        if (!is_port(slice_make(colon + 1, (size_t)(end - (colon + 1)))))
            return false;
        s.len = (size_t)(colon - s.at);
    }
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.at[i] <= ' ' || s.at[i] == ';')
            return false;
    }
    return true;
}

bool text_is_broker_list(struct slice s)
{
    const char *end = s.at + s.len;
    size_t n = 0;

    for (const char *at = s.at; at < end;) {
        if (*at == ',' || *at == ' ') {
            at++;
            continue;
        }
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma ? comma : end;
        if (!is_broker(slice_make(at, (size_t)(stop - at))))
            return false;
        n++;
        at = stop;
    }
    return n > 0;
}

size_t text_characters(struct slice utf8)
{
    size_t tails = 0;
    size_t i = 0;

    for (; utf8.len - i >= 8; i += 8) {
        uint64_t word = eight_bytes(utf8.at + i);
        tails += (size_t)__builtin_popcountll(word & (~word << 1) & HIGH_BITS);
    }
    for (; i < utf8.len; i++)
        tails += is_tail(utf8.at[i]);
    return utf8.len - tails;
}

static bool is_white_space(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } RANGES[] = {
        {0x0009, 0x000D}, {0x0020, 0x0020}, {0x0085, 0x0085}, {0x00A0, 0x00A0}, {0x1680, 0x1680},
        {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000},
    };

    for (size_t i = 0; i < sizeof RANGES / sizeof RANGES[0] && c >= RANGES[i].first; i++) {
        if (c <= RANGES[i].last)
            return true;
    }
    return false;
}

bool text_is_blank(struct slice utf8)
{
    while (utf8.len > 0) {
        if (!is_white_space(take_character(&utf8)))
            return false;
    }
    return true;
}

bool text_has_control(struct slice utf8)
{
    while (utf8.len > 0) {
        uint32_t c = take_character(&utf8);
        if (c < 0x20 || (c >= 0x7F && c < 0xA0))
            return true;
    }
    return false;
}

static unsigned lower(char c)
{
    unsigned byte = (unsigned char)c;
    return byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte;
}

bool text_equal_nocase(struct slice a, const char *b)
{
    if (a.at == NULL || a.len != strlen(b))
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.at[i]) != lower(b[i]))
            return false;
    }
    return true;
}

struct slice text_prefix(struct slice utf8, size_t max)
{
    size_t len = utf8.len < max ? utf8.len : max;

    /* What is there of a character that is not whole is at most three bytes. Looked for also where nothing is cut here: it
     * mends a text that somebody else has cut. */
    size_t start = len;
    while (start > 0 && len - start < 3) {
        start--;
        if (!is_tail(utf8.at[start]))
            break;
    }
    if (start < len && length_by_first((unsigned char)utf8.at[start]) > len - start)
        len = start;
    return (struct slice){utf8.at, len};
}

bool text_to_u64(struct slice s, uint64_t max, uint64_t *out)
{
    if (s.len == 0 || (s.len > 1 && s.at[0] == '0'))
        return false;

    uint64_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(s.at[i] - '0');
        if (digit > max || n > (max - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    *out = n;
    return true;
}

size_t text_of_u64(uint64_t n, char *out)
{
    char digits[TEXT_U64_MAX];
    size_t len = 0;

    do {
        digits[len++] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    for (size_t i = 0; i < len; i++)
        out[i] = digits[len - 1 - i];
    return len;
}

uint32_t text_hash(const char *text)
{
    uint32_t hash = 2166136261U;

    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 16777619U;
    return hash;
}
