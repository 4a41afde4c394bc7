/* What this project asks of a JSON text beyond RFC 8259 that can be seen in its bytes. For json_read.c only. */
#pragma once
#include "common/slice.h"
#include "common/status.h"
#include <stdbool.h>

/* yajl takes vertical tab and form feed for white space. No JSON text holds either byte, inside a string or outside. */
bool json_has_foreign_space(struct slice text);

/* Escapes that PostgreSQL could not store: STATUS_INVALID with "nul_character" or "lone_surrogate". Tells the truth about a
 * well-formed text only, where a backslash always begins an escape. */
status json_check_escapes(struct slice text, struct fault *f) must_check;

/* A number's bounds (label.h): STATUS_INVALID with "number_too_long" or "exponent_out_of_range". `at`: its first byte, to be told. */
status json_check_number(struct slice number, size_t at, struct fault *f) must_check;
