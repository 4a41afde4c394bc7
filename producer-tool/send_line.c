#include "producer-tool/send_line.h"

#include "common/json.h"
#include <string.h>

enum { NUMBER_MAX = 20 }; /* digits of a uint64_t */

bool send_line_is_blank(struct slice line)
{
    for (size_t i = 0; i < line.len; i++) {
        if (!strchr(" \t\r", line.at[i]) || line.at[i] == '\0')
            return false;
    }
    return true;
}

/* The same rule as a quoted Idempotency-Key's, so that both ways of sending a label know the same keys. */
static bool is_key(struct slice key)
{
    if (key.len < 1 || key.len > LABEL_KEY_MAX)
        return false;
    for (size_t i = 0; i < key.len; i++) {
        if (key.at[i] < ' ' || key.at[i] > '~')
            return false;
    }
    return true;
}

static status check_key(const struct json_label *label, const struct send_line_rules *rules, struct fault *f)
{
    if (label->command.command_id_text.at)
        return fault_set(f, STATUS_INVALID, "id_and_key", "only one of id and key may be given");
    if (!is_key(label->key))
        return fault_set(f, STATUS_INVALID, "invalid_key",
                         "key must be 1 to %d visible ASCII characters or spaces", LABEL_KEY_MAX);
    if (!rules->account_id.at && !rules->check_only)
        return fault_set(f, STATUS_INVALID, "account_required",
                         "key needs the account, which the token does not name: give --account");
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

static char *put_slice(char *to, struct slice s)
{
    return s.len ? mempcpy(to, s.at, s.len) : to;
}

static char *put_number(char *to, uint64_t number)
{
    char digits[NUMBER_MAX];
    size_t n = 0;
    do {
        digits[n++] = (char)('0' + number % 10);
    } while ((number /= 10) > 0);
    while (n > 0)
        *to++ = digits[--n];
    return to;
}

/* Account and run are part of the name: the same file for another of them is another set of labels. Most lines have no other id:
 * printf and a buffer would be a tenth of what sending one costs. */
static bool id_of_place(uint64_t number, const struct send_line_rules *rules, struct slice run_id,
                        struct arena *a, struct uuid *out)
{
    static const struct uuid NAME_SPACE = {
        {0x5d, 0x4b, 0x0f, 0x1c, 0x8a, 0x0e, 0x4f, 0x5b, 0x9c, 0x77, 0x61, 0x2d, 0x8e, 0x0b, 0x3a, 0x94}};
    struct slice account = rules->account_id;
    char *name = arena_alloc(a, account.len + UUID_TEXT_LEN + DIGEST_TEXT_LEN + NUMBER_MAX + 3);
    char *at = name;
    struct uuid run;
    if (!name)
        return false;

    /* Each text's NUL is overwritten by what comes between it and the next. */
    at = put_slice(at, account);
    *at++ = '\0';
    if (uuid_parse(run_id, &run)) {
        uuid_format(&run, at);
        at += UUID_TEXT_LEN;
    }
    *at++ = ' ';
    digest_format(rules->digest, at);
    at += DIGEST_TEXT_LEN;
    *at++ = ' ';
    at = put_number(at, number);
    uuid_v5(out, &NAME_SPACE, slice_make(name, (size_t)(at - name)));
    return true;
}

static status choose_id(const struct json_label *label, uint64_t number, const struct send_line_rules *rules,
                        int64_t unix_ms, struct label_command *out, struct arena *a, enum send_line_id *from,
                        struct fault *f)
{
    struct uuid id = {{0}};
    bool ok = true;

    *from = label->key.at             ? SEND_LINE_OF_KEY
            : out->command_id_text.at ? SEND_LINE_GIVEN
            : rules->digest           ? SEND_LINE_OF_PLACE
                                      : SEND_LINE_RANDOM;
    switch (*from) {
    case SEND_LINE_GIVEN:
        return STATUS_OK;
    case SEND_LINE_OF_KEY: {
        status st = check_key(label, rules, f);
        if (st)
            return st;
        ok = rules->check_only || uuid_of_key(&id, rules->account_id, label->key);
        break;
    }
    case SEND_LINE_OF_PLACE:
        ok = id_of_place(number, rules, out->run_id_text, a, &id);
        break;
    case SEND_LINE_RANDOM:
        if (!rules->check_only)
            uuid_v7(&id, unix_ms);
        break;
    }
    if (ok)
        out->command_id_text = canonical(a, &id);
    return ok && out->command_id_text.at ? STATUS_OK
                                         : fault_set(f, STATUS_NO_MEMORY, "no_memory", "no memory for an id");
}

status send_line_read(struct slice line, uint64_t number, const struct send_line_rules *rules,
                      int64_t unix_ms, struct arena *a, struct label_command *out, enum send_line_id *from,
                      struct fault *f)
{
    struct json_label label = {0};
    status st = json_read_label(line, JSON_LABEL_LINE, a, &label, f);
    if (st)
        return st;

    *out = label.command;
    if (out->run_id_text.at == NULL)
        out->run_id_text = rules->run_id;
    if (out->run_id_text.at == NULL)
        return fault_set(f, STATUS_INVALID, "run_required", "run_id is missing, and --run is not given");
    st = choose_id(&label, number, rules, unix_ms, out, a, from, f);
    if (st)
        return st;
    if (rules->account_in_record)
        out->account_id = rules->account_id;

    st = label_check(out, f);
    if (st || rules->check_only)
        return st;
    out->command_id_text = canonical(a, &out->command_id);
    out->run_id_text = canonical(a, &out->run_id);
    if (!out->command_id_text.at || !out->run_id_text.at)
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "no memory for a line");
    return STATUS_OK;
}
