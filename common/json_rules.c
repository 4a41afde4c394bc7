#include "common/json_rules.h"

#include "common/label.h"
#include <stdint.h>

bool json_has_foreign_space(struct slice text)
{
    return text.len > 0 && (memchr(text.at, '\v', text.len) || memchr(text.at, '\f', text.len));
}

/* The code unit of the `\uXXXX` at the start of `s`; -1 when there is none. */
static int32_t escaped_unit(struct slice s)
{
    if (s.len < 6 || s.at[0] != '\\' || s.at[1] != 'u')
        return -1;

    int32_t unit = 0;
    for (size_t i = 2; i < 6; i++) {
        char c = s.at[i];
        if (c >= '0' && c <= '9')
            unit = unit * 16 + (c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            unit = unit * 16 + ((c | 0x20) - 'a' + 10);
        else
            return -1;
    }
    return unit;
}

static bool is_high_surrogate(int32_t unit)
{
    return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool is_low_surrogate(int32_t unit)
{
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

static struct slice behind(struct slice s, size_t n)
{
    return n < s.len ? (struct slice){s.at + n, s.len - n} : (struct slice){s.at + s.len, 0};
}

status json_check_escapes(struct slice text, struct fault *f)
{
    struct slice rest = text;
    const char *escape;

    while (rest.len > 0 && (escape = memchr(rest.at, '\\', rest.len)) != NULL) {
        rest = behind(rest, (size_t)(escape - rest.at));
        int32_t unit = escaped_unit(rest);
        if (unit == 0)
            return fault_set(f, STATUS_INVALID, "nul_character",
                             "the character U+0000 at byte %zu cannot be stored", (size_t)(escape - text.at));

        bool is_pair = is_high_surrogate(unit) && is_low_surrogate(escaped_unit(behind(rest, 6)));
        if (!is_pair && (is_high_surrogate(unit) || is_low_surrogate(unit)))
            return fault_set(f, STATUS_INVALID, "lone_surrogate",
                             "a surrogate without its other half at byte %zu", (size_t)(escape - text.at));
        rest = behind(rest, is_pair ? 12 : unit >= 0 ? 6 : 2);
    }
    return STATUS_OK;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

status json_check_number(struct slice number, size_t at, struct fault *f)
{
    /* Nothing short can be too much: `1e999` is the shortest that is. */
    if (number.len < 5)
        return STATUS_OK;

    size_t digits = 0;
    size_t i = 0;
    for (; i < number.len && number.at[i] != 'e' && number.at[i] != 'E'; i++)
        digits += is_digit(number.at[i]);
    if (digits > LABEL_NUMBER_DIGITS_MAX)
        return fault_set(f, STATUS_INVALID, "number_too_long",
                         "a number has more than %d digits: that at byte %zu", LABEL_NUMBER_DIGITS_MAX, at);

    int exponent = 0;
    for (; i < number.len && exponent <= LABEL_NUMBER_EXPONENT_MAX; i++) {
        if (is_digit(number.at[i]))
            exponent = exponent * 10 + (number.at[i] - '0');
    }
    if (exponent > LABEL_NUMBER_EXPONENT_MAX)
        return fault_set(f, STATUS_INVALID, "exponent_out_of_range",
                         "the exponent of a number is beyond ±%d: that at byte %zu",
                         LABEL_NUMBER_EXPONENT_MAX, at);
    return STATUS_OK;
}
