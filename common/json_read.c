#include "common/json.h"

#include "common/json_names.h"
#include "common/json_rules.h"
#include "common/text.h"
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <yajl/yajl_parse.h>

/* ---- yajl's memory ---- */

/* yajl does not look whether its allocations succeed, so they must. It gets one piece that cannot run out, and a short text
 * needs no malloc at all.
 *
 * What it may ask for: its handle and lexer, one byte per open bracket, one buffer for the string that is unescaped and one
 * for a string that the end of the text cuts off. These grow by doubling, and what they grow out of is not used again: less
 * than four times the text's length together, since no byte of it is more than one of those things. */
enum { MEMORY_FIXED = 8 * 1024, MEMORY_PER_BYTE = 4, MEMORY_ON_STACK = 16 * 1024 };

struct memory {
    char *at;
    size_t size;
    size_t used;
};

/* In front of each allocation. */
struct extent {
    alignas(max_align_t) size_t size;
};

static void *memory_take(void *ctx, size_t size)
{
    struct memory *m = ctx;
    size = (size + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
    if (m->size - m->used < sizeof(struct extent) + size)
        abort(); /* the sum above is wrong */

    struct extent *extent = (struct extent *)(void *)(m->at + m->used);
    m->used += sizeof *extent + size;
    extent->size = size;
    return extent + 1;
}

static void *memory_grow(void *ctx, void *old, size_t size)
{
    if (!old)
        return memory_take(ctx, size);

    size_t had = ((struct extent *)old - 1)->size;
    if (size <= had)
        return old;
    void *grown = memory_take(ctx, size < had * 2 ? had * 2 : size);
    memcpy(grown, old, had);
    return grown;
}

/* It goes as a whole. */
static void memory_drop(void *ctx, void *old)
{
    (void)ctx;
    (void)old;
}

/* ---- the reader ---- */

enum { ARENA_BLOCK = 4 * 1024 };

struct reader {
    struct slice text;
    yajl_handle yajl;
    enum json_kind outermost; /* what the text must be */
    unsigned max_depth;
    struct arena *arena; /* NULL until one is needed where the caller gave none */
    json_member_fn fn;   /* NULL: only checks */
    void *ctx;
    struct fault *fault;

    /* The first rule that was broken, or what `fn` returned. Reading goes on without looking at rules, because a text that is
     * malformed further on is malformed first of all. */
    status broken;

    unsigned depth; /* open brackets */
    size_t object_at[JSON_DEPTH_MAX +
                     1]; /* per depth: where the object starts, which stands for it among the names */
    struct slice name;   /* of the outermost object's member that is being read */
    size_t value_at;     /* where its object or array starts */
    struct json_names names;
};

/* What a callback returns to yajl. */
enum { STOP = 0, GO_ON = 1 };

static int note(struct reader *r, status st)
{
    r->broken = st;
    return st == STATUS_OK || status_class(st) == STATUS_CLASS_INVALID ? GO_ON : STOP;
}

/* Bytes up to the end of the token that a callback is about. */
static size_t consumed(const struct reader *r)
{
    return yajl_get_bytes_consumed(r->yajl);
}

/* yajl points into the text where there was nothing to unescape, and into a buffer that it will use again otherwise. */
static bool is_in_text(const struct reader *r, const unsigned char *at)
{
    return (uintptr_t)at - (uintptr_t)r->text.at < r->text.len;
}

static status keep(struct reader *r, const unsigned char *at, size_t len, struct slice *out)
{
    *out = slice_make(at, len);
    if (is_in_text(r, at))
        return STATUS_OK;
    if (!r->arena && !(r->arena = arena_new(ARENA_BLOCK)))
        return STATUS_NO_MEMORY;
    *out = arena_copy(r->arena, *out);
    return out->at ? STATUS_OK : STATUS_NO_MEMORY;
}

static int on_value(struct reader *r, enum json_kind kind, struct slice value)
{
    if (r->depth == 0)
        return note(r, fault_set(r->fault, STATUS_INVALID,
                                 r->outermost == JSON_OBJECT ? "not_an_object" : "not_an_array",
                                 "the JSON text is not an %s",
                                 r->outermost == JSON_OBJECT ? "object" : "array"));
    if (r->depth > 1 || !r->fn)
        return GO_ON;

    const struct json_member m = {r->name, kind, value};
    return note(r, r->fn(r->ctx, &m, r->fault));
}

static struct slice last_bytes(const struct reader *r, size_t n)
{
    return slice_make(r->text.at + consumed(r) - n, n);
}

static int on_null(void *ctx)
{
    struct reader *r = ctx;
    return r->broken ? GO_ON : on_value(r, JSON_NULL, last_bytes(r, strlen("null")));
}

static int on_boolean(void *ctx, int value)
{
    struct reader *r = ctx;
    if (r->broken)
        return GO_ON;
    return value ? on_value(r, JSON_TRUE, last_bytes(r, strlen("true")))
                 : on_value(r, JSON_FALSE, last_bytes(r, strlen("false")));
}

static int on_number(void *ctx, const char *at, size_t len)
{
    struct reader *r = ctx;
    if (r->broken)
        return GO_ON;

    struct slice number = slice_make(at, len);
    size_t place = is_in_text(r, (const unsigned char *)at) ? (size_t)(at - r->text.at) : r->text.len - len;
    status st = json_check_number(number, place, r->fault);
    return st ? note(r, st) : on_value(r, JSON_NUMBER, number);
}

static int on_string(void *ctx, const unsigned char *at, size_t len)
{
    struct reader *r = ctx;
    if (r->broken)
        return GO_ON;

    struct slice string = slice_make(at, len);
    if (r->depth == 1 && r->fn) {
        status st = keep(r, at, len, &string);
        if (st)
            return note(r, st);
    }
    return on_value(r, JSON_STRING, string);
}

/* The bound that is told does not count the object around the members. */
static int open_bracket(struct reader *r, enum json_kind kind)
{
    if (r->broken)
        return GO_ON;
    if (r->depth == 0 && kind != r->outermost)
        return on_value(r, kind, SLICE_NONE);
    if (r->depth == r->max_depth)
        return note(r, fault_set(r->fault, STATUS_INVALID, "too_deep", "nested deeper than %u at byte %zu",
                                 r->fn ? r->max_depth - 1 : r->max_depth, consumed(r) - 1));
    if (r->depth == 1)
        r->value_at = consumed(r) - 1;
    r->depth++;
    r->object_at[r->depth] = consumed(r) - 1;
    return GO_ON;
}

static int close_bracket(struct reader *r, enum json_kind kind)
{
    if (r->broken)
        return GO_ON;
    r->depth--;
    if (r->depth != 1)
        return GO_ON;
    return on_value(r, kind, slice_make(r->text.at + r->value_at, consumed(r) - r->value_at));
}

static int on_object_start(void *ctx)
{
    return open_bracket(ctx, JSON_OBJECT);
}

static int on_object_end(void *ctx)
{
    return close_bracket(ctx, JSON_OBJECT);
}

static int on_array_start(void *ctx)
{
    return open_bracket(ctx, JSON_ARRAY);
}

static int on_array_end(void *ctx)
{
    return close_bracket(ctx, JSON_ARRAY);
}

static int on_name(void *ctx, const unsigned char *at, size_t len)
{
    struct reader *r = ctx;
    if (r->broken)
        return GO_ON;

    struct slice name;
    status st = keep(r, at, len, &name);
    if (st)
        return note(r, st);
    if (r->depth == 1)
        r->name = name;

    st = json_names_add(&r->names, r->object_at[r->depth], name);
    if (st == STATUS_CONFLICT) /* the name may be inside a label's value: its place must do */
        st = fault_set(r->fault, STATUS_INVALID, "duplicate_member",
                       "a member has the name of another one of its object: that before byte %zu",
                       consumed(r));
    return note(r, st);
}

/* yajl's own words name no byte of the text. */
static status malformed(const struct reader *r, size_t at)
{
    unsigned char *words = yajl_get_error(r->yajl, 0, NULL, 0);
    return fault_set(r->fault, STATUS_MALFORMED, "malformed_json", "not one JSON text: %.*s, at byte %zu",
                     (int)strcspn((char *)words, "\n"), (char *)words, at);
}

static status parse(struct reader *r)
{
    static const yajl_callbacks CALLBACKS = {
        .yajl_null = on_null,
        .yajl_boolean = on_boolean,
        .yajl_number = on_number,
        .yajl_string = on_string,
        .yajl_start_map = on_object_start,
        .yajl_map_key = on_name,
        .yajl_end_map = on_object_end,
        .yajl_start_array = on_array_start,
        .yajl_end_array = on_array_end,
    };

    if (r->text.len > (SIZE_MAX - MEMORY_FIXED) / MEMORY_PER_BYTE)
        return STATUS_NO_MEMORY;
    alignas(max_align_t) char on_stack[MEMORY_ON_STACK];
    struct memory memory = {.at = on_stack, .size = MEMORY_FIXED + MEMORY_PER_BYTE * r->text.len};
    if (memory.size > sizeof on_stack)
        memory.at = malloc(memory.size);
    if (!memory.at)
        return STATUS_NO_MEMORY;

    yajl_alloc_funcs functions = {memory_take, memory_grow, memory_drop, &memory};
    r->yajl = yajl_alloc(&CALLBACKS, &functions, r);
    yajl_config(r->yajl, yajl_dont_validate_strings, 1); /* the whole text has been */

    yajl_status parsed = yajl_parse(r->yajl, (const unsigned char *)r->text.at, r->text.len);
    size_t at = consumed(r);
    /* A string that has no end passes for the end of the text, even behind the closing brace: a line end, which no
     * string may hold, brings it out. A member that comes only now is cut off, and its number is not in the text but in
     * yajl's memory. */
    r->fn = NULL;
    if (parsed == yajl_status_ok)
        parsed = yajl_parse(r->yajl, (const unsigned char *)"\n", 1);
    if (parsed == yajl_status_ok)
        parsed = yajl_complete_parse(r->yajl);

    status st = parsed == yajl_status_error ? malformed(r, at) : r->broken;
    if (memory.at != on_stack)
        free(memory.at);
    return st;
}

static status read_text(struct slice text, enum json_kind outermost, unsigned max_depth, struct arena *a,
                        json_member_fn fn, void *ctx, struct fault *f)
{
    size_t good = text_utf8_prefix(text);
    if (good < text.len)
        return fault_set(f, STATUS_MALFORMED, "not_utf8", "not UTF-8 at byte %zu", good);
    if (text.len >= 3 && memcmp(text.at, "\xef\xbb\xbf", 3) == 0)
        return fault_set(f, STATUS_MALFORMED, "malformed_json",
                         "not one JSON text: it begins with a byte order mark (RFC 8259, section 8.1)");
    if (json_has_foreign_space(text))
        return fault_set(f, STATUS_MALFORMED, "malformed_json",
                         "not one JSON text: a vertical tab or a form feed");

    struct reader r = {
        .text = {text.at ? text.at : "", text.len},
        .outermost = outermost,
        .max_depth = max_depth < JSON_DEPTH_MAX ? max_depth : JSON_DEPTH_MAX,
        .arena = a,
        .fn = fn,
        .ctx = ctx,
        .fault = f,
        .broken = json_check_escapes(text, f),
    };
    json_names_init(&r.names);
    status st = parse(&r);
    json_names_dispose(&r.names);
    if (!a)
        arena_free(r.arena);
    return st;
}

status json_read_object(struct slice text, unsigned max_depth, struct arena *a, json_member_fn fn, void *ctx,
                        struct fault *f)
{
    return read_text(text, JSON_OBJECT, max_depth, a, fn, ctx, f);
}

status json_read_array(struct slice text, unsigned max_depth, struct arena *a, json_member_fn fn, void *ctx,
                       struct fault *f)
{
    return read_text(text, JSON_ARRAY, max_depth, a, fn, ctx, f);
}

status json_check_object(struct slice text, struct fault *f)
{
    struct fault inner = {0};
    status st = read_text(text, JSON_OBJECT, LABEL_OBJECT_DEPTH_MAX, NULL, NULL, NULL, &inner);

    if (st == STATUS_MALFORMED || (st == STATUS_INVALID && strcmp(inner.code, "not_an_object") == 0))
        return fault_set(f, STATUS_INVALID, "object_not_an_object", "object_value is no JSON object: %.200s",
                         inner.message);
    if (st == STATUS_INVALID)
        return fault_set(f, STATUS_INVALID, inner.code, "object_value: %.200s", inner.message);
    return st;
}
