/* What stands before the record in a message: the single-object encoding's C3 01 and the writer schema's fingerprint (8 bytes,
 * little endian), or Confluent's 00 and a registry's schema id (4 bytes, big endian). Internal to the Avro codec (avro_*.c). */
#pragma once
#include "common/slice.h"
#include <stdint.h>

enum { AVRO_FRAME_MAX = 10 };

enum avro_frame_kind {
    AVRO_FRAME_NONE, /* begins like neither, or is too short */
    AVRO_FRAME_SINGLE_OBJECT,
    AVRO_FRAME_CONFLUENT,
};

struct avro_frame {
    enum avro_frame_kind kind;
    size_t len;      /* the record begins behind it; 0: AVRO_FRAME_NONE */
    uint64_t number; /* fingerprint or schema id */
};

/* Takes any bytes, also none. */
struct avro_frame avro_frame_read(struct slice value);

/* Writes a frame of `kind` (not AVRO_FRAME_NONE); `to` has room for AVRO_FRAME_MAX bytes. Returns its length. */
size_t avro_frame_write(enum avro_frame_kind kind, uint64_t number, char *to);
