"""Commands and results of older writers are read, also those that are framed with the ids of a registry.

The older writer is fastavro with the schema of that time; what must come of it is what fastavro resolves for
a reader with the schema in force (Avro 1.11, "Schema Resolution"). create-gold-label.v0.avsc was made for
this: no release ever wrote it.
"""

import datetime
import io
import json
import uuid

import fastavro
import pytest
from support.events import COMMAND, RESULT, RESULT_HEAD, Reader, Sender, command, schema
from support.system import ROOT
from support.tool import TEXT, Tool, account_of, json_lines, lines

SCHEMAS = ROOT / "schemas" / "avro"
OLDER = sorted(path.name for path in SCHEMAS.glob("create-gold-label.v*.avsc"))
RESULTS = sorted(path.name for path in SCHEMAS.glob("gold-label-result*.avsc"))

VALUES = {
    "a text": {"text_value": "Grüße 😀"},
    "the empty text": {"text_value": ""},
    "a long text": {"text_value": "ü" * 200_000},
    "an object": {"object_value": '{"a": [1.10, {"b": null}], "é": "\\t"}'},
    "a part of an object": {"object_value": "{}", "object_value_is_partial": True},
    "no part of an object": {"object_value": '{"n": 1e2}', "object_value_is_partial": False},
}


# ---- older writers ----


def something(kind):
    """A value of a field that we do not know: one that takes bytes, wherever there is one."""
    if isinstance(kind, list):
        return something(kind[-1])
    if isinstance(kind, dict) and kind["type"] == "record":
        return {field["name"]: something(field["type"]) for field in kind["fields"]}
    if isinstance(kind, dict) and kind["type"] == "enum":
        return kind["symbols"][-1]
    kind = kind["type"] if isinstance(kind, dict) else kind
    return {"null": None, "boolean": True, "int": -(2**31), "long": 2**63 - 1, "string": "text_value"}[kind]


def filled(kind, value, ours):
    """The record `value` as a writer of `kind` has it: with fields that a reader of `ours` does not know."""
    known = {field["name"]: field["type"] for field in ours["fields"]}
    out = {}
    for field in kind["fields"]:
        name, inner = field["name"], value.get(field["name"])
        if name not in known:
            out[name] = something(field["type"])
        elif isinstance(inner, dict):
            out[name] = filled(record_of(field["type"]), inner, record_of(known[name]))
        else:
            out[name] = inner
    return out


def record_of(kind):
    branches = kind if isinstance(kind, list) else [kind]
    return next(branch for branch in branches if isinstance(branch, dict) and branch["type"] == "record")


def written_by(name, record, reader=COMMAND):
    """The message of a writer with that schema, and what it is to a reader with ours."""
    writer, head = schema(name)
    out = io.BytesIO()
    fastavro.schemaless_writer(out, writer, filled(writer, record, reader))
    resolved = fastavro.schemaless_reader(io.BytesIO(out.getvalue()), writer, reader)
    return head + out.getvalue(), resolved


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("name", OLDER)
def test_a_command_of_an_older_writer_is_stored_with_exactly_its_values(
    name, value, sender, results, run, system
):
    record = command(run, **VALUES[value])
    message, resolved = written_by(name, record)
    correlation_id = str(uuid.uuid4())
    sender.send(message, key=run, correlation_id=correlation_id)
    result = results.result(correlation_id).result

    assert (result["outcome"], result["replayed"], result["message"]) == ("CREATED", False, None)
    label = result["label"]
    assert (label["id"], label["run_id"]) == (record["command_id"], run)
    assert (label["account_id"], label["created_by"]) == (system.env["ACCOUNT_ID"], "ann")
    for field in ("output_resource_name", "text_value", "object_value_is_partial"):
        assert label[field] == resolved[field] == record.get(field), field
    exactly = {"parse_float": str, "parse_int": str}
    objects = [json.loads(one["object_value"] or "null", **exactly) for one in (label, resolved)]
    if "1e2" not in (resolved["object_value"] or ""):  # PostgreSQL writes it out
        assert objects[0] == objects[1]
    assert system.query(
        "SELECT output_resource_name, text_value, object_value = %s::jsonb, object_value_is_partial"
        " FROM gold_label WHERE run_id = %s",
        resolved["object_value"],
        run,
    ) == [
        (
            resolved["output_resource_name"],
            resolved["text_value"],
            True if resolved["object_value"] else None,
            resolved["object_value_is_partial"],
        )
    ]


