"""Every 4xx of the API, to the last header: status, code, a sentence, and nothing that does not belong."""

import uuid
from email.utils import parsedate_to_datetime

import pytest
import requests
from support.raw_http import BODY, Connection, chunk, chunked, fill, request

COMMON = {"date", "content-type", "content-length"}
REALM = 'Bearer realm="gold-label"'
CHALLENGE = {"WWW-Authenticate": REALM}
BROKEN = {"WWW-Authenticate": f'{REALM}, error="invalid_token", error_description="@WHY@"'}
LARGE = 768 * 1024 + 1
OTHER = {"without": ["Content-Type"]}

# What is sent, the status, the code, the headers that it brings with it, whether the connection ends. @WHY@
# is the sentence of the body.
REFUSALS = {
    "malformed": (request(body=b"{"), 400, "malformed_json", {}, False),
    "not UTF-8": (request(body=b'{"a":"\xff"}'), 400, "not_utf8", {}, False),
    "key": (request("Idempotency-Key: a,b"), 400, "invalid_idempotency_key", {}, True),
    "two keys": (
        request("Idempotency-Key: a", "Idempotency-Key: a"),
        400,
        "invalid_idempotency_key",
        {},
        True,
    ),
    "framing": (request("Content-Length: 1"), 400, "bad_request", {}, True),
    "no token": (
        request(without=["Authorization"], body=b""),
        401,
        "unauthenticated",
        CHALLENGE,
        False,
    ),
    "no bearer": (
        request("Authorization: Basic YTpi", without=["Authorization"], body=b""),
        401,
        "unauthenticated",
        CHALLENGE,
        False,
    ),
    "token": (
        request("Authorization: Bearer a.b.c", without=["Authorization"], body=b""),
        401,
        "unauthenticated",
        BROKEN,
        False,
    ),
    "path": (request(line="GET /nothing HTTP/1.1", body=b"", length=False), 404, "not_found", {}, False),
    "run": (request(line="POST /v1/run/x/gold-labels HTTP/1.1"), 404, "not_found", {}, False),
    "method": (
        request(line="DELETE @PATH@ HTTP/1.1", body=b""),
        405,
        "method_not_allowed",
        {"Allow": "GET, HEAD, POST"},
        False,
    ),
    "body": (request(body=b" " * LARGE), 413, "body_too_large", {}, True),
    "chunks": (
        chunked(body=b"%x\r\n%s\r\n0\r\n\r\n" % (LARGE, b" " * LARGE)),
        413,
        "body_too_large",
        {},
        True,
    ),
    "value": (request(body=b'{"text_value":"%s"}' % (b"x" * 524289)), 413, "value_too_large", {}, False),
    "object": (
        request(body=b'{"object_value":{"a":"%s"}}' % (b"x" * 524289)),
        413,
        "value_too_large",
        {},
        False,
    ),
    "media type": (request("Content-Type: a/b", **OTHER), 415, "unsupported_media_type", {}, True),
    "charset": (
        request("Content-Type: application/json; charset=latin1", **OTHER),
        415,
        "unsupported_media_type",
        {},
        True,
    ),
    "no media type": (request(**OTHER), 415, "unsupported_media_type", {}, True),
    "coding": (request("Content-Encoding: gzip"), 415, "unsupported_media_type", {}, True),
    "expectation": (request("Expect: x"), 417, "expectation_failed", {}, True),
    "rule": (request(body=b"{}"), 422, "name_required", {}, False),
    "head": (request(*["X: y"] * 200), 431, "headers_too_large", {}, True),
    "transfer coding": (
        request("Transfer-Encoding: x", length=False),
        501,
        "unknown_transfer_coding",
        {},
        True,
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal_is_told_to_people_and_programs(refusal, api, run):
    sent, status, code, own, ends = REFUSALS[refusal]
    with Connection(api.url) as connection:
        connection.send_what_is_taken(fill(sent, api.url, run, api.token))
        answer = connection.answer()
        assert not ends or connection.is_closed()
    assert (answer.status, answer.code, answer.closes) == (status, code, ends)
    assert answer.json.keys() == {"error", "code"}
    assert " " in answer.json["error"]
    headers = dict(answer.headers)
    assert len(headers) == len(answer.headers)
    assert parsedate_to_datetime(headers.pop("Date"))
    assert headers.pop("Connection", None) == ("close" if ends else None)
    assert headers == {
        "Content-Type": "application/json",
        "Content-Length": str(len(answer.body)),
        **{name: value.replace("@WHY@", answer.json["error"]) for name, value in own.items()},
    }


OWN = {
    400: request(line="POST @PATH@"),
    414: request(line=f"POST /{'a' * 30000} HTTP/1.1"),
    431: request("X: " + "y" * 30000),
}


@pytest.mark.parametrize("status", OWN)
def test_what_the_library_refuses_by_itself_is_refused_in_order(status, api, run):
    with Connection(api.url) as connection:
        connection.send_what_is_taken(fill(OWN[status], api.url, run, api.token))
        answer = connection.answer()
        assert connection.is_closed()
    assert (answer.status, answer.closes) == (status, True)
    assert [name for name, _ in answer.headers] == ["Date", "Connection", "Content-Length"]
    assert b"Your HTTP" in answer.body


def test_a_key_with_other_content_is_422(api, run):
    key = str(uuid.uuid4())
    assert api.post(run, Idempotency_Key=key).status_code == 201
    answer = api.post(run, {"output_resource_name": "other", "text_value": "x"}, Idempotency_Key=key)
    assert (answer.status_code, answer.json()["code"]) == (422, "id_conflict")
    assert {name.lower() for name in answer.headers} - {"connection"} == COMMON


def test_challenges_are_those_of_rfc_6750(api, run):
    without, wrong = api.post(run, token=None), api.post(run, token="wrong")
    assert without.headers["WWW-Authenticate"] == 'Bearer realm="gold-label"'
    assert wrong.headers["WWW-Authenticate"].startswith('Bearer realm="gold-label", error="invalid_token"')
    assert {answer.json()["code"] for answer in (without, wrong)} == {"unauthenticated"}


def test_the_three_404_are_byte_identical(api, system):
    foreign = system.new_run("another account")
    said = set()
    for run in (foreign, str(uuid.uuid4()), "no-uuid"):
        with Connection(api.url) as connection:
            sent = request("Prefer: wait=20", without=["Prefer"])
            connection.send(fill(sent, api.url, run, api.token))
            answer = connection.answer()
        headers = tuple(pair for pair in answer.headers if pair[0] != "Date")
        said.add((answer.status, answer.version, headers, answer.body))
    assert len(said) == 1
    assert said.pop()[0] == 404


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/run", "/healthz", "/metrics", "/openapi.yml"])
def test_an_unknown_path_is_404_for_everybody(path, api):
    for headers in ({}, {"Authorization": f"Bearer {api.token}"}):
        answer = requests.get(api.url + path, headers=headers, timeout=20)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_malformed_run_without_a_token_is_401(api):
    assert api.post("no-uuid", token=None).status_code == 401


def test_a_malformed_run_with_a_body_that_is_too_large_is_404(api, run):
    line = "POST /v1/run/x/gold-labels HTTP/1.1"
    body = chunk(b"x" * LARGE) + b"0\r\n\r\n"
    cases = (
        (chunked(line=line, body=body), (404, "not_found")),
        (chunked(body=body), (413, "body_too_large")),
    )
    for sent, expected in cases:
        with Connection(api.url) as connection:
            connection.send(fill(sent, api.url, run, api.token))
            answer = connection.answer()
            assert (answer.status, answer.code) == expected


def test_a_missing_run_with_a_broken_rule_is_422(api):
    assert api.post(uuid.uuid4(), {}).status_code == 422


def test_the_body_of_no_refusal_repeats_what_was_sent(api, run):
    secret = "Sesame"
    answers = [
        api.post(run, {"output_resource_name": 1, "text_value": secret}),
        api.post(run, BODY[:-1] + secret.encode()),
        api.post(run, token=secret),
        api.post(run, Idempotency_Key=f"{secret},"),
        api.post(secret),
    ]
    assert all(secret not in answer.text + str(answer.headers) for answer in answers)
