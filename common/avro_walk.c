#include "common/avro_walk.h"

#include "common/text.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

struct walk {
    const struct avro_walk_op *op; /* the one being done */
    const uint8_t *op_at;          /* where it began */
    const uint8_t *at;
    const uint8_t *begin;
    const uint8_t *end;
    size_t start; /* bytes of the message before `begin` */
    struct fault *fault;
};

__attribute__((format(printf, 2, 3))) static status broken(const struct walk *w, const char *format, ...)
{
    char why[128];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    return fault_set(w->fault, STATUS_MALFORMED, "broken_avro", "%s.%s at byte %zu: %s", w->op->record,
                     w->op->field, w->start + (size_t)(w->op_at - w->begin), why);
}

static status walk_varint(struct walk *w, int64_t *out)
{
    uint64_t zigzag = 0;
    for (unsigned i = 0; i < AVRO_WALK_VARINT_MAX; i++) {
        if (w->at == w->end)
            return broken(w, "the bytes end within a number");
        const uint8_t byte = *w->at++;
        /* Nine groups hold 63 bits: the tenth has one left, and nothing may follow it. */
        if (i == AVRO_WALK_VARINT_MAX - 1 && byte > 1)
            break;
        zigzag |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            *out = (int64_t)(zigzag >> 1) ^ -(int64_t)(zigzag & 1);
            return STATUS_OK;
        }
    }
    return broken(w, "a number of more than 64 bits");
}

static status walk_int(struct walk *w)
{
    int64_t number = 0;
    status st = walk_varint(w, &number);
    if (st == STATUS_OK && (number < INT32_MIN || number > INT32_MAX))
        return broken(w, "a number of more than 32 bits");
    return st;
}

static status walk_boolean(struct walk *w)
{
    if (w->at == w->end)
        return broken(w, "the bytes end before a boolean");
    if (*w->at++ > 1)
        return broken(w, "a boolean is neither 0 nor 1");
    return STATUS_OK;
}

static status walk_string(struct walk *w)
{
    int64_t length = 0;
    status st = walk_varint(w, &length);
    if (st != STATUS_OK)
        return st;

    const size_t left = (size_t)(w->end - w->at);
    if (length < 0)
        return broken(w, "a negative length, %" PRId64, length);
    if ((uint64_t)length > left)
        return broken(w, "a length of %" PRId64 " bytes, and %zu are left", length, left);
    if (!text_is_utf8(slice_make(w->at, (size_t)length)))
        return broken(w, "text that is not UTF-8");
    w->at += length;
    return STATUS_OK;
}

static status walk_index(struct walk *w, size_t *out)
{
    int64_t index = 0;
    status st = walk_varint(w, &index);
    if (st != STATUS_OK)
        return st;
    if (index < 0 || index >= w->op->arg)
        return broken(w, "no index %" PRId64 " in %s of %" PRIu32, index,
                      w->op->kind == AVRO_WALK_ENUM ? "an enum" : "a union", w->op->arg);
    *out = (size_t)index;
    return STATUS_OK;
}

status avro_walk(const struct avro_walk_op *ops, struct slice value, size_t start, struct fault *f)
{
    const uint8_t *bytes = (const uint8_t *)value.at;
    struct walk w = {ops, bytes, bytes, bytes, bytes + value.len, start, f};
    status st = STATUS_OK;

    while (st == STATUS_OK) {
        const struct avro_walk_op *next = w.op + 1;
        size_t index = 0;
        w.op_at = w.at;

        switch (w.op->kind) {
        case AVRO_WALK_BOOLEAN:
            st = walk_boolean(&w);
            break;
        case AVRO_WALK_INT:
            st = walk_int(&w);
            break;
        case AVRO_WALK_LONG:
            st = walk_varint(&w, &(int64_t){0});
            break;
        case AVRO_WALK_STRING:
            st = walk_string(&w);
            break;
        case AVRO_WALK_ENUM:
            st = walk_index(&w, &index);
            break;
        case AVRO_WALK_UNION:
            st = walk_index(&w, &index);
            next += index;
            break;
        case AVRO_WALK_JUMP:
            next = ops + w.op->arg;
            break;
        case AVRO_WALK_END:
            if (w.at != w.end)
                st = fault_set(f, STATUS_MALFORMED, "broken_avro",
                               "the record ends at byte %zu, and %zu bytes follow",
                               start + (size_t)(w.at - bytes), (size_t)(w.end - w.at));
            return st;
        }
        w.op = next;
    }
    return st;
}
