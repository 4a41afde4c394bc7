/* Any bytes as a label: what the body's form takes the line's form takes too, and alike; and the rules. */
#include "common/avro_show.h"
#include "common/json.h"
#include "common/text.h"
#include "producer-tool/letter_dump.h"
#include "producer-tool/lint.h"
#include "producer-tool/send_line.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void require_fault(status st, const struct fault *f)
{
    require(status_class(st) == STATUS_CLASS_INVALID);
    require(f->code && f->code[0] && f->message[0]);
    require(text_is_utf8(slice_of(f->message)) && !text_has_control(slice_of(f->message)));
}

static bool is_same(const struct json_label *a, const struct json_label *b)
{
    return slice_equal(a->command.output_resource_name, b->command.output_resource_name) &&
           slice_equal(a->command.text_value, b->command.text_value) &&
           slice_equal(a->command.object_value, b->command.object_value) &&
           a->command.object_value_is_partial == b->command.object_value_is_partial;
}

/* What the rules let through can be stored, and shows again what was sent. */
static void require_storable(const struct label_command *c)
{
    require(!c->text_value.at != !c->object_value.at);
    require(text_is_utf8(c->output_resource_name) && !text_is_blank(c->output_resource_name));
    require(text_characters(c->output_resource_name) <= LABEL_NAME_MAX);
    require(c->text_value.len <= LABEL_VALUE_MAX && c->object_value.len <= LABEL_VALUE_MAX);
    if (c->object_value.at)
        require(json_check_object(c->object_value, NULL) == STATUS_OK);

    struct buffer line = {0};
    const struct label_result result = {
        .outcome = LABEL_CREATED,
        .command_id_text = c->command_id_text,
        .run_id_text = c->run_id_text,
        .account_id = c->output_resource_name,
        .output_resource_name = c->output_resource_name,
        .text_value = c->text_value,
        .object_value = c->object_value,
        .object_value_is_partial = c->object_value_is_partial,
    };
    json_write_result(&line, &result);
    require(!line.failed && !memchr(line.at, '\n', line.len));
    struct arena *arena = arena_new(1024);
    require(arena != NULL);
    /* The label is one level deeper in its result, as object_value is in a label. */
    struct fault f;
    status st = json_read_object(buffer_slice(&line), JSON_DEPTH_MAX, arena, NULL, NULL, &f);
    require(st == STATUS_OK || (st == STATUS_INVALID && strcmp(f.code, "too_deep") == 0));
    arena_free(arena);
    buffer_dispose(&line);
}

static void check_rules(struct json_label *label)
{
    struct label_command *c = &label->command;
    struct fault f = {0};

    c->command_id_text =
        c->command_id_text.at ? c->command_id_text : SLICE_LITERAL("0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b");
    c->run_id_text =
        c->run_id_text.at ? c->run_id_text : SLICE_LITERAL("11111111-2222-4333-8444-555555555555");
    status st = label_check(c, &f);
    if (st)
        require_fault(st, &f);
    else
        require_storable(c);

    /* Reading has checked object_value for good. */
    struct label_command unchecked = *c;
    unchecked.object_is_checked = false;
    require(label_check(&unchecked, NULL) == st);
}

/* As `gold-label send` reads it: what it takes has both ids, and a fault has a place within the line. */
static void check_send_line(struct slice text, struct arena *arena)
{
    static const struct digest digest = {{1}};
    static const struct send_line_rules rules = {
        .run_id = {"11111111-2222-4333-8444-555555555555", UUID_TEXT_LEN},
        .account_id = {"acme", 4},
        .digest = &digest};
    struct label_command command;
    struct fault f = {0};
    enum send_line_id from;

    status st = send_line_read(text, 7, &rules, 0, arena, &command, &from, &f);
    if (st == STATUS_OK) {
        require(command.command_id_text.len == UUID_TEXT_LEN && command.run_id_text.len == UUID_TEXT_LEN);
        require_storable(&command);
        return;
    }
    require_fault(st, &f);
    require(lint_locate(text, &f).column <= text.len + 1);
}

/* Dead letters hold any bytes too. */
static void check_letter(struct slice value)
{
    struct buffer text = {0};
    avro_show(value, &text);
    letter_dump(value, 64, &text);
    require(!text.failed && text_is_utf8(buffer_slice(&text)));
    buffer_dispose(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_make(data, size);
    struct arena *arena = arena_new(1024);
    require(arena != NULL);

    struct json_label body;
    struct json_label line;
    struct fault body_fault = {0};
    struct fault line_fault = {0};
    status as_body = json_read_label(text, JSON_LABEL_BODY, arena, &body, &body_fault);
    status as_line = json_read_label(text, JSON_LABEL_LINE, arena, &line, &line_fault);

    require((as_body == STATUS_MALFORMED) == (as_line == STATUS_MALFORMED));
    if (as_body == STATUS_OK) {
        require(as_line == STATUS_OK && is_same(&body, &line));
        require(!line.key.at && !line.command.run_id_text.at && !line.command.command_id_text.at);
        check_rules(&body);
    } else {
        require_fault(as_body, &body_fault);
    }
    if (as_line == STATUS_OK)
        check_rules(&line);
    else
        require_fault(as_line, &line_fault);

    check_send_line(text, arena);
    check_letter(text);
    arena_free(arena);
    return 0;
}
