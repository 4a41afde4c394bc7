"""GET of labels (contract §2, Reads), with rows as PostgreSQL has them."""

import re
import threading
import uuid

import psycopg
import pytest
import requests
from support.api import TEXT
from support.issuer import Issuer, rsa_key

KIB = 1024
INSERT = """
INSERT INTO gold_label (id, account_id, run_id, output_resource_name, text_value, created_at)
SELECT gen_random_uuid(), %s, %s, 'summary', n::text, timestamptz '2026-01-01' + (n / 7) * interval '1 second'
  FROM generate_series(%s::int, %s) AS n
"""


@pytest.fixture
def fill(system):
    """Stores labels number `first` to `last` in a run; seven at a time are of the same moment."""

    def insert(run, first, last):
        system.query(INSERT, system.env["ACCOUNT_ID"], run, first, last)

    return insert


@pytest.fixture
def get(api):
    """`path` below /v1/run/. `token`: None for none. Headers' dashes are underscores."""

    def send(path, token=..., method="GET", **headers):
        token = api.token if token is ... else token
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent |= {"Authorization": f"Bearer {token}"} if token else {}
        return api.session.request(method, f"{api.url}/v1/run/{path}", headers=sent, timeout=40)

    return send


def new_label(api, run, body=None):
    answer = api.post(run, body)
    assert answer.status_code == 201, answer.text
    return answer


def next_of(answer):
    """The target of the link to the next page below /v1/run/, or None."""
    if "Link" not in answer.headers:
        return None
    return re.fullmatch(r'</v1/run/([^>]+)>; rel="next"', answer.headers["Link"])[1]


def walk(get, path):
    """Every label from `path` on, page after page."""
    pages = []
    while path:
        answer = get(path)
        assert answer.status_code == 200, answer.text
        pages.append(answer.json())
        path = next_of(answer)
    return pages


# ---- what is shown ----


def test_a_label_is_shown_where_its_location_says_as_it_was_answered(api, run, get):
    for text in ("good", "", 'quote " backslash \\ tab \t U+0001 \x01 DEL \x7f ü 漢 😀'):
        created = new_label(api, run, TEXT | {"text_value": text})
        shown = get(created.headers["Location"].removeprefix("/v1/run/"))
        assert shown.status_code == 200
        assert shown.content == created.content
        assert shown.headers["Content-Type"] == "application/json"
        assert shown.headers["Cache-Control"] == "private, no-cache"
        assert shown.headers["Vary"] == "Authorization"


def test_numbers_are_shown_with_every_digit(api, run, get):
    numbers = (
        b'{"a": 1.10, "b": 123456789012345678901234567890, "c": -0.000000000000000000000000000010, "d": 1e3}'
    )
    body = b'{"output_resource_name":"n","object_value":' + numbers + b',"object_value_is_partial":true}'
    shown = get(f"{run}/gold-label/{new_label(api, run, body).json()['id']}")
    assert b'"object_value":' + numbers.replace(b"1e3", b"1000") + b"," in shown.content
    assert shown.json()["object_value_is_partial"] is True
    assert numbers.replace(b"1e3", b"1000") in get(f"{run}/gold-labels").content


def test_times_have_microseconds_and_z(api, run, get, system):
    label = new_label(api, run).json()["id"]
    system.query(
        "UPDATE gold_label SET updated_by = 'bo', updated_at = '2026-03-01 10:00+02' WHERE id = %s", label
    )
    shown = get(f"{run}/gold-label/{label}").json()
    assert len(shown) == 11
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", shown["created_at"])
    assert (shown["updated_by"], shown["updated_at"]) == ("bo", "2026-03-01T08:00:00.000000Z")


def test_the_labels_of_a_run_come_oldest_first(api, run, get):
    labels = [new_label(api, run, TEXT | {"text_value": str(n)}).json() for n in range(3)]
    answer = get(f"{run}/gold-labels")
    assert answer.json() == labels
    assert "Link" not in answer.headers
    assert get(f"{run.upper()}/gold-labels").content == answer.content


def test_a_run_without_labels_has_an_empty_list(get, run):
    answer = get(f"{run}/gold-labels")
    assert (answer.status_code, answer.content) == (200, b"[]")


