/* Commands and results as Avro (Avro 1.11 spec "Single-object encoding", or Confluent framing). The only module that
 * includes avro-c, which reads the schemas; messages are read and written by the programs that are made of them (avro_walk.h).
 *
 * Every schema of schemas/avro/ is built in; a message names its writer schema by fingerprint (or configured id). Fields
 * are taken by name from the writer's record, missing ones get the reader's default, unknown ones are ignored.
 *
 * A codec does not change once it is made: any number of threads may share one. */
#pragma once
#include "common/buffer.h"
#include "common/label.h"
#include "common/slice.h"
#include "common/status.h"
#include <stdint.h>

struct avro_codec;

/* Confluent framing (00 + 4-byte schema id, big endian) is used for writing where an id is not negative, and then also read
 * for that id. Single-object encoding is always read. */
struct avro_codec_options {
    int64_t command_schema_id; /* -1: single-object encoding */
    int64_t result_schema_id;  /* -1: single-object encoding */
};

/* NULL when memory is short, an id has more than 32 bits, or a built-in schema is broken (a build fault; it is logged). */
struct avro_codec *avro_codec_new(const struct avro_codec_options *options);
void avro_codec_free(struct avro_codec *codec);

/* Errors of both: STATUS_MALFORMED with code "null_value", "unknown_schema" or "broken_avro" (also for a CREATED result without
 * its label). Text may hold U+0000 and comes out whole. The ids of a result's label are not read: they are the result's own.
 * The slices of `out` point into `value`. A command's ids are texts only: label_check() parses them. */
status avro_decode_command(const struct avro_codec *codec, struct slice value, struct label_command *out,
                           struct fault *f) must_check;
status avro_decode_result(const struct avro_codec *codec, struct slice value, struct label_result *out,
                          struct fault *f) must_check;

/* Appends the framed message. `c` writes command_id_text and run_id_text; absent account_id and created_by are null.
 * U+0000 is carried: a result repeats ids as they were sent.
 * Errors: STATUS_INVALID (text that is not UTF-8, a required text that is absent, an enum out of range), STATUS_NO_MEMORY;
 * then nothing is appended. */
status avro_encode_command(const struct avro_codec *codec, const struct label_command *c, struct buffer *out)
    must_check;
status avro_encode_result(const struct avro_codec *codec, const struct label_result *r, struct buffer *out)
    must_check;
