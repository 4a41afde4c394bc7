/* Values of both topics, with and without their frames.
 *
 * What decodes, encodes again, in both framings, to something that decodes to the same; what the walk takes, avro-c reads
 * completely, and we write it as avro-c does; what does not decode says why. */
#include "common/avro_codec.h"
#include "common/avro_schema.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { COMMAND_SCHEMA_ID = 1, RESULT_SCHEMA_ID = 2 };

static void require(bool holds)
{
    if (!holds)
        abort();
}

static bool same_command(const struct label_command *a, const struct label_command *b)
{
    return slice_equal(a->command_id_text, b->command_id_text) &&
           slice_equal(a->run_id_text, b->run_id_text) &&
           slice_equal(a->output_resource_name, b->output_resource_name) &&
           slice_equal(a->text_value, b->text_value) && slice_equal(a->object_value, b->object_value) &&
           a->object_value_is_partial == b->object_value_is_partial &&
           slice_equal(a->account_id, b->account_id) && slice_equal(a->created_by, b->created_by);
}

static bool same_result(const struct label_result *a, const struct label_result *b)
{
    return a->outcome == b->outcome && slice_equal(a->command_id_text, b->command_id_text) &&
           slice_equal(a->run_id_text, b->run_id_text) && a->replayed == b->replayed &&
           slice_equal(a->account_id, b->account_id) &&
           slice_equal(a->output_resource_name, b->output_resource_name) &&
           slice_equal(a->text_value, b->text_value) && slice_equal(a->object_value, b->object_value) &&
           a->object_value_is_partial == b->object_value_is_partial &&
           slice_equal(a->created_by, b->created_by) && a->created_at_us == b->created_at_us &&
           slice_equal(a->updated_by, b->updated_by) && a->has_updated_at == b->has_updated_at &&
           a->updated_at_us == b->updated_at_us && a->code == b->code && slice_equal(a->message, b->message);
}

static void require_fault(status st, const struct fault *f)
{
    require(st == STATUS_MALFORMED);
    require(strcmp(f->code, "unknown_schema") == 0 || strcmp(f->code, "broken_avro") == 0);
    require(f->message[0] != '\0');
}

static void check_command(const struct avro_codec *reader, const struct avro_codec *writer,
                          struct slice value)
{
    struct label_command first, second;
    struct buffer again = {0};
    struct fault f = {0};
    const status st = avro_decode_command(reader, value, &first, &f);
    if (st == STATUS_OK) {
        require(avro_encode_command(writer, &first, &again) == STATUS_OK);
        require(avro_decode_command(reader, buffer_slice(&again), &second, &f) == STATUS_OK);
        require(same_command(&first, &second));
    } else {
        require_fault(st, &f);
    }
    buffer_dispose(&again);
}

static void check_result(const struct avro_codec *reader, const struct avro_codec *writer, struct slice value)
{
    struct label_result first, second;
    struct buffer again = {0};
    struct fault f = {0};
    const status st = avro_decode_result(reader, value, &first, &f);
    if (st == STATUS_OK) {
        require(avro_encode_result(writer, &first, &again) == STATUS_OK);
        require(avro_decode_result(reader, buffer_slice(&again), &second, &f) == STATUS_OK);
        require(same_result(&first, &second));
    } else {
        require_fault(st, &f);
    }
    buffer_dispose(&again);
}

/* What avro-c makes of the bytes is what we write for the leaves. */
static void check_write(const struct avro_form *form, const struct avro_leaf *leaves, avro_value_t *value)
{
    struct buffer ours = {0};
    require(avro_walk_write(avro_form_ops(form), leaves, &ours));
    char *theirs = malloc(ours.len + 1);
    require(theirs != NULL);
    avro_writer_t target = avro_writer_memory(theirs, (int64_t)ours.len + 1);
    require(avro_value_write(target, value) == 0);
    require(slice_equal(slice_make(theirs, (size_t)avro_writer_tell(target)), buffer_slice(&ours)));
    avro_writer_free(target);
    free(theirs);
    buffer_dispose(&ours);
}

/* `record` without a frame: what the walk takes, avro-c reads, and nothing is left. */
static void check_walk(const struct avro_form *form, avro_value_t *value, struct slice record)
{
    struct avro_leaf leaves[AVRO_LEAVES_MAX] = {0};
    if (avro_walk(avro_form_ops(form), record, 0, leaves, NULL) != STATUS_OK)
        return;
    avro_reader_t source = avro_reader_memory(record.at, (int64_t)record.len);
    require(avro_value_read(source, value) == 0);
    require(avro_skip(source, 1) != 0);
    check_write(form, leaves, value);
    require(avro_value_reset(value) == 0);
    avro_reader_free(source);
}

static void add_frame(struct buffer *out, uint64_t fingerprint)
{
    buffer_add(out, "\xc3\x01", 2);
    for (unsigned byte = 0; byte < 8; byte++)
        buffer_add_char(out, (char)(fingerprint >> (8 * byte)));
}

/* What is made once: parsing the schemas costs more than a hundred inputs. */
struct fixture {
    struct avro_codec *registry; /* reads both framings */
    struct avro_codec *plain;
    struct avro_form *forms;
    avro_value_t *values; /* one of each form, of avro-c */
    size_t n_forms;
};

static void open_fixture(struct fixture *x)
{
    const struct avro_builtin *builtins = avro_builtins(&x->n_forms);
    x->registry = avro_codec_new(&(struct avro_codec_options){COMMAND_SCHEMA_ID, RESULT_SCHEMA_ID});
    x->plain = avro_codec_new(&(struct avro_codec_options){-1, -1});
    x->forms = calloc(x->n_forms, sizeof *x->forms);
    x->values = calloc(x->n_forms, sizeof *x->values);
    require(x->registry && x->plain && x->forms && x->values);
    for (size_t i = 0; i < x->n_forms; i++) {
        require(avro_form_open(&x->forms[i], &builtins[i]));
        avro_value_iface_t *class = avro_generic_class_from_schema(x->forms[i].schema);
        require(class && avro_generic_value_new(class, &x->values[i]) == 0);
        avro_value_iface_decref(class);
    }
}

static void check_value(const struct fixture *x, struct slice value)
{
    check_command(x->registry, x->registry, value);
    check_command(x->registry, x->plain, value);
    check_result(x->registry, x->registry, value);
    check_result(x->registry, x->plain, value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fixture x;
    if (!x.forms)
        open_fixture(&x);

    const struct slice input = {size ? (const char *)data : "", size};
    check_value(&x, input);
    for (size_t i = 0; i < x.n_forms; i++) {
        struct buffer framed = {0};
        check_walk(&x.forms[i], &x.values[i], input);
        add_frame(&framed, x.forms[i].builtin->fingerprint);
        buffer_add_slice(&framed, input);
        check_value(&x, buffer_slice(&framed));
        buffer_dispose(&framed);
    }
    return 0;
}
