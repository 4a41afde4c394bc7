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
    struct avro_form *newest;
};

struct avro_codec {
    struct kind command;
    struct kind result;
    avro_reader_t reader;
    avro_writer_t writer;
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
    static const char NOTHING[1];
    size_t n;
    const struct avro_builtin *builtins = avro_builtins(&n);
    for (size_t i = 0; i < n; i++)
        if (!open_form(codec, &builtins[i]))
            return false;
    if (!codec->command.newest || !codec->result.newest) {
        log_error("a message has no built-in Avro schema");
        return false;
    }
    codec->reader = avro_reader_memory(NOTHING, 0);
    codec->writer = avro_writer_memory(NOTHING, 0);
    return codec->reader && codec->writer;
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
    if (codec->reader)
        avro_reader_free(codec->reader);
    if (codec->writer)
        avro_writer_free(codec->writer);
    free(codec);
}

/* ---- writers ---- */

static struct avro_form *find_by_fingerprint(struct avro_codec *codec, const struct kind *kind,
                                             uint64_t fingerprint, struct fault *f)
{
    for (size_t i = 0; i < codec->n_forms; i++) {
        struct avro_form *form = &codec->forms[i];
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

static struct avro_form *find_by_id(const struct kind *kind, int64_t id, struct fault *f)
{
    if (id == kind->schema_id)
        return kind->newest;
    fault_set(f, STATUS_MALFORMED, "unknown_schema", "schema id %" PRId64 " is not the configured %" PRId64,
              id, kind->schema_id);
    return NULL;
}

/* The writer's schema, or NULL and why it is unknown. `frame` gets the length of what comes before the record. */
static struct avro_form *find_form(struct avro_codec *codec, const struct kind *kind, struct slice value,
                                   size_t *frame, struct fault *f)
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

/* Reads `value` into its form's value; only bytes that were walked get that far. */
static status decode(struct avro_codec *codec, const struct kind *kind, struct slice value,
                     struct avro_form **out, struct fault *f)
{
    size_t frame = 0;
    *out = find_form(codec, kind, value, &frame, f);
    if (!*out)
        return STATUS_MALFORMED;

    const struct slice record = {value.at + frame, value.len - frame};
    status st = avro_walk(avro_form_ops(*out), record, frame, f);
    if (st != STATUS_OK)
        return st;

    avro_reader_memory_set_source(codec->reader, record.at, (int64_t)record.len);
    return avro_value_read(codec->reader, &(*out)->value) == 0 ? STATUS_OK : STATUS_NO_MEMORY;
}

/* What a form's value holds of a message goes with it: up to a megabyte of text, or pointers that were lent. */
static status done(struct avro_form *form, status st)
{
    if (form)
        (void)avro_value_reset(&form->value);
    return st;
}

status avro_decode_command(struct avro_codec *codec, struct slice value, struct arena *a,
                           struct label_command *out, struct fault *f)
{
    struct avro_form *form = NULL;
    status st = decode(codec, &codec->command, value, &form, f);
    if (st == STATUS_OK)
        st = avro_command_read(form, a, out);
    return done(form, st);
}

status avro_decode_result(struct avro_codec *codec, struct slice value, struct arena *a,
                          struct label_result *out, struct fault *f)
{
    struct avro_form *form = NULL;
    status st = decode(codec, &codec->result, value, &form, f);
    if (st == STATUS_OK)
        st = avro_result_read(form, a, out, f);
    return done(form, st);
}

/* Appends the value of the kind's newest form, which was set from a struct with `text_bytes` of texts. */
static status append(struct avro_codec *codec, const struct kind *kind, size_t text_bytes, struct buffer *out)
{
    struct avro_form *form = kind->newest;
    /* Besides its text, no operation stands for more than one varint. */
    const size_t n_ops = form->ops.len / sizeof(struct avro_walk_op);
    const size_t most = AVRO_FRAME_MAX + n_ops * AVRO_WALK_VARINT_MAX + text_bytes;
    char *to = buffer_reserve(out, most);
    if (!to)
        return STATUS_NO_MEMORY;

    const bool has_id = kind->schema_id > NO_ID;
    const size_t frame =
        avro_frame_write(has_id ? AVRO_FRAME_CONFLUENT : AVRO_FRAME_SINGLE_OBJECT,
                         has_id ? (uint64_t)kind->schema_id : form->builtin->fingerprint, to);
    avro_writer_memory_set_dest(codec->writer, to + frame, (int64_t)(most - frame));
    if (avro_value_write(codec->writer, &form->value) != 0)
        return STATUS_NO_MEMORY;
    out->len += frame + (size_t)avro_writer_tell(codec->writer);
    return STATUS_OK;
}

status avro_encode_command(struct avro_codec *codec, const struct label_command *c, struct buffer *out)
{
    size_t text_bytes = 0;
    status st = avro_command_write(codec->command.newest, c, &text_bytes);
    if (st == STATUS_OK)
        st = append(codec, &codec->command, text_bytes, out);
    return done(codec->command.newest, st);
}

status avro_encode_result(struct avro_codec *codec, const struct label_result *r, struct buffer *out)
{
    size_t text_bytes = 0;
    status st = avro_result_write(codec->result.newest, r, &text_bytes);
    if (st == STATUS_OK)
        st = append(codec, &codec->result, text_bytes, out);
    return done(codec->result.newest, st);
}
