#include "common/avro_schema.h"

#include "common/log.h"
#include <string.h>

static const struct avro_builtin BUILTINS[] = {
#include "gen/avro_schemas.inc"
};

const struct avro_builtin *avro_builtins(size_t *n)
{
    *n = sizeof BUILTINS / sizeof BUILTINS[0];
    return BUILTINS;
}

/* ---- the walk's program ---- */

static uint32_t n_ops(const struct buffer *ops)
{
    return (uint32_t)(ops->len / sizeof(struct avro_walk_op));
}

static void emit(struct buffer *ops, enum avro_walk_kind kind, size_t arg, const struct avro_walk_op *where)
{
    const struct avro_walk_op op = {kind, (uint32_t)arg, where->leaf, where->record, where->field};
    buffer_add(ops, &op, sizeof op);
}

/* Makes the jump at `at` lead to what is emitted next. */
static void land(struct buffer *ops, uint32_t at)
{
    if (!ops->failed)
        ((struct avro_walk_op *)(void *)ops->at)[at].arg = n_ops(ops);
}

/* `leaves` counts those that are given away. */
static bool compile(struct buffer *ops, avro_schema_t schema, struct avro_walk_op where, uint32_t *leaves);

/* UNION n, n jumps to the branches, and each branch with a jump to the end behind it. */
static bool compile_union(struct buffer *ops, avro_schema_t schema, const struct avro_walk_op *where,
                          uint32_t *leaves)
{
    uint32_t leave[AVRO_BRANCHES_MAX];
    const uint32_t n = (uint32_t)avro_schema_union_size(schema);
    if (n > AVRO_BRANCHES_MAX)
        return false;
    emit(ops, AVRO_WALK_UNION, n, where);
    const uint32_t enter = n_ops(ops);
    for (uint32_t i = 0; i < n; i++)
        emit(ops, AVRO_WALK_JUMP, 0, where);

    for (uint32_t i = 0; i < n; i++) {
        land(ops, enter + i);
        if (!compile(ops, avro_schema_union_branch(schema, (int)i), *where, leaves))
            return false;
        leave[i] = n_ops(ops);
        emit(ops, AVRO_WALK_JUMP, 0, where);
    }
    for (uint32_t i = 0; i < n; i++)
        land(ops, leave[i]);
    return true;
}

static bool compile_record(struct buffer *ops, avro_schema_t schema, uint32_t *leaves)
{
    const int n = (int)avro_schema_record_size(schema);
    for (int i = 0; i < n; i++) {
        const struct avro_walk_op where = {.record = avro_schema_name(schema),
                                           .field = avro_schema_record_field_name(schema, i),
                                           .leaf = *leaves};
        if (++*leaves > AVRO_LEAVES_MAX ||
            !compile(ops, avro_schema_record_field_get_by_index(schema, i), where, leaves))
            return false;
    }
    return true;
}

/* The depth is that of the schema: a type that refers to itself is a link to avro-c, which is not taken. */
static bool compile(struct buffer *ops, avro_schema_t schema, struct avro_walk_op where, uint32_t *leaves)
{
    switch (avro_typeof(schema)) {
    case AVRO_NULL:
        return true;
    case AVRO_BOOLEAN:
        emit(ops, AVRO_WALK_BOOLEAN, 0, &where);
        return true;
    case AVRO_INT32:
        emit(ops, AVRO_WALK_INT, 0, &where);
        return true;
    case AVRO_INT64:
        emit(ops, AVRO_WALK_LONG, 0, &where);
        return true;
    case AVRO_STRING:
        emit(ops, AVRO_WALK_STRING, 0, &where);
        return true;
    case AVRO_ENUM:
        emit(ops, AVRO_WALK_ENUM, (size_t)avro_schema_enum_number_of_symbols(schema), &where);
        return true;
    case AVRO_UNION:
        return compile_union(ops, schema, &where, leaves);
    case AVRO_RECORD:
        return compile_record(ops, schema, leaves);
    default:
        return false;
    }
}

bool avro_walk_compile(avro_schema_t schema, struct buffer *ops)
{
    const struct avro_walk_op nowhere = {.kind = AVRO_WALK_END};
    uint32_t leaves = 0;
    if (!is_avro_record(schema) || !compile_record(ops, schema, &leaves))
        return false;
    emit(ops, AVRO_WALK_END, 0, &nowhere);
    return true;
}

/* ---- forms ---- */

static const struct avro_message *const MESSAGES[] = {&AVRO_COMMAND, &AVRO_RESULT};

static const struct avro_message *message_named(const char *name)
{
    for (size_t i = 0; i < sizeof MESSAGES / sizeof MESSAGES[0]; i++)
        if (strcmp(MESSAGES[i]->name, name) == 0)
            return MESSAGES[i];
    return NULL;
}

static bool broken(const struct avro_builtin *builtin, const char *field, const char *why)
{
    log_error("a built-in Avro schema does not fit the program", LOG_STR("file", builtin->file),
              LOG_STR("field", field), LOG_STR("reason", why));
    return false;
}

/* Every field of a schema that we write must be one that we set: a field of another name would be written as it was left. */
static size_t fields_bound(const struct avro_message *message)
{
    size_t n = 0;
    for (size_t i = 0; i < message->n_tables; i++)
        n += message->tables[i].inside ? 1 : message->tables[i].n;
    return n;
}

static bool bind(struct avro_form *form)
{
    const struct avro_message *message = form->message;
    const bool written = form->builtin->newest;
    for (size_t i = 0; i < message->n_tables; i++) {
        const char *field = "";
        const char *why = avro_binding_open(&form->bindings[i], &message->tables[i], form->schema,
                                            avro_form_ops(form), written, &field);
        if (why)
            return broken(form->builtin, field, why);
    }
    if (written && avro_schema_record_size(form->schema) != fields_bound(message))
        return broken(form->builtin, "", "has a field that the program does not set");
    return true;
}

bool avro_form_open(struct avro_form *form, const struct avro_builtin *builtin)
{
    *form = (struct avro_form){.builtin = builtin, .message = message_named(builtin->name)};
    if (!form->message)
        return broken(builtin, "", "is no message of this project");
    if (avro_schema_from_json_length(builtin->json, strlen(builtin->json), &form->schema) != 0)
        return broken(builtin, "", "is not a schema to avro-c");
    if (!avro_walk_compile(form->schema, &form->ops))
        return broken(builtin, "", "has a type that is not supported");
    if (form->ops.failed)
        return false;
    return bind(form);
}

void avro_form_dispose(struct avro_form *form)
{
    if (form->schema)
        avro_schema_decref(form->schema);
    buffer_dispose(&form->ops);
    *form = (struct avro_form){0};
}
