"""The examples of schemas/examples/ talk to the real system, and write the bytes that we write."""

import json
import uuid

import pytest
from support.events import COMMANDS, Reader
from support.foreign import CLIENTS, spring
from support.tool import TEXT, Tool, lines

N = 1_000


@pytest.fixture(scope="module")
def client(request):
    return CLIENTS[request.param]()


every_client = pytest.mark.parametrize("client", CLIENTS, indirect=True)


@pytest.fixture
def known(system, tokens, run):
    """What a client needs to know of the system."""
    return {
        "KAFKA_BROKERS": system.env["KAFKA_BROKERS"],
        "RUN_ID": run,
        "WORKER_TOKEN": tokens.worker(),
    }


def ids_of(system, run):
    return {str(id) for (id,) in system.query("SELECT id FROM gold_label WHERE run_id = %s", run)}


def assert_all_created(conversation, count, system, run):
    assert (conversation.sent, conversation.created) == (count, count)
    assert (conversation.rejected, conversation.unanswered) == (0, 0)
    assert set(conversation.outcomes.values()) == {"CREATED"}
    assert ids_of(system, run) == set(conversation.outcomes)
    assert len(conversation.outcomes) == count


# ---- conversations ----


@every_client
def test_a_foreign_client_sends_commands_and_reads_their_results(client, known, system, run):
    assert_all_created(client.converse(N, **known), N, system, run)


@every_client
def test_a_foreign_client_reads_rejections(client, known, system, run):
    conversation = client.converse(3, **known | {"RUN_ID": str(uuid.uuid4())})
    assert (conversation.created, conversation.rejected, conversation.unanswered) == (0, 3, 0)
    assert set(conversation.outcomes.values()) == {"REJECTED"}


def test_springs_template_sends_requests_and_takes_results_for_replies(known, system, run):
    assert_all_created(spring().converse(N, **known, REPLY_PARTITION="5"), N, system, run)


def test_springs_template_can_be_told_our_name_of_the_correlation_id(known, system, run):
    conversation = spring().converse(20, **known, CORRELATION_HEADER="correlation-id")
    assert_all_created(conversation, 20, system, run)


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_springs_template_gets_its_replies_on_a_topic_of_its_own(
    known, system, run, topics, workers, delivery
):
    replies = topics.more("replies", partitions=2)
    workers.start(
        **topics.environment,
        GOLD_LABEL_WORKER_DELIVERY=delivery,
        GOLD_LABEL_WORKER_REPLY_TOPICS=replies,
    ).wait_until_ready()
    theirs = {"COMMANDS_TOPIC": topics.names["commands"], "REPLY_TOPIC": replies, "REPLY_PARTITION": "1"}
    assert_all_created(spring().converse(20, **known, **theirs), 20, system, run)
    assert topics.results.read_all() == []


# ---- bytes ----

LABELS = [
    TEXT,
    {"output_resource_name": "Grüße 😀", "text_value": ""},
    {"output_resource_name": "long", "text_value": "ü" * 70_000},
    {"output_resource_name": "o", "object_value": {}},
    {"output_resource_name": "o", "object_value": {"a": [1, {"b": None}]}, "object_value_is_partial": True},
    {"output_resource_name": "o", "object_value": {"é": "\t"}, "object_value_is_partial": False},
]


@pytest.fixture(scope="module")
def ours(system, tokens):
    """Commands, and the messages that the producer tool makes of them."""
    run = system.new_run()
    labels = [label | {"id": str(uuid.uuid4())} for label in LABELS]
    reader = Reader(system.env["KAFKA_BROKERS"], COMMANDS)
    sent = Tool(system, tokens.worker())("send", "--run", run, stdin=lines(*labels))
    assert sent.returncode == 0, sent.stderr
    is_ours = [event for event in reader.read_all() if event.key == run.encode()]
    reader.close()

    commands = []
    for label in labels:
        # The tool takes the text of the object as it stands in its line.
        text = json.dumps(label["object_value"]) if "object_value" in label else None
        commands.append(
            {"command_id": label["id"], "run_id": run, "text_value": None, "object_value_is_partial": None}
            | {"account_id": None, "created_by": None}
            | {name: value for name, value in label.items() if name != "id"}
            | {"object_value": text}
        )
    assert len(is_ours) == len(commands)
    return commands, [event.value for event in is_ours]


@every_client
def test_a_foreign_clients_avro_bytes_and_fingerprint_are_ours(client, ours):
    commands, messages = ours
    theirs = client.encode(lines(*commands))
    assert [message for _, message in theirs] == messages
    in_force = int.from_bytes(messages[0][2:10], "little")
    assert {fingerprint for fingerprint, _ in theirs} == {in_force}
