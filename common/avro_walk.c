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

static status walk_int(struct walk *w, int64_t *out)
{
    status st = walk_varint(w, out);
    if (st == STATUS_OK && (*out < INT32_MIN || *out > INT32_MAX))
        return broken(w, "a number of more than 32 bits");
    return st;
}

static status walk_boolean(struct walk *w, int64_t *out)
{
    if (w->at == w->end)
        return broken(w, "the bytes end before a boolean");
    *out = *w->at++;
    if (*out > 1)
        return broken(w, "a boolean is neither 0 nor 1");
    return STATUS_OK;
}

static status walk_string(struct walk *w, struct slice *out)
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
    *out = slice_make(w->at, (size_t)length);
    if (!text_is_utf8(*out))
        return broken(w, "text that is not UTF-8");
    w->at += length;
    return STATUS_OK;
}

static status walk_index(struct walk *w, int64_t *out)
{
    status st = walk_varint(w, out);
    if (st == STATUS_OK && (*out < 0 || *out >= w->op->arg))
        return broken(w, "no index %" PRId64 " in %s of %" PRIu32, *out,
                      w->op->kind == AVRO_WALK_ENUM ? "an enum" : "a union", w->op->arg);
    return st;
}

static status walk_scalar(struct walk *w, struct avro_leaf *leaf)
{
    leaf->there = true;
    switch (w->op->kind) {
    case AVRO_WALK_BOOLEAN:
        return walk_boolean(w, &leaf->number);
    case AVRO_WALK_INT:
        return walk_int(w, &leaf->number);
    case AVRO_WALK_STRING:
        return walk_string(w, &leaf->text);
    case AVRO_WALK_ENUM:
        return walk_index(w, &leaf->number);
    default:
        return walk_varint(w, &leaf->number);
    }
}

status avro_walk(const struct avro_walk_op *ops, struct slice value, size_t start, struct avro_leaf *leaves,
                 struct fault *f)
{
    const uint8_t *bytes = (const uint8_t *)value.at;
    struct walk w = {ops, bytes, bytes, bytes, bytes + value.len, start, f};
    status st = STATUS_OK;

    while (st == STATUS_OK) {
        const struct avro_walk_op *next = w.op + 1;
        struct avro_leaf *leaf = &leaves[w.op->leaf];
        int64_t branch = 0;
        w.op_at = w.at;

        switch (w.op->kind) {
        case AVRO_WALK_UNION:
            st = walk_index(&w, &branch);
            if (st != STATUS_OK)
                return st;
            leaf->branch = (uint32_t)branch;
            next += branch;
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
        default:
            st = walk_scalar(&w, leaf);
        }
        w.op = next;
    }
    return st;
}

/* ---- writing ---- */

static char *write_varint(char *to, int64_t number)
{
    uint64_t zigzag = (uint64_t)number << 1 ^ (number < 0 ? UINT64_MAX : 0);
    for (; zigzag >= 0x80; zigzag >>= 7)
        *to++ = (char)(zigzag | 0x80);
    *to++ = (char)zigzag;
    return to;
}

static char *write_text(char *to, struct slice text)
{
    to = write_varint(to, (int64_t)text.len);
    memcpy(to, text.at, text.len);
    return to + text.len;
}

/* No record is longer: a field is at most a branch, and a number or a length with its text. */
static size_t bound(const struct avro_leaf *leaves)
{
    size_t len = 2 * (size_t)AVRO_WALK_VARINT_MAX * AVRO_LEAVES_MAX;

    for (size_t i = 0; i < AVRO_LEAVES_MAX; i++)
        len += leaves[i].text.len;
    return len;
}

bool avro_walk_write(const struct avro_walk_op *ops, const struct avro_leaf *leaves, struct buffer *out)
{
    const struct avro_walk_op *op = ops;
    char *to = buffer_reserve(out, bound(leaves));
    if (!to)
        return false;

    while (op->kind != AVRO_WALK_END) {
        const struct avro_leaf *leaf = &leaves[op->leaf];
        const struct avro_walk_op *next = op + 1;
        switch (op->kind) {
        case AVRO_WALK_UNION:
            to = write_varint(to, leaf->branch);
            next += leaf->branch;
            break;
        case AVRO_WALK_JUMP:
            next = ops + op->arg;
            break;
        case AVRO_WALK_BOOLEAN:
            *to++ = (char)leaf->number;
            break;
        case AVRO_WALK_STRING:
            to = write_text(to, leaf->text);
            break;
        default:
            to = write_varint(to, leaf->number);
        }
        op = next;
    }
    out->len = (size_t)(to - out->at);
    return true;
}
