"""Every example of schemas/asyncapi.yaml is sent to the real system; what comes back is what it says.

A command and its result have one correlation id. Only times, offsets and the token are not the document's.
"""

import copy
import datetime
import re

import jsonschema
import pytest
import yaml
from referencing import Registry
from referencing.jsonschema import DRAFT7
from support.events import COMMANDS, DEAD_LETTERS, RESULT, RESULTS, Reader, encode
from support.system import ROOT
from support.topics import Topics
from support.workers import Workers

DOCUMENT = yaml.safe_load((ROOT / "schemas" / "asyncapi.yaml").read_text())
ACCOUNT, USER = "acme", "importer"
OF_THE_MOMENT = {"ce_id", "ce_time", "dlq-partition", "dlq-offset", "dlq-time"}
TRUSTED = "trusted"  # for a worker of another kind


def examples(message):
    return {example["name"]: example for example in DOCUMENT["components"]["messages"][message]["examples"]}


def correlation(headers):
    return headers.get("correlation-id"), headers.get("kafka_correlationId")


SENT, ANSWERS, LETTERS = (examples(name) for name in ("createGoldLabel", "goldLabelResult", "deadLetter"))
ANSWER_TO = {
    name: next(one for one in ANSWERS.values() if correlation(one["headers"]) == correlation(sent["headers"]))
    for name, sent in SENT.items()
}


def as_bytes(text):
    """Of what is binary each character is one byte; everything else is ASCII."""
    return None if text is None else text.encode("latin-1")


def headers_of(event):
    return {name: value.decode("latin-1") for name, value in event.headers.items()}


def lasting(headers):
    return {name: value for name, value in headers.items() if name not in OF_THE_MOMENT}


def check_headers(schema, headers):
    registry = Registry().with_resource("urn:document", DRAFT7.create_resource(DOCUMENT))
    reference = {"$ref": f"urn:document#/components/schemas/{schema}"}
    formats = jsonschema.Draft7Validator.FORMAT_CHECKER
    jsonschema.Draft7Validator(reference, registry=registry, format_checker=formats).validate(headers)


class Conversation:
    def __init__(self, sender, topic, reader):
        self.sender = sender
        self.topic = topic
        self.reader = reader

    def send(self, key, value, headers):
        sent = {name: as_bytes(text) for name, text in headers.items()}
        if "authorization" in sent:
            sent["authorization"] = f"Bearer {self.sender.token}".encode()
        self.sender.producer.produce(self.topic, value, key, headers=list(sent.items()))
        self.sender.flush()

    def ask(self, name):
        """Sends the command of that name and returns its result."""
        example = SENT[name]
        self.send(example["payload"]["run_id"], encode(example["payload"]), example["headers"])
        wanted = correlation(example["headers"])
        return self.reader.first(lambda event: correlation(headers_of(event)) == wanted)


@pytest.fixture(scope="module")
def results(system, tokens):
    """The result of every command by the command's name, sent in the document's order."""
    runs = {answer["payload"]["run_id"] for answer in ANSWERS.values() if answer["payload"]["label"]}
    for run in runs:
        system.query(
            "INSERT INTO run (id, account_id) VALUES (%s, %s) ON CONFLICT (id) DO NOTHING", run, ACCOUNT
        )
        system.query("DELETE FROM gold_label WHERE run_id = %s", run)
    token = tokens.worker(ACCOUNT, subject=USER)
    reader = Reader(system.env["KAFKA_BROKERS"], RESULTS)
    with Topics(system, token) as topics, Workers(system) as workers:
        workers.start(**topics.environment, GOLD_LABEL_WORKER_AUTH="trusted").wait_until_ready()
        usual = Conversation(topics.sender(), COMMANDS, reader)
        trusting = Conversation(topics.sender(), topics.names["commands"], topics.results)
        yield {name: (trusting if name == TRUSTED else usual).ask(name) for name in SENT}
    reader.close()


# ---- the document ----


def test_every_command_has_a_result_and_every_result_a_command():
    assert len({correlation(one["headers"]) for one in SENT.values()}) == len(SENT)
    assert sorted(one["name"] for one in ANSWER_TO.values()) == sorted(ANSWERS)


def test_there_is_a_result_for_every_outcome():
    nullable = next(field["type"] for field in RESULT["fields"] if field["name"] == "code")
    codes = set(nullable[1]["symbols"]) - {"unknown"}
    assert {answer["payload"]["code"] for answer in ANSWERS.values()} == codes | {None}
    assert {answer["payload"]["replayed"] for answer in ANSWERS.values()} == {True, False}


def test_there_is_a_dead_letter_for_every_code():
    headers = DOCUMENT["components"]["schemas"]["deadLetterHeaders"]["properties"]
    assert {letter["headers"]["dlq-code"] for letter in LETTERS.values()} == set(headers["dlq-code"]["enum"])


def test_the_bounds_of_springs_headers_are_those_of_the_code():
    code = "".join((ROOT / path).read_text() for path in ("worker/reply_to.h", "common/text.h"))
    bounds = {name: int(value) for name, value in re.findall(r"\b(\w+_MAX) = (\d+)", code)}
    schemas = DOCUMENT["components"]["schemas"]
    assert schemas["springCorrelationId"]["maxLength"] == bounds["REPLY_CORRELATION_MAX"]
    assert schemas["springReplyTopic"]["maxLength"] == bounds["TEXT_TOPIC_NAME_MAX"]


# ---- what really happens ----


@pytest.mark.parametrize("name", SENT)
def test_a_command_of_the_document_has_the_result_of_the_document(results, name):
    event, expected = results[name], copy.deepcopy(ANSWER_TO[name])
    check_headers("resultHeaders", headers_of(event))
    assert lasting(headers_of(event)) == lasting(expected["headers"])
    assert event.key.decode() == expected["payload"]["run_id"]
    actual = event.result
    if expected["payload"]["label"]:
        expected["payload"]["label"].pop("created_at")
        assert isinstance(actual["label"].pop("created_at"), datetime.datetime)
    assert actual == expected["payload"]


@pytest.mark.parametrize("name", [name for name in SENT if "reply-partition" in SENT[name]["headers"]])
def test_a_result_comes_on_the_partition_that_the_document_asks_for(results, name):
    assert results[name].partition == int(SENT[name]["headers"]["reply-partition"])


@pytest.mark.parametrize("name", [name for name in SENT if "kafka_replyPartition" in SENT[name]["headers"]])
def test_a_reply_comes_on_the_topic_and_partition_that_the_document_asks_for(results, name):
    headers = SENT[name]["headers"]
    asked = int.from_bytes(as_bytes(headers["kafka_replyPartition"]), "big")
    assert (results[name].topic, results[name].partition) == (headers["kafka_replyTopic"], asked)


@pytest.mark.parametrize("name", LETTERS)
def test_what_cannot_be_read_is_the_dead_letter_of_the_document(system, tokens, sender, name):
    expected = LETTERS[name]
    reader = Reader(system.env["KAFKA_BROKERS"], DEAD_LETTERS)
    own = {key: text for key, text in expected["headers"].items() if not key.startswith("dlq-")}
    value = as_bytes(expected["payload"])
    Conversation(sender, COMMANDS, reader).send(name, value, own | {"authorization": "Bearer"})
    letter = reader.first(lambda event: event.key == name.encode())
    reader.close()
    check_headers("deadLetterHeaders", headers_of(letter))
    assert lasting(headers_of(letter)) == lasting(expected["headers"])
    assert letter.value == value
