/* The schema-driven check that every Avro value passes before avro-c sees it.
 *
 * avro-c believes what it is told: announced lengths, enum and union indexes, booleans of 7. So the writer's schema is
 * compiled once into a program of few operations, and the program is run over the bytes: pure, without allocating, and
 * without recursion. It only ever jumps forward, so it ends after at most as many steps as it has operations. */
#pragma once
#include "common/slice.h"
#include "common/status.h"
#include <stddef.h>
#include <stdint.h>

enum { AVRO_WALK_VARINT_MAX = 10 }; /* bytes: 64 bits in groups of 7 */

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
    const char *record; /* for messages: full names are long, "GoldLabel.id" is not */
    const char *field;
};

/* Runs `ops`, which end with AVRO_WALK_END, over the bytes of one record without its frame. `start` is the length of the
 * frame: messages count bytes from its beginning.
 * Errors: STATUS_MALFORMED with code "broken_avro". */
status avro_walk(const struct avro_walk_op *ops, struct slice value, size_t start, struct fault *f)
    must_check;
