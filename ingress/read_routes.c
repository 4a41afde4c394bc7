#include "ingress/read_routes.h"

#include "ingress/answer.h"
#include "ingress/authenticate.h"
#include "ingress/read_query.h"
#include "ingress/reads.h"
#include <string.h>

static const char *text_of(struct arena *a, struct slice s)
{
    char *text = arena_alloc(a, s.len + 1);

    if (text) {
        memcpy(text, s.at, s.len);
        text[s.len] = '\0';
    }
    return text;
}

/* `id`: the label, or the one that a list begins behind; NULL: its start. */
static void submit(struct ingress *in, struct http_request *r, struct exchange *x, enum read_kind kind,
                   const struct uuid *id, unsigned limit)
{
    struct arena *a = http_request_arena(r);
    struct read *read = arena_alloc(a, sizeof *read);
    const char *account_id = text_of(a, x->account_id);

    if (!read || !account_id) {
        answer_error(r, ANSWER_READS_FULL);
        return;
    }
    *read =
        (struct read){.kind = kind, .request = r, .held = &x->held, .account_id = account_id, .limit = limit};
    uuid_format(&x->run_id, read->run_id);
    if (id)
        uuid_format(id, read->id);
    for (size_t i = 0;; i++) {
        struct slice value = http_request_header(r, "If-None-Match", i);
        if (!value.at)
            break;
        if_none_match_read(value, &read->known);
    }
    if (atomic_load(&in->phase) == PHASE_RUNNING)
        reads_submit(in->reads, read);
    else
        answer_error(r, ANSWER_SHUTTING_DOWN);
}

void read_label_head(struct ingress *in, struct http_request *r, struct exchange *x)
{
    if (!authenticate(in, r, x))
        return;
    if (uuid_parse(x->run_id_text, &x->run_id) && uuid_parse(x->label_id_text, &x->label_id))
        submit(in, r, x, READ_LABEL, &x->label_id, 0);
    else
        answer_error(r, ANSWER_NO_RUN);
}

void read_list_head(struct ingress *in, struct http_request *r, struct exchange *x)
{
    struct read_query query;
    struct fault fault = {0};

    if (!authenticate(in, r, x))
        return;
    if (!uuid_parse(x->run_id_text, &x->run_id))
        answer_error(r, ANSWER_NO_RUN);
    else if (read_query_parse(http_request_target(r), &query, &fault) != STATUS_OK)
        answer_fault(r, ANSWER_BAD_QUERY, &fault);
    else
        submit(in, r, x, READ_LIST, query.has_after ? &query.after : NULL, query.limit);
}

void read_label_body(struct ingress *in, struct http_request *r, struct exchange *x, struct slice body)
{
    (void)body;
    read_label_head(in, r, x);
}

void read_list_body(struct ingress *in, struct http_request *r, struct exchange *x, struct slice body)
{
    (void)body;
    read_list_head(in, r, x);
}
