/* Every answer of the public listener: one table of statuses, codes and sentences. After one of these the request is gone. */
#pragma once
#include "common/http_server.h"
#include "common/label.h"
#include "ingress/answer_memory.h"
#include "ingress/pending.h"

enum answer {
    ANSWER_BAD_REQUEST,
    ANSWER_MALFORMED_BODY, /* sentence and code come from the check */
    ANSWER_BAD_KEY,        /* likewise */
    ANSWER_NO_PATH,
    ANSWER_NO_RUN, /* no such run, another account's, or no UUID: all the same to see */
    ANSWER_BODY_TOO_LARGE,
    ANSWER_VALUE_TOO_LARGE,
    ANSWER_MEDIA_TYPE,
    ANSWER_CONTENT_ENCODING,
    ANSWER_RULE_BROKEN, /* sentence and code come from the check */
    ANSWER_ID_CONFLICT,
    ANSWER_SHUTTING_DOWN,
    ANSWER_KAFKA_UNREACHABLE,
    ANSWER_NOT_DELIVERED,
    ANSWER_OVERLOADED,
    ANSWER_MISCONFIGURED, /* the worker does not accept our token, or we cannot sign */
    ANSWER_OUTCOME_UNKNOWN,
    ANSWER_BAD_QUERY, /* sentence from the check */
    ANSWER_NO_PLACE,  /* there is no label to begin a list behind */
    ANSWER_LABEL_TOO_LARGE,
    ANSWER_READS_FULL,
    ANSWER_READ_LATE,
    ANSWER_UNREADABLE, /* the database cannot be reached, or has refused */
};

void answer_error(struct http_request *r, enum answer a);
/* With the sentence of `f`, and its code where the table has none. */
void answer_fault(struct http_request *r, enum answer a, const struct fault *f);
/* 401. `why`: what is wrong with the token; NULL: there were no credentials. */
void answer_unauthenticated(struct http_request *r, const char *why);
/* 405; `allow` is the value of Allow, such as "GET, HEAD". */
void answer_method(struct http_request *r, const char *allow);

/* The waiter was taken out of the table: its request is answered now. */
/* 201; false where there is no memory for it, nor room in `memory`, and it is 202. */
bool answer_created(const struct waiter *w, const struct label_result *result, struct answer_memory *memory);
void answer_accepted(const struct waiter *w);
/* What a 202 or a 504 can still say when there is no more time. */
void answer_without_result(const struct waiter *w);
