#include "common/http_guard.h"

#include "tests/fuzz/http_head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HOST "Host: a\r\n"

static unsigned judge(const char *text, struct http_framing *framing, struct fault *f)
{
    struct http_field fields[HTTP_HEAD_FIELDS];
    struct http_head head = http_head_of(slice_of(text), fields);
    return http_guard(&head, framing, f);
}

static void what_has_two_readings_is_refused(void **state)
{
    (void)state;
    static const struct {
        unsigned status;
        const char *code;
        const char *text;
    } CASES[] = {
        {400, "bad_request", "POST / HTTP/1.1\r\n" HOST "Content-Length: 2\r\nContent-Length: 2\r\n\r\n"},
        {400, "bad_request", "POST / HTTP/1.1\r\n" HOST "content-length: 2\r\nCONTENT-LENGTH: 3\r\n\r\n"},
        {400, "bad_request", "GET / HTTP/1.1\r\n" HOST HOST "\r\n"},
        {400, "bad_request",
         "GET / HTTP/1.1\r\n" HOST "Authorization: Bearer a\r\nAuthorization: Basic b\r\n\r\n"},
        {400, "bad_request",
         "POST / HTTP/1.1\r\n" HOST "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {400, "bad_request",
         "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {400, "bad_request", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {501, "unknown_transfer_coding",
         "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n"},
        {501, "unknown_transfer_coding",
         "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, chunked\r\n\r\n"},
        {501, "unknown_transfer_coding", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n"},
        {501, "unknown_transfer_coding", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n\r\n"},
        {400, "bad_request", "POST / HTTP/1.1\r\n" HOST "Content-Length: 2 \r\n\r\n"},
        {400, "bad_request", "POST / HTTP/1.1\r\n" HOST "transfer-encoding: chunked\t\r\n\r\n"},
        {400, "bad_request", "POST / HTTP/1.1\r\n" HOST "Expect: 100-continue \r\n\r\n"},
        {400, "bad_request", "GET / HTTP/1.1\r\n" HOST "X : a\r\n\r\n"},
        {400, "bad_request", "GET / HTTP/1.1\r\n" HOST "X\t: a\r\n\r\n"},
        {400, "bad_request", "GET / HTTP/1.1\r\n" HOST ": a\r\n\r\n"},
        {400, "bad_request", "GET / HTTP/1.1\r\n" HOST "X: a\r\n b: c\r\n\r\n"},
        {400, "bad_request", "GET / HTTP/1.1\r\n" HOST "X\xc3\xa4: a\r\n\r\n"},
        {400, "bad_request", "GET / HTTP/1.1\r\n" HOST "X: a\x01\r\n\r\n"},
        {400, "bad_request", "GET / HTTP/1.1\r\n" HOST "X: a\x7f\r\n\r\n"},
        {400, "bad_request", "GET / HTTP/1.1\r\n" HOST "X: a\rY: b\r\n\r\n"},
        {400, "bad_request", "GET / HTTP/1.1\r\n" HOST "X: a\nY: b\r\n\r\n"},
        {400, "bad_request", "GET / HTTP/1.1\r\n\r\n"},
        {400, "bad_request", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"},
        {400, "bad_request", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
        {400, "bad_request", "POST / HTTP/1.1\r\n" HOST "Content-Length: +2\r\n\r\n"},
        {400, "bad_request", "POST / HTTP/1.1\r\n" HOST "Content-Length: 2, 2\r\n\r\n"},
        {400, "bad_request", "POST / HTTP/1.1\r\n" HOST "Content-Length: 0x2\r\n\r\n"},
        {400, "bad_request", "POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n"},
        {400, "bad_request", "POST / HTTP/1.1\r\n" HOST "Content-Length: 18446744073709551618\r\n\r\n"},
        {400, "bad_request", "G@T / HTTP/1.1\r\n" HOST "\r\n"},
        {400, "bad_request", "GET /a#b HTTP/1.1\r\n" HOST "\r\n"},
        {400, "bad_request", "GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n"},
        {400, "bad_request", "GET  / HTTP/1.1\r\n" HOST "\r\n"},
        {400, "bad_request", "GET a HTTP/1.1\r\n" HOST "\r\n"},
        {400, "bad_request", "GET * HTTP/1.1\r\n" HOST "\r\n"},
        {400, "bad_request", "GET a:80 HTTP/1.1\r\n" HOST "\r\n"},
        {400, "bad_request", "CONNECT / HTTP/1.1\r\n" HOST "\r\n"},
        {400, "bad_request", "GET http:///a HTTP/1.1\r\n" HOST "\r\n"},
        {400, "bad_request", "GET http://u@a/ HTTP/1.1\r\n" HOST "\r\n"},
        {400, "bad_request", "GET ftp://a/ HTTP/1.1\r\n" HOST "\r\n"},
        {400, "bad_request", "GET / HTTP/1.1\r\nHost:\r\n\r\n"},
        {400, "bad_request", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n"},
        {400, "bad_request", "GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n"},
        {400, "bad_request", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"},
        {400, "bad_request", "GET / HTTP/1.1\r\nHost: [::1]a\r\n\r\n"},
        {400, "bad_request", "GET / HTTP/1.1\r\nHost: []\r\n\r\n"},
        {505, "http_version_not_supported", "GET / HTTP/2.0\r\n" HOST "\r\n"},
        {505, "http_version_not_supported", "GET / HTTP/1.11\r\n" HOST "\r\n"},
        {505, "http_version_not_supported", "GET / http/1.1\r\n" HOST "\r\n"},
        {417, "expectation_failed", "POST / HTTP/1.1\r\n" HOST "Expect: 200-ok\r\n\r\n"},
    };

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct http_framing framing;
        struct fault f = {0};
        unsigned refused = judge(CASES[i].text, &framing, &f);
        if (refused != CASES[i].status)
            print_error("case %zu: %s\n", i, CASES[i].text);
        assert_int_equal(refused, CASES[i].status);
        assert_string_equal(f.code, CASES[i].code);
    }
}

static void the_framing_of_a_body_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum http_body body;
        uint64_t length;
        bool expects_continue;
    } CASES[] = {
        {"GET / HTTP/1.1\r\n" HOST "\r\n", HTTP_BODY_NONE, 0, false},
        {"GET / HTTP/1.0\r\n\r\n", HTTP_BODY_NONE, 0, false},
        {"GET / HTTP/1.2\r\n" HOST "\r\n", HTTP_BODY_NONE, 0, false},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", HTTP_BODY_NONE, 0, false},
        {"OPTIONS * HTTP/1.1\r\n" HOST "\r\n", HTTP_BODY_NONE, 0, false},
        {"CONNECT a:80 HTTP/1.1\r\n" HOST "\r\n", HTTP_BODY_NONE, 0, false},
        {"GET http://b?c HTTP/1.1\r\n" HOST "\r\n", HTTP_BODY_NONE, 0, false},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length:\t 044\r\n\r\n", HTTP_BODY_LENGTH, 44, false},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 9999999999999999999\r\n\r\n", HTTP_BODY_LENGTH,
         9999999999999999999U, false},
        {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: CHUNKED\r\n\r\n", HTTP_BODY_CHUNKED, 0, false},
        {"POST / HTTP/1.1\r\n" HOST "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n", HTTP_BODY_LENGTH, 1,
         true},
        {"POST / HTTP/1.1\r\n" HOST "X: \xc3\xa4\tb\r\nX: c\r\n\r\n", HTTP_BODY_NONE, 0, false},
        {"POST / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", HTTP_BODY_NONE, 0, false},
    };

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct http_framing framing;
        struct fault f = {0};
        assert_int_equal(judge(CASES[i].text, &framing, &f), 0);
        assert_int_equal(framing.body, CASES[i].body);
        assert_true(framing.length == CASES[i].length);
        assert_int_equal(framing.expects_continue, CASES[i].expects_continue);
    }
}

static void a_head_that_lost_bytes_or_is_too_large_is_refused(void **state)
{
    (void)state;
    struct http_field fields[HTTP_FIELDS_MAX + 1];
    struct http_head head = {.method = SLICE_LITERAL("GET"),
                             .target = SLICE_LITERAL("/"),
                             .version = SLICE_LITERAL("HTTP/1.1"),
                             .fields = fields,
                             .n_fields = HTTP_FIELDS_MAX,
                             .bytes = HTTP_HEAD_MAX};
    struct http_framing framing;

    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        fields[i] = (struct http_field){SLICE_LITERAL("X"), SLICE_LITERAL("y")};
    fields[0] = (struct http_field){SLICE_LITERAL("Host"), SLICE_LITERAL("a")};

    assert_int_equal(http_guard(&head, &framing, NULL), 0);
    head.altered = true;
    assert_int_equal(http_guard(&head, &framing, NULL), 400);
    head.altered = false;
    head.bytes++;
    assert_int_equal(http_guard(&head, &framing, NULL), 431);
    head.bytes--;
    head.n_fields++;
    assert_int_equal(http_guard(&head, &framing, NULL), 431);
}

static void a_path_is_taken_out_of_either_form_of_a_target(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        const char *path;
    } CASES[] = {
        {"/a/b", "/a/b"},
        {"/a?b=/c", "/a"},
        {"/?", "/"},
        {"http://h/a?b", "/a"},
        {"HTTPS://h:1/", "/"},
        {"http://h", "/"},
        {"http://h?a=/b", "/"},
        {"http://h?", "/"},
        {"http://h/?a=/b", "/"},
        {"*", "*"},
        {"/a%2fb", "/a%2fb"},
        {"/http://x/y", "/http://x/y"},
    };

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
        assert_true(slice_is(http_target_path(slice_of(CASES[i].target)), CASES[i].path));
}

static void a_header_is_found_without_regard_to_case_and_by_number(void **state)
{
    (void)state;
    const struct http_field fields[] = {{SLICE_LITERAL("Prefer"), SLICE_LITERAL(" a\t")},
                                        {SLICE_LITERAL("X"), SLICE_LITERAL("")},
                                        {SLICE_LITERAL("PREFER"), SLICE_LITERAL("b")}};

    assert_true(slice_is(http_field_find(fields, 3, "prefer", 0), "a"));
    assert_true(slice_is(http_field_find(fields, 3, "prefer", 1), "b"));
    assert_null(http_field_find(fields, 3, "prefer", 2).at);
    assert_true(slice_is(http_field_find(fields, 3, "x", 0), ""));
    assert_null(http_field_find(NULL, 0, "x", 0).at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_has_two_readings_is_refused),
        cmocka_unit_test(the_framing_of_a_body_is_read),
        cmocka_unit_test(a_head_that_lost_bytes_or_is_too_large_is_refused),
        cmocka_unit_test(a_path_is_taken_out_of_either_form_of_a_target),
        cmocka_unit_test(a_header_is_found_without_regard_to_case_and_by_number),
    };
    return cmocka_run_group_tests_name("http_guard", tests, NULL, NULL);
}
