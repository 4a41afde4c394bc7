#include "common/status.h"

#include "common/text.h"
#include <stdarg.h>
#include <stdio.h>

static const struct {
    enum status_class class;
    const char *text;
} STATUSES[] = {
    [STATUS_OK] = {STATUS_CLASS_OK, "ok"},
    [STATUS_MALFORMED] = {STATUS_CLASS_INVALID, "malformed"},
    [STATUS_INVALID] = {STATUS_CLASS_INVALID, "invalid"},
    [STATUS_TOO_LARGE] = {STATUS_CLASS_INVALID, "too_large"},
    [STATUS_UNAUTHENTICATED] = {STATUS_CLASS_INVALID, "unauthenticated"},
    [STATUS_NOT_FOUND] = {STATUS_CLASS_INVALID, "not_found"},
    [STATUS_CONFLICT] = {STATUS_CLASS_INVALID, "conflict"},
    [STATUS_RETRY] = {STATUS_CLASS_RETRY, "retry"},
    [STATUS_FULL] = {STATUS_CLASS_RETRY, "full"},
    [STATUS_TIMEOUT] = {STATUS_CLASS_RETRY, "timeout"},
    [STATUS_CONFIG] = {STATUS_CLASS_STOP, "config"},
    [STATUS_NO_MEMORY] = {STATUS_CLASS_STOP, "no_memory"},
    [STATUS_FATAL] = {STATUS_CLASS_STOP, "fatal"},
};

enum status_class status_class(status st)
{
    return STATUSES[st].class;
}

const char *status_text(status st)
{
    return STATUSES[st].text;
}

status fault_set(struct fault *f, status st, const char *code, const char *format, ...)
{
    if (!f)
        return st;

    va_list args;
    va_start(args, format);
    int wanted = vsnprintf(f->message, sizeof f->message, format, args);
    va_end(args);

    f->code = code;
    if (wanted < 0)
        f->message[0] = '\0';
    else if ((size_t)wanted >= sizeof f->message)
        f->message[text_prefix(slice_of(f->message), sizeof f->message - 1).len] = '\0';
    return st;
}
