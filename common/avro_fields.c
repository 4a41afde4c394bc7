#include "common/avro_fields.h"

#include "common/label.h"
#include "common/text.h"
#include <string.h>

_Static_assert(sizeof(enum label_outcome) == sizeof(unsigned) &&
                   sizeof(enum label_rejection) == sizeof(unsigned) &&
                   sizeof(enum label_flag) == sizeof(unsigned),
               "enum members are read and written as unsigned");

static const avro_type_t AVRO_TYPE_OF[] = {
    [AVRO_FIELD_TEXT] = AVRO_STRING, [AVRO_FIELD_FLAG] = AVRO_BOOLEAN, [AVRO_FIELD_BOOLEAN] = AVRO_BOOLEAN,
    [AVRO_FIELD_TIME] = AVRO_INT64,  [AVRO_FIELD_CHOICE] = AVRO_ENUM,
};

/* ---- binding ---- */

/* The first operation of a field knows its leaf. */
static uint32_t leaf_of(const struct avro_walk_op *op, const char *record, const char *field)
{
    while (op->kind != AVRO_WALK_END && (strcmp(op->record, record) != 0 || strcmp(op->field, field) != 0))
        op++;
    return op->leaf;
}

/* Finds the field and sees through a union with null. `type` gets what it is when it is not null. */
static const char *find(struct avro_slot *slot, avro_schema_t record, const struct avro_walk_op *ops,
                        const char *name, avro_schema_t *type)
{
    const int index = avro_schema_record_field_get_index(record, name);
    *slot = (struct avro_slot){.there = index >= 0};
    if (!slot->there)
        return NULL;
    slot->leaf = leaf_of(ops, avro_schema_name(record), name);
    *type = avro_schema_record_field_get_by_index(record, index);
    if (!is_avro_union(*type))
        return NULL;

    avro_schema_t first = avro_schema_union_branch(*type, 0);
    if (avro_schema_union_size(*type) != 2)
        return "is a union of other than two";
    slot->nullable = true;
    slot->null_branch = is_avro_null(first) ? 0 : 1;
    slot->value_branch = 1 - slot->null_branch;
    if (!is_avro_null(avro_schema_union_branch(*type, (int)slot->null_branch)))
        return "is a union without null";
    *type = avro_schema_union_branch(*type, (int)slot->value_branch);
    return NULL;
}

static const char *bind_choice(struct avro_slot *slot, const struct avro_choice *choice, avro_schema_t type,
                               bool whole)
{
    const int n = avro_schema_enum_number_of_symbols(type);
    if (n > AVRO_SYMBOLS_MAX)
        return "has too many symbols";
    for (int i = 0; i < n; i++) {
        unsigned value = 0;
        while (value < choice->n && strcmp(choice->symbol(value), avro_schema_enum_get(type, i)) != 0)
            value++;
        if (value == choice->n && !choice->open)
            return "has a symbol that is not ours";
        slot->value_of[i] = (uint8_t)(value < choice->n ? value : 0);
    }
    for (unsigned value = 0; value < choice->n; value++) {
        const int i = avro_schema_enum_get_by_name(type, choice->symbol(value));
        if (i < 0 && whole)
            return "lacks a symbol";
        slot->symbol_of[value] = (uint8_t)(i < 0 ? 0 : i);
    }
    return NULL;
}

static const char *bind_field(struct avro_slot *slot, const struct avro_field *field, avro_schema_t record,
                              const struct avro_walk_op *ops, bool whole)
{
    avro_schema_t type = NULL;
    const char *fault = find(slot, record, ops, field->name, &type);
    if (fault)
        return fault;
    if (!slot->there)
        return field->required || whole ? "is missing" : NULL;
    if (field->required && slot->nullable)
        return "may be null";
    if (whole && !field->required && field->kind != AVRO_FIELD_BOOLEAN && !slot->nullable)
        return "is never null";
    if (avro_typeof(type) != AVRO_TYPE_OF[field->kind])
        return "has another type";
    return field->kind == AVRO_FIELD_CHOICE ? bind_choice(slot, field->choice, type, whole) : NULL;
}

const char *avro_binding_open(struct avro_binding *b, const struct avro_table *table, avro_schema_t schema,
                              const struct avro_walk_op *ops, bool whole, const char **field)
{
    b->table = table;
    if (table->inside) {
        avro_schema_t record = NULL;
        *field = table->inside;
        const char *fault = find(&b->inside, schema, ops, table->inside, &record);
        if (fault)
            return fault;
        if (!b->inside.there)
            return whole ? "is missing" : NULL;
        if (!b->inside.nullable || !is_avro_record(record))
            return "is not a nullable record";
        schema = record;
    }
    for (size_t i = 0; i < table->n; i++) {
        *field = table->fields[i].name;
        const char *fault = bind_field(&b->slots[i], &table->fields[i], schema, ops, whole);
        if (fault)
            return fault;
    }
    return NULL;
}

