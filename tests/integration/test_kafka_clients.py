"""Another service talks to the worker over Kafka, with confluent-kafka and fastavro."""

import json
import time
import uuid

import pytest
from support.events import COMMAND_HEAD, COMMANDS, command, encode


def ask(sender, results, record, **options):
    """Sends a command and returns its result event."""
    correlation_id = str(uuid.uuid4())
    sender.send(record, correlation_id=correlation_id, **options)
    return results.result(correlation_id)


# ---- results ----


def test_a_command_is_stored_and_answered_with_the_whole_label(sender, results, run, system):
    record = command(run, object_value='{"price": 1.10}', object_value_is_partial=True)
    result = ask(sender, results, record).result
    assert (result["outcome"], result["replayed"], result["code"]) == ("CREATED", False, None)
    label = result["label"]
    assert label["id"] == result["command_id"] == record["command_id"]
    assert (label["account_id"], label["created_by"]) == (system.env["ACCOUNT_ID"], "ann")
    assert json.loads(label["object_value"], parse_float=str) == {"price": "1.10"}
    row = system.query(
        "SELECT id::text, account_id, run_id::text, output_resource_name, text_value,"
        " object_value_is_partial, created_by, created_at, updated_by, updated_at"
        " FROM gold_label WHERE run_id = %s",
        run,
    )
    assert row == [tuple(value for name, value in label.items() if name != "object_value")]


@pytest.mark.parametrize("partition", [0, 5, 7])
def test_a_result_comes_on_the_partition_that_was_asked_for(sender, results, run, partition):
    event = ask(sender, results, command(run), reply_partition=str(partition))
    assert event.partition == partition
    assert event.key == run.encode()


@pytest.mark.parametrize("partition", ["99", "x", "-1", ""])
def test_a_bad_reply_partition_is_ignored(sender, results, run, partition):
    by_key = ask(sender, results, command(run)).partition
    event = ask(sender, results, command(run), reply_partition=partition)
    assert event.result["outcome"] == "CREATED"
    assert event.partition == by_key


def test_a_result_is_a_cloud_event(sender, results, run):
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    stored = ask(sender, results, command(run), traceparent=trace)
    refused = ask(sender, results, command(str(uuid.uuid4())))
    headers = {name: value.decode() for name, value in stored.headers.items()}
    assert headers["ce_specversion"] == "1.0"
    assert headers["ce_type"] == "gold-label.created"
    assert headers["ce_source"] and headers["ce_id"] and headers["ce_time"].endswith("Z")
    assert headers["content-type"] == "application/avro"
    assert headers["traceparent"] == trace
    assert "authorization" not in headers
    assert refused.headers["ce_type"] == b"gold-label.rejected"
    assert refused.headers["ce_id"] != stored.headers["ce_id"]


def test_a_correlation_id_out_of_bounds_is_ignored(sender, results, run):
    record = command(run)
    sender.send(record, correlation_id="x" * 65)
    event = results.first(lambda e: e.result["command_id"] == record["command_id"])
    assert "correlation-id" not in event.headers


def test_a_command_that_is_sent_twice_stores_one_row(sender, results, run, system):
    record = command(run, object_value='{"a": 1, "b": 2}')
    first = ask(sender, results, record).result
    upper = record["command_id"].upper()
    second = ask(sender, results, record | {"command_id": upper, "object_value": '{"b":2,"a":1}'}).result
    assert (first["replayed"], second["replayed"]) == (False, True)
    labels = (first["label"], second["label"])
    as_values = [label | {"object_value": json.loads(label["object_value"])} for label in labels]
    assert as_values[0] == as_values[1]
    assert system.count(run) == 1


# ---- rejections ----


def assert_rejected(event, code):
    result = event.result
    assert (result["outcome"], result["code"], result["label"]) == ("REJECTED", code, None)
    assert result["message"]


def test_an_id_with_other_content_is_a_conflict(sender, results, run, system):
    record = command(run)
    ask(sender, results, record)
    assert_rejected(ask(sender, results, record | {"text_value": "other"}), "id_conflict")
    assert system.query("SELECT text_value FROM gold_label WHERE run_id = %s", run) == [("good",)]


