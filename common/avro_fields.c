#include "common/avro_fields.h"

#include "common/label.h"
#include "common/text.h"
#include <string.h>

/* What a call of avro-c returned: 0 or an errno. On bytes that were walked and slots that were bound, nothing but a failed
 * allocation is left to go wrong. */
static status status_of(int error)
{
    return error == 0 ? STATUS_OK : STATUS_NO_MEMORY;
}

_Static_assert(sizeof(enum label_outcome) == sizeof(unsigned) &&
                   sizeof(enum label_rejection) == sizeof(unsigned) &&
                   sizeof(enum label_flag) == sizeof(unsigned),
               "enum members are read and written as unsigned");

static const avro_type_t AVRO_TYPE_OF[] = {
    [AVRO_FIELD_TEXT] = AVRO_STRING, [AVRO_FIELD_FLAG] = AVRO_BOOLEAN, [AVRO_FIELD_BOOLEAN] = AVRO_BOOLEAN,
    [AVRO_FIELD_TIME] = AVRO_INT64,  [AVRO_FIELD_CHOICE] = AVRO_ENUM,
};

/* ---- binding ---- */

/* Finds the field and sees through a union with null. `type` gets what it is when it is not null. */
static const char *find(struct avro_slot *slot, avro_schema_t record, const char *name, avro_schema_t *type)
{
    slot->null_branch = slot->value_branch = -1;
    slot->index = avro_schema_record_field_get_index(record, name);
    if (slot->index < 0)
        return NULL;
    *type = avro_schema_record_field_get_by_index(record, slot->index);
    if (!is_avro_union(*type))
        return NULL;

    avro_schema_t first = avro_schema_union_branch(*type, 0);
    if (avro_schema_union_size(*type) != 2)
        return "is a union of other than two";
    slot->null_branch = is_avro_null(first) ? 0 : 1;
    slot->value_branch = 1 - slot->null_branch;
    if (!is_avro_null(avro_schema_union_branch(*type, slot->null_branch)))
        return "is a union without null";
    *type = avro_schema_union_branch(*type, slot->value_branch);
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
                              bool whole)
{
    avro_schema_t type = NULL;
    const char *fault = find(slot, record, field->name, &type);
    if (fault)
        return fault;
    if (slot->index < 0)
        return field->required || whole ? "is missing" : NULL;
    if (field->required && slot->null_branch >= 0)
        return "may be null";
    if (whole && !field->required && field->kind != AVRO_FIELD_BOOLEAN && slot->null_branch < 0)
        return "is never null";
    if (avro_typeof(type) != AVRO_TYPE_OF[field->kind])
        return "has another type";
    return field->kind == AVRO_FIELD_CHOICE ? bind_choice(slot, field->choice, type, whole) : NULL;
}

const char *avro_binding_open(struct avro_binding *b, const struct avro_table *table, avro_schema_t schema,
                              bool whole, const char **field)
{
    b->table = table;
    if (table->inside) {
        avro_schema_t record = NULL;
        *field = table->inside;
        const char *fault = find(&b->inside, schema, table->inside, &record);
        if (fault)
            return fault;
        if (b->inside.index < 0)
            return whole ? "is missing" : NULL;
        if (b->inside.null_branch < 0 || !is_avro_record(record))
            return "is not a nullable record";
        schema = record;
    }
    for (size_t i = 0; i < table->n; i++) {
        *field = table->fields[i].name;
        const char *fault = bind_field(&b->slots[i], &table->fields[i], schema, whole);
        if (fault)
            return fault;
    }
    return NULL;
}

/* ---- reading ---- */

/* The field's value in `out`, or `*null`. */
static status get(const struct avro_slot *slot, const avro_value_t *record, avro_value_t *out, bool *null)
{
    *null = slot->index < 0;
    if (*null)
        return STATUS_OK;
    int error = avro_value_get_by_index(record, (size_t)slot->index, out, NULL);
    if (error || slot->null_branch < 0)
        return status_of(error);

    int branch = -1;
    error = avro_value_get_discriminant(out, &branch);
    *null = branch == slot->null_branch;
    if (!error && !*null)
        error = avro_value_get_current_branch(out, out);
    return status_of(error);
}

static status read_text(const avro_value_t *value, struct arena *a, struct slice *out)
{
    const char *at;
    size_t size; /* counts the NUL that avro-c keeps behind the text */
    if (avro_value_get_string(value, &at, &size) != 0)
        return STATUS_NO_MEMORY;
    *out = arena_copy(a, slice_make(at, size - 1));
    return out->at ? STATUS_OK : STATUS_NO_MEMORY;
}

static status read_boolean(const avro_value_t *value, bool *out)
{
    int flag = 0;
    const int error = avro_value_get_boolean(value, &flag);
    *out = flag != 0;
    return status_of(error);
}

static status read_flag(const avro_value_t *value, enum label_flag *out)
{
    bool flag;
    status st = read_boolean(value, &flag);
    *out = flag ? LABEL_FLAG_TRUE : LABEL_FLAG_FALSE;
    return st;
}

