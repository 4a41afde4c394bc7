#include "common/avro_codec.h"

#include "common/avro_frame.h"
#include "common/avro_schema.h"
#include "common/log.h"
#include <inttypes.h>
#include <stdlib.h>

enum { NO_ID = -1 };

/* A kind of message as this codec writes it. */
struct kind {
    const struct avro_message *message;
    int64_t schema_id;
    const struct avro_form *newest;
};

struct avro_codec {
    struct kind command;
    struct kind result;
    size_t n_forms;
    struct avro_form forms[];
};

/* ---- one codec ---- */

static bool open_form(struct avro_codec *codec, const struct avro_builtin *builtin)
{
    struct avro_form *form = &codec->forms[codec->n_forms++];
    if (!avro_form_open(form, builtin))
        return false;
    struct kind *kind = form->message == codec->command.message ? &codec->command : &codec->result;
    if (builtin->newest)
        kind->newest = form;
    return true;
}

static bool open_codec(struct avro_codec *codec)
{
    size_t n;
    const struct avro_builtin *builtins = avro_builtins(&n);
    for (size_t i = 0; i < n; i++)
        if (!open_form(codec, &builtins[i]))
            return false;
    if (!codec->command.newest || !codec->result.newest) {
        log_error("a message has no built-in Avro schema");
        return false;
    }
    return true;
}

struct avro_codec *avro_codec_new(const struct avro_codec_options *options)
{
    if (options->command_schema_id > UINT32_MAX || options->result_schema_id > UINT32_MAX)
        return NULL; /* four bytes in the frame */

    size_t n;
    avro_builtins(&n);
    struct avro_codec *codec = calloc(1, sizeof *codec + n * sizeof codec->forms[0]);
    if (!codec)
        return NULL;
    codec->command = (struct kind){&AVRO_COMMAND, options->command_schema_id, NULL};
    codec->result = (struct kind){&AVRO_RESULT, options->result_schema_id, NULL};
    if (!open_codec(codec)) {
        avro_codec_free(codec);
        return NULL;
    }
    return codec;
}

void avro_codec_free(struct avro_codec *codec)
{
    if (!codec)
        return;
    for (size_t i = 0; i < codec->n_forms; i++)
        avro_form_dispose(&codec->forms[i]);
    free(codec);
}

/* ---- writers ---- */

static const struct avro_form *find_by_fingerprint(const struct avro_codec *codec, const struct kind *kind,
                                                   uint64_t fingerprint, struct fault *f)
{
    for (size_t i = 0; i < codec->n_forms; i++) {
        const struct avro_form *form = &codec->forms[i];
        if (form->builtin->fingerprint != fingerprint)
            continue;
        if (form->message == kind->message)
            return form;
        fault_set(f, STATUS_MALFORMED, "unknown_schema", "the record is %s, not %s", form->message->name,
                  kind->message->name);
        return NULL;
    }
    fault_set(f, STATUS_MALFORMED, "unknown_schema", "no schema has the fingerprint %016" PRIx64,
              fingerprint);
    return NULL;
}

static const struct avro_form *find_by_id(const struct kind *kind, int64_t id, struct fault *f)
{
    if (id == kind->schema_id)
        return kind->newest;
    fault_set(f, STATUS_MALFORMED, "unknown_schema", "schema id %" PRId64 " is not the configured %" PRId64,
              id, kind->schema_id);
    return NULL;
}

/* The writer's schema, or NULL and why it is unknown. `frame` gets the length of what comes before the record. */
static const struct avro_form *find_form(const struct avro_codec *codec, const struct kind *kind,
                                         struct slice value, size_t *frame, struct fault *f)
{
    if (!value.at) {
        fault_set(f, STATUS_MALFORMED, "null_value", "the message has no value");
        return NULL;
    }
    const struct avro_frame found = avro_frame_read(value);
    *frame = found.len;
    if (found.kind == AVRO_FRAME_SINGLE_OBJECT)
        return find_by_fingerprint(codec, kind, found.number, f);
    if (found.kind == AVRO_FRAME_CONFLUENT && kind->schema_id > NO_ID)
        return find_by_id(kind, (int64_t)found.number, f);
    fault_set(
        f, STATUS_MALFORMED, "unknown_schema",
        "the %zu bytes begin neither with C3 01 and a fingerprint nor with 00 and a configured schema id",
        value.len);
    return NULL;
}

/* ---- messages ---- */

/* Walks `value` by its writer's schema, which is `*out`. */
static status decode(const struct avro_codec *codec, const struct kind *kind, struct slice value,
                     struct avro_leaf *leaves, const struct avro_form **out, struct fault *f)
{
    size_t frame = 0;
    *out = find_form(codec, kind, value, &frame, f);
    if (!*out)
        return STATUS_MALFORMED;

    const struct slice record = {value.at + frame, value.len - frame};
    return avro_walk(avro_form_ops(*out), record, frame, leaves, f);
}

status avro_decode_command(const struct avro_codec *codec, struct slice value, struct label_command *out,
                           struct fault *f)
{
    struct avro_leaf leaves[AVRO_LEAVES_MAX] = {0};
    const struct avro_form *form = NULL;
    status st = decode(codec, &codec->command, value, leaves, &form, f);
    if (st == STATUS_OK)
        avro_command_read(form, leaves, out);
    return st;
}

status avro_decode_result(const struct avro_codec *codec, struct slice value, struct label_result *out,
                          struct fault *f)
{
    struct avro_leaf leaves[AVRO_LEAVES_MAX] = {0};
    const struct avro_form *form = NULL;
    status st = decode(codec, &codec->result, value, leaves, &form, f);
    return st == STATUS_OK ? avro_result_read(form, leaves, out, f) : st;
}

/* Appends a message of the kind's newest form. */
static status append(const struct kind *kind, const struct avro_leaf *leaves, struct buffer *out)
{
    const struct avro_form *form = kind->newest;
    const bool has_id = kind->schema_id > NO_ID;
    const size_t before = out->len;
    char *to = buffer_reserve(out, AVRO_FRAME_MAX);
    if (!to)
        return STATUS_NO_MEMORY;

    out->len += avro_frame_write(has_id ? AVRO_FRAME_CONFLUENT : AVRO_FRAME_SINGLE_OBJECT,
                                 has_id ? (uint64_t)kind->schema_id : form->builtin->fingerprint, to);
    if (avro_walk_write(avro_form_ops(form), leaves, out))
        return STATUS_OK;
    out->len = before;
    return STATUS_NO_MEMORY;
}

status avro_encode_command(const struct avro_codec *codec, const struct label_command *c, struct buffer *out)
{
    struct avro_leaf leaves[AVRO_LEAVES_MAX] = {0};
    status st = avro_command_write(codec->command.newest, c, leaves);
    return st == STATUS_OK ? append(&codec->command, leaves, out) : st;
}

status avro_encode_result(const struct avro_codec *codec, const struct label_result *r, struct buffer *out)
{
    struct avro_leaf leaves[AVRO_LEAVES_MAX] = {0};
    status st = avro_result_write(codec->result.newest, r, leaves);
    return st == STATUS_OK ? append(&codec->result, leaves, out) : st;
}