def test_an_id_of_another_account_is_a_conflict(sender, results, run, system, tokens):
    record = command(run)
    ask(sender, results, record)
    theirs = record | {"run_id": system.new_run("others")}
    assert_rejected(ask(sender, results, theirs, token=tokens.worker("others")), "id_conflict")


@pytest.mark.parametrize("fault", ["none", "audience", "expired", "garbage", "key"])
def test_a_command_without_a_good_token_is_unauthenticated(sender, results, run, system, tokens, fault):
    token = {
        "none": lambda: None,
        "audience": tokens.user,
        "expired": lambda: tokens.worker(exp=int(time.time()) - 60),
        "garbage": lambda: "a.b.c",
        "key": lambda: tokens.worker(key=b"another secret of thirty-two byte"),
    }[fault]()
    assert_rejected(ask(sender, results, command(run), token=token), "unauthenticated")
    assert system.count(run) == 0


def test_the_account_of_the_record_is_never_believed(sender, results, run, system, tokens):
    record = command(run, account_id=system.env["ACCOUNT_ID"], created_by="eve")
    assert_rejected(ask(sender, results, record, token=tokens.worker("others")), "run_not_found")
    assert system.count(run) == 0


def test_a_run_that_is_missing_is_not_found(sender, results):
    assert_rejected(ask(sender, results, command(str(uuid.uuid4()))), "run_not_found")


@pytest.mark.parametrize(
    "fields",
    [
        {"output_resource_name": " \u2003"},
        {"output_resource_name": "ü" * 256},
        {"text_value": None},
        {"text_value": "a\0b"},
        {"text_value": "yes", "object_value": "{}"},
        {"object_value": "[]"},
        {"object_value": '{"a":1,"a":2}'},
        {"object_value": '{"a":'},
        {"object_value_is_partial": True},
    ],
    ids=json.dumps,
)
def test_a_broken_rule_is_an_invalid_value(sender, results, run, system, fields):
    assert_rejected(ask(sender, results, command(run, **fields)), "invalid_value")
    assert system.count(run) == 0


@pytest.mark.parametrize("field", ["command_id", "run_id"])
def test_an_id_that_is_no_uuid_is_an_invalid_value_and_echoed(sender, results, run, field):
    event = ask(sender, results, command(run) | {field: "No-UUID"})
    assert_rejected(event, "invalid_value")
    assert event.result[field] == "No-UUID"


# ---- dead letters ----

GOOD = encode(command(str(uuid.uuid4())))
UNREADABLE = {
    "garbage": b"\x00\xffgarbage",
    "empty": b"",
    "null": None,
    "unknown fingerprint": b"\xc3\x01" + b"\x00" * 8 + GOOD[10:],
    "cut off": GOOD[:-3],
    "trailing byte": GOOD + b"\x00",
    "huge length": COMMAND_HEAD + b"\xfe\xff\xff\xff\x0f",
}


@pytest.mark.parametrize("fault", UNREADABLE)
def test_what_cannot_be_read_is_a_dead_letter_and_holds_nothing_up(
    sender, results, dead_letters, run, system, fault
):
    mark = str(uuid.uuid4())
    bad = UNREADABLE[fault]
    sender.queue(bad, key=b"k\x00ey", partition=3, mark=mark, correlation_id="c", traceparent="t")
    assert ask(sender, results, command(run), partition=3).result["outcome"] == "CREATED"
    letter = dead_letters.first(lambda e: e.headers.get("mark") == mark.encode())
    assert (letter.value, letter.key) == (bad, b"k\x00ey")
    headers = {name: value.decode() for name, value in letter.headers.items()}
    kept = {"mark": mark, "correlation-id": "c", "traceparent": "t"}
    where = {"dlq-topic": COMMANDS, "dlq-partition": "3"}
    assert headers | kept | where == headers
    assert set(headers) == {*kept, *where, "dlq-offset", "dlq-code", "dlq-message", "dlq-time"}
    assert headers["dlq-offset"].isdigit() and headers["dlq-code"] and headers["dlq-message"]
    assert headers["dlq-time"].endswith("Z")
    assert system.count(run) == 1
