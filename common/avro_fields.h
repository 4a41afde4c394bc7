/* Which field of a record is which member of our structs: tables, bound once to each built-in schema, so that no message
 * costs a look-up by name. Internal to the Avro codec (avro_*.c). */
#pragma once
#include "common/avro_walk.h"
#include <avro.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Null, and a field that the writer's schema does not have, leave the zero-initialised member as it is. */
enum avro_field_kind {
    AVRO_FIELD_TEXT,    /* string: struct slice */
    AVRO_FIELD_FLAG,    /* boolean: enum label_flag */
    AVRO_FIELD_BOOLEAN, /* boolean: bool */
    AVRO_FIELD_TIME,    /* long: int64_t */
    AVRO_FIELD_CHOICE,  /* enum: an enum from 0 up to `choice->n`, exclusive */
};

enum { AVRO_SYMBOLS_MAX = 16, AVRO_FIELDS_MAX = 12 };

struct avro_choice {
    unsigned n;
    const char *(*symbol)(unsigned value);
    bool open; /* a symbol that is not ours reads as 0; otherwise no built-in schema may have one */
};

struct avro_field {
    const char *name;
    enum avro_field_kind kind;
    bool required;   /* every schema has it, and it is never null */
    bool write_only; /* repeats another field of the message, which is the one that is read */
    size_t offset;   /* of the member */
    size_t has;      /* TIME that may be null: offset of the bool that says whether there is one */
    const struct avro_choice *choice;
};

struct avro_table {
    const char *inside; /* the nullable field whose record holds these fields; NULL: the message itself */
    const struct avro_field *fields;
    size_t n;
};

/* Where a field is in one schema. */
struct avro_slot {
    bool there; /* this schema has it */
    uint32_t leaf;
    bool nullable; /* a union with null */
    uint32_t null_branch, value_branch;
    uint8_t value_of[AVRO_SYMBOLS_MAX];  /* CHOICE: symbol index to our value */
    uint8_t symbol_of[AVRO_SYMBOLS_MAX]; /* CHOICE: our value to symbol index */
};

struct avro_binding {
    const struct avro_table *table;
    struct avro_slot inside; /* where table->inside is not NULL */
    struct avro_slot slots[AVRO_FIELDS_MAX];
};

/* Binds `table` to the message's record schema, which was compiled to `ops`. With `whole`, every field of the table must be there:
 * one that we write. Returns NULL, or what does not fit (static). `field` gets the name of the field that it is about. */
const char *avro_binding_open(struct avro_binding *b, const struct avro_table *table, avro_schema_t schema,
                              const struct avro_walk_op *ops, bool whole, const char **field);

/* Fills the struct at `out` from the leaves of a walk; texts are lent. False where the record that the fields are in is null
 * or missing: then nothing is filled. */
bool avro_binding_read(const struct avro_binding *b, const struct avro_leaf *leaves, void *out);

/* Sets the leaves of the fields, which are zero-initialised, from the struct at `in`; texts are lent.
 * Errors: STATUS_INVALID (not UTF-8, a required text that is absent, a choice out of range). */
status avro_binding_write(const struct avro_binding *b, const void *in, struct avro_leaf *leaves) must_check;

/* Makes the fields, or the record that they are in, null. Errors: STATUS_INVALID (one cannot be). */
status avro_binding_write_null(const struct avro_binding *b, struct avro_leaf *leaves) must_check;
