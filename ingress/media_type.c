#include "ingress/media_type.h"

#include "common/text.h"
#include "ingress/scan.h"

bool media_type_is_json(struct slice content_type)
{
    struct scan s = scan_of(content_type);
    struct slice type;
    struct slice subtype;

    if (!scan_token(&s, &type) || !scan_char(&s, '/') || !scan_token(&s, &subtype) ||
        !text_equal_nocase(type, "application") || !text_equal_nocase(subtype, "json"))
        return false;

    for (;;) {
        struct slice name;
        struct slice value;
        scan_blanks(&s);
        if (scan_is_done(&s))
            return true;
        if (!scan_char(&s, ';'))
            return false;
        scan_blanks(&s);
        if (scan_is_done(&s) || *s.at == ';')
            continue; /* RFC 9110 §5.6.6 lets a parameter be empty */
        if (!scan_pair(&s, false, &name, &value) || !value.at)
            return false;
        if (text_equal_nocase(name, "charset") && !text_equal_nocase(value, "utf-8"))
            return false;
    }
}
