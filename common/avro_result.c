/* GoldLabelResult: struct label_result as a record. What it holds depends on the outcome, hence three tables. */
#include "common/avro_schema.h"

#define RESULT(member) offsetof(struct label_result, member)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *outcome_symbol(unsigned value)
{
    return value == LABEL_CREATED ? "CREATED" : "REJECTED";
}

static const char *rejection_symbol(unsigned value)
{
    return label_rejection_text((enum label_rejection)value);
}

static const struct avro_choice OUTCOMES = {LABEL_REJECTED + 1, outcome_symbol, .open = false};
static const struct avro_choice REJECTIONS = {LABEL_REJECTED_ID_CONFLICT + 1, rejection_symbol, .open = true};

/* Of every result. */
static const struct avro_field ALWAYS[] = {
    {"command_id", AVRO_FIELD_TEXT, .required = true, .offset = RESULT(command_id_text)},
    {"run_id", AVRO_FIELD_TEXT, .required = true, .offset = RESULT(run_id_text)},
    {"outcome", AVRO_FIELD_CHOICE, .required = true, .offset = RESULT(outcome), .choice = &OUTCOMES},
    {"replayed", AVRO_FIELD_BOOLEAN, .offset = RESULT(replayed)},
};

static const struct avro_field REJECTED[] = {
    {"code", AVRO_FIELD_CHOICE, .offset = RESULT(code), .choice = &REJECTIONS},
    {"message", AVRO_FIELD_TEXT, .offset = RESULT(message)},
};

static const struct avro_field CREATED[] = {
    {"id", AVRO_FIELD_TEXT, .required = true, .write_only = true, .offset = RESULT(command_id_text)},
    {"account_id", AVRO_FIELD_TEXT, .required = true, .offset = RESULT(account_id)},
    {"run_id", AVRO_FIELD_TEXT, .required = true, .write_only = true, .offset = RESULT(run_id_text)},
    {"output_resource_name", AVRO_FIELD_TEXT, .required = true, .offset = RESULT(output_resource_name)},
    {"text_value", AVRO_FIELD_TEXT, .offset = RESULT(text_value)},
    {"object_value", AVRO_FIELD_TEXT, .offset = RESULT(object_value)},
    {"object_value_is_partial", AVRO_FIELD_FLAG, .offset = RESULT(object_value_is_partial)},
    {"created_by", AVRO_FIELD_TEXT, .offset = RESULT(created_by)},
    {"created_at", AVRO_FIELD_TIME, .required = true, .offset = RESULT(created_at_us)},
    {"updated_by", AVRO_FIELD_TEXT, .offset = RESULT(updated_by)},
    {"updated_at", AVRO_FIELD_TIME, .offset = RESULT(updated_at_us), .has = RESULT(has_updated_at)},
};

_Static_assert(COUNT(CREATED) <= AVRO_FIELDS_MAX, "a binding has a slot for every field");

enum { TABLE_ALWAYS, TABLE_REJECTED, TABLE_CREATED };

static const struct avro_table TABLES[] = {
    [TABLE_ALWAYS] = {NULL, ALWAYS, COUNT(ALWAYS)},
    [TABLE_REJECTED] = {NULL, REJECTED, COUNT(REJECTED)},
    [TABLE_CREATED] = {"label", CREATED, COUNT(CREATED)},
};

_Static_assert(COUNT(TABLES) <= AVRO_TABLES_MAX, "a form has a binding for every table");

const struct avro_message AVRO_RESULT = {"goldlabel.v1.GoldLabelResult", TABLES, COUNT(TABLES)};

status avro_result_read(const struct avro_form *form, const struct avro_leaf *leaves,
                        struct label_result *out, struct fault *f)
{
    *out = (struct label_result){0};
    (void)avro_binding_read(&form->bindings[TABLE_ALWAYS], leaves, out);

    const int table = out->outcome == LABEL_CREATED ? TABLE_CREATED : TABLE_REJECTED;
    if (!avro_binding_read(&form->bindings[table], leaves, out))
        return fault_set(f, STATUS_MALFORMED, "broken_avro", "the outcome is CREATED, but label is null");
    return STATUS_OK;
}

status avro_result_write(const struct avro_form *form, const struct label_result *r, struct avro_leaf *leaves)
{
    const bool created = r->outcome == LABEL_CREATED;
    const struct avro_binding *b = form->bindings;
    status st = avro_binding_write(&b[TABLE_ALWAYS], r, leaves);
    if (st == STATUS_OK)
        st = avro_binding_write_null(&b[created ? TABLE_REJECTED : TABLE_CREATED], leaves);
    if (st == STATUS_OK)
        st = avro_binding_write(&b[created ? TABLE_CREATED : TABLE_REJECTED], r, leaves);
    return st;
}