@pytest.mark.parametrize("name", OLDER)
def test_older_and_newer_writers_of_one_command_store_one_row(name, sender, results, run, system):
    record = command(run)
    replayed = []
    for message in (written_by(name, record)[0], record, written_by(name, record)[0]):
        correlation_id = str(uuid.uuid4())
        sender.send(message, key=run, correlation_id=correlation_id)
        replayed.append(results.result(correlation_id).result["replayed"])
    assert replayed == [False, True, True]
    assert system.count(run) == 1


@pytest.mark.parametrize("name", OLDER)
def test_a_broken_command_of_an_older_writer_is_a_dead_letter(name, sender, dead_letters, run):
    message, _ = written_by(name, command(run))
    sender.send(message[:-1], key=run)
    letter = dead_letters.first(lambda event: event.key == run.encode())
    assert letter.headers["dlq-code"] == b"broken_avro"
    assert letter.value == message[:-1]


def test_there_is_an_older_writer_of_every_kind_of_change():
    writer, ours = schema("create-gold-label.v0.avsc")[0]["fields"], COMMAND["fields"]
    names, in_force = ([field["name"] for field in fields] for fields in (writer, ours))
    kept = [name for name in in_force if name in names]
    assert kept != [name for name in names if name in in_force], "fields in another order"
    assert set(names) - set(in_force), "fields that are gone"
    assert set(in_force) - set(names), "fields that came later"
    with_default, with_default_then = (
        {field["name"] for field in fields if "default" in field} for fields in (ours, writer)
    )
    assert with_default & set(names) - with_default_then, "a default that came later"


# ---- results of older writers ----

STORED_AT = datetime.datetime(2026, 7, 1, 12, 30, 15, 123456, datetime.UTC)


def codes_of(name):
    """The symbols that a writer with that schema has for why a command is rejected."""
    (code,) = [field["type"] for field in schema(name)[0]["fields"] if field["name"] == "code"]
    return next(branch["symbols"] for branch in code if isinstance(branch, dict))


def answers_of(name):
    """One result of each kind that a writer with that schema sends."""
    ids = {"command_id": str(uuid.uuid4()), "run_id": str(uuid.uuid4())}
    label = {"id": ids["command_id"], "run_id": ids["run_id"], "account_id": "a", "created_at": STORED_AT}
    created = [
        {"replayed": replayed, "label": label | {"output_resource_name": "é", "created_by": "ann"} | value}
        for replayed in (False, True)
        for value in VALUES.values()
    ]
    rejected = [{"replayed": False, "code": code, "message": f"It is {code}. ü"} for code in codes_of(name)]
    return [ids | {"outcome": "CREATED"} | one for one in created] + [
        ids | {"outcome": "REJECTED"} | one for one in rejected
    ]


def shown(result):
    """As `gold-label results` has it: the members of its outcome, the object as JSON, times as text."""
    created = result["outcome"] == "CREATED"
    members = ("replayed", "label") if created else ("code", "message")
    out = {name: result[name] for name in ("outcome", "command_id", "run_id", *members)}
    if created:
        out["label"] = {
            name: value.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if isinstance(value, datetime.datetime) else value
            for name, value in result["label"].items()
        }
        out["label"]["object_value"] = json.loads(out["label"]["object_value"] or "null")
    return out


@pytest.mark.parametrize("name", RESULTS)
def test_results_of_every_version_are_read_with_exactly_their_values(name, topics, system, tokens):
    sender = Sender(topics.brokers, None, topics.names["results"])
    wanted = []
    for answer in answers_of(name):
        message, resolved = written_by(name, answer, RESULT)
        sender.send(message, key=answer["run_id"])
        wanted.append(shown(resolved))
    followed = Tool(system, tokens.worker())(
        "results", "--from", "oldest", "--no-follow", **topics.environment
    )
    assert (followed.returncode, followed.stderr) == (0, b"")
    assert [json.loads(line) for line in followed.stdout.splitlines()] == wanted
    assert len(wanted) >= 14


