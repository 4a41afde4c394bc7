#include "producer-tool/send_line.h"

#include "common/json.h"
#include <string.h>

bool send_line_is_blank(struct slice line)
{
    for (size_t i = 0; i < line.len; i++) {
        if (!strchr(" \t\r", line.at[i]) || line.at[i] == '\0')
            return false;
    }
    return true;
}

/* The same rule as an Idempotency-Key's, so that both ways of sending a label know the same keys. */
static bool is_key(struct slice key)
{
    if (key.len < 1 || key.len > LABEL_KEY_MAX)
        return false;
    for (size_t i = 0; i < key.len; i++) {
        if (key.at[i] < '!' || key.at[i] > '~')
            return false;
    }
    return true;
}

static status choose_id(const struct json_label *label, const struct send_line_rules *rules, int64_t unix_ms,
                        struct uuid *out, struct fault *f)
{
    if (label->key.at == NULL) {
        uuid_v7(out, unix_ms);
        return STATUS_OK;
    }
    if (label->command.command_id_text.at)
        return fault_set(f, STATUS_INVALID, "invalid_value", "only one of id and key may be given");
    if (!is_key(label->key))
        return fault_set(f, STATUS_INVALID, "invalid_value",
                         "key must be 1 to %d visible ASCII characters without spaces", LABEL_KEY_MAX);
    if (rules->account_id.at == NULL)
        return fault_set(f, STATUS_INVALID, "invalid_value",
                         "key needs the account, which the token does not name: give --account");
    if (!uuid_of_key(out, rules->account_id, label->key))
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "no memory for an id");
    return STATUS_OK;
}

static struct slice canonical(struct arena *a, const struct uuid *id)
{
    char *text = arena_alloc(a, UUID_TEXT_LEN + 1);
    if (!text)
        return SLICE_NONE;
    uuid_format(id, text);
    return slice_make(text, UUID_TEXT_LEN);
}

status send_line_read(struct slice line, const struct send_line_rules *rules, int64_t unix_ms,
                      struct arena *a, struct label_command *out, struct fault *f)
{
    struct json_label label = {0};
    status st = json_read_label(line, JSON_LABEL_LINE, a, &label, f);
    if (st)
        return st;

    *out = label.command;
    if (out->run_id_text.at == NULL)
        out->run_id_text = rules->run_id;
    if (out->run_id_text.at == NULL)
        return fault_set(f, STATUS_INVALID, "invalid_value", "run_id is missing, and --run is not given");
    if (label.key.at || out->command_id_text.at == NULL) {
        struct uuid id;
        st = choose_id(&label, rules, unix_ms, &id, f);
        if (st)
            return st;
        out->command_id_text = canonical(a, &id);
    }
    if (rules->account_in_record)
        out->account_id = rules->account_id;

    st = label_check(out, f);
    if (st)
        return st;
    out->command_id_text = canonical(a, &out->command_id);
    out->run_id_text = canonical(a, &out->run_id);
    if (!out->command_id_text.at || !out->run_id_text.at)
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "no memory for a line");
    return STATUS_OK;
}
