#include "producer-tool/lint.h"

#include "common/text.h"
#include <stdlib.h>
#include <string.h>

enum { MAX_MEMBERS = 64 }; /* looked at: a line of this form has seven */

static const char *const MEMBERS[] = {
    "output_resource_name", "text_value", "object_value", "object_value_is_partial", "run_id", "id", "key",
};
enum { N_MEMBERS = sizeof MEMBERS / sizeof *MEMBERS };

/* A broken rule -> the member it is about. What is not here either says its byte, or begins with the member's name. */
static const struct {
    const char *code;
    const char *member;
} RULES[] = {
    {"invalid_command_id", "id"},        {"id_and_key", "key"},
    {"account_required", "key"},         {"value_required", NULL},
    {"value_ambiguous", "object_value"}, {"unknown_member", NULL},
};

/* ---- characters ---- */

static size_t column_of(struct slice line, size_t byte)
{
    struct slice before = slice_make(line.at, byte < line.len ? byte : line.len);
    size_t good = text_utf8_prefix(before);
    return text_characters(slice_make(before.at, good)) + (before.len - good) + 1;
}

/* ---- members ---- */

struct member_at {
    struct slice name; /* as written, without its quotes */
    size_t name_at;
    size_t value_at;
};

/* The outermost members of a text that is JSON; of one that is not, those before it breaks off. `end` is behind the text: what
 * else the line has belongs to no member. */
static size_t find_members(struct slice line, struct member_at *out, size_t *end)
{
    size_t n = 0;
    size_t depth = 0;
    bool wants_value = false;

    *end = line.len;
    for (size_t i = 0; i < line.len; i++) {
        char c = line.at[i];
        if (strchr(" \t\r,", c) && c)
            continue;
        if (c == ':') {
            wants_value = depth == 1 && n > 0;
            continue;
        }
        size_t begin = i;
        bool is_string = c == '"';
        if (is_string) {
            for (i++; i < line.len && line.at[i] != '"'; i++)
                i += line.at[i] == '\\';
        }
        if (depth == 1 && wants_value) {
            out[n - 1].value_at = begin;
            wants_value = false;
        } else if (depth == 1 && is_string && n < MAX_MEMBERS && i < line.len) {
            out[n++] = (struct member_at){slice_make(line.at + begin + 1, i - begin - 1), begin, begin};
        }
        depth += c == '{' || c == '[';
        if ((c == '}' || c == ']') && depth > 0 && --depth == 0) {
            *end = i + 1;
            break;
        }
    }
    return n;
}

static const char *known_member(struct slice name)
{
    for (size_t i = 0; i < N_MEMBERS; i++) {
        if (slice_is(name, MEMBERS[i]))
            return MEMBERS[i];
    }
    return NULL;
}

/* ---- what the fault says ---- */

/* The member whose name the message begins with. */
static const char *member_of_message(const char *message)
{
    return known_member(slice_make(message, strcspn(message, " :")));
}

static const char *member_of(const struct fault *f)
{
    for (size_t i = 0; i < sizeof RULES / sizeof *RULES; i++) {
        if (strcmp(f->code, RULES[i].code) == 0)
            return RULES[i].member;
    }
    return member_of_message(f->message);
}

static bool is_unknown_member(const struct fault *f)
{
    return strcmp(f->code, "unknown_member") == 0;
}

/* The "byte N" of a message, or -1: also where the message has a name in it that is anybody's. */
static long long byte_of(const struct fault *f)
{
    const char *found = is_unknown_member(f) ? NULL : strstr(f->message, " byte ");
    if (!found)
        return -1;
    long long byte = strtoll(found + strlen(" byte "), NULL, 10);
    /* Of a text that is no JSON it is the first one that was not read. */
    return byte > 0 && strcmp(f->code, "malformed_json") == 0 ? byte - 1 : byte;
}

static bool is_missing(const struct fault *f)
{
    return strstr(f->code, "_required") != NULL;
}

/* The outermost member that the byte belongs to. */
static const char *member_around(const struct member_at *members, size_t n, size_t byte)
{
    const char *around = NULL;
    for (size_t i = 0; i < n && members[i].name_at <= byte; i++)
        around = known_member(members[i].name);
    return around;
}

struct lint_place lint_locate(struct slice line, const struct fault *f)
{
    struct member_at members[MAX_MEMBERS];
    struct lint_place place = {0, NULL};

    if (strcmp(f->code, "too_large") == 0)
        return place;
    if (strcmp(f->code, "not_utf8") == 0)
        return (struct lint_place){column_of(line, text_utf8_prefix(line)), NULL};

    size_t end = 0;
    size_t n = find_members(line, members, &end);
    long long byte = byte_of(f);
    if (byte >= 0) {
        place.column = column_of(line, (size_t)byte);
        place.member = (size_t)byte < end ? member_around(members, n, (size_t)byte) : NULL;
        return place;
    }
    place.member = member_of(f);
    if (is_missing(f) && strcmp(f->code, "account_required") != 0)
        return place;
    bool is_unknown = is_unknown_member(f);
    for (size_t i = 0; i < n; i++) {
        const char *known = known_member(members[i].name);
        if (is_unknown ? !known : known && known == place.member)
            place.column = column_of(line, is_unknown ? members[i].name_at : members[i].value_at);
        if (place.column)
            break;
    }
    return place;
}
