"""How a connection goes on: methods, Expect, Connection, keep-alive behind errors, pipelines, refusals."""

import uuid

import pytest
from support.http_cases import check, kept, last, refused, table
from support.raw_http import BODY, Connection, Ended, chunked, fill, request

METHOD = {"status": 405, "code": "method_not_allowed"}
NOT_FOUND = {"status": 404, "code": "not_found"}
UNAUTHENTICATED = {"status": 401, "code": "unauthenticated"}
NO_TOKEN = {"without": ["Authorization"]}
TOO_LARGE = 768 * 1024 + 1


def asked(text, *extra):
    """A request without a body."""
    return request(*extra, line=text, body=b"", length=False)


METHODS = [
    *(
        kept(f"{method} of labels", asked(f"{method} @PATH@ HTTP/1.1"), **METHOD)
        for method in (
            "OPTIONS",
            "TRACE",
            "DELETE",
            "PATCH",
            "PUT",
            "BREW",
            "post",
            "Post",
            "POSTS",
            "X" * 200,
        )
    ),
    *(
        kept(f"{method} of the document", asked(f"{method} /openapi.yaml HTTP/1.1"), **METHOD)
        for method in ("OPTIONS", "TRACE", "DELETE", "get")
    ),
    kept("OPTIONS of nothing", asked("OPTIONS /nothing HTTP/1.1"), **NOT_FOUND),
    kept("GET of nothing", asked("GET /nothing HTTP/1.1"), **NOT_FOUND),
    # The body of a method that has none here is read, so that it is not the next request.
    kept("PATCH with a body", request(line="PATCH @PATH@ HTTP/1.1"), **METHOD),
    kept("BREW with a body", request(line="BREW @PATH@ HTTP/1.1"), **METHOD),
    kept("TRACE with a body", request(line="TRACE @PATH@ HTTP/1.1"), **METHOD),
    last("DELETE with chunks", chunked(line="DELETE @PATH@ HTTP/1.1"), **METHOD),
    last("PUT with a body", request(line="PUT @PATH@ HTTP/1.1"), **METHOD),
    last("POST of the document", request(line="POST /openapi.yaml HTTP/1.1"), **METHOD),
]

ENDINGS = [
    last("close", request("Connection: close")),
    last("close in a list", request("Connection: x, Close")),
    last("close and keep-alive", request("Connection: close, keep-alive")),
    last("close in a second header", request("Connection: keep-alive", "Connection: close")),
    last("HTTP/1.0", request(line="POST @PATH@ HTTP/1.0")),
    kept("HTTP/1.0 kept alive", request("Connection: Keep-Alive", line="POST @PATH@ HTTP/1.0")),
    last("HTTP/1.0 with both", request("Connection: keep-alive, close", line="POST @PATH@ HTTP/1.0")),
    kept("no JSON", request(body=b"{"), 400, "malformed_json"),
    kept("not UTF-8", request(body=b'{"text_value":"\xff"}'), 400, "not_utf8"),
    kept("broken rule", request(body=b"{}"), 422, "name_required"),
    kept("no run", request(line=f"POST /v1/run/{uuid.UUID(int=0)}x/gold-labels HTTP/1.1"), **NOT_FOUND),
    kept("no token and no body", request(body=b"", **NO_TOKEN), **UNAUTHENTICATED),
    kept("too large a value", request(body=b'{"text_value":"%s"}' % (b"x" * 524289)), 413, "value_too_large"),
    # Refused before the body was read: what follows could be it.
    last("no token", request(**NO_TOKEN), **UNAUTHENTICATED),
    last("no token, chunks", chunked(**NO_TOKEN), **UNAUTHENTICATED),
    last("too large", request(body=b" " * TOO_LARGE), 413, "body_too_large"),
    last("media type", request("Content-Type: a/b", without=["Content-Type"]), 415, "unsupported_media_type"),
    last("coded", request("Content-Encoding: gzip"), 415, "unsupported_media_type"),
    last("key", request("Idempotency-Key: a b"), 400, "invalid_idempotency_key"),
    last("two keys", request("Idempotency-Key: a", "Idempotency-Key: a"), 400, "invalid_idempotency_key"),
]

EXPECTATIONS = [
    kept("met", request("Expect: 100-continue"), interim=(100,)),
    kept("another case", request("Expect: 100-CONTINUE"), interim=(100,)),
    last("chunks", chunked("Expect: 100-continue"), interim=(100,)),
    kept("no body", request("Expect: 100-continue", body=b""), 400, "malformed_json", interim=(100,)),
    kept("GET", asked("GET /nothing HTTP/1.1", "Expect: 100-continue"), interim=(100,), **NOT_FOUND),
    last("not in HTTP/1.0", request("Expect: 100-continue", line="POST @PATH@ HTTP/1.0")),
    refused("unknown", request("Expect: 200-ok"), 417, "expectation_failed"),
    refused("blank behind", request("Expect: 100-continue ")),
    refused("a list", request("Expect: 100-continue, 100-continue"), 417, "expectation_failed"),
    refused("empty", request("Expect:"), 417, "expectation_failed"),
    refused("two", request("Expect: 100-continue", "Expect: 100-continue")),
]


