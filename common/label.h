/* A gold label as a command and as a result, its limits, and the one function that checks the rules (contract §2). */
#pragma once
#include "common/slice.h"
#include "common/status.h"
#include "common/uuid.h"
#include <stdbool.h>
#include <stdint.h>

enum {
    LABEL_NAME_MAX = 255,            /* characters of output_resource_name */
    LABEL_VALUE_MAX = 512 * 1024,    /* bytes of text_value (UTF-8) or object_value (as sent) */
    LABEL_BODY_MAX = 768 * 1024,     /* bytes of an HTTP body or an NDJSON line */
    LABEL_OBJECT_DEPTH_MAX = 64,     /* object_value itself counts as 1 */
    LABEL_NUMBER_DIGITS_MAX = 1000,  /* digits of one number, without its exponent's */
    LABEL_NUMBER_EXPONENT_MAX = 400, /* absolute value of an exponent */
    LABEL_PRINCIPAL_MAX = 255,       /* characters of an account id or a subject */
    LABEL_KEY_MAX = 255,             /* bytes of an Idempotency-Key */
    LABEL_CORRELATION_MAX = 64,      /* bytes of a correlation-id */
    LABEL_TOKEN_MAX = 8 * 1024,      /* bytes of a JWT */
};

enum label_flag { LABEL_FLAG_ABSENT, LABEL_FLAG_FALSE, LABEL_FLAG_TRUE };

/* A create-gold-label command. Slices belong to the caller's arena or message. */
struct label_command {
    struct slice command_id_text; /* as sent; label_check() fills command_id */
    struct slice run_id_text;     /* as sent; label_check() fills run_id */
    struct uuid command_id;
    struct uuid run_id;
    struct slice account_id; /* of the verified token; of the record only with auth = trusted */
    struct slice created_by; /* likewise; absent = null */
    struct slice output_resource_name;
    struct slice text_value;   /* absent, or UTF-8 */
    struct slice object_value; /* absent, or the text of a JSON object, untouched */
    enum label_flag object_value_is_partial;
    bool object_is_checked; /* json_read_label() has walked object_value already: do not do it twice */
};

enum label_outcome { LABEL_CREATED, LABEL_REJECTED };

/* Why a command was rejected; the texts are those of the Avro enum and of contract §3. */
enum label_rejection {
    LABEL_REJECTED_UNKNOWN, /* a code newer than this reader; never written */
    LABEL_REJECTED_UNAUTHENTICATED,
    LABEL_REJECTED_RUN_NOT_FOUND,
    LABEL_REJECTED_INVALID_VALUE,
    LABEL_REJECTED_ID_CONFLICT,
};

/* What became of one command. */
struct label_result {
    enum label_outcome outcome;
    struct slice command_id_text; /* canonical where it is a UUID, as sent otherwise */
    struct slice run_id_text;

    /* LABEL_CREATED: the whole row, eleven columns with the two ids above. */
    bool replayed; /* the row was there before this command */
    struct slice account_id;
    struct slice output_resource_name;
    struct slice text_value;
    struct slice object_value;
    enum label_flag object_value_is_partial;
    struct slice created_by;
    int64_t created_at_us; /* microseconds since 1970-01-01 UTC */
    struct slice updated_by;
    bool has_updated_at;
    int64_t updated_at_us;

    /* LABEL_REJECTED */
    enum label_rejection code;
    struct slice message; /* one sentence for a person */
};

/* "run_not_found" …; never NULL. */
const char *label_rejection_text(enum label_rejection code);
enum label_rejection label_rejection_of(struct slice text);

/* What is said of a command whose label is there, since `created_at_us`. Ids and `replayed` are the caller's to add. The texts are the
 * command's. */
struct label_result label_created(const struct label_command *c, int64_t created_at_us);

/* Checks every rule of contract §2 that holds for a command by itself and fills `command_id` and `run_id` from their
 * texts. Where it fails, `f` names the member and the bound.
 * Errors: STATUS_TOO_LARGE (413, invalid_value) with code "value_too_large"; STATUS_INVALID (422, invalid_value) with code
 * "invalid_command_id", "invalid_run_id", "name_required", "name_blank", "name_too_long", "value_required",
 * "value_ambiguous", "partial_without_object", "not_utf8", "nul_character" or one of json_check_object();
 * STATUS_NO_MEMORY. */
status label_check(struct label_command *c, struct fault *f) must_check;
