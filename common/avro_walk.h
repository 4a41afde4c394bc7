/* Reading and writing one Avro record by its schema.
 *
 * avro-c believes what it is told: announced lengths, enum and union indexes, booleans of 7. So it only reads schemas. A schema is
 * compiled once into a program of few operations; one run of it over the bytes checks them and notes where the fields are, another
 * writes them: pure, without allocating but for the output, and without recursion. It only ever jumps forward, so it ends after at
 * most as many steps as it has operations. */
#pragma once
#include "common/buffer.h"
#include "common/slice.h"
#include "common/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    AVRO_WALK_VARINT_MAX = 10, /* bytes: 64 bits in groups of 7 */
    AVRO_LEAVES_MAX = 32,      /* fields of a schema, those of the records inside counted too */
};

enum avro_walk_kind {
    AVRO_WALK_END,     /* the value is complete: nothing may follow */
    AVRO_WALK_BOOLEAN, /* one byte, 0 or 1 */
    AVRO_WALK_INT,     /* varint of 32 bits */
    AVRO_WALK_LONG,    /* varint of 64 bits */
    AVRO_WALK_STRING,  /* a length within what is left, and that much UTF-8 */
    AVRO_WALK_ENUM,    /* an index below `arg` */
    AVRO_WALK_UNION,   /* an index below `arg`; the `arg` jumps that follow lead to the branches */
    AVRO_WALK_JUMP,    /* go on at operation `arg`, always further ahead */
};

struct avro_walk_op {
    enum avro_walk_kind kind;
    uint32_t arg;
    uint32_t leaf;      /* of the field that it is about */
    const char *record; /* for messages: full names are long, "GoldLabel.id" is not */
    const char *field;
};

/* What a field holds. Zero-initialised is null. */
struct avro_leaf {
    bool there;        /* it has a value that is not null, in one of the two members below */
    uint32_t branch;   /* of a union */
    int64_t number;    /* boolean, int, long, the index of an enum's symbol */
    struct slice text; /* string */
};

/* Runs `ops`, which end with AVRO_WALK_END, over the bytes of one record without its frame, and fills `leaves` (AVRO_LEAVES_MAX,
 * zero-initialised); texts are slices of `value`. `start` is the length of the frame: messages count bytes from its beginning.
 * Errors: STATUS_MALFORMED with code "broken_avro". */
status avro_walk(const struct avro_walk_op *ops, struct slice value, size_t start, struct avro_leaf *leaves,
                 struct fault *f) must_check;

/* Appends the record that `leaves` hold. Their numbers, branches and texts must fit the schema: bound fields do.
 * False when memory is short. */
bool avro_walk_write(const struct avro_walk_op *ops, const struct avro_leaf *leaves, struct buffer *out)
    must_check;
