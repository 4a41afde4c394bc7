#include "worker/store_internal.h"

#include <arpa/inet.h>

/* PostgreSQL's binary array (src/backend/utils/adt/arrayfuncs.c, array_recv): dimensions, has-null flag, element type, then
 * per dimension its size and lower bound, then per element its length (-1: null) and bytes. All numbers big endian. */

enum { OID_BOOL = 16, OID_TEXT = 25, OID_UUID = 2950, OID_JSONB = 3802 };
enum { JSONB_VERSION = 1 };

static const uint32_t ELEMENT_TYPES[STORE_PARAMS] = {OID_UUID, OID_UUID,  OID_TEXT, OID_TEXT,
                                                     OID_TEXT, OID_JSONB, OID_BOOL, OID_TEXT};

static void add_u32(struct buffer *b, uint32_t value)
{
    uint32_t big = htonl(value);
    buffer_add(b, &big, sizeof big);
}

static void add_bytes(struct buffer *b, const void *at, size_t len)
{
    char *to = buffer_reserve(b, len + 4);
    if (!to)
        return;
    uint32_t big = htonl((uint32_t)len);
    memcpy(to, &big, 4);
    memcpy(to + 4, at, len);
    b->len += len + 4;
}

static void add_null(struct buffer *b)
{
    add_u32(b, UINT32_MAX);
}

static void add_text(struct buffer *b, struct slice s)
{
    if (s.at)
        add_bytes(b, s.at, s.len);
    else
        add_null(b);
}

static void add_jsonb(struct buffer *b, struct slice s)
{
    if (!s.at) {
        add_null(b);
        return;
    }
    add_u32(b, (uint32_t)s.len + 1);
    buffer_add_char(b, JSONB_VERSION);
    buffer_add_slice(b, s);
}

static void add_flag(struct buffer *b, enum label_flag flag)
{
    if (flag == LABEL_FLAG_ABSENT)
        add_null(b);
    else
        add_bytes(b, flag == LABEL_FLAG_TRUE ? "\1" : "\0", 1);
}

static void begin_array(struct buffer *b, uint32_t element_type, size_t n)
{
    buffer_clear(b);
    add_u32(b, 1); /* dimensions */
    add_u32(b, 1); /* may hold nulls */
    add_u32(b, element_type);
    add_u32(b, (uint32_t)n);
    add_u32(b, 1); /* lower bound */
}

bool store_params_fill(struct store_params *p, struct store_row *const *rows, size_t n)
{
    for (size_t i = 0; i < STORE_PARAMS; i++)
        begin_array(&p->at[i], ELEMENT_TYPES[i], n);

    for (size_t i = 0; i < n; i++) {
        const struct label_command *c = rows[i]->command;
        add_bytes(&p->at[0], c->command_id.bytes, sizeof c->command_id.bytes);
        add_bytes(&p->at[1], c->run_id.bytes, sizeof c->run_id.bytes);
        add_text(&p->at[2], c->account_id);
        add_text(&p->at[3], c->output_resource_name);
        add_text(&p->at[4], c->text_value);
        add_jsonb(&p->at[5], c->object_value);
        add_flag(&p->at[6], c->object_value_is_partial);
        add_text(&p->at[7], c->created_by);
    }

    for (size_t i = 0; i < STORE_PARAMS; i++) {
        if (p->at[i].failed)
            return false;
    }
    return true;
}

void store_params_dispose(struct store_params *p)
{
    for (size_t i = 0; i < STORE_PARAMS; i++)
        buffer_dispose(&p->at[i]);
}
