#include "ingress/labels.h"

#include "common/json.h"
#include "common/label.h"
#include "common/log.h"
#include "ingress/answer.h"
#include "ingress/authenticate.h"
#include "ingress/idempotency_key.h"
#include "ingress/media_type.h"
#include "ingress/publish.h"

/* Each check of the head decides on the request itself where it returns false. */

/* A run whose id is malformed must look like one that is missing, to the last header: an answer before the body would end
 * the connection and say so. So the body is taken, and labels_body() answers. */
static bool read_run_id(struct http_request *r, struct exchange *x)
{
    struct http_framing framing = http_request_framing(r);

    if (uuid_parse(x->run_id_text, &x->run_id))
        return true;
    x->run_id_is_malformed = true;
    bool is_too_large = framing.body == HTTP_BODY_LENGTH && framing.length > LABEL_BODY_MAX;
    if (x->waited_for_keys || is_too_large)
        answer_error(r, ANSWER_NO_RUN);
    else
        http_ignore_body(r);
    return false;
}

static bool read_key(struct http_request *r, struct exchange *x)
{
    struct slice value = http_request_header(r, "Idempotency-Key", 0);
    struct fault fault = {0};

    if (!value.at)
        return true;
    if (http_request_header(r, "Idempotency-Key", 1).at) {
        (void)fault_set(&fault, STATUS_MALFORMED, "invalid_idempotency_key",
                        "There is more than one Idempotency-Key.");
        answer_fault(r, ANSWER_BAD_KEY, &fault);
        return false;
    }
    switch (idempotency_key_read(value, http_request_arena(r), &x->key, &fault)) {
    case STATUS_OK:
        return true;
    case STATUS_NO_MEMORY:
        answer_error(r, ANSWER_OVERLOADED);
        return false;
    default:
        answer_fault(r, ANSWER_BAD_KEY, &fault);
        return false;
    }
}

static void read_preferences(const struct http_request *r, struct exchange *x)
{
    for (size_t i = 0;; i++) {
        struct slice value = http_request_header(r, "Prefer", i);
        if (!value.at)
            return;
        prefer_read(value, &x->preference);
    }
}

static bool check_body_form(struct http_request *r)
{
    struct http_framing framing = http_request_framing(r);

    if (framing.body == HTTP_BODY_LENGTH && framing.length > LABEL_BODY_MAX) {
        answer_error(r, ANSWER_BODY_TOO_LARGE);
        return false;
    }
    if (!media_type_is_json(http_request_header(r, "Content-Type", 0))) {
        answer_error(r, ANSWER_MEDIA_TYPE);
        return false;
    }
    if (http_request_header(r, "Content-Encoding", 0).at) {
        answer_error(r, ANSWER_CONTENT_ENCODING);
        return false;
    }
    return true;
}

static bool check_head(struct ingress *in, struct http_request *r, struct exchange *x)
{
    if (!authenticate(in, r, x) || !read_run_id(r, x) || !read_key(r, x))
        return false;
    read_preferences(r, x);
    return check_body_form(r);
}

void labels_head(struct ingress *in, struct http_request *r, struct exchange *x)
{
    int64_t began_us = clock_monotonic_us(in->clock);

    if (!check_head(in, r, x))
        return;
    x->head_us = clock_monotonic_us(in->clock) - began_us;
    http_accept_body(r, LABEL_BODY_MAX, x->party);
}

/* ---- the body ---- */

static void refuse(struct http_request *r, status st, const struct fault *fault)
{
    switch (st) {
    case STATUS_MALFORMED:
        answer_fault(r, ANSWER_MALFORMED_BODY, fault);
        break;
    case STATUS_TOO_LARGE:
        answer_fault(r, ANSWER_VALUE_TOO_LARGE, fault);
        break;
    case STATUS_INVALID:
        answer_fault(r, ANSWER_RULE_BROKEN, fault);
        break;
    default:
        log_error("a body cannot be checked", LOG_STR("status", status_text(st)));
        answer_error(r, ANSWER_OVERLOADED);
    }
}

void labels_body(struct ingress *in, struct http_request *r, struct exchange *x, struct slice body)
{
    char run[UUID_TEXT_LEN + 1];
    char label[UUID_TEXT_LEN + 1];
    struct json_label read;
    struct uuid label_id;
    struct fault fault = {0};

    x->body_us = clock_monotonic_us(in->clock);
    if (x->run_id_is_malformed) {
        answer_error(r, ANSWER_NO_RUN);
        return;
    }
    if (x->waited_for_keys && !check_head(in, r, x))
        return;
    arena_reset(in->scratch);
    status st = json_read_label(body, JSON_LABEL_BODY, in->scratch, &read, &fault);
    if (st != STATUS_OK) {
        refuse(r, st, &fault);
        return;
    }

    if (!x->key.at) {
        uuid_v7(&label_id, clock_unix_us(in->clock) / 1000);
    } else if (!uuid_of_key(&label_id, x->account_id, x->key)) {
        answer_error(r, ANSWER_OVERLOADED);
        return;
    }
    uuid_format(&x->run_id, run);
    uuid_format(&label_id, label);
    read.command.run_id_text = slice_make(run, UUID_TEXT_LEN);
    read.command.command_id_text = slice_make(label, UUID_TEXT_LEN);
    st = label_check(&read.command, &fault);
    if (st != STATUS_OK) {
        refuse(r, st, &fault);
        return;
    }
    publish_label(in, r, x, &read.command);
}
