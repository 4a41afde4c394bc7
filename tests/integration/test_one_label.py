"""One label over HTTP: what is answered, and that the row is there when it is answered."""

import datetime
import json
import uuid

import pytest
import requests
from support.api import MEMBERS
from support.waiting import wait_until

KIB = 1024


def named(**members):
    return {"output_resource_name": "summary"} | members


def row_of(system, label_id):
    """The row as text, PostgreSQL's own; None where there is none."""
    text = ", ".join(f"{name}::text" for name in MEMBERS)
    rows = system.query(f"SELECT {text} FROM gold_label WHERE id = %s", label_id)
    return dict(zip(MEMBERS, rows[0], strict=True)) if rows else None


def created(answer):
    assert answer.status_code == 201, answer.text
    return answer.json()


# ---- 201 ----


def test_a_label_is_answered_with_all_eleven_members(api, run, system):
    label = created(api.post(run, named(text_value="yes")))
    assert tuple(label) == MEMBERS
    time = datetime.datetime.strptime(label.pop("created_at"), "%Y-%m-%dT%H:%M:%S.%fZ")
    age = datetime.datetime.now(datetime.UTC) - time.replace(tzinfo=datetime.UTC)
    assert abs(age) < datetime.timedelta(minutes=1)
    assert uuid.UUID(label.pop("id")).version == 7
    assert label == {
        "account_id": system.env["ACCOUNT_ID"],
        "run_id": run,
        "output_resource_name": "summary",
        "text_value": "yes",
        "object_value": None,
        "object_value_is_partial": None,
        "created_by": "ann",
        "updated_by": None,
        "updated_at": None,
    }


def test_location_names_the_label(api, run):
    answer = api.post(run.upper())
    assert answer.headers["Location"] == f"/v1/run/{run}/gold-label/{created(answer)['id']}"


VALUES = [
    {"text_value": "yes"},
    {"text_value": ""},
    {"text_value": "grün 🌱 \u2028 \\ \" '"},
    {"object_value": {}},
    {"object_value": {"a": [1, None, True, {"ü": "\U0001f331"}]}},
    {"object_value": {"a": 1}, "object_value_is_partial": True},
    {"object_value": {"a": 1}, "object_value_is_partial": False},
    {"text_value": "yes", "object_value": None, "object_value_is_partial": None},
]


@pytest.mark.parametrize("value", VALUES, ids=json.dumps)
def test_the_row_equals_the_answer(api, run, system, value):
    label = created(api.post(run, named(**value)))
    row = row_of(system, label["id"])
    assert row["text_value"] == label["text_value"] == value.get("text_value")
    assert label["object_value"] == value.get("object_value")
    assert json.loads(row["object_value"] or "null") == label["object_value"]
    partial = value.get("object_value_is_partial")
    assert label["object_value_is_partial"] is partial
    assert row["object_value_is_partial"] == (None if partial is None else str(partial).lower())
    for name in ("id", "account_id", "run_id", "output_resource_name", "created_by"):
        assert row[name] == label[name]
    stored_at = datetime.datetime.fromisoformat(row["created_at"])
    assert datetime.datetime.fromisoformat(label["created_at"]) == stored_at


def test_numbers_of_an_object_stay_exact(api, run, system):
    numbers = b'"price":1.10,"long":123456789012345678901234567890'
    answer = api.post(run, b'{"output_resource_name":"summary","object_value":{' + numbers + b"}}")
    label = json.loads(answer.text, parse_float=str, parse_int=str)
    row = json.loads(row_of(system, label["id"])["object_value"], parse_float=str, parse_int=str)
    assert label["object_value"] == row == {"price": "1.10", "long": "123456789012345678901234567890"}


@pytest.mark.parametrize(
    "value",
    [
        {"text_value": "x" * 512 * KIB},
        {"object_value": json.loads('{"a":' * 63 + "{}" + "}" * 63)},
        {"object_value": {"n": int("1" * 1000)}},
    ],
    ids=["512 KiB", "64 deep", "1,000 digits"],
)
def test_a_value_at_its_limit_is_stored(api, run, value):
    label = created(api.post(run, named(**value)))
    assert {name: label[name] for name in value} == value


def test_a_name_of_255_characters_is_stored(api, run):
    body = {"output_resource_name": "ü" * 255, "text_value": "yes"}
    assert created(api.post(run, body))["output_resource_name"] == "ü" * 255


def test_every_201_was_committed_before_it_was_sent(api, run, system):
    with system.connect() as database:
        for _ in range(50):
            label = created(api.post(run))
            assert database.execute("SELECT 1 FROM gold_label WHERE id = %s", [label["id"]]).fetchone()


