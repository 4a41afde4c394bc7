"""gold-label dlq replay: which letters go back, how they look then, and that none goes round for ever."""

import json
import uuid

import pytest
from support.events import Reader, command, encode
from support.kafka_proxy import PRODUCE
from support.tool import Tool
from support.waiting import wait_until

BROKEN = encode(command(str(uuid.uuid4())))[:30]


@pytest.fixture
def tool(system, tokens):
    return Tool(system, tokens.worker())


@pytest.fixture
def letters(tool, topics):
    """Seven dead letters put there by hand, and the tool. No worker: what is sent again stays where it is."""
    sender = topics.sender(token=None)
    sender.topic = topics.names["dlq"]
    for n in range(7):
        code = "unknown_schema" if n in (2, 5) else "broken_avro"
        headers = {"dlq_code": code, "dlq_offset": str(n), "dlq_topic": "t", "correlation_id": f"c{n}"}
        sender.queue(b"value %d\xff" % n, key=b"key %d\xff" % n, x_odd=b"\x00\xfe", **headers)
    sender.flush()
    topics.dead_letters.read_until(lambda events: len(events) == 7)
    return lambda *arguments, **more: tool("dlq", "replay", *arguments, **(topics.environment | more))


@pytest.fixture
def commands(topics):
    reader = Reader(topics.brokers, topics.names["commands"])
    yield reader
    reader.close()


def counts(done):
    return json.loads(done.stdout)


def sent_again(commands):
    return [int(event.value[6:7]) for event in commands.read_all()]


WHICH = [
    (("--from", "oldest"), [0, 1, 2, 3, 4, 5, 6]),
    (("--from", "2", "--to", "5", "--partition", "0"), [2, 3, 4]),
    (("--from", "6"), [6]),
    (("--to", "3", "--from", "oldest"), [0, 1, 2]),
    (("--code", "unknown_schema"), [2, 5]),
    (("--code", "broken_avro", "--from", "3", "--to", "6"), [3, 4]),
    (("--code", "null_value"), []),
    (("--from", "1h", "--to", "end"), [0, 1, 2, 3, 4, 5, 6]),
    (("--from", "oldest", "--to", "1h"), []),
    (("--from", "2100-01-01"), []),
]


@pytest.mark.parametrize(("which", "wanted"), WHICH, ids=lambda part: " ".join(map(str, part)))
def test_letters_are_sent_again_by_range_and_by_reason(letters, commands, which, wanted):
    dry = letters(*which, "--dry-run", GOLD_LABEL_TOKEN="")
    assert (dry.returncode, counts(dry)["sent"]) == (0, len(wanted))
    assert sent_again(commands) == []
    done = letters(*which)
    assert done.returncode == 0, done.stderr
    assert counts(done) == {"read": len(wanted), "sent": len(wanted), "refused": 0, "failed": 0}
    assert sent_again(commands) == wanted


def test_a_letter_goes_back_with_its_key_value_and_headers_and_a_fresh_token(letters, commands):
    assert letters("--from", "4", "--to", "5").returncode == 0
    (event,) = commands.read_all()
    assert (event.key, event.value) == (b"key 4\xff", b"value 4\xff")
    assert event.headers.pop("authorization").startswith(b"Bearer ey")
    assert event.headers == {"correlation-id": b"c4", "x-odd": b"\x00\xfe", "dlq-replays": b"1"}


def test_a_token_of_a_file_is_sent_and_one_is_required(letters, commands, tmp_path):
    token = tmp_path / "token"
    token.write_text("a.b.c\n")
    assert letters("--from", "6", "--token-file", token, GOLD_LABEL_TOKEN="").returncode == 0
    (event,) = commands.read_all()
    assert event.headers["authorization"] == b"Bearer a.b.c"
    refused = letters("--from", "6", GOLD_LABEL_TOKEN="")
    assert (refused.returncode, refused.stdout) == (2, b"")