@pytest.mark.parametrize("what", ["gold-labels", "gold-labels?limit=1", "gold-label"])
def test_head_has_the_headers_of_get(api, run, get, what):
    label = new_label(api, run).json()["id"]
    new_label(api, run)
    path = f"{run}/{what}" + (f"/{label}" if what == "gold-label" else "")
    head, whole = get(path, method="HEAD"), get(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers.pop("Date") and whole.headers.pop("Date")
    assert head.headers == whole.headers


def test_a_body_of_a_read_is_ignored(api, run, get):
    body = {"data": b"x" * 300 * KIB, "headers": {"Authorization": f"Bearer {api.token}"}, "timeout": 40}
    for _ in range(2):  # over one connection
        answer = api.session.get(f"{api.url}/v1/run/{run}/gold-labels", **body)
        assert (answer.status_code, answer.content) == (200, b"[]")


# ---- pages ----


def test_every_label_is_on_one_page_while_others_are_stored(run, get, fill, system):
    fill(run, 1, 2500)
    there = [row[0] for row in system.query("SELECT id FROM gold_label WHERE run_id = %s", run)]
    stop = threading.Event()

    def store():
        first = 2501
        while not stop.is_set():
            fill(run, first, first + 9)
            first += 10

    writer = threading.Thread(target=store)
    writer.start()
    try:
        pages = [get(f"{run}/gold-labels?limit=97")]
        while path := next_of(pages[-1]):
            pages.append(get(path))
            if len(pages) == 20:
                stop.set()
    finally:
        stop.set()
        writer.join()
    labels = [label for page in pages for label in page.json()]
    ids = [label["id"] for label in labels]
    assert len(set(ids)) == len(ids)
    assert set(map(str, there)) <= set(ids)
    places = [(label["created_at"], label["id"]) for label in labels]
    assert places == sorted(places)
    assert all(len(page.json()) == 97 for page in pages[:-1])


@pytest.mark.parametrize(
    ("limit", "sizes"), [("", [100, 100, 5]), ("?limit=1000", [205]), ("?limit=205", [205])]
)
def test_a_page_has_as_many_labels_as_its_limit(run, get, fill, limit, sizes):
    fill(run, 1, 205)
    assert [len(page) for page in walk(get, f"{run}/gold-labels{limit}")] == sizes


def test_a_page_ends_before_its_limit_where_it_is_large_enough(run, get, system):
    system.query(
        "INSERT INTO gold_label (id, account_id, run_id, output_resource_name, text_value) "
        "SELECT gen_random_uuid(), %s, %s, 'summary', repeat('x', 300 * 1024) FROM generate_series(1, 8)",
        system.env["ACCOUNT_ID"],
        run,
    )
    assert [len(page) for page in walk(get, f"{run}/gold-labels?limit=1000")] == [3, 3, 2]


def test_a_label_larger_than_a_page_has_a_page_of_its_own(run, get, api):
    small, large, last = (
        new_label(api, run, {"output_resource_name": "n", "object_value": {"n": numbers}}).json()["id"]
        for numbers in ([1], [10**300] * 1500, [2])
    )
    body = b'{"output_resource_name":"n","object_value":{"n":[' + b",".join([b"1e400"] * 20_000) + b"]}}"
    huge = new_label(api, run, body).json()["id"]
    pages = walk(get, f"{run}/gold-labels")
    assert [[label["id"] for label in page] for page in pages] == [[small, large, last], [huge]]
    assert pages[1][0]["object_value"]["n"][-1] == 10**400


def test_the_link_leads_behind_the_last_label(run, get, fill):
    fill(run, 1, 3)
    first = get(f"{run.upper()}/gold-labels?limit=2&colour=red")
    last = first.json()[-1]["id"]
    assert first.headers["Link"] == f'</v1/run/{run}/gold-labels?limit=2&after={last}>; rel="next"'
    assert get(next_of(first)).json() == get(f"{run}/gold-labels").json()[2:]
    assert (
        get(f"{run}/gold-labels?after={last.upper()}").content
        == get(f"{run}/gold-labels?after={last}").content
    )


# ---- refusals ----


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=1001", "limit=-1", "limit=ten", "limit=1.0", "limit=01", "limit=", "limit"),
        *(
            "limit=%2B1",
            "limit=+1",
            "limit=99999999999999999999",
            "limit=1&limit=1",
            "after=",
            "after=x",
            "after",
        ),
        *(f"after={uuid.uuid4()}", "after={other}", "after={own}&after={own}", "limit=5&after={own}x"),
    ],
)
def test_a_bad_query_is_refused(api, run, system, get, query):
    own = new_label(api, run).json()["id"]
    other = new_label(api, system.new_run()).json()["id"]
    answer = get(f"{run}/gold-labels?" + query.format(own=own, other=other))
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] == "invalid_query"
    assert answer.headers["Content-Type"] == "application/json"
    assert re.match(r"(limit|after) must be |There is more than one (limit|after)\.", answer.json()["error"])


