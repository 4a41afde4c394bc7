/* CreateGoldLabel: struct label_command as a record. */
#include "common/avro_schema.h"

#define COMMAND(member) offsetof(struct label_command, member)

static const struct avro_field FIELDS[] = {
    {"command_id", AVRO_FIELD_TEXT, .required = true, .offset = COMMAND(command_id_text)},
    {"run_id", AVRO_FIELD_TEXT, .required = true, .offset = COMMAND(run_id_text)},
    {"output_resource_name", AVRO_FIELD_TEXT, .required = true, .offset = COMMAND(output_resource_name)},
    {"text_value", AVRO_FIELD_TEXT, .offset = COMMAND(text_value)},
    {"object_value", AVRO_FIELD_TEXT, .offset = COMMAND(object_value)},
    {"object_value_is_partial", AVRO_FIELD_FLAG, .offset = COMMAND(object_value_is_partial)},
    {"account_id", AVRO_FIELD_TEXT, .offset = COMMAND(account_id)},
    {"created_by", AVRO_FIELD_TEXT, .offset = COMMAND(created_by)},
};

_Static_assert(sizeof FIELDS / sizeof FIELDS[0] <= AVRO_FIELDS_MAX, "a binding has a slot for every field");

static const struct avro_table TABLES[] = {{.fields = FIELDS, .n = sizeof FIELDS / sizeof FIELDS[0]}};

const struct avro_message AVRO_COMMAND = {"goldlabel.v1.CreateGoldLabel", TABLES, 1};

void avro_command_read(const struct avro_form *form, const struct avro_leaf *leaves,
                       struct label_command *out)
{
    *out = (struct label_command){0};
    (void)avro_binding_read(&form->bindings[0], leaves, out);
}

status avro_command_write(const struct avro_form *form, const struct label_command *c,
                          struct avro_leaf *leaves)
{
    return avro_binding_write(&form->bindings[0], c, leaves);
}