def test_nothing_is_sent_again_with_a_token_that_has_expired(letters, commands, tokens):
    """The worker would reject it, and nothing would say so here."""
    late = letters("--from", "oldest", GOLD_LABEL_TOKEN=tokens.worker(exp=1))
    assert late.returncode == 3 and b"the token has expired" in late.stderr
    assert counts(late) == {"read": 1, "sent": 0, "refused": 0, "failed": 1}
    assert letters("--from", "oldest", "--dry-run", GOLD_LABEL_TOKEN=tokens.worker(exp=1)).returncode == 0
    assert sent_again(commands) == []


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--to", "3"),
        ("--partition", "0"),
        ("--from", "x"),
        ("--code",),
        ("--code", "too_large"),
        ("--from", "0", "--partition", "9"),
        ("--from", "0", "--max-replays", "0"),
    ],
    ids=" ".join,
)
def test_a_replay_without_a_choice_or_with_a_wrong_one_sends_nothing(letters, commands, options):
    done = letters(*options)
    assert (done.returncode, done.stdout) == (2, b"") and done.stderr
    assert commands.read_all() == []


def test_what_comes_back_while_a_replay_runs_is_left_for_the_next_one(letters, topics, workers):
    """The worker buries each again at once: a replay that followed the end would never end."""
    workers.start(**topics.environment, GOLD_LABEL_WORKER_UNREADABLE_PERCENT="100").wait_until_ready()
    for round in (1, 2, 3):
        done = letters("--from", str(7 * (round - 1)))
        assert (done.returncode, counts(done)["sent"]) == (0, 7), done.stderr
        wait_until(lambda round=round: len(topics.dead_letters.read_all()) == 7 * (round + 1))
        back = topics.dead_letters.seen[-7:]
        assert {event.headers["dlq-replays"] for event in back} == {str(round).encode()}
    last = letters("--from", "21")
    assert (last.returncode, counts(last)) == (1, {"read": 7, "sent": 0, "refused": 7, "failed": 0})
    everything = letters("--from", "oldest", "--max-replays", "1", "--dry-run")
    assert counts(everything) == {"read": 28, "sent": 7, "refused": 21, "failed": 0}


def test_a_replay_that_is_stopped_says_what_it_did_until_then(letters, topics):
    """Many letters: it finds out that the topic is none while it still reads."""
    sender = topics.sender(token=None)
    sender.topic = topics.names["dlq"]
    for n in range(1500):
        sender.queue(b"value", key=b"key", dlq_code="broken_avro", dlq_offset=str(n), dlq_topic="t")
    sender.flush()
    stopped = letters(
        "--from",
        "oldest",
        GOLD_LABEL_KAFKA_COMMANDS_TOPIC="no-such-topic",
        GOLD_LABEL_KAFKA_TOPIC_METADATA_PROPAGATION_MAX_MS="0",
    )
    assert stopped.returncode == 2 and b"no-such-topic" in stopped.stderr, stopped.stderr
    said = counts(stopped)
    assert 0 < said["read"] < 1507
    assert said == {"read": said["read"], "sent": 0, "refused": 0, "failed": said["read"]}


@pytest.mark.parametrize("more", [0, 1500], ids=["at its end", "with a full queue"])
def test_a_replay_whose_letters_kafka_does_not_take_is_interrupted_at_once(
    letters, tool, topics, kafka_proxy, tmp_path, more
):
    sender = topics.sender(token=None)
    sender.topic = topics.names["dlq"]
    for n in range(more):
        sender.queue(b"value", key=b"key", dlq_code="broken_avro", dlq_offset=str(n), dlq_topic="t")
    sender.flush()
    options = ("dlq", "replay", "--from", "oldest")
    with kafka_proxy.losing("answers", PRODUCE) as lost:
        environment = topics.environment | kafka_proxy.environment
        with tool.running(tmp_path, *options, **environment) as replay:
            assert lost.wait(30)
            replay.interrupt()
            assert replay.wait(20) == 130
    said = counts(replay)
    assert said == {"read": said["read"], "sent": 0, "refused": 0, "failed": said["read"]}
    assert said["read"] == 7 if not more else 7 < said["read"] <= 7 + more