# ---- preferences and keys ----


def test_respond_async_is_accepted_at_once_and_stored_later(api, run, system):
    answer = api.post(run, Prefer="respond-async")
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (202, "respond-async")
    label_id = answer.json()["id"]
    assert answer.json() == {"id": label_id, "status": "accepted"}
    assert answer.headers["Location"] == f"/v1/run/{run}/gold-label/{label_id}"
    wait_until(lambda: row_of(system, label_id), what="the row")


def test_a_replay_of_numbers_that_postgresql_writes_out_at_length_is_answered(api, run, system):
    numbers = b",".join([b"1e400"] * 20000)
    body = b'{"output_resource_name":"s","object_value":{"n":[' + numbers + b"]}}"
    key = str(uuid.uuid4())
    first = api.post(run, body, Idempotency_Key=key, Prefer="wait=20")
    again = api.post(run, body, Idempotency_Key=key, Prefer="wait=20")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content


def test_a_key_with_the_same_content_answers_the_same_label(api, run, system):
    key = str(uuid.uuid4())
    first = created(
        api.post(run, b'{"output_resource_name":"s","object_value":{"a":1,"b":2}}', Idempotency_Key=key)
    )
    again = b'{ "object_value": {"b": 2, "a": 1}, "output_resource_name": "s" }'
    second = created(api.post(run, again, Idempotency_Key=f'"{key}"'))
    assert second == first
    name = f"{system.env['ACCOUNT_ID']}\0{key}"
    assert first["id"] == str(uuid.uuid5(uuid.UUID("96bbb1f3-2a4a-4cde-8b33-0b9c2a4a6a51"), name))
    assert system.count(run) == 1


def test_a_key_with_other_digits_of_the_same_number_answers_those_that_are_stored(api, run, system):
    key, body = str(uuid.uuid4()), b'{"output_resource_name":"s","object_value":{"a":%s,"b":"\xc3\xa4"}}'
    first, second = (
        json.loads(api.post(run, body % number, Idempotency_Key=key).content, parse_float=str)
        for number in (b"1.10", b"1.1")
    )
    assert second == first
    assert first["object_value"] == {"a": "1.10", "b": "ä"}


@pytest.mark.parametrize(
    ("stored", "sent"),
    [
        (b"1.10," + b",".join([b"1e400"] * 2000), b"1.1," + b",".join([b"1e400"] * 2000)),
        (b"1." + b"0" * 900, b"1"),
    ],
    ids=["written out at length", "far longer than what is sent"],
)
def test_other_digits_are_not_shown_where_they_are_many_more(api, run, system, stored, sent):
    """Of a batch of such labels the worker would have to hold a multiple of what was sent."""
    key, body = str(uuid.uuid4()), b'{"output_resource_name":"s","object_value":{"a":[%s]}}'
    created(api.post(run, body % stored, Idempotency_Key=key))
    again = api.post(run, body % sent, Idempotency_Key=key)
    assert again.status_code == 201
    assert b'"object_value":{"a":[%s]}' % sent in again.content


def test_a_key_with_other_content_is_refused(api, run, system):
    key = str(uuid.uuid4())
    created(api.post(run, named(text_value="one"), Idempotency_Key=key))
    other = api.post(run, named(text_value="two"), Idempotency_Key=key)
    assert (other.status_code, other.json()["code"]) == (422, "id_conflict")
    assert system.query("SELECT text_value FROM gold_label WHERE run_id = %s", run) == [("one",)]


def test_without_a_key_the_same_label_is_stored_twice(api, run, system):
    assert created(api.post(run))["id"] != created(api.post(run))["id"]
    assert system.count(run) == 2


# ---- refusals ----


def test_missing_and_foreign_and_malformed_runs_look_the_same(api, system):
    foreign = system.new_run("another account")
    answers = [api.post(run) for run in (foreign, uuid.uuid4(), "no-uuid", foreign[:-1])]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert len({tuple(sorted(set(answer.headers) - {"Date"})) for answer in answers}) == 1
    assert system.count(foreign) == 0


