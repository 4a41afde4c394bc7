#include "common/http_guard.h"

#include "common/text.h"
#include <string.h>

enum {
    BAD_REQUEST = 400,
    EXPECTATION_FAILED = 417,
    HEADERS_TOO_LARGE = 431,
    NOT_IMPLEMENTED = 501,
    VERSION = 505
};

static bool is_alphanumeric(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_one_of(unsigned char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

bool http_is_token_char(char c)
{
    return is_alphanumeric((unsigned char)c) || is_one_of((unsigned char)c, "!#$%&'*+-.^_`|~");
}

bool http_is_token(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!http_is_token_char(s.at[i]))
            return false;
    return s.len > 0;
}

struct slice http_trim(struct slice s)
{
    while (s.len > 0 && (s.at[0] == ' ' || s.at[0] == '\t')) {
        s.at++;
        s.len--;
    }
    while (s.len > 0 && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
        s.len--;
    return s;
}

struct slice http_field_find(const struct http_field *fields, size_t n_fields, const char *name, size_t nth)
{
    for (size_t i = 0; i < n_fields; i++)
        if (text_equal_nocase(fields[i].name, name) && nth-- == 0)
            return http_trim(fields[i].value);
    return SLICE_NONE;
}

static bool has_prefix(struct slice s, const char *prefix)
{
    size_t len = strlen(prefix);
    return s.len >= len && text_equal_nocase(slice_make(s.at, len), prefix);
}

/* The length of `http://` or `https://`; 0 without. */
static size_t scheme_of(struct slice target)
{
    return has_prefix(target, "http://") ? 7 : has_prefix(target, "https://") ? 8 : 0;
}

/* What begins at `at` ends with the target, at its path or at its query (RFC 3986 §3.2). */
static size_t end_of_authority(struct slice target, size_t at)
{
    while (at < target.len && target.at[at] != '/' && target.at[at] != '?')
        at++;
    return at;
}

struct slice http_target_path(struct slice target)
{
    size_t scheme = scheme_of(target);
    size_t begin = scheme ? end_of_authority(target, scheme) : 0;
    size_t end = begin;

    while (end < target.len && target.at[end] != '?')
        end++;
    return scheme && begin == end ? SLICE_LITERAL("/") : slice_make(target.at + begin, end - begin);
}

static unsigned refuse(unsigned code, struct fault *f, const char *word, const char *why)
{
    (void)fault_set(f, STATUS_MALFORMED, word, "%s", why);
    return code;
}

static unsigned bad(struct fault *f, const char *why)
{
    return refuse(BAD_REQUEST, f, "bad_request", why);
}

/* uri-host [":" port] (RFC 3986 §3.2.2), without user information and never empty. */
static bool is_authority(struct slice s)
{
    size_t i = 0;

    if (s.len > 0 && s.at[0] == '[') {
        for (i = 1; i < s.len &&
                    (is_alphanumeric((unsigned char)s.at[i]) || is_one_of((unsigned char)s.at[i], ":.-_~"));)
            i++;
        if (i < 2 || i == s.len || s.at[i++] != ']')
            return false;
    } else {
        while (i < s.len && (is_alphanumeric((unsigned char)s.at[i]) ||
                             is_one_of((unsigned char)s.at[i], "-._~%!$&'()*+;=")))
            i++;
        if (i == 0)
            return false;
    }
    if (i < s.len && s.at[i++] != ':')
        return false;
    while (i < s.len && s.at[i] >= '0' && s.at[i] <= '9')
        i++;
    return i == s.len;
}

/* One of the four forms of RFC 9112 §3.2, each where it may stand. */
static bool is_target(struct slice method, struct slice target)
{
    size_t scheme = scheme_of(target);

    if (slice_is(method, "CONNECT"))
        return is_authority(target);
    if (slice_is(target, "*"))
        return slice_is(method, "OPTIONS");
    if (!scheme)
        return target.at[0] == '/';
    return is_authority(slice_make(target.at + scheme, end_of_authority(target, scheme) - scheme));
}

/* HTTP/1.0 has no chunked coding and needs no Host; every later HTTP/1 is read as HTTP/1.1 (RFC 9110 §2.5). */
static unsigned check_request_line(const struct http_head *head, struct fault *f)
{
    if (!http_is_token(head->method))
        return bad(f, "The method is not a token.");
    if (head->target.len == 0)
        return bad(f, "The request target is empty.");
    for (size_t i = 0; i < head->target.len; i++)
        if (head->target.at[i] <= ' ' || head->target.at[i] > '~' || head->target.at[i] == '#')
            return bad(f, "The request target may only hold visible ASCII characters and no fragment.");
    if (head->version.len != 8 || memcmp(head->version.at, "HTTP/1.", 7) != 0 || head->version.at[7] < '0' ||
        head->version.at[7] > '9')
        return refuse(VERSION, f, "http_version_not_supported",
                      "Only HTTP/1.1 and HTTP/1.0 are spoken here.");
    if (!is_target(head->method, head->target))
        return bad(f, "The request target has none of the forms that its method allows.");
    return 0;
}

static unsigned check_field(const struct http_field *field, struct fault *f)
{
    if (!http_is_token(field->name))
        return bad(f, "A header's name is not a token (white space before the colon is not allowed).");
    for (size_t i = 0; i < field->value.len; i++) {
        unsigned char c = (unsigned char)field->value.at[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return bad(f, "A header's value holds a control character.");
    }
    return 0;
}

/* Headers that change who is asked, by whom, or what the body is: a second one has two readings. */
static const char *const SINGLE[] = {"Host",          "Content-Length", "Transfer-Encoding",
                                     "Authorization", "Content-Type",   "Content-Encoding",
                                     "Expect"};

static unsigned check_single(const struct http_head *head, struct fault *f)
{
    for (size_t i = 0; i < sizeof SINGLE / sizeof SINGLE[0]; i++) {
        if (http_field_find(head->fields, head->n_fields, SINGLE[i], 1).at) {
            (void)fault_set(f, STATUS_MALFORMED, "bad_request", "There is more than one %s header.",
                            SINGLE[i]);
            return BAD_REQUEST;
        }
    }
    return 0;
}

static unsigned check_host(struct slice host, bool required, struct fault *f)
{
    if (!host.at)
        return required ? bad(f, "An HTTP/1.1 request needs a Host header.") : 0;
    return is_authority(host) ? 0 : bad(f, "The Host header does not name one host.");
}

/* Headers by which libmicrohttpd finds the end of a request, or the moment to go on. It compares them to the byte: behind a blank that the
 * RFC does not count (RFC 9110 §5.5) it would take them for something else. */
static unsigned check_exact(const struct http_head *head, struct fault *f)
{
    static const char *const EXACT[] = {"Content-Length", "Transfer-Encoding", "Expect"};

    for (size_t i = 0; i < sizeof EXACT / sizeof EXACT[0]; i++) {
        for (size_t k = 0; k < head->n_fields; k++) {
            struct slice value = head->fields[k].value;
            if (value.len == 0 || !text_equal_nocase(head->fields[k].name, EXACT[i]) ||
                !is_one_of((unsigned char)value.at[value.len - 1], " \t"))
                continue;
            (void)fault_set(f, STATUS_MALFORMED, "bad_request", "White space behind the value of %s.",
                            EXACT[i]);
            return BAD_REQUEST;
        }
    }
    return 0;
}

/* RFC 9112 §6.3. A length of more than 19 digits could be cut by somebody; none of ours is near that. */
static unsigned read_framing(const struct http_head *head, bool is_1_0, struct http_framing *out,
                             struct fault *f)
{
    struct slice length = http_field_find(head->fields, head->n_fields, "Content-Length", 0);
    struct slice coding = http_field_find(head->fields, head->n_fields, "Transfer-Encoding", 0);

    if (length.at && coding.at)
        return bad(f, "Content-Length and Transfer-Encoding exclude each other.");
    if (coding.at && is_1_0)
        return bad(f, "HTTP/1.0 has no Transfer-Encoding.");
    if (coding.at && !text_equal_nocase(coding, "chunked"))
        return refuse(NOT_IMPLEMENTED, f, "unknown_transfer_coding",
                      "The only transfer coding known here is chunked.");
    if (coding.at)
        out->body = HTTP_BODY_CHUNKED;
    if (!length.at)
        return 0;

    if (length.len == 0 || length.len > 19)
        return bad(f, "Content-Length must be 1 to 19 digits.");
    for (size_t i = 0; i < length.len; i++) {
        if (length.at[i] < '0' || length.at[i] > '9')
            return bad(f, "Content-Length must be plain digits.");
        out->length = out->length * 10 + (uint64_t)(length.at[i] - '0');
    }
    out->body = out->length > 0 ? HTTP_BODY_LENGTH : HTTP_BODY_NONE;
    return 0;
}

static unsigned read_expectation(const struct http_head *head, struct http_framing *out, struct fault *f)
{
    struct slice expect = http_field_find(head->fields, head->n_fields, "Expect", 0);

    if (expect.at && !text_equal_nocase(expect, "100-continue"))
        return refuse(EXPECTATION_FAILED, f, "expectation_failed",
                      "The only expectation met here is 100-continue.");
    out->expects_continue = expect.at != NULL;
    return 0;
}

unsigned http_guard(const struct http_head *head, struct http_framing *out, struct fault *f)
{
    *out = (struct http_framing){HTTP_BODY_NONE, 0, false};
    if (head->bytes > HTTP_HEAD_MAX || head->n_fields > HTTP_FIELDS_MAX)
        return refuse(HEADERS_TOO_LARGE, f, "headers_too_large",
                      "A request's head may have 16 KiB and 128 headers.");
    if (head->altered)
        return bad(f, "The head holds a NUL, a folded line or a line that does not end in CR LF.");

    unsigned refused = check_request_line(head, f);
    for (size_t i = 0; i < head->n_fields && !refused; i++)
        refused = check_field(&head->fields[i], f);
    if (!refused)
        refused = check_single(head, f);
    if (!refused)
        refused = check_exact(head, f);
    if (refused)
        return refused;

    bool is_1_0 = head->version.at[7] == '0';
    refused = check_host(http_field_find(head->fields, head->n_fields, "Host", 0), !is_1_0, f);
    if (!refused)
        refused = read_framing(head, is_1_0, out, f);
    if (!refused)
        refused = read_expectation(head, out, f);
    return refused;
}
