#include "common/log.h"

#include "common/clock.h"
#include "common/text.h"
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

enum {
    VALUE_MAX = 512,      /* bytes of one value; the rest is cut */
    LINE_SIZE = PIPE_BUF, /* a pipe takes that much in one piece: lines of several threads do not mix */
    TAIL_MAX = 32,        /* kept free for `truncated` and the line's end */
    SELDOM_US = 10000000, /* between two lines about what comes often */
};

static struct {
    enum log_level least;
    enum log_format format;
    const char *program;
} settings = {LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT, "gold-label"};

void log_setup(enum log_level least, enum log_format format, const char *program)
{
    settings.least = least;
    settings.format = format;
    settings.program = program;
}

struct line {
    char at[LINE_SIZE];
    size_t len;
    bool full; /* a field did not fit */
};

static void put(struct line *l, const char *bytes, size_t len)
{
    if (l->full || len > sizeof l->at - TAIL_MAX - l->len) {
        l->full = true;
        return;
    }
    memcpy(l->at + l->len, bytes, len);
    l->len += len;
}

static void put_text(struct line *l, const char *text)
{
    put(l, text, strlen(text));
}

/* For what TAIL_MAX keeps room for. */
static void put_tail(struct line *l, const char *text)
{
    size_t len = strlen(text);
    memcpy(l->at + l->len, text, len);
    l->len += len;
}

/* Bytes of the character that `s` starts with; 0 when it is not well-formed. */
static size_t character_size(struct slice s)
{
    unsigned char lead = (unsigned char)s.at[0];
    size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    return size <= s.len && text_is_utf8((struct slice){s.at, size}) ? size : 0;
}

/* C1 controls drive terminals, U+2028 and U+2029 end a line for some readers. */
static bool breaks_lines(const char *at, size_t size)
{
    return (size == 2 && memcmp(at, "\xc2\xa0", 2) < 0) ||
           (size == 3 && (memcmp(at, "\xe2\x80\xa8", 3) == 0 || memcmp(at, "\xe2\x80\xa9", 3) == 0));
}

/* One character as a JSON string holds it; logfmt's readers take the same escapes. */
static void put_character(struct line *l, const char *at, size_t size)
{
    unsigned char c = (unsigned char)at[0];
    char escaped[8];

    if (size == 0) {
        put_text(l, "\\ufffd");
    } else if (c == '"' || c == '\\') {
        put(l, (char[]){'\\', (char)c}, 2);
    } else if (c == '\n') {
        put_text(l, "\\n");
    } else if (c < 0x20 || c == 0x7f) {
        snprintf(escaped, sizeof escaped, "\\u%04x", c);
        put_text(l, escaped);
    } else if (breaks_lines(at, size)) {
        unsigned code = size == 2 ? (unsigned char)at[1] : 0x2000U | ((unsigned char)at[2] & 0x3fU);
        snprintf(escaped, sizeof escaped, "\\u%04x", code);
        put_text(l, escaped);
    } else {
        put(l, at, size);
    }
}

static void put_quoted(struct line *l, struct slice s)
{
    put_text(l, "\"");
    for (size_t i = 0; i < s.len && !l->full;) {
        size_t size = character_size((struct slice){s.at + i, s.len - i});
        size_t step = size ? size : 1;
        if (i + step > VALUE_MAX) {
            put_text(l, "...");
            break;
        }
        put_character(l, s.at + i, size);
        i += step;
    }
    put_text(l, "\"");
}

static bool needs_quotes(struct slice s)
{
    if (s.len == 0 || s.len > VALUE_MAX)
        return true;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];
        if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c >= 0x7f)
            return true;
    }
    return false;
}

static void put_value(struct line *l, struct slice s)
{
    if (!s.at)
        put_text(l, "null");
    else if (settings.format == LOG_FORMAT_JSON || needs_quotes(s))
        put_quoted(l, s);
    else
        put(l, s.at, s.len);
}

static void put_key(struct line *l, const char *key)
{
    bool json = settings.format == LOG_FORMAT_JSON;

    if (l->len == 0)
        put_text(l, json ? "{\"" : "");
    else
        put_text(l, json ? ",\"" : " ");
    put_text(l, key);
    put_text(l, json ? "\":" : "=");
}

static void put_field(struct line *l, const struct log_field *f)
{
    char text[UUID_TEXT_LEN + 1];

    put_key(l, f->key);
    switch (f->kind) {
    case LOG_FIELD_INTEGER:
        snprintf(text, sizeof text, "%" PRId64, f->integer);
        put_text(l, text);
        break;
    case LOG_FIELD_UUID:
        uuid_format(&f->uuid, text);
        put_value(l, slice_of(text));
        break;
    case LOG_FIELD_TEXT:
    case LOG_FIELD_NONE:
        put_value(l, f->text);
        break;
    }
}

/* A field that does not fit is left out as a whole, and so is what comes after it. */
static void put_fields(struct line *l, const struct log_field *fields, size_t n)
{
    for (size_t i = 0; i < n && !l->full; i++) {
        size_t before = l->len;
        if (fields[i].kind != LOG_FIELD_NONE)
            put_field(l, &fields[i]);
        if (l->full)
            l->len = before;
    }
}

bool log_is_due(int64_t *told_us, int64_t now_us)
{
    if (*told_us != 0 && now_us - *told_us < SELDOM_US)
        return false;
    *told_us = now_us;
    return true;
}

void log_write(enum log_level level, const char *message, const struct log_field *fields, size_t n)
{
    static const char *const LEVELS[] = {
        [LOG_LEVEL_DEBUG] = "debug",
        [LOG_LEVEL_INFO] = "info",
        [LOG_LEVEL_WARNING] = "warning",
        [LOG_LEVEL_ERROR] = "error",
    };
    if (level < settings.least)
        return;

    int saved = errno;
    bool json = settings.format == LOG_FORMAT_JSON;
    char time[CLOCK_TEXT_SIZE];
    clock_format(clock_unix_us(clock_system()), time);

    const struct log_field head[] = {LOG_STR("time", time), LOG_STR("level", LEVELS[level]),
                                     LOG_STR("program", settings.program), LOG_STR("msg", message)};
    struct line l;
    l.len = 0;
    l.full = false;
    put_fields(&l, head, sizeof head / sizeof head[0]);
    put_fields(&l, fields, n);
    if (l.full)
        put_tail(&l, json ? ",\"truncated\":true" : " truncated=true");
    put_tail(&l, json ? "}\n" : "\n");

    while (write(STDERR_FILENO, l.at, l.len) < 0 && errno == EINTR) {
    }
    errno = saved;
}