def test_without_credentials_the_challenge_has_no_error(api, run):
    for answer in (api.post(run, token=None), api.post(run, token=None, Authorization="Basic YTpi")):
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert "error" not in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("fault", ["garbage", "expired", "audience", "issuer", "key", "account"])
def test_a_token_that_does_not_verify_is_an_invalid_token(api, run, system, tokens, fault):
    token = {
        "garbage": lambda: "garbage",
        "expired": lambda: tokens.user(exp=1_000_000_000),
        "audience": tokens.worker,
        "issuer": lambda: tokens.user(iss="somebody"),
        "key": lambda: tokens.user(key=b"another secret of thirty-two byte"),
        "account": lambda: tokens.user(account_id=None),
    }[fault]()
    answer = api.post(run, token=token)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert system.count(run) == 0


def test_another_method_is_told_which_is_allowed(api, run):
    answer = requests.delete(f"{api.url}/v1/run/{run}/gold-labels", timeout=10)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, POST")


@pytest.mark.parametrize(
    "body",
    [
        b" " * (768 * KIB + 1),
        named(text_value="x" * (512 * KIB + 1)),
        named(object_value={"a": "x" * 512 * KIB}),
    ],
    ids=["body", "text", "object"],
)
def test_what_is_too_large_is_refused(api, run, body):
    assert api.post(run, body).status_code == 413


@pytest.mark.parametrize(
    "headers",
    [
        {"Content_Type": "text/plain"},
        {"Content_Type": "application/json; charset=latin1"},
        {"Content_Type": None},
        {"Content_Encoding": "gzip"},
    ],
    ids=str,
)
def test_another_media_type_is_refused(api, run, headers):
    assert api.post(run, **headers).status_code == 415


@pytest.mark.parametrize(
    "body", [b"", b"{", b"yes", b'{"a":1} {}', b'{"text_value":"\xff"}', b"\xef\xbb\xbf{}"], ids=str
)
def test_a_body_that_is_no_json_text_is_malformed(api, run, body):
    assert api.post(run, body).status_code == 400


def raw(members):
    return b'{"output_resource_name":"summary",' + members + b"}"


BROKEN_RULES = {
    "unknown member": ("unknown_member", named(text_value="yes", comment=None)),
    "both values": ("value_ambiguous", named(text_value="yes", object_value={})),
    "no value": ("value_required", named()),
    "only null": ("value_required", named(text_value=None, object_value=None)),
    "no name": ("name_required", {"text_value": "yes"}),
    "blank name": ("name_blank", {"output_resource_name": " \t\u2003\u00a0", "text_value": "yes"}),
    "empty name": ("name_blank", {"output_resource_name": "", "text_value": "yes"}),
    "256 characters": ("name_too_long", {"output_resource_name": "ü" * 256, "text_value": "yes"}),
    "text is a number": ("wrong_type", named(text_value=1)),
    "object is an array": ("wrong_type", named(object_value=[])),
    "partial is a text": ("wrong_type", named(object_value={}, object_value_is_partial="true")),
    "partial without object": (
        "partial_without_object",
        named(text_value="yes", object_value_is_partial=False),
    ),
    "duplicate member": ("duplicate_member", raw(b'"text_value":"yes","text_value":"no"')),
    "duplicate member inside": ("duplicate_member", raw(b'"object_value":{"a":1,"\\u0061":2}')),
    "U+0000": ("nul_character", named(text_value="a\0b")),
    "U+0000 in a key": ("nul_character", named(object_value={"a\0b": 1})),
    "lone surrogate": ("lone_surrogate", raw(b'"text_value":"\\ud800"')),
    "depth 65": ("too_deep", raw(b'"object_value":' + b'{"a":' * 64 + b"{}" + b"}" * 64)),
    "1,001 digits": ("number_too_long", named(object_value={"n": int("1" * 1001)})),
    "exponent 401": ("exponent_out_of_range", raw(b'"object_value":{"n":1e401}')),
    "an array": ("not_an_object", b"[]"),
}


@pytest.mark.parametrize("rule", BROKEN_RULES)
def test_a_broken_rule_is_unprocessable(api, run, system, rule):
    code, body = BROKEN_RULES[rule]
    answer = api.post(run, body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert set(answer.json()) == {"error", "code"}
    assert set(answer.headers) - {"Connection"} == {"Date", "Content-Type", "Content-Length"}
    assert system.count(run) == 0


# ---- what else is served ----


def test_the_openapi_document_is_public(api):
    answer = requests.get(f"{api.url}/openapi.yaml", timeout=10)
    assert answer.status_code == 200 and answer.text.startswith("openapi: 3.")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_admin_paths_are_on_the_admin_listener_only(api, system, path):
    for admin in (system.env["ADMIN_URL"], system.env["WORKER_ADMIN_URL"]):
        assert requests.get(admin + path, timeout=10).status_code == 200
    assert requests.get(api.url + path, timeout=10).status_code == 404
