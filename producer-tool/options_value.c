#include "common/text.h"
#include "common/uuid.h"
#include "producer-tool/options.h"
#include <inttypes.h>
#include <string.h>

enum { PER_PERCENT = 10000, FRACTION_DIGITS = 4 };

static const char *parse_text(const struct verb_option *o, const char *text, void *member)
{
    (void)o;
    *(const char **)member = text;
    return *text ? NULL : "must not be empty";
}

static const char *parse_uuid(const struct verb_option *o, const char *text, void *member)
{
    (void)o;
    struct uuid id;
    *(const char **)member = text;
    return uuid_parse(slice_of(text), &id) ? NULL : "must be a UUID (36 characters with dashes)";
}

static const char *store_number(const struct verb_option *o, uint64_t number, void *member)
{
    int64_t n = (int64_t)number;
    *(int64_t *)member = n;
    return n >= o->min && n <= o->max ? NULL : "is out of bounds";
}

static const char *parse_whole(const struct verb_option *o, struct slice digits, void *member)
{
    uint64_t number = 0;
    if (!text_to_u64(digits, INT64_MAX, &number))
        return "must be a whole number";
    return store_number(o, number, member);
}

static const char *parse_integer(const struct verb_option *o, const char *text, void *member)
{
    return parse_whole(o, slice_of(text), member);
}

static const char *parse_partition(const struct verb_option *o, const char *text, void *member)
{
    if (strcmp(text, "all") != 0)
        return parse_integer(o, text, member);
    *(int64_t *)member = -1;
    return NULL;
}

static const char *parse_rate(const struct verb_option *o, const char *text, void *member)
{
    struct slice digits = slice_of(text);
    if (digits.len > 2 && strcmp(text + digits.len - 2, "/s") == 0)
        digits.len -= 2;
    return parse_whole(o, digits, member);
}

static const char *parse_duration(const struct verb_option *o, const char *text, void *member)
{
    static const struct {
        char unit;
        uint64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    struct slice digits = slice_of(text);
    uint64_t factor = 1;
    uint64_t number = 0;

    for (size_t i = 0; digits.len && i < sizeof units / sizeof *units; i++) {
        if (text[digits.len - 1] == units[i].unit) {
            factor = units[i].seconds;
            digits.len--;
            break;
        }
    }
    if (!text_to_u64(digits, INT64_MAX / factor, &number))
        return "must be a number of seconds, or a number and one of s, m, h, d";
    return store_number(o, number * factor, member);
}

/* "0.5%" as 5000 parts of a million. */
static bool parse_share(struct slice s, uint32_t *out)
{
    const char *dot = memchr(s.at, '.', s.len);
    size_t whole_len = dot ? (size_t)(dot - s.at) : s.len;
    uint64_t whole = 0;
    uint32_t parts = 0;
    uint32_t unit = PER_PERCENT;

    if (!text_to_u64(slice_make(s.at, whole_len), 100, &whole))
        return false;
    if (dot && (whole_len + 1 == s.len || s.len - whole_len - 1 > FRACTION_DIGITS))
        return false;
    for (size_t i = whole_len + 1; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9')
            return false;
        unit /= 10;
        parts += (uint32_t)(s.at[i] - '0') * unit;
    }
    *out = (uint32_t)whole * PER_PERCENT + parts;
    return *out > 0 && *out <= 100 * PER_PERCENT;
}

static const char *parse_limit(const struct verb_option *o, const char *text, void *member)
{
    (void)o;
    struct summary_limit limit = {.is_set = true};
    struct slice s = slice_of(text);
    bool ok = false;

    if (s.len > 1 && text[s.len - 1] == '%')
        ok = parse_share(slice_make(text, s.len - 1), &limit.per_million);
    else
        ok = text_to_u64(s, INT64_MAX, &limit.lines);
    *(struct summary_limit *)member = limit;
    return ok ? NULL : "must be a whole number, or a share above 0% and up to 100%, such as 0.5%";
}

static const char *parse_choice(const struct verb_option *o, const char *text, void *member)
{
    for (int i = 0; o->choices[i]; i++) {
        if (strcmp(o->choices[i], text) == 0) {
            *(int *)member = i;
            return NULL;
        }
    }
    return "is not one of the choices";
}

static const char *parse_flag(const struct verb_option *o, const char *text, void *member)
{
    (void)o;
    (void)text;
    *(bool *)member = true;
    return NULL;
}

/* Each stores the value and returns NULL, or says what is wrong with it. */
static const struct {
    const char *(*parse)(const struct verb_option *, const char *, void *);
    size_t size; /* of the member */
} KINDS[] = {
    [OPTION_TEXT] = {parse_text, sizeof(const char *)},
    [OPTION_UUID] = {parse_uuid, sizeof(const char *)},
    [OPTION_INTEGER] = {parse_integer, sizeof(int64_t)},
    [OPTION_PARTITION] = {parse_partition, sizeof(int64_t)},
    [OPTION_RATE] = {parse_rate, sizeof(int64_t)},
    [OPTION_DURATION] = {parse_duration, sizeof(int64_t)},
    [OPTION_LIMIT] = {parse_limit, sizeof(struct summary_limit)},
    [OPTION_CHOICE] = {parse_choice, sizeof(int)},
    [OPTION_FLAG] = {parse_flag, sizeof(bool)},
};

const char *option_set(const struct verb_option *o, const char *text, void *member)
{
    return KINDS[o->kind].parse(o, text, member);
}

void option_clear(const struct verb_option *o, void *member)
{
    memset(member, 0, KINDS[o->kind].size);
}

void option_add_bounds(const struct verb_option *o, struct buffer *to)
{
    if (o->kind == OPTION_INTEGER || o->kind == OPTION_RATE || o->kind == OPTION_PARTITION ||
        o->kind == OPTION_DURATION)
        buffer_printf(to, " (%" PRId64 " to %" PRId64 "%s)", o->min, o->max,
                      o->kind == OPTION_DURATION ? " seconds" : "");
    if (o->kind != OPTION_CHOICE)
        return;
    for (size_t i = 0; o->choices[i]; i++)
        buffer_printf(to, "%s%s", i ? "|" : " (", o->choices[i]);
    buffer_add_char(to, ')');
}
