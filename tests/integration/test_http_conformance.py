"""Request lines, targets, Host, headers as RFC 9110 and 9112 have them; what is not in order is refused and
ends the connection. Where a request ends is in test_http_framing.py, how a connection goes on in
test_http_connections.py."""

import pytest
from support.http_cases import OWN, answers_to, check, kept, last, refused, table
from support.raw_http import BODY, request

KIB = 1024
HEAD_MAX = 16 * KIB
FIELDS_MAX = 128
NOT_FOUND = {"status": 404, "code": "not_found"}


def line(text):
    return request(line=text)


def asked(text, *extra):
    """A request without a body."""
    return request(*extra, line=text, body=b"", length=False)


def target(text):
    return line(f"POST {text} HTTP/1.1")


LINES = [
    refused("no version", line("POST @PATH@"), code=OWN),
    refused("HTTP/0.9, as it was", b"GET /openapi.yaml\r\n", code=OWN),
    refused("HTTP/0.9 by name", line("POST @PATH@ HTTP/0.9"), 505, OWN),
    refused("HTTP/2.0", line("POST @PATH@ HTTP/2.0"), 505, OWN),
    refused("HTTP/3.0", line("POST @PATH@ HTTP/3.0"), 505, OWN),
    refused("preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, OWN),
    refused("HTTP/1", line("POST @PATH@ HTTP/1"), code=OWN),
    refused("HTTP/1.", line("POST @PATH@ HTTP/1."), code=OWN),
    refused("HTTP/1.11", line("POST @PATH@ HTTP/1.11"), code=OWN),
    refused("HTTP/01.1", line("POST @PATH@ HTTP/01.1"), code=OWN),
    refused("HTTP/1,1", line("POST @PATH@ HTTP/1,1"), code=OWN),
    refused("lower-case version", line("POST @PATH@ http/1.1"), code=OWN),
    refused("HTTPS/1.1", line("POST @PATH@ HTTPS/1.1"), code=OWN),
    refused("two blanks before the target", line("POST  @PATH@ HTTP/1.1")),
    refused("two blanks before the version", line("POST @PATH@  HTTP/1.1")),
    refused("blank at the end", line("POST @PATH@ HTTP/1.1 "), code=OWN),
    refused("four parts", line("POST @PATH@ x HTTP/1.1")),
    refused("vertical tab", line("POST\x0b@PATH@ HTTP/1.1"), code=OWN),
    refused("tab before the version", line("POST @PATH@\tHTTP/1.1"), code=OWN),
    # libmicrohttpd ends these without an answer.
    refused("TLS", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + b"\0" * 50 + b"\r\n\r\n", None),
    refused("tabs", line("POST\t@PATH@\tHTTP/1.1"), None),
    refused("blank at the beginning", line(" POST @PATH@ HTTP/1.1"), None),
    refused("method is no token", line("P@ST @PATH@ HTTP/1.1")),
    refused("NUL in the method", line("PO\0ST @PATH@ HTTP/1.1")),
    refused("bare LF at every end", request(end="\n")),
    kept("HTTP/1.2 is read as 1.1", line("POST @PATH@ HTTP/1.2")),
    kept("HTTP/1.9 is read as 1.1", line("POST @PATH@ HTTP/1.9")),
    # RFC 9112 §2.2 wants one to be ignored. It may be two bare LF, which cannot be seen: the connection ends.
    last("an empty line before", b"\r\n" + request()),
    last("two bare LF before", b"\n\n" + request()),
    refused("a bare LF before", b"\n" + request()),
    refused("a bare CR before", b"\r" + request()),
    refused("three bare LF before", b"\n\n\n" + request()),
    refused("two empty lines before", b"\r\n\r\n" + request()),
    refused("many empty lines before", b"\r\n" * 7 + request()),
]

TARGETS = [
    refused("fragment", target("@PATH@#f")),
    refused("NUL", target("@PATH@\0")),
    refused("not ASCII", target("/\xe4")),
    refused("relative", target("v1/run/@RUN@/gold-labels")),
    refused("backslash", target("\\v1")),
    refused("another scheme", target("ftp://@HOST@@PATH@")),
    refused("absolute form with a user", target("http://u:p@@HOST@@PATH@")),
    refused("absolute form without a host", target("http://@PATH@")),
    refused("absolute form with two ports", target("http://a:1:2@PATH@")),
    refused("authority form", target("@HOST@")),
    refused("asterisk form", target("*")),
    refused("CONNECT with a path", asked("CONNECT @PATH@ HTTP/1.1")),
    kept("CONNECT", asked("CONNECT @HOST@ HTTP/1.1"), **NOT_FOUND),
    kept("OPTIONS *", asked("OPTIONS * HTTP/1.1"), **NOT_FOUND),
    kept("absolute form", target("http://@HOST@@PATH@")),
    kept("absolute form with another case", target("HTTP://@HOST@@PATH@")),
    kept("absolute form of another host counts, Host does not", target("https://other:1@PATH@?q")),
    kept("query", target("@PATH@?a=b&c=%00")),
    kept("two question marks", target("@PATH@??")),
    last("percent-encoded path", target("/v1/run/@RUN@/gold%2Dlabels"), **NOT_FOUND),
    last("encoded slash", target("/v1/run%2F@RUN@/gold-labels"), **NOT_FOUND),
    last("encoded NUL", target("@PATH@%00"), **NOT_FOUND),
    last("two slashes", target("/@PATH@"), **NOT_FOUND),
    last("two slashes inside", target("/v1/run//@RUN@/gold-labels"), **NOT_FOUND),
    last("slash at the end", target("@PATH@/"), **NOT_FOUND),
    last("dot segments", target("/v1/../@PATH@"), **NOT_FOUND),
    last("semicolon", target("@PATH@;a"), **NOT_FOUND),
    last("upper case", target("/V1/run/@RUN@/gold-labels"), **NOT_FOUND),
    last("15 KB", target("/" + "a" * 15000), **NOT_FOUND),
    refused("30 KB", target("/" + "a" * 30000), 414, OWN),
    refused("100 KB", target("/" + "a" * 100000), 414, OWN),
]


def host(value):
    return request(f"Host:{value}", without=["Host"])


HOSTS = [
    refused("none", request(without=["Host"])),
    refused("two", request("Host: @HOST@")),
    refused("two, one of them empty", request("Host:")),
    refused("empty", host("")),
    refused("blank", host(" ")),
    refused("only a port", host(" :80")),
    refused("a list", host(" a, b")),
    refused("with a blank", host(" a b")),
    refused("with a path", host(" a/b")),
    refused("with a user", host(" u@a")),
    refused("with a scheme", host(" http://a")),
    refused("port is no number", host(" a:b")),
    refused("two ports", host(" a:1:2")),
    refused("open bracket", host(" [::1")),
    refused("address behind a bracket", host(" [::1]a")),
    refused("empty in HTTP/1.0", request("Host:", line="POST @PATH@ HTTP/1.0", without=["Host"])),
    last("none in HTTP/1.0", request(line="POST @PATH@ HTTP/1.0", without=["Host"])),
    kept("IPv6", host(" [::1]:8080")),
    kept("empty port", host(" a:")),
    kept("no blank", host("a")),
]

HEADERS = [
    refused("no colon", request("Xy"), code=OWN),
    refused("empty name", request(": y")),
    refused("blank before the colon", request("X : y")),
    refused("tab before the colon", request("X\t: y")),
    refused("blank in a name", request("X Y: z")),
    refused("control in a name", request("X\x01: y")),
    refused("NUL in a name", request("X\0Y: z"), code=OWN),
    refused("Latin-1 in a name", request("X\xe4: y")),
    refused("separator in a name", request("X(Y): z")),
    refused("NUL in a value", request("X: y\0z")),
    refused("NUL behind a value", request("X: y\0")),
    refused("control in a value", request("X: y\x01z")),
    refused("DEL in a value", request("X: \x7f")),
    refused("bare CR", request("X: y\rZ: w")),
    refused("CR CR LF", request("X: y\r")),
    refused("bare LF", request("X: y\nZ: w")),
    refused("folded", request("X: y\r\n z")),
    refused("folded with a tab", request("X: y\r\n\tz")),
    refused("folded to nothing", request("X: y\r\n ")),
    refused("blank before the first name", request().replace(b"\r\nHost", b"\r\n Host")),
    refused("empty folded line first", request().replace(b"\r\nHost", b"\r\n \r\nHost"), code=OWN),
    refused("two Authorization", request("Authorization: Bearer @TOKEN@")),
    refused("two Content-Type", request("Content-Type: application/json")),
    kept("Latin-1 and tabs in a value", request("X: \xe4\ty")),
    kept("empty value", request("X:")),
    kept("the same name often", request("X: y", "x: z", "X: y")),
    kept("h2c is not upgraded to", request("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c")),
    kept(
        "websocket is not upgraded to",
        request("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
    ),
    kept("Connection names a header that counts", request("Connection: Content-Length")),
]


LARGE = [
    refused("17 KB", request("X: " + "y" * 17000), 431, "headers_too_large"),
    refused("30 KB", request("X: " + "y" * 30000), 431, OWN),
    refused("100 KB", request("X: " + "y" * 100000), 431, OWN),
    refused("name of 30 KB", request("x" * 30000 + ": y"), 431, OWN),
    refused("129 headers", request(*["X: y"] * (FIELDS_MAX + 1 - 5)), 431, "headers_too_large"),
    refused("5,000 headers", request(*["X: y"] * 5000), 431, OWN),
    kept("128 headers", request(*["X: y"] * (FIELDS_MAX - 5))),
]


@table(LINES)
def test_a_request_line_is_in_order_or_refused(case, api, run, commands):
    check(case, api.url, run, api.token, commands)


@table(TARGETS)
def test_a_target_is_one_that_its_method_allows(case, api, run, commands):
    check(case, api.url, run, api.token, commands)


@table(HOSTS)
def test_a_host_is_named_once(case, api, run, commands):
    check(case, api.url, run, api.token, commands)


@table(HEADERS)
def test_headers_are_in_order_or_refused(case, api, run, commands):
    check(case, api.url, run, api.token, commands)


@table(LARGE)
def test_heads_are_bounded(case, api, run, commands):
    check(case, api.url, run, api.token, commands)


@pytest.mark.parametrize(("more", "status"), [(0, 202), (1, 431)])
def test_a_head_of_exactly_16_kib_is_the_largest(more, status, api, run):
    bare = len(request("X: ", body=b"")) - len("0") + len(str(len(BODY)))
    for name, value in (("@PATH@", f"/v1/run/{run}/gold-labels"), ("@TOKEN@", api.token)):
        bare += len(value) - len(name)
    bare += len(api.url.removeprefix("http://")) - len("@HOST@")
    sent = request("X: " + "y" * (HEAD_MAX + more - bare))
    answers = answers_to(api.url, run, api.token, sent)
    assert [answer.status for answer in answers] == [status]