@table(METHODS)
def test_every_method_has_an_answer(case, api, run, commands):
    check(case, api.url, run, api.token, commands)


@table(ENDINGS)
def test_a_connection_goes_on_where_the_end_of_its_request_is_certain(case, api, run, commands):
    check(case, api.url, run, api.token, commands)


@table(EXPECTATIONS)
def test_expectations_are_met_or_refused(case, api, run, commands):
    check(case, api.url, run, api.token, commands)


@pytest.mark.parametrize(
    "path", ["@PATH@", "/v1/run/x/gold-labels", "/v1/run/@RUN@/gold-label/x", "/openapi.yaml", "/nothing"]
)
def test_head_is_answered_as_get_without_a_body_and_the_connection_goes_on(path, api, run):
    with Connection(api.url) as connection:
        head, get = (asked(f"{method} {path} HTTP/1.1") for method in ("HEAD", "GET"))
        connection.send(fill(head + get + request(), api.url, run, api.token))
        head, get = connection.answer(to_head=True), connection.answer()
        assert connection.answer().status == 202
    assert head.status == get.status
    assert int(head.header("Content-Length")) == len(get.body)
    assert {name for name, _ in head.headers} == {name for name, _ in get.headers}


@pytest.mark.parametrize(
    ("case", "extra", "options"),
    [
        (401, (), NO_TOKEN),
        (413, (f"Content-Length: {TOO_LARGE}",), {"length": False}),
        (415, ("Content-Type: text/plain",), {"without": ["Content-Type"]}),
        (404, (), {"line": "POST /nothing HTTP/1.1"}),
        (417, ("Expect: 200-ok",), {}),
        (501, ("Transfer-Encoding: gzip",), {"length": False}),
    ],
)
def test_what_can_be_refused_by_its_head_is_not_asked_for_its_body(case, extra, options, api, run):
    expect = () if case == 417 else ("Expect: 100-continue",)
    head = request(*extra, *expect, **options).removesuffix(BODY)
    with Connection(api.url) as connection:
        connection.send(fill(head, api.url, run, api.token))
        answer = connection.answer()
        assert (answer.status, answer.interim) == (case, [])
        assert answer.closes and connection.is_closed()


def test_the_body_is_asked_for_before_it_is_read(api, run):
    head, body = request("Expect: 100-continue").removesuffix(BODY), BODY
    with Connection(api.url) as connection:
        connection.send(fill(head, api.url, run, api.token))
        while b"100 Continue\r\n\r\n" not in connection.received:
            assert connection._receive()
        connection.send(body)
        answer = connection.answer()
        assert (answer.status, answer.interim) == (202, [100])


def test_pipelined_requests_are_answered_in_order_although_the_first_is_slow(api, run, system, held_table):
    """The first waits a second for its row, which cannot come; those behind it would be quicker."""
    slow = request("Prefer: wait=1", "Idempotency-Key: slow", without=["Prefer"])
    bodies = [b'{"output_resource_name":"n%d"}' % n for n in range(3)]
    sent = [
        slow,
        request(),
        *(request(body=body) for body in bodies),
        asked("GET /nothing HTTP/1.1"),
        slow,
        request(),
    ]
    with Connection(api.url) as connection:
        connection.send(fill(b"".join(sent), api.url, run, api.token))
        answers = [connection.answer() for _ in sent]
    assert [answer.status for answer in answers] == [202, 202, 422, 422, 422, 404, 202, 202]
    assert answers[0].header("Preference-Applied") == answers[6].header("Preference-Applied") == "wait=1"
    assert answers[0].json == answers[6].json
    assert len({answer.header("Location") for answer in answers if answer.status == 202}) == 3
    held_table.rollback()


def test_hundreds_of_pipelined_requests_are_all_answered_in_order(api, run, system):
    count = 300
    keys = [f"k{n}" for n in range(count)]
    sent = b"".join(request(f"Idempotency-Key: {key}") for key in keys)
    with Connection(api.url) as connection:
        connection.send(fill(sent, api.url, run, api.token))
        ids = [connection.answer().json["id"] for _ in range(count)]
    account = system.env["ACCOUNT_ID"]
    space = uuid.UUID("96bbb1f3-2a4a-4cde-8b33-0b9c2a4a6a51")
    assert ids == [str(uuid.uuid5(space, f"{account}\0{key}")) for key in keys]


def test_a_request_in_single_bytes_is_answered(api, run):
    content = fill(request(), api.url, run, api.token)
    with Connection(api.url) as connection:
        for i in range(len(content)):
            connection.send(content[i : i + 1])
        assert connection.answer().status == 202


def test_behind_a_refusal_that_ends_the_connection_nothing_is_read(api, run, commands):
    before = commands.count()
    with Connection(api.url) as connection:
        connection.send(fill(request(**NO_TOKEN).removesuffix(BODY), api.url, run, api.token))
        assert connection.answer().status == 401
        connection.send_what_is_taken(BODY + fill(request(), api.url, run, api.token))
        with pytest.raises(Ended):
            connection.answer()
    assert commands.count() == before
