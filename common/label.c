#include "common/label.h"

#include "common/json.h"
#include "common/text.h"

static const char *const REJECTION_TEXTS[] = {
    [LABEL_REJECTED_UNKNOWN] = "unknown",
    [LABEL_REJECTED_UNAUTHENTICATED] = "unauthenticated",
    [LABEL_REJECTED_RUN_NOT_FOUND] = "run_not_found",
    [LABEL_REJECTED_INVALID_VALUE] = "invalid_value",
    [LABEL_REJECTED_ID_CONFLICT] = "id_conflict",
};

enum { N_REJECTIONS = sizeof REJECTION_TEXTS / sizeof REJECTION_TEXTS[0] };

const char *label_rejection_text(enum label_rejection code)
{
    return REJECTION_TEXTS[(unsigned)code < N_REJECTIONS ? code : LABEL_REJECTED_UNKNOWN];
}

enum label_rejection label_rejection_of(struct slice text)
{
    for (unsigned code = 0; code < N_REJECTIONS; code++) {
        if (slice_is(text, REJECTION_TEXTS[code]))
            return (enum label_rejection)code;
    }
    return LABEL_REJECTED_UNKNOWN;
}

struct label_result label_created(const struct label_command *c, int64_t created_at_us)
{
    return (struct label_result){
        .outcome = LABEL_CREATED,
        .account_id = c->account_id,
        .output_resource_name = c->output_resource_name,
        .text_value = c->text_value,
        .object_value = c->object_value,
        .object_value_is_partial = c->object_value_is_partial,
        .created_by = c->created_by,
        .created_at_us = created_at_us,
    };
}

static status check_sizes(const struct label_command *c, struct fault *f)
{
    if (c->text_value.len > LABEL_VALUE_MAX || c->object_value.len > LABEL_VALUE_MAX)
        return fault_set(f, STATUS_TOO_LARGE, "value_too_large", "%s has more than %d bytes",
                         c->text_value.len > LABEL_VALUE_MAX ? "text_value" : "object_value",
                         LABEL_VALUE_MAX);
    return STATUS_OK;
}

static status check_ids(struct label_command *c, struct fault *f)
{
    if (!uuid_parse(c->command_id_text, &c->command_id))
        return fault_set(f, STATUS_INVALID, "invalid_command_id",
                         "command_id must be a UUID of %d characters with dashes", UUID_TEXT_LEN);
    if (!uuid_parse(c->run_id_text, &c->run_id))
        return fault_set(f, STATUS_INVALID, "invalid_run_id",
                         "run_id must be a UUID of %d characters with dashes", UUID_TEXT_LEN);
    return STATUS_OK;
}

/* JSON has been read so strictly that this holds; another sender's Avro has not. */
static status check_text(struct slice s, const char *member, struct fault *f)
{
    if (!text_is_utf8(s))
        return fault_set(f, STATUS_INVALID, "not_utf8", "%s must be UTF-8", member);
    if (s.len > 0 && memchr(s.at, '\0', s.len))
        return fault_set(f, STATUS_INVALID, "nul_character", "%s must not hold the character U+0000", member);
    return STATUS_OK;
}

static status check_name(struct slice name, struct fault *f)
{
    static const char MEMBER[] = "output_resource_name";

    if (!name.at)
        return fault_set(f, STATUS_INVALID, "name_required", "%s is required", MEMBER);
    status st = check_text(name, MEMBER, f);
    if (st)
        return st;
    if (text_is_blank(name))
        return fault_set(f, STATUS_INVALID, "name_blank", "%s must hold more than white space", MEMBER);
    if (text_characters(name) > LABEL_NAME_MAX)
        return fault_set(f, STATUS_INVALID, "name_too_long", "%s has more than %d characters", MEMBER,
                         LABEL_NAME_MAX);
    return STATUS_OK;
}

static status check_value(const struct label_command *c, struct fault *f)
{
    if (!c->text_value.at && !c->object_value.at)
        return fault_set(f, STATUS_INVALID, "value_required",
                         "one of text_value and object_value is required");
    if (c->text_value.at && c->object_value.at)
        return fault_set(f, STATUS_INVALID, "value_ambiguous",
                         "only one of text_value and object_value may be given");
    if (c->object_value_is_partial != LABEL_FLAG_ABSENT && !c->object_value.at)
        return fault_set(f, STATUS_INVALID, "partial_without_object",
                         "object_value_is_partial is for object_value only");
    if (c->text_value.at)
        return check_text(c->text_value, "text_value", f);
    return c->object_is_checked ? STATUS_OK : json_check_object(c->object_value, f);
}

status label_check(struct label_command *c, struct fault *f)
{
    status st = check_sizes(c, f);
    if (!st)
        st = check_ids(c, f);
    if (!st)
        st = check_name(c->output_resource_name, f);
    if (!st)
        st = check_value(c, f);
    return st;
}