def test_other_parameters_are_ignored(api, run, get):
    label = new_label(api, run).json()["id"]
    plain = get(f"{run}/gold-labels").content
    for query in ("", "colour=red", "Limit=0", "&&=&limits=7&a=b=c"):
        assert get(f"{run}/gold-labels?{query}").content == plain
    assert get(f"{run}/gold-label/{label}?limit=0&after=x").status_code == 200


def test_what_is_not_there_looks_the_same_in_every_way(api, run, system, tokens, get):
    label = new_label(api, run).json()["id"]
    other_run = system.new_run("somebody-else")
    missing, other = str(uuid.uuid4()), new_label(api, system.new_run()).json()["id"]
    theirs = tokens.user(account="somebody-else")
    answers = [
        api.post(missing),
        get(f"{missing}/gold-labels"),
        get(f"{other_run}/gold-labels"),
        get("1/gold-labels"),
        get("/gold-labels"),
        get(f"{run}/gold-labels", token=theirs),
        get(f"{run}/gold-label/{missing}"),
        get(f"{run}/gold-label/{other}"),
        get(f"{run}/gold-label/1"),
        get(f"1/gold-label/{label}"),
        get(f"{missing}/gold-label/{label}"),
        get(f"{other_run}/gold-label/{label}", token=theirs),
        get(f"{run}/gold-label/{label}", token=theirs),
        get(f"{run}/gold-label/{label}", token=theirs, If_None_Match="*"),
    ]
    for answer in answers:
        assert answer.status_code == 404
        assert answer.headers.pop("Date")
        assert (answer.content, answer.headers) == (answers[0].content, answers[0].headers)
    assert answers[0].json() == {"error": "There is no such run.", "code": "not_found"}


@pytest.mark.parametrize(
    "path", ["{run}/gold-labels?limit=0", "1/gold-labels", "{run}/gold-label/1", "1/gold-label/1"]
)
def test_the_token_is_looked_at_first(run, get, tokens, path):
    path = path.format(run=run)
    nobody, wrong = get(path, token=None), get(path, token=tokens.user(exp=1_000_000_000))
    for answer in (nobody, wrong):
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert "error" not in nobody.headers["WWW-Authenticate"]
    assert 'error="invalid_token"' in wrong.headers["WWW-Authenticate"]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
def test_another_method_is_told_which_are_allowed(run, get, method):
    for path, allowed in (("gold-labels", "GET, HEAD, POST"), (f"gold-label/{run}", "GET, HEAD")):
        answer = get(f"{run}/{path}", method=method)
        assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)
        assert answer.json()["code"] == "method_not_allowed"
    if method == "PUT":
        assert get(f"{run}/gold-label/{run}", method="POST").status_code == 405


@pytest.mark.parametrize("path", ["gold-label", "gold-label/", "gold-label/{run}/", "gold-label/{run}/x"])
def test_another_path_is_not_there(run, get, path):
    answer = get(f"{run}/{path.format(run=run)}", token=None)
    if path == "gold-label/":  # a label whose id is malformed
        assert answer.status_code == 401
    else:
        assert (answer.status_code, answer.json()["error"]) == (404, "There is nothing at this path.")


@pytest.mark.parametrize(("path", "expected"), [("gold-labels", 200), ("gold-label/{run}", 404)])
def test_a_read_waits_for_a_key_that_is_new(ingress_with, run, sign, path, expected):
    key = rsa_key()
    with Issuer({"old": rsa_key()}) as issuer:
        ingress = ingress_with(jwks=issuer.url)
        issuer.keys = {"new": key}
        answer = requests.get(
            f"{ingress.url}/v1/run/{run}/{path.format(run=run)}",
            headers={"Authorization": f"Bearer {sign(key, 'new')}"},
            timeout=40,
        )
        assert answer.status_code == expected, answer.text