# ---- Confluent framing ----

COMMAND_ID, RESULT_ID = 2**31 - 1, 258
FRAMED = {
    "GOLD_LABEL_AVRO_COMMAND_SCHEMA_ID": str(COMMAND_ID),
    "GOLD_LABEL_AVRO_RESULT_SCHEMA_ID": str(RESULT_ID),
}


def unframed(event, schema_id, reader):
    assert event.value[:5] == b"\x00" + schema_id.to_bytes(4, "big")
    record = io.BytesIO(event.value[5:])
    read = fastavro.schemaless_reader(record, reader, None)
    assert record.read() == b""
    return read


@pytest.fixture
def registered(system, tokens, topics, workers):
    """The tool, and topics of its own on which it and a worker have the ids of a registry."""
    names = topics.environment | FRAMED
    workers.start(**names).wait_until_ready()
    tool = Tool(system, tokens.worker())
    return lambda *arguments, **more: tool(*arguments, **(names | more))


def test_the_tool_and_its_worker_frame_with_the_ids_of_a_registry(registered, topics, run, system):
    commands = Reader(topics.brokers, topics.names["commands"])
    ids = [str(uuid.uuid4()) for _ in range(3)]
    text = lines(*[TEXT | {"id": id} for id in ids[:2]], TEXT | {"id": ids[2], "run_id": str(uuid.uuid4())})
    assert account_of(registered("send", "--run", run, stdin=text)) == {"stored": 2, "rejected": 1}
    assert system.count(run) == 2

    sent = [unframed(event, COMMAND_ID, COMMAND) for event in commands.read_all()]
    commands.close()
    assert sorted(str(one["command_id"]) for one in sent) == sorted(ids)
    answered = [unframed(event, RESULT_ID, RESULT) for event in topics.results.read_all()]
    assert {one["command_id"]: one["outcome"] for one in answered} == dict(
        zip(ids, ("CREATED", "CREATED", "REJECTED"), strict=True)
    )
    followed = registered("results", "--from", "oldest", "--no-follow")
    assert {json.loads(line)["command_id"] for line in followed.stdout.splitlines()} == set(ids)


def test_framed_commands_of_others_are_read_and_shown(registered, topics, run):
    frame = b"\x00" + COMMAND_ID.to_bytes(4, "big")
    out = io.BytesIO()
    fastavro.schemaless_writer(out, COMMAND, command(run))
    event = topics.ask(frame + out.getvalue(), key=run)
    assert unframed(event, RESULT_ID, RESULT)["outcome"] == "CREATED"

    topics.sender().send(frame + out.getvalue()[:-1], key=run)
    letter = topics.dead_letters.first(lambda event: True)
    assert letter.headers["dlq-code"] == b"broken_avro"
    shown = registered("dlq", "show", "0:0").stdout.decode()
    assert f"Confluent, schema id {COMMAND_ID}" in shown and f'run_id: "{run}"' in shown


def test_a_tool_without_the_ids_still_reads_and_is_read(registered, topics, run, tmp_path):
    """Single-object encoding is always read. A framed result is not without its id: that is said."""
    plain = dict.fromkeys(FRAMED, "-1")
    results = tmp_path / "results"
    sent = registered("send", "--run", run, "--wait", "accepted", stdin=lines(TEXT), **plain)
    assert sent.returncode == 0, sent.stderr
    event = topics.results.first(lambda event: True)
    assert unframed(event, RESULT_ID, RESULT)["outcome"] == "CREATED"
    followed = registered("results", "--from", "oldest", "--no-follow", **plain)
    assert followed.stdout == b"" and b"unknown_schema" in followed.stderr
    with_ids = registered("send", "--run", run, "--results", results, stdin=lines(TEXT))
    assert (with_ids.returncode, json_lines(results)[0]["outcome"]) == (0, "stored")
    assert not event.value.startswith(RESULT_HEAD)
