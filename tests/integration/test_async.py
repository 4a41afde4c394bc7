"""How long a client waits is its own to say, and its trace goes with the label all the way."""

import re
import uuid

import pytest
from support.api import Api
from support.events import COMMANDS, Reader
from support.raw_http import Connection, fill, request
from support.waiting import wait_until
from support.workers import Ingress

BRIEF = {"GOLD_LABEL_INGRESS_WAIT_MS": "1000", "GOLD_LABEL_INGRESS_PUBLISH_TIMEOUT_MS": "900"}


@pytest.fixture
def start(workers, tokens):
    """Starts an ingress; it has an Api of its own."""

    def start(**environment):
        ingress = workers.start(Ingress, **environment).wait_until_ready()
        ingress.api = Api(ingress.url, tokens.user())
        return ingress

    return start


def applied(answer):
    return answer.headers.get("Preference-Applied")


# ---- how long ----

PREFERENCES = {
    "nothing": (None, None, 1),
    "wait": ("wait=2", "wait=2", 2),
    "wait, and then async": ("respond-async, wait=2", "respond-async, wait=2", 2),
    "too short": ("wait=0", None, 1),
    "too long": ("wait=31", None, 1),
    "no number": ("wait=soon", None, 1),
}


@pytest.mark.parametrize("preference", PREFERENCES)
def test_at_its_deadline_a_label_without_an_outcome_is_accepted(preference, start, run, system, held_table):
    asked, honoured, seconds = PREFERENCES[preference]
    answer = start(**BRIEF).api.post(run, Prefer=asked)
    assert (answer.status_code, applied(answer)) == (202, honoured)
    assert answer.json() == {"id": answer.json()["id"], "status": "accepted"}
    assert answer.headers["Location"] == f"/v1/run/{run}/gold-label/{answer.json()['id']}"
    assert answer.elapsed.total_seconds() >= seconds
    held_table.rollback()
    [stored] = wait_until(
        lambda: system.query("SELECT id FROM gold_label WHERE run_id = %s", run), what="row"
    )
    assert str(stored[0]) == answer.json()["id"]


def test_a_deadline_that_is_near_is_not_slept_over(start, run, held_table):
    brief = {"GOLD_LABEL_INGRESS_WAIT_MS": "150", "GOLD_LABEL_INGRESS_PUBLISH_TIMEOUT_MS": "100"}
    ingress = start(**brief)
    answers = [ingress.api.post(run) for _ in range(10)]
    assert {answer.status_code for answer in answers} == {202}
    late = [answer.elapsed.total_seconds() - 0.15 for answer in answers]
    assert min(late) >= 0 and sum(late) < 2  # about 3.5 where each is found out about every half second


def test_an_outcome_before_the_deadline_is_told_at_once(api, run):
    for asked, honoured in (("wait=30", "wait=30"), ("respond-async, wait=30", "wait=30")):
        answer = api.post(run, Prefer=asked)
        assert (answer.status_code, applied(answer)) == (201, honoured)
        assert answer.elapsed.total_seconds() < 30


def test_whoever_does_not_wait_is_not_told_that_there_is_no_such_run(api, system):
    run = str(uuid.uuid4())
    assert api.post(run, Prefer="respond-async").status_code == 202
    assert system.count(run) == 0


# ---- traces ----


def trace(flags="01"):
    return f"00-{uuid.uuid4().hex}-00f067aa0ba902b7-{flags}"


@pytest.fixture
def commands_read(system):
    it = Reader(system.env["KAFKA_BROKERS"], COMMANDS)
    yield it
    it.close()


def headers_of(reader, label_id):
    """Of the command or result of this label."""
    return reader.first(lambda event: label_id.encode() in event.value).headers


def test_a_trace_goes_with_the_label_and_is_logged_where_it_is_sampled(start, run, commands_read, results):
    ingress = start()
    sampled, silent = trace(), trace("00")
    for sent in (silent, sampled):
        label = ingress.api.post(run, traceparent=sent).json()["id"]
        for reader in (commands_read, results):
            assert headers_of(reader, label)["traceparent"] == sent.encode()
    wait_until(lambda: sampled in ingress.log, what="the line")
    [line] = [line for line in ingress.log.splitlines() if sampled in line]
    assert f"run_id={run} id={label} status=201 " in line
    assert re.search(r"duration_us=\d+$", line)
    assert silent not in ingress.log


def test_every_trace_is_logged_where_the_log_is_detailed(start, run):
    ingress, sent = start(GOLD_LABEL_LOG_LEVEL="debug"), trace("00")
    assert ingress.api.post(run, traceparent=sent, Prefer="respond-async").status_code == 202
    wait_until(lambda: re.search(f"traceparent={sent}.* status=202", ingress.log), what="the line")


