/* The built-in schemas of schemas/avro/, each made ready for messages: parsed by avro-c, compiled for the walk, its fields
 * bound to our structs. Internal to the Avro codec (avro_*.c). */
#pragma once
#include "common/avro_fields.h"
#include "common/avro_walk.h"
#include "common/buffer.h"
#include "common/label.h"

/* A row of gen/avro_schemas.inc (schemas/avro/embed.py). */
struct avro_builtin {
    const char *file;
    const char *name; /* full name of the record */
    const char *json;
    uint64_t fingerprint; /* CRC-64-AVRO of the parsing canonical form */
    bool newest;          /* the one that we write */
};

const struct avro_builtin *avro_builtins(size_t *n);

/* One of the two kinds of message. */
struct avro_message {
    const char *name; /* full name of its record */
    const struct avro_table *tables;
    size_t n_tables;
};

extern const struct avro_message AVRO_COMMAND; /* avro_command.c */
extern const struct avro_message AVRO_RESULT;  /* avro_result.c */

enum { AVRO_TABLES_MAX = 3, AVRO_BRANCHES_MAX = 8 };

/* A built-in schema, ready. Zero-initialised is empty and may be disposed. */
struct avro_form {
    const struct avro_builtin *builtin;
    const struct avro_message *message;
    avro_schema_t schema;
    struct buffer ops; /* struct avro_walk_op */
    struct avro_binding bindings[AVRO_TABLES_MAX];
};

/* False when memory is short or the schema does not fit the code, which is logged. */
bool avro_form_open(struct avro_form *form, const struct avro_builtin *builtin) must_check;
void avro_form_dispose(struct avro_form *form);

static inline const struct avro_walk_op *avro_form_ops(const struct avro_form *form)
{
    return (const struct avro_walk_op *)(const void *)form->ops.at;
}

/* Appends the operations for a record's schema. False for a schema with a type that the walk does not know (embed.py lets
 * none through) or more than AVRO_LEAVES_MAX fields. A failed allocation is in `ops`. The names in `ops` belong to the schema. */
bool avro_walk_compile(avro_schema_t schema, struct buffer *ops) must_check;

/* Between a form's leaves and our structs. Texts are lent, not copied. */
void avro_command_read(const struct avro_form *form, const struct avro_leaf *leaves,
                       struct label_command *out);
/* Errors of both: those of avro_binding_write(). */
status avro_command_write(const struct avro_form *form, const struct label_command *c,
                          struct avro_leaf *leaves) must_check;
status avro_result_write(const struct avro_form *form, const struct label_result *r, struct avro_leaf *leaves)
    must_check;
/* Errors: STATUS_MALFORMED (CREATED without its label). */
status avro_result_read(const struct avro_form *form, const struct avro_leaf *leaves,
                        struct label_result *out, struct fault *f) must_check;
