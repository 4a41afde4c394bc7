#include "ingress/read_answer.h"

#include "common/http_server.h"
#include "ingress/answer.h"
#include <stdio.h>

static const enum answer REFUSALS[READ_OUTCOMES] = {
    [READ_NOT_FOUND] = ANSWER_NO_RUN,          [READ_NO_PLACE] = ANSWER_NO_PLACE,
    [READ_TOO_LARGE] = ANSWER_LABEL_TOO_LARGE, [READ_NO_ROOM] = ANSWER_READS_FULL,
    [READ_QUEUE_FULL] = ANSWER_READS_FULL,     [READ_LATE] = ANSWER_READ_LATE,
    [READ_UNAVAILABLE] = ANSWER_UNREADABLE,    [READ_CLOSING] = ANSWER_SHUTTING_DOWN,
};

/* 200 and 304 have the same headers: one stands for the other. */
static void answer_page(struct read *r, struct read_page *page)
{
    char tag[IF_NONE_MATCH_DIGEST_LEN + 3];
    char link[192];
    struct http_field headers[4] = {
        {SLICE_LITERAL("ETag"), {tag, 0}},
        {SLICE_LITERAL("Cache-Control"), SLICE_LITERAL("private, no-cache")},
        {SLICE_LITERAL("Vary"), SLICE_LITERAL("Authorization")},
        {SLICE_LITERAL("Link"), {link, 0}},
    };
    bool is_shown = page->outcome == READ_SHOWN;

    headers[0].value.len = (size_t)snprintf(tag, sizeof tag, "\"%s\"", page->digest);
    headers[3].value.len =
        (size_t)snprintf(link, sizeof link, "</v1/run/%s/gold-labels?limit=%u&after=%s>; rel=\"next\"",
                         r->run_id, r->limit, page->next);
    *r->held = is_shown ? page->len : 0;
    http_reply(r->request, &(struct http_reply){.status = is_shown ? 200 : 304,
                                                .content_type = is_shown ? "application/json" : NULL,
                                                .body = {page->json, page->len},
                                                .body_is_given = is_shown,
                                                .headers = headers,
                                                .n_headers = page->next[0] ? 4 : 3});
}

void read_answer(const struct stats *stats, struct read *r, struct read_page *page, int64_t duration_us)
{
    counter_add(stats->reads[page->outcome], 1);
    histogram_observe(stats->read, duration_us);
    if (page->outcome == READ_SHOWN || page->outcome == READ_NOT_MODIFIED)
        answer_page(r, page);
    else
        answer_error(r->request, REFUSALS[page->outcome]);
}