# ---- conditional reads ----


def test_what_the_client_has_is_not_sent_again(api, run, get):
    label = new_label(api, run).json()["id"]
    for path in (f"{run}/gold-labels", f"{run}/gold-label/{label}"):
        whole = get(path)
        tag = whole.headers["ETag"]
        assert re.fullmatch(r'"[0-9a-f]{32}"', tag)
        for condition in (tag, f"W/{tag}", "*", f'"x", W/"y" ,,{tag}', f'"a\\", {tag}, "b"'):
            for method in ("GET", "HEAD"):
                answer = get(path, method=method, If_None_Match=condition)
                assert (answer.status_code, answer.content) == (304, b""), condition
                assert "Content-Type" not in answer.headers
                for name in ("ETag", "Cache-Control", "Vary", "Content-Length"):
                    assert answer.headers[name] == whole.headers[name]


@pytest.mark.parametrize(
    "condition", ['"x"', "", "x", "{bare}", 'w/"{bare}"', '"{bare}', '"x" "{bare}"', '"{upper}"']
)
def test_what_the_client_does_not_have_is_sent(api, run, get, condition):
    new_label(api, run)
    tag = get(f"{run}/gold-labels").headers["ETag"]
    sent = condition.format(bare=tag.strip('"'), upper=tag.strip('"').upper() + "A")
    assert get(f"{run}/gold-labels", If_None_Match=sent).status_code == 200


def test_the_tag_is_that_of_the_content(api, run, get, system):
    label = new_label(api, run).json()["id"]
    before = get(f"{run}/gold-label/{label}").headers["ETag"]
    system.query("UPDATE gold_label SET id = id WHERE id = %s", label)
    assert get(f"{run}/gold-label/{label}").headers["ETag"] == before
    system.query("UPDATE gold_label SET updated_by = 'bo', updated_at = now() WHERE id = %s", label)
    after = get(f"{run}/gold-label/{label}", If_None_Match=before)
    assert after.status_code == 200
    assert after.headers["ETag"] != before


def test_a_last_page_does_not_stay_the_last_one(api, run, get):
    new_label(api, run)
    last = get(f"{run}/gold-labels?limit=1")
    new_label(api, run)
    now = get(f"{run}/gold-labels?limit=1", If_None_Match=last.headers["ETag"])
    assert (now.status_code, now.content) == (200, last.content)
    again = get(f"{run}/gold-labels?limit=1", If_None_Match=now.headers["ETag"])
    assert again.status_code == 304
    assert again.headers["Link"] == now.headers["Link"]


# ---- the role ----


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO run (id, account_id) VALUES (gen_random_uuid(), 'a')",
        "UPDATE gold_label SET updated_by = 'me'",
        "DELETE FROM gold_label",
        "TRUNCATE gold_label",
        "LOCK TABLE gold_label IN ACCESS EXCLUSIVE MODE",
        "CREATE TABLE mine ()",
        "DROP TABLE gold_label",
        "UPDATE schema_version SET version = 2",
    ],
)
def test_the_role_of_the_ingress_can_write_nothing(system, statement):
    settings = (system.state / "ingress.ini").read_text()
    conninfo = re.search(r"^conninfo = (.*)$", settings, re.M)[1]
    with psycopg.connect(conninfo) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        assert connection.execute("SELECT current_user").fetchone() == ("gold_label_reader",)
        connection.execute(statement)


def test_reads_are_counted(system, run, get):
    assert get(f"{run}/gold-labels").status_code == 200
    metrics = requests.get(f"{system.env['ADMIN_URL']}/metrics", timeout=10).text
    assert re.search(r'^gold_label_ingress_reads_total\{outcome="shown"\} [1-9]', metrics, re.M)
    assert re.search(r"^gold_label_ingress_read_seconds_count [1-9]", metrics, re.M)
    assert re.search(r'^gold_label_ingress_read_connections\{state="open"\} 4$', metrics, re.M)
