#include "ingress/answer.h"

#include "common/buffer.h"
#include "common/json.h"
#include "ingress/exchange.h"
#include <stdio.h>

#define RETRY_AFTER_S "1"

static const struct {
    unsigned status;
    const char *code;     /* NULL: the check's own */
    const char *sentence; /* NULL: the check's own */
} ANSWERS[] = {
    [ANSWER_BAD_REQUEST] = {400, "bad_request", "The request is not in order."},
    [ANSWER_MALFORMED_BODY] = {400, NULL, NULL},
    [ANSWER_BAD_KEY] = {400, "invalid_idempotency_key", NULL},
    [ANSWER_NO_PATH] = {404, "not_found", "There is nothing at this path."},
    [ANSWER_NO_RUN] = {404, "not_found", "There is no such run."},
    [ANSWER_BODY_TOO_LARGE] = {413, "body_too_large", "The body has more than 786432 bytes."},
    [ANSWER_VALUE_TOO_LARGE] = {413, NULL, NULL},
    [ANSWER_MEDIA_TYPE] = {415, "unsupported_media_type", "Content-Type must be application/json in UTF-8."},
    [ANSWER_CONTENT_ENCODING] = {415, "unsupported_media_type",
                                 "A body with a Content-Encoding is not read."},
    [ANSWER_RULE_BROKEN] = {422, NULL, NULL},
    [ANSWER_ID_CONFLICT] = {422, "id_conflict", "The Idempotency-Key belongs to another label."},
    [ANSWER_SHUTTING_DOWN] = {503, "unavailable", "The service is shutting down; nothing was published."},
    [ANSWER_KAFKA_UNREACHABLE] = {503, "unavailable", "Kafka cannot be reached; nothing was published."},
    [ANSWER_NOT_DELIVERED] = {503, "unavailable", "Kafka did not take the label; nothing was published."},
    [ANSWER_OVERLOADED] = {503, "overloaded", "Too many requests are waiting; nothing was published."},
    [ANSWER_MISCONFIGURED] = {503, "unavailable", "The service is not set up correctly; nothing was stored."},
    [ANSWER_OUTCOME_UNKNOWN] = {504, "outcome_unknown", "It is unknown whether the label was published."},
    [ANSWER_BAD_QUERY] = {400, "invalid_query", NULL},
    [ANSWER_NO_PLACE] = {400, "invalid_query", "after must be the id of a label of this run."},
    [ANSWER_LABEL_TOO_LARGE] = {500, "label_too_large", "The label is larger than can be shown."},
    [ANSWER_READS_FULL] = {503, "overloaded", "Too much is being read just now."},
    [ANSWER_READ_LATE] = {503, "unavailable", "The database did not answer in time."},
    [ANSWER_UNREADABLE] = {503, "unavailable", "The database cannot be read just now."},
};

_Static_assert(LABEL_BODY_MAX == 786432, "the sentence above");

void answer_fault(struct http_request *r, enum answer a, const struct fault *f)
{
    static const struct http_field RETRY_AFTER = {SLICE_LITERAL("Retry-After"), SLICE_LITERAL(RETRY_AFTER_S)};
    const char *code = ANSWERS[a].code ? ANSWERS[a].code : f->code;
    const char *sentence = ANSWERS[a].sentence ? ANSWERS[a].sentence : f->message;

    http_reply_error(r, ANSWERS[a].status, code, sentence, &RETRY_AFTER, ANSWERS[a].status == 503 ? 1 : 0);
}

void answer_error(struct http_request *r, enum answer a)
{
    static const struct fault NONE = {"error", "The request cannot be served."};
    answer_fault(r, a, &NONE);
}

/* A quoted-string of what RFC 6750 §3 allows in error_description. */
static void write_description(struct buffer *b, const char *why)
{
    for (; *why; why++) {
        char c = *why;
        if (c < ' ' || c > '~')
            c = '?';
        else if (c == '"' || c == '\\')
            c = '\'';
        buffer_add_char(b, c);
    }
}

void answer_unauthenticated(struct http_request *r, const char *why)
{
    struct buffer challenge = {0};

    buffer_add_text(&challenge, "Bearer realm=\"gold-label\"");
    if (why) {
        buffer_add_text(&challenge, ", error=\"invalid_token\", error_description=\"");
        write_description(&challenge, why);
        buffer_add_char(&challenge, '"');
    }
    buffer_add_char(&challenge, '\0');
    struct http_field field = {SLICE_LITERAL("WWW-Authenticate"),
                               challenge.failed ? SLICE_LITERAL("Bearer") : buffer_slice(&challenge)};
    http_reply_error(r, 401, "unauthenticated", why ? why : "A bearer token is required.", &field, 1);
    buffer_dispose(&challenge);
}

void answer_method(struct http_request *r, const char *allow)
{
    char sentence[96];
    struct http_field field = {SLICE_LITERAL("Allow"), slice_of(allow)};

    (void)snprintf(sentence, sizeof sentence, "Only %s is allowed here.", allow);
    http_reply_error(r, 405, "method_not_allowed", sentence, &field, 1);
}

/* 201 and 202: the same headers. */
static void answer_label(const struct waiter *w, unsigned status_code, struct slice body)
{
    char run[UUID_TEXT_LEN + 1];
    char label[UUID_TEXT_LEN + 1];
    char location[128];
    char applied[PREFER_APPLIED_SIZE];

    uuid_format(&w->run_id, run);
    uuid_format(&w->label_id, label);
    (void)snprintf(location, sizeof location, "/v1/run/%s/gold-label/%s", run, label);
    prefer_applied(&w->preference, status_code == 202, applied);

    const struct http_field headers[] = {{SLICE_LITERAL("Location"), slice_of(location)},
                                         {SLICE_LITERAL("Preference-Applied"), slice_of(applied)}};
    http_reply(w->request, &(struct http_reply){.status = status_code,
                                                .content_type = "application/json",
                                                .body = body,
                                                .headers = headers,
                                                .n_headers = applied[0] ? 2 : 1});
}

bool answer_created(const struct waiter *w, const struct label_result *result, struct answer_memory *memory)
{
    struct buffer body = {0};
    struct exchange *x = http_request_state(w->request);

    json_write_label(&body, result);
    size_t counted = body.len > ANSWER_MEMORY_SMALL ? body.len : 0;
    bool has_memory = !body.failed && (!counted || answer_memory_take(memory, counted));
    if (has_memory) {
        x->answer_held = counted;
        answer_label(w, 201, buffer_slice(&body));
    } else {
        answer_accepted(w); /* true, and small */
    }
    buffer_dispose(&body);
    return has_memory;
}

void answer_accepted(const struct waiter *w)
{
    char label[UUID_TEXT_LEN + 1];
    char body[96];

    uuid_format(&w->label_id, label);
    int n = snprintf(body, sizeof body, "{\"id\":\"%s\",\"status\":\"accepted\"}", label);
    answer_label(w, 202, slice_make(body, (size_t)n));
}

void answer_without_result(const struct waiter *w)
{
    if (w->published)
        answer_accepted(w);
    else
        answer_error(w->request, ANSWER_OUTCOME_UNKNOWN);
}
