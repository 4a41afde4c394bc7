/* Any bytes as a JSON text: whatever reads or checks an object must agree, and what it hands out must hold. */
#include "common/json.h"
#include "common/text.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    struct slice text;
    struct arena *arena;
};

static void require(bool condition)
{
    if (!condition)
        abort();
}

static bool is_inside(struct slice part, struct slice whole)
{
    return part.at >= whole.at && part.at + part.len <= whole.at + whole.len;
}

/* A fault is for people: a code, and a short message in UTF-8. */
static void require_fault(status st, const struct fault *f)
{
    require(st == STATUS_MALFORMED || st == STATUS_INVALID);
    require(f->code && f->code[0] && f->message[0] && text_is_utf8(slice_of(f->message)));
}

static void require_number(struct slice number)
{
    char *copy = strndup(number.at, number.len);
    char *end;
    require(copy != NULL);
    strtold(copy, &end);
    require(number.len > 0 && *end == '\0');
    free(copy);
}

static status check_member(void *ctx, const struct json_member *m, struct fault *f)
{
    static const struct {
        const char *text;
        char first, last;
    } FORMS[] = {
        [JSON_NULL] = {.text = "null"},
        [JSON_FALSE] = {.text = "false"},
        [JSON_TRUE] = {.text = "true"},
        [JSON_OBJECT] = {.first = '{', .last = '}'},
        [JSON_ARRAY] = {.first = '[', .last = ']'},
        [JSON_STRING] = {0},
        [JSON_NUMBER] = {0},
    };
    const struct seen *seen = ctx;
    (void)f;

    require(m->name.at && m->value.at);
    require(text_is_utf8(m->name) && text_is_utf8(m->value));
    if (m->kind != JSON_STRING)
        require(is_inside(m->value, seen->text));
    if (m->kind == JSON_STRING)
        require(m->value.len <= seen->text.len &&
                (m->value.len == 0 || !memchr(m->value.at, '\0', m->value.len)));
    if (m->kind == JSON_NUMBER)
        require_number(m->value);
    if (FORMS[m->kind].text)
        require(slice_is(m->value, FORMS[m->kind].text));
    if (FORMS[m->kind].first)
        require(m->value.len >= 2 && m->value.at[0] == FORMS[m->kind].first &&
                m->value.at[m->value.len - 1] == FORMS[m->kind].last);

    /* The text of an object or array is a JSON text of its own, which keeps the same rules. */
    if (m->kind == JSON_OBJECT)
        require(json_check_object(m->value, NULL) == STATUS_OK);
    if (m->kind == JSON_ARRAY)
        require(json_read_array(m->value, LABEL_OBJECT_DEPTH_MAX, seen->arena, NULL, NULL, NULL) ==
                STATUS_OK);
    return STATUS_OK;
}

/* Brackets outside of strings: how deep a well-formed text nests. */
static unsigned depth_of(struct slice json)
{
    unsigned depth = 0;
    unsigned deepest = 0;
    bool in_string = false;

    for (size_t i = 0; i < json.len; i++) {
        char c = json.at[i];
        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '{' || c == '['))
            deepest = ++depth > deepest ? depth : deepest;
        else if (!in_string && (c == '}' || c == ']'))
            depth--;
    }
    return deepest;
}

/* A well-formed text ends where it ends: less is cut off, more is something else, only white space is nothing. */
static void require_its_end(struct slice text, struct arena *a)
{
    static const char *const MORE[] = {"\"", "\"\\", ",", "}", "]",  "{}",
                                       "1",  "n",    "-", "/", "\v", "\xEF\xBB\xBF"};

    for (size_t i = 0; i < sizeof MORE / sizeof MORE[0]; i++) {
        struct buffer b = {0};
        buffer_add_slice(&b, text);
        buffer_add_text(&b, MORE[i]);
        require(json_read_object(buffer_slice(&b), 1, a, NULL, NULL, NULL) == STATUS_MALFORMED);
        buffer_dispose(&b);
    }
    while (text.at[text.len - 1] != '}')
        text.len--;
    text.len--;
    require(json_read_object(text, 1, a, NULL, NULL, NULL) == STATUS_MALFORMED);
}

static void write_back(struct slice s, struct arena *a)
{
    struct buffer b = {0};
    buffer_add_text(&b, "{\"s\":");
    json_write_string(&b, s);
    buffer_add_char(&b, '}');
    status st = json_read_object(buffer_slice(&b), 1, a, NULL, NULL, NULL);
    bool has_nul = s.len > 0 && memchr(s.at, '\0', s.len);
    require(st == (has_nul ? STATUS_INVALID : STATUS_OK));
    buffer_dispose(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_make(data, size);
    struct arena *arena = arena_new(1024);
    require(arena != NULL);
    struct seen seen = {text, arena};

    struct fault checked_fault = {0};
    status checked = json_check_object(text, &checked_fault);
    struct fault f = {0};
    status read = json_read_object(text, LABEL_OBJECT_DEPTH_MAX + 1, arena, check_member, &seen, &f);

    if (checked == STATUS_OK) {
        require(read == STATUS_OK && text_is_utf8(text) && depth_of(text) <= LABEL_OBJECT_DEPTH_MAX);
    } else {
        require_fault(checked, &checked_fault);
        require(checked == STATUS_INVALID);
    }
    if (read == STATUS_OK)
        require(checked == STATUS_OK || depth_of(text) == LABEL_OBJECT_DEPTH_MAX + 1);
    else
        require_fault(read, &f);
    if (read == STATUS_OK)
        require_its_end(text, arena);
    if (read == STATUS_MALFORMED)
        require(json_read_array(text, 1, arena, NULL, NULL, NULL) == STATUS_MALFORMED);
    if (text_is_utf8(text))
        write_back(text, arena);

    arena_free(arena);
    return 0;
}