static status read_choice(const avro_value_t *value, const struct avro_slot *slot, unsigned *out)
{
    int symbol = 0;
    const int error = avro_value_get_enum(value, &symbol);
    *out = slot->value_of[symbol];
    return status_of(error);
}

static status read_field(const struct avro_field *field, const struct avro_slot *slot,
                         const avro_value_t *value, struct arena *a, char *out)
{
    void *member = out + field->offset;
    switch (field->kind) {
    case AVRO_FIELD_TEXT:
        return read_text(value, a, member);
    case AVRO_FIELD_FLAG:
        return read_flag(value, member);
    case AVRO_FIELD_BOOLEAN:
        return read_boolean(value, member);
    case AVRO_FIELD_TIME:
        if (!field->required)
            *(bool *)(out + field->has) = true;
        return status_of(avro_value_get_long(value, (int64_t *)member));
    case AVRO_FIELD_CHOICE:
        return read_choice(value, slot, member);
    }
    return STATUS_FATAL;
}

status avro_binding_read(const struct avro_binding *b, const avro_value_t *message, struct arena *a,
                         void *out, bool *present)
{
    avro_value_t record = *message;
    bool null = false;
    status st = STATUS_OK;

    if (b->table->inside)
        st = get(&b->inside, message, &record, &null);
    *present = !null;
    if (null)
        return st;

    for (size_t i = 0; i < b->table->n && st == STATUS_OK; i++) {
        const struct avro_field *field = &b->table->fields[i];
        avro_value_t value;
        if (field->write_only)
            continue;
        st = get(&b->slots[i], &record, &value, &null);
        if (st == STATUS_OK && !null)
            st = read_field(field, &b->slots[i], &value, a, out);
    }
    return st;
}

/* ---- writing ---- */

static status set_branch(const struct avro_slot *slot, avro_value_t *record, bool null, avro_value_t *out)
{
    int error = avro_value_get_by_index(record, (size_t)slot->index, out, NULL);
    if (!error && slot->null_branch >= 0)
        error = avro_value_set_branch(out, null ? slot->null_branch : slot->value_branch, out);
    return status_of(error);
}

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

static status write_text(avro_value_t *value, struct slice text, size_t *text_bytes)
{
    if (!text_is_utf8(text))
        return STATUS_INVALID;
    /* Lent, not given: no free function, and the NUL that the size counts is never read. avro_value_set_string_len()
     * would copy, and double its buffer on every call. */
    avro_wrapped_buffer_t lent = {.buf = text.at, .size = text.len + 1};
    *text_bytes += text.len;
    return status_of(avro_value_give_string_len(value, &lent));
}

static status write_choice(const struct avro_field *field, const struct avro_slot *slot, avro_value_t *value,
                           unsigned choice)
{
    if (choice >= field->choice->n)
        return STATUS_INVALID;
    return status_of(avro_value_set_enum(value, slot->symbol_of[choice]));
}

static status write_field(const struct avro_field *field, const struct avro_slot *slot, avro_value_t *value,
                          const char *in, size_t *text_bytes)
{
    const void *member = in + field->offset;
    switch (field->kind) {
    case AVRO_FIELD_TEXT:
        return write_text(value, *(const struct slice *)member, text_bytes);
    case AVRO_FIELD_FLAG:
        return status_of(avro_value_set_boolean(value, *(const enum label_flag *)member == LABEL_FLAG_TRUE));
    case AVRO_FIELD_BOOLEAN:
        return status_of(avro_value_set_boolean(value, *(const bool *)member));
    case AVRO_FIELD_TIME:
        return status_of(avro_value_set_long(value, *(const int64_t *)member));
    case AVRO_FIELD_CHOICE:
        return write_choice(field, slot, value, *(const unsigned *)member);
    }
    return STATUS_FATAL;
}

status avro_binding_write(const struct avro_binding *b, avro_value_t *message, const void *in,
                          size_t *text_bytes)
{
    avro_value_t record = *message;
    status st = STATUS_OK;
    if (b->table->inside)
        st = set_branch(&b->inside, message, false, &record);

    for (size_t i = 0; i < b->table->n && st == STATUS_OK; i++) {
        const struct avro_field *field = &b->table->fields[i];
        const struct avro_slot *slot = &b->slots[i];
        const bool null = is_null(field, in);
        avro_value_t value;
        if (null && slot->null_branch < 0)
            return STATUS_INVALID;
        st = set_branch(slot, &record, null, &value);
        if (st == STATUS_OK && !null)
            st = write_field(field, slot, &value, in, text_bytes);
    }
    return st;
}

status avro_binding_write_null(const struct avro_binding *b, avro_value_t *message)
{
    avro_value_t ignored;
    if (b->table->inside)
        return set_branch(&b->inside, message, true, &ignored);

    status st = STATUS_OK;
    for (size_t i = 0; i < b->table->n && st == STATUS_OK; i++)
        st = set_branch(&b->slots[i], message, true, &ignored);
    return st;
}
