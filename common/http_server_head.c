#include "common/http_server_internal.h"

enum { EMPTY_LINE = 2 }; /* its bytes; RFC 9112 §2.2 wants one to be ignored before a request */

static enum MHD_Result add_field(void *ctx, enum MHD_ValueKind kind, const char *name, size_t name_len,
                                 const char *value, size_t value_len)
{
    struct http_head *head = ctx;
    struct http_field *fields = (struct http_field *)(uintptr_t)head->fields;

    (void)kind;
    fields[head->n_fields++] =
        (struct http_field){{name, name_len}, {value ? value : "", value ? value_len : 0}};
    return MHD_YES;
}

/* libmicrohttpd cuts the head up where it lies: each part ends with a NUL where its delimiter was, so the next one must
 * start right behind. Where it does not, bytes were lost (a NUL ended the part early, a folded line was moved). What cannot be seen is a NUL
 * in the place of the CR of a line that ends in LF alone. */
static bool is_as_sent(const struct http_head *head, const char *target_at)
{
    const char *next = head->method.at + head->method.len + 1;

    if (next != target_at || next + head->target.len + 1 != head->version.at)
        return false;
    next = head->version.at + head->version.len + 2;
    for (size_t i = 0; i < head->n_fields; i++) {
        const struct http_field *f = &head->fields[i];
        if (f->name.at != next || f->value.at <= f->name.at + f->name.len)
            return false;
        next = f->value.at + f->value.len + 2;
    }
    return next + 2 == head->method.at + head->bytes;
}

/* A connection's memory begins with its request, and what is left of it is moved there for the next one: what is in between
 * was skipped. (Modulo the alignment of that memory: eight empty lines pass for none.) */
static size_t skipped_before(const struct http_head *head)
{
    enum { ALIGNMENT = 16 };
    return (uintptr_t)head->method.at % ALIGNMENT;
}

bool http_request_gather_head(struct http_request *r, const char *method, const char *version)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    int n = MHD_get_connection_values(r->mhd, MHD_HEADER_KIND, NULL, NULL);
    struct http_field *fields = arena_alloc(r->arena, (size_t)(n > 0 ? n : 1) * sizeof *fields);

    if (!fields || !r->head.target.at || (r->server->options.state_size && !r->state))
        return false;
    r->head.fields = fields;
    r->head.method = slice_of(method);
    r->head.version = slice_of(version);
    (void)MHD_get_connection_values_n(r->mhd, MHD_HEADER_KIND, add_field, &r->head);
    r->head.bytes = info ? info->header_size : 0;
    size_t skipped = skipped_before(&r->head);
    r->preceded = skipped > 0;
    r->head.altered = (skipped > 0 && skipped != EMPTY_LINE) || !is_as_sent(&r->head, r->target_at);
    r->path = http_target_path(r->head.target);
    return true;
}
