/* Strict JSON (RFC 8259): the HTTP body, NDJSON lines and JWT parts in; labels and errors out. The only module that
 * includes yajl. Beyond yajl it refuses: duplicate member names (compared after unescaping) at any depth, U+0000, lone
 * surrogates, too deep nesting, numbers out of bounds (label.h), a byte order mark, trailing text. */
#pragma once
#include "common/arena.h"
#include "common/buffer.h"
#include "common/label.h"
#include "common/slice.h"
#include "common/status.h"

/* The largest max_depth: object_value inside of a body. */
enum { JSON_DEPTH_MAX = LABEL_OBJECT_DEPTH_MAX + 1 };

enum json_kind { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_OBJECT, JSON_ARRAY };

/* One member of the top-level object. A string is unescaped; every other kind is its text as sent, untouched. */
struct json_member {
    struct slice name; /* unescaped */
    enum json_kind kind;
    struct slice value;
};

/* Called for each top-level member in order. Slices live as long as the input and the arena. After any status but STATUS_OK
 * it is not called again, and json_read_object() returns that status (unless it is one of invalid input and the text turns
 * out to be malformed further on). */
typedef status (*json_member_fn)(void *ctx, const struct json_member *m, struct fault *f);

/* Reads one JSON text that must be an object. `max_depth` counts that object as 1 and is at most JSON_DEPTH_MAX.
 * Errors: STATUS_MALFORMED with code "not_utf8" or "malformed_json" (empty, not JSON, more than one JSON text);
 * STATUS_INVALID with code "not_an_object", "duplicate_member", "nul_character", "lone_surrogate", "too_deep",
 * "number_too_long" or "exponent_out_of_range"; STATUS_NO_MEMORY; what `fn` returned. A text that is malformed anywhere is
 * STATUS_MALFORMED, even where a rule was broken before that point; of several broken rules one is told. Messages hold no
 * names and no values of the text, only places. */
status json_read_object(struct slice text, unsigned max_depth, struct arena *a, json_member_fn fn, void *ctx,
                        struct fault *f) must_check;

/* As above for an array ("not_an_array"); `fn` gets each element, with an absent name. */
status json_read_array(struct slice text, unsigned max_depth, struct arena *a, json_member_fn fn, void *ctx,
                       struct fault *f) must_check;

/* Checks an object_value that came by another way than json_read_label(): one JSON object within the limits of label.h (but its
 * size). Errors: STATUS_INVALID with the codes of json_read_object(), or "object_not_an_object" for what is no object or
 * not JSON at all; STATUS_NO_MEMORY. */
status json_check_object(struct slice text, struct fault *f) must_check;

/* Which members a label's text may have. */
enum json_label_form {
    JSON_LABEL_BODY, /* the HTTP body: the four members of contract §2 */
    JSON_LABEL_LINE, /* an NDJSON line: those, and run_id, id, key */
};

struct json_label {
    struct label_command
        command;      /* name, values, flag; run_id_text and command_id_text of a line's run_id and id */
    struct slice key; /* of a line */
};

/* Reads a label. Checks JSON and the members' names and types, not the rules: label_check() does those. `null` is absent.
 * Errors: as json_read_object(), and STATUS_INVALID with code "unknown_member" or "wrong_type" and the member's name in `f`.
 * `out` is of use only with STATUS_OK. */
status json_read_label(struct slice text, enum json_label_form form, struct arena *a, struct json_label *out,
                       struct fault *f) must_check;

/* Writers. They never fail by themselves: see buffer.failed. */
void json_write_string(struct buffer *b, struct slice utf8); /* with quotes; absent is null */
/* Quoted RFC 3339, UTC, microseconds, Z: as clock_format() has it. */
void json_write_time(struct buffer *b, int64_t unix_us);
/* RunGoldLabel with all eleven members, null where there is no value. `r` must be LABEL_CREATED. */
void json_write_label(struct buffer *b, const struct label_result *r);
/* {"error": …, "code": …} */
void json_write_error(struct buffer *b, const char *code, const char *message);
/* A result as one JSON object on one line (the line end is the caller's), for `gold-label results`: outcome ("CREATED" or
 * "REJECTED"), command_id, run_id, and replayed and label, or code and message. */
void json_write_result(struct buffer *b, const struct label_result *r);
