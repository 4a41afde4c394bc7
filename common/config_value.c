#include "common/config_internal.h"

#include "common/text.h"
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdlib.h>

static bool read_integer(const struct config_option *o, const char *text, int64_t *out)
{
    const char *digits = *text == '-' ? text + 1 : text;
    char *end;

    if (*digits < '0' || *digits > '9')
        return false;
    errno = 0;
    *out = strtoll(text, &end, 10);
    return errno == 0 && *end == '\0' && *out >= o->min && *out <= o->max;
}

static bool read_bool(const char *text, bool *out)
{
    static const struct {
        const char *text;
        bool value;
    } WORDS[] = {{"true", true},   {"yes", true}, {"on", true},   {"1", true},
                 {"false", false}, {"no", false}, {"off", false}, {"0", false}};

    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++) {
        if (text_equal_nocase(slice_of(text), WORDS[i].text)) {
            *out = WORDS[i].value;
            return true;
        }
    }
    return false;
}

static bool read_choice(const struct config_option *o, const char *text, int *out)
{
    for (int i = 0; o->choices[i]; i++) {
        if (strcmp(text, o->choices[i]) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

/* An empty text is a fault and not "unset": an empty audience must not switch its check off. */
static bool text_fits(const struct config_option *o, const char *text)
{
    return *text && (o->max <= 0 || strlen(text) <= (size_t)o->max);
}

/* Judged as the listener will read it, so that what passes here is no surprise there. */
static bool is_address(const char *text)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
    struct addrinfo *address = NULL;

    if (getaddrinfo(text, NULL, &hints, &address) != 0)
        return false;
    freeaddrinfo(address);
    return true;
}

static bool is_text_for(const struct config_option *o, const char *text)
{
    switch (o->kind) {
    case CONFIG_ADDRESS:
        return is_address(text);
    case CONFIG_TOPIC:
        return text_is_topic_name(slice_of(text));
    case CONFIG_BROKERS:
        return text_fits(o, text) && text_is_broker_list(slice_of(text));
    default:
        return text_fits(o, text);
    }
}

bool config_store(const struct config_option *o, const char *text, void *settings, struct buffer *faults)
{
    void *member = (char *)settings + o->offset;
    union {
        const char *text;
        int64_t integer;
        bool flag;
        int choice;
    } v;
    memset(&v, 0, sizeof v);
    bool ok = true;

    switch (o->kind) {
    case CONFIG_TEXT:
    case CONFIG_ADDRESS:
    case CONFIG_TOPIC:
    case CONFIG_BROKERS:
        ok = !text || is_text_for(o, text);
        v.text = ok ? text : NULL;
        memcpy(member, &v.text, sizeof v.text);
        break;
    case CONFIG_INTEGER:
        ok = !text || read_integer(o, text, &v.integer);
        v.integer = ok ? v.integer : 0;
        memcpy(member, &v.integer, sizeof v.integer);
        break;
    case CONFIG_BOOL:
        ok = !text || read_bool(text, &v.flag);
        memcpy(member, &v.flag, sizeof v.flag);
        break;
    case CONFIG_CHOICE:
        ok = !text || read_choice(o, text, &v.choice);
        memcpy(member, &v.choice, sizeof v.choice);
        break;
    }
    if (!ok) {
        buffer_add_text(faults, "must be ");
        config_describe_bounds(o, faults);
    }
    return ok;
}

void config_describe_bounds(const struct config_option *o, struct buffer *out)
{
    switch (o->kind) {
    case CONFIG_TEXT:
        if (o->max > 0)
            buffer_printf(out, "text of 1 to %" PRId64 " bytes", o->max);
        else
            buffer_add_text(out, "text that is not empty");
        break;
    case CONFIG_ADDRESS:
        buffer_add_text(out, "a numeric IPv4 or IPv6 address");
        break;
    case CONFIG_TOPIC:
        buffer_printf(out, "1 to %d of A-Z a-z 0-9 . _ -, not . or ..", TEXT_TOPIC_NAME_MAX);
        break;
    case CONFIG_BROKERS:
        buffer_printf(out, "host:port, comma-separated, at most %" PRId64 " bytes, a port 1 to %d", o->max,
                      UINT16_MAX);
        break;
    case CONFIG_INTEGER:
        buffer_printf(out, "%" PRId64 " to %" PRId64, o->min, o->max);
        break;
    case CONFIG_BOOL:
        buffer_add_text(out, "true or false");
        break;
    case CONFIG_CHOICE:
        for (size_t i = 0; o->choices[i]; i++) {
            const char *between = i == 0 ? "" : o->choices[i + 1] ? ", " : " or ";
            buffer_printf(out, "%s%s", between, o->choices[i]);
        }
        break;
    }
    if (o->unit)
        buffer_printf(out, " %s", o->unit);
}

static void add_upper(struct buffer *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '.' || *text == '-')
            buffer_add_char(out, '_');
        else
            buffer_add_char(out, (char)toupper((unsigned char)*text));
    }
}

void config_variable_name(const char *section, const char *name, struct buffer *out)
{
    buffer_add_text(out, "GOLD_LABEL_");
    add_upper(out, section);
    buffer_add_char(out, '_');
    add_upper(out, name);
}

bool config_is_secret(const char *name)
{
    static const char *const PARTS[] = {"password",           "secret",  "pem", "jaas",
                                        "oauthbearer.config", "conninfo"};

    for (size_t i = 0; i < sizeof PARTS / sizeof PARTS[0]; i++) {
        if (strcasestr(name, PARTS[i]))
            return true;
    }
    return false;
}

void config_show(struct buffer *out, const char *text)
{
    enum { SHOWN_MAX = 100 };
    size_t len = strlen(text);

    for (size_t i = 0; i < len && i < SHOWN_MAX; i++) {
        bool control = (unsigned char)text[i] < ' ' || text[i] == 0x7f;
        buffer_add(out, control ? "?" : &text[i], 1);
    }
    if (len > SHOWN_MAX)
        buffer_add_text(out, "...");
}