/* ---- reading ---- */

static void read_field(const struct avro_field *field, const struct avro_slot *slot,
                       const struct avro_leaf *leaf, char *out)
{
    void *member = out + field->offset;
    switch (field->kind) {
    case AVRO_FIELD_TEXT:
        *(struct slice *)member = leaf->text;
        break;
    case AVRO_FIELD_FLAG:
        *(enum label_flag *)member = leaf->number ? LABEL_FLAG_TRUE : LABEL_FLAG_FALSE;
        break;
    case AVRO_FIELD_BOOLEAN:
        *(bool *)member = leaf->number != 0;
        break;
    case AVRO_FIELD_TIME:
        *(int64_t *)member = leaf->number;
        if (!field->required)
            *(bool *)(out + field->has) = true;
        break;
    case AVRO_FIELD_CHOICE:
        *(unsigned *)member = slot->value_of[leaf->number];
        break;
    }
}

bool avro_binding_read(const struct avro_binding *b, const struct avro_leaf *leaves, void *out)
{
    if (b->table->inside && (!b->inside.there || leaves[b->inside.leaf].branch == b->inside.null_branch))
        return false;
    for (size_t i = 0; i < b->table->n; i++) {
        const struct avro_field *field = &b->table->fields[i];
        const struct avro_slot *slot = &b->slots[i];
        if (slot->there && leaves[slot->leaf].there && !field->write_only)
            read_field(field, slot, &leaves[slot->leaf], out);
    }
    return true;
}

/* ---- writing ---- */

static bool is_null(const struct avro_field *field, const char *in)
{
    switch (field->kind) {
    case AVRO_FIELD_TEXT:
        return ((const struct slice *)(in + field->offset))->at == NULL;
    case AVRO_FIELD_FLAG:
        return *(const enum label_flag *)(in + field->offset) == LABEL_FLAG_ABSENT;
    case AVRO_FIELD_TIME:
        return !field->required && !*(const bool *)(in + field->has);
    case AVRO_FIELD_BOOLEAN:
    case AVRO_FIELD_CHOICE:
        return false;
    }
    return false;
}

static status write_choice(const struct avro_field *field, const struct avro_slot *slot, unsigned choice,
                           struct avro_leaf *leaf)
{
    if (choice >= field->choice->n)
        return STATUS_INVALID;
    leaf->number = slot->symbol_of[choice];
    return STATUS_OK;
}

static status write_field(const struct avro_field *field, const struct avro_slot *slot, const char *in,
                          struct avro_leaf *leaf)
{
    const void *member = in + field->offset;
    leaf->there = true;
    switch (field->kind) {
    case AVRO_FIELD_TEXT:
        leaf->text = *(const struct slice *)member;
        return text_is_utf8(leaf->text) ? STATUS_OK : STATUS_INVALID;
    case AVRO_FIELD_FLAG:
        leaf->number = *(const enum label_flag *)member == LABEL_FLAG_TRUE;
        return STATUS_OK;
    case AVRO_FIELD_BOOLEAN:
        leaf->number = *(const bool *)member;
        return STATUS_OK;
    case AVRO_FIELD_TIME:
        leaf->number = *(const int64_t *)member;
        return STATUS_OK;
    case AVRO_FIELD_CHOICE:
        return write_choice(field, slot, *(const unsigned *)member, leaf);
    }
    return STATUS_FATAL;
}

static status write_null(const struct avro_slot *slot, struct avro_leaf *leaves)
{
    leaves[slot->leaf].branch = slot->null_branch;
    return slot->nullable ? STATUS_OK : STATUS_INVALID;
}

status avro_binding_write(const struct avro_binding *b, const void *in, struct avro_leaf *leaves)
{
    status st = STATUS_OK;
    if (b->table->inside)
        leaves[b->inside.leaf].branch = b->inside.value_branch;

    for (size_t i = 0; i < b->table->n && st == STATUS_OK; i++) {
        const struct avro_field *field = &b->table->fields[i];
        const struct avro_slot *slot = &b->slots[i];
        if (is_null(field, in)) {
            st = write_null(slot, leaves);
        } else {
            leaves[slot->leaf].branch = slot->value_branch;
            st = write_field(field, slot, in, &leaves[slot->leaf]);
        }
    }
    return st;
}

status avro_binding_write_null(const struct avro_binding *b, struct avro_leaf *leaves)
{
    if (b->table->inside)
        return write_null(&b->inside, leaves);

    status st = STATUS_OK;
    for (size_t i = 0; i < b->table->n && st == STATUS_OK; i++)
        st = write_null(&b->slots[i], leaves);
    return st;
}
