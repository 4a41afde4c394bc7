#include "common/json.h"

#include "common/text.h"
#include <stdio.h>

enum wanted { WANTED_STRING, WANTED_OBJECT, WANTED_BOOLEAN };

static const char *const WANTED_TEXTS[] = {
    [WANTED_STRING] = "a string",
    [WANTED_OBJECT] = "an object",
    [WANTED_BOOLEAN] = "true or false",
};

/* `offset` is that of the slice, or of the flag, in struct json_label. */
static const struct label_member {
    const char *name;
    enum wanted wanted;
    enum json_label_form least; /* the first form that has it */
    size_t offset;
} MEMBERS[] = {
    {"output_resource_name", WANTED_STRING, JSON_LABEL_BODY,
     offsetof(struct json_label, command.output_resource_name)},
    {"text_value", WANTED_STRING, JSON_LABEL_BODY, offsetof(struct json_label, command.text_value)},
    {"object_value", WANTED_OBJECT, JSON_LABEL_BODY, offsetof(struct json_label, command.object_value)},
    {"object_value_is_partial", WANTED_BOOLEAN, JSON_LABEL_BODY,
     offsetof(struct json_label, command.object_value_is_partial)},
    {"run_id", WANTED_STRING, JSON_LABEL_LINE, offsetof(struct json_label, command.run_id_text)},
    {"id", WANTED_STRING, JSON_LABEL_LINE, offsetof(struct json_label, command.command_id_text)},
    {"key", WANTED_STRING, JSON_LABEL_LINE, offsetof(struct json_label, key)},
};

struct label_reader {
    enum json_label_form form;
    struct json_label *out;
};

static const struct label_member *find_member(struct slice name, enum json_label_form form)
{
    for (size_t i = 0; i < sizeof MEMBERS / sizeof MEMBERS[0]; i++) {
        if (MEMBERS[i].least <= form && slice_is(name, MEMBERS[i].name))
            return &MEMBERS[i];
    }
    return NULL;
}

/* A foreign name is shown as far as it is short and harmless. */
static status refuse_unknown(struct slice name, struct fault *f)
{
    enum { SHOWN_MAX = 64 };
    struct slice shown = text_prefix(name, SHOWN_MAX);

    if (text_has_control(shown))
        return fault_set(f, STATUS_INVALID, "unknown_member",
                         "there is no such member; its name holds control characters");
    return fault_set(f, STATUS_INVALID, "unknown_member", "there is no member \"%.*s%s\"", (int)shown.len,
                     shown.at, shown.len < name.len ? "…" : "");
}

static bool fits(enum wanted wanted, enum json_kind kind)
{
    switch (wanted) {
    case WANTED_STRING:
        return kind == JSON_STRING;
    case WANTED_OBJECT:
        return kind == JSON_OBJECT;
    case WANTED_BOOLEAN:
        return kind == JSON_FALSE || kind == JSON_TRUE;
    }
    return false;
}

static status take_member(void *ctx, const struct json_member *m, struct fault *f)
{
    const struct label_reader *r = ctx;
    const struct label_member *member = find_member(m->name, r->form);

    if (!member)
        return refuse_unknown(m->name, f);
    if (m->kind == JSON_NULL)
        return STATUS_OK;
    if (!fits(member->wanted, m->kind))
        return fault_set(f, STATUS_INVALID, "wrong_type", "%s must be %s", member->name,
                         WANTED_TEXTS[member->wanted]);

    void *to = (char *)r->out + member->offset;
    if (member->wanted == WANTED_BOOLEAN)
        *(enum label_flag *)to = m->kind == JSON_TRUE ? LABEL_FLAG_TRUE : LABEL_FLAG_FALSE;
    else
        *(struct slice *)to = m->value;
    return STATUS_OK;
}

status json_read_label(struct slice text, enum json_label_form form, struct arena *a, struct json_label *out,
                       struct fault *f)
{
    *out = (struct json_label){0};
    struct label_reader r = {form, out};
    status st = json_read_object(text, LABEL_OBJECT_DEPTH_MAX + 1, a, take_member, &r, f);
    if (st)
        return st;
    out->command.object_is_checked = true;
    return STATUS_OK;
}