# What is asked for, with which token and body, and how it is answered.
TRACED = {
    "stored": ("POST", "@RUN@/gold-labels", True, b'{"output_resource_name":"a","text_value":"b"}', 201),
    "no token": ("POST", "@RUN@/gold-labels", False, b"", 401),
    "no such run": ("POST", "x/gold-labels", True, b"", 404),
    "no such path": ("GET", "nothing", True, None, 404),
    "method": ("DELETE", "@RUN@/gold-labels", True, None, 405),
    "too large": ("POST", "@RUN@/gold-labels", True, b" " * (768 * 1024 + 1), 413),
    "broken rule": ("POST", "@RUN@/gold-labels", True, b"{}", 422),
    "list": ("GET", "@RUN@/gold-labels", True, None, 200),
    "label that is not there": ("GET", f"@RUN@/gold-label/{uuid.uuid4()}", True, None, 404),
    "read without a token": ("GET", "@RUN@/gold-labels", False, None, 401),
}


def test_whatever_the_answer_a_sampled_trace_is_one_line(start, run, tokens):
    ingress = start()
    for method, path, has_token, body, status in TRACED.values():
        sent = f"/v1/run/{path.replace('@RUN@', run)}"
        headers = ["Host: a", "Connection: close", "Content-Type: application/json"]
        headers += [f"Authorization: Bearer {tokens.user()}"] if has_token else []
        headers += [f"Content-Length: {len(body)}"] if body is not None else []
        traces = trace(), trace("00")
        for one in traces:
            head = "\r\n".join([f"{method} {sent} HTTP/1.1", *headers, f"traceparent: {one}", "", ""])
            with Connection(ingress.url) as connection:
                connection.send_what_is_taken(head.encode() + (body or b""))
                assert connection.answer().status == status
        sampled, silent = traces
        wait_until(lambda: sampled in ingress.log, what=f"a line of {method} {path}")  # noqa: B023
        [line] = [line for line in ingress.log.splitlines() if sampled in line]
        assert f" status={status} duration_us=" in line
        assert (f" run_id={run} " in line) == (has_token and "@RUN@" in path and method != "DELETE")
        assert silent not in ingress.log


def test_a_trace_of_a_request_without_room_is_logged(start, run, held_table):
    ingress, sent = start(GOLD_LABEL_INGRESS_MAX_PENDING="1"), trace()
    with Connection(ingress.url) as waiting:
        waiting.send(
            fill(request("Prefer: wait=30", without=["Prefer"]), ingress.url, run, ingress.api.token)
        )
        wait_until(lambda: ingress.metric("gold_label_ingress_pending") == 1, what="one waits")
        assert ingress.api.post(run, traceparent=sent).status_code == 503
        wait_until(lambda: re.search(f"traceparent={sent} .* status=503 ", ingress.log), what="the line")
        held_table.rollback()
        assert waiting.answer().status == 201


def test_what_is_no_trace_goes_nowhere(start, run, commands_read):
    ingress = start()
    label = ingress.api.post(run, traceparent=trace().upper()).json()["id"]
    assert "traceparent" not in headers_of(commands_read, label)
    assert "request answered" not in ingress.log


# ---- the time that each leg takes ----

LEGS = ("parse", "publish", "result", "reply")


def test_each_leg_of_the_way_is_measured(start, run):
    ingress = start()

    def measured(leg, what):
        return ingress.metric(f"gold_label_ingress_{leg}_seconds_{what}")

    assert [ingress.api.post(run, Prefer="wait=30").status_code for _ in range(5)] == [201] * 5
    assert ingress.api.post(run, {}).status_code == 422  # has no leg to measure
    wait_until(lambda: measured("request", "count") == 6, what="all answers are counted")
    assert [measured(leg, "count") for leg in LEGS] == [5] * 4
    spent = {leg: measured(leg, "sum") for leg in (*LEGS, "request")}
    assert all(spent.values())
    assert spent["publish"] <= spent["result"]
    assert spent["parse"] + spent["result"] + spent["reply"] <= spent["request"]


def test_a_label_that_nobody_waits_for_is_measured_up_to_its_acknowledgement(start, run):
    ingress = start()
    assert ingress.api.post(run, Prefer="respond-async").status_code == 202
    published = "gold_label_ingress_publish_seconds_count"
    assert ingress.metric(published) == ingress.metric("gold_label_ingress_parse_seconds_count") == 1
