"""gold-label dlq, status, results: looking at topics, and sending dead letters again."""

import contextlib
import json
import subprocess
import threading
import uuid
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewPartitions
from support.events import command, encode
from support.system import BUILD
from support.tool import TEXT, Tool, account_of, lines
from support.waiting import wait_until

BROKEN = encode(command(str(uuid.uuid4())))[:30]


@pytest.fixture
def tool(system, tokens):
    return Tool(system, tokens.worker())


@pytest.fixture
def place(tool, topics, workers):
    """The tool at topics and a worker of the test's own."""
    names = topics.environment
    workers.start(**names).wait_until_ready()

    def call(*arguments, **more):
        return tool(*arguments, **(names | more))

    return call


def rows(done):
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def letters(place, *options):
    return rows(place("dlq", "list", *options))


def test_dead_letters_are_listed_and_shown(place, topics):
    sender = topics.sender()
    sender.queue(BROKEN, key=b"the key", correlation_id="abc", x_bytes=b"\xff")
    sender.queue(b"junk", key=b"\xfe")
    sender.flush()
    listed = wait_until(lambda: len(found := letters(place)) == 2 and found)
    assert [(one["code"], one["key"], one["bytes"], one["replays"]) for one in listed] == [
        ("broken_avro", "the key", 30, 0),
        ("unknown_schema", None, 4, 0),
    ]
    assert [one["code"] for one in letters(place, "--code", "unknown_schema")] == ["unknown_schema"]
    assert [one["offset"] for one in letters(place, "--partition", "0", "--from", "1")] == [1]
    assert [one["offset"] for one in letters(place, "--to", "1")] == [0]
    assert letters(place, "--to", "1h") == [] and len(letters(place, "--from", "1h")) == 2
    assert b"broken_avro" in place("dlq", "list", "--format", "table").stdout

    shown = place("dlq", "show", "0:0").stdout.decode()
    for part in (
        "key: the key",
        '"correlation-id": abc',
        '"x-bytes": ff',
        '"dlq-code": broken_avro',
        "000000  c3 01",
    ):
        assert part in shown
    assert 'command_id: "' in shown and "breaks off at byte" in shown
    assert topics.token not in shown
    assert place("dlq", "show", "0:2").returncode == 1
    assert place("dlq", "show", "zero").returncode == 2


def test_a_dead_letter_is_sent_again_as_it_was_and_does_not_loop(place, topics, tokens):
    topics.sender().send(BROKEN, key=b"k", correlation_id="abc", x_bytes=b"\xff")
    first = topics.dead_letters.first(lambda event: True)

    def replay(offset, *more):
        return place("dlq", "replay", "--partition", "0", "--from", offset, "--to", offset + 1, *more)

    assert json.loads(replay(0, "--dry-run").stdout) == {"read": 1, "sent": 1, "refused": 0, "failed": 0}
    for count in (1, 2):
        done = replay(count - 1, "--max-replays", "2")
        assert (done.returncode, json.loads(done.stdout)["sent"]) == (0, 1), done.stderr
        wanted = str(count).encode()
        again = topics.dead_letters.first(lambda e, wanted=wanted: e.headers.get("dlq-replays") == wanted)
        assert (again.key, again.value) == (first.key, first.value)
        assert (again.headers["correlation-id"], again.headers["x-bytes"]) == (b"abc", b"\xff")
        assert "authorization" not in again.headers
    done = replay(2, "--max-replays", "2")
    assert (done.returncode, json.loads(done.stdout)) == (
        1,
        {"read": 1, "sent": 0, "refused": 1, "failed": 0},
    )
    assert place("dlq", "replay").returncode == 2
    assert len(topics.dead_letters.read_all()) == 3


def test_a_letter_that_can_be_read_now_is_stored(place, tool, topics, tokens, run, system):
    """As after a worker was deployed that knows the schema; here the letter is put there by hand."""
    record = command(run)
    sender = topics.sender(token=None)
    sender.topic = topics.names["dlq"]
    sender.send(encode(record), key=run, dlq_code="unknown_schema", correlation_id="mended")
    done = place("dlq", "replay", "--code", "unknown_schema")
    assert json.loads(done.stdout)["sent"] == 1
    assert topics.results.result("mended").result["outcome"] == "CREATED"
    assert system.count(run) == 1


def test_status_says_lag_age_and_members(tool, topics, workers, run):
    names = topics.environment

    def status():
        return rows(tool("status", **names))[0]

    sender = topics.sender()
    for _ in range(7):
        sender.queue(command(run))
    sender.flush()
    waiting = status()
    assert [(one["name"], one["partitions"], one["messages"]) for one in waiting["topics"]] == [
        (topics.names["commands"], 1, 7),
        (topics.names["results"], 1, 0),
        (topics.names["dlq"], 1, 0),
    ]
    assert (waiting["group"]["lag"], waiting["group"]["members"]) == (7, [])
    assert 0 <= waiting["group"]["oldest_seconds"] < 600
    assert waiting["group"]["partitions"][0] | {"oldest_seconds": 0} == {
        "partition": 0,
        "begin": 0,
        "end": 7,
        "committed": None,
        "lag": 7,
        "oldest_seconds": 0,
    }
    workers.start(**names).wait_until_ready()
    done = wait_until(lambda: (now := status())["group"]["lag"] == 0 and now)
    assert done["group"]["oldest_seconds"] is None and done["group"]["state"] == "Stable"
    assert [member["partitions"] for member in done["group"]["members"]] == [1]
    assert done["group"]["partitions"][0]["committed"] == 7
    assert b", 1 member, 0 commands behind" in tool("status", "--format", "table", **names).stdout


def test_what_ends_a_transaction_is_no_command_that_the_workers_are_behind_with(tool, topics, workers, run):
    def group():
        return rows(tool("status", **topics.environment))[0]["group"]

    workers.start(**topics.environment).wait_until_ready()
    sender = topics.sender(transactional_id=f"producer-{run}")
    producer = sender.producer
    producer.init_transactions(30)
    for end in (producer.commit_transaction, producer.abort_transaction):
        producer.begin_transaction()
        for _ in range(3):
            sender.queue(command(run))
        sender.flush()
        end(30)
    # Behind the third command: the end of its transaction, and the aborted one with its own.
    wait_until(lambda: topics.committed() == {0: 3}, what="the three are done")
    done = group()
    assert (done["lag"], done["oldest_seconds"]) == (0, None)
    assert [(one["end"], one["committed"], one["lag"]) for one in done["partitions"]] == [(8, 3, 0)]


def test_results_are_filtered_by_outcome_and_begin_at_a_place(place, run):
    good, bad = str(uuid.uuid4()), str(uuid.uuid4())
    text = lines(TEXT | {"id": good}, TEXT | {"id": bad, "run_id": str(uuid.uuid4())})
    assert account_of(place("send", "--run", run, stdin=text)) == {"stored": 1, "rejected": 1}
    assert account_of(place("send", "--run", run, stdin=lines(TEXT | {"id": good}))) == {"replayed": 1}

    def found(*options):
        return [one["command_id"] for one in rows(place("results", "--no-follow", *options))]

    assert sorted(found("--from", "oldest")) == sorted([good, bad, good])
    assert found("--from", "oldest", "--outcome", "stored") == [good]
    assert found("--from", "oldest", "--outcome", "rejected") == [bad]
    assert found("--from", "1h", "--outcome", "replayed", "--run", run) == [good]
    assert found("--from", "2", "--partition", "0") == [good]
    assert sorted(found()) == sorted([good, bad, good])
    assert found("--from", "end") == found("--from", "2100-01-01") == []
    assert place("results", "--from", "never").returncode == 2
    assert place("results", "--partition", "7").returncode == 2
    table = place("results", "--no-follow", "--from", "oldest", "--format", "table").stdout.decode()
    assert table.startswith("place") and "run_not_found" in table


@contextlib.contextmanager
def written_meanwhile(brokers, topic, partition, value):
    """Thousands of messages per second."""
    producer = Producer({"bootstrap.servers": brokers, "linger.ms": 5})
    stop = threading.Event()

    def write():
        while not stop.is_set():
            with contextlib.suppress(BufferError):
                for _ in range(20):
                    producer.produce(topic, value, partition=partition)
            producer.poll(0.004)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        stop.set()
        writer.join()
        producer.flush(30)


def test_results_end_in_time_while_a_partition_that_has_ended_is_written(tool, lanes, workers, system, run):
    """What lies behind its end is passed over, not waited for."""
    many, brokers, topic = 20_000, lanes.brokers, lanes.names["results"]
    workers.start(**lanes.environment).wait_until_ready()
    value = lanes.ask(command(run)).value
    producer = Producer({"bootstrap.servers": brokers, "linger.ms": 50})
    for _ in range(many):
        producer.produce(topic, value, partition=1)
        producer.poll(0)
    assert producer.flush(60) == 0
    with written_meanwhile(brokers, topic, 0, value):
        done = tool("results", "--from", "oldest", "--no-follow", timeout=40, **lanes.environment)
    assert len(rows(done)) > many


def test_results_are_followed_into_partitions_that_the_topic_gets_meanwhile(
    tool, lanes, workers, run, tmp_path
):
    brokers, topic = lanes.brokers, lanes.names["results"]
    workers.start(**lanes.environment).wait_until_ready()
    value = lanes.ask(command(run)).value
    producer = Producer({"bootstrap.servers": brokers, "topic.metadata.refresh.interval.ms": 500})
    before = len(producer.list_topics(topic).topics[topic].partitions)

    with tool.running(tmp_path, "results", "--from", "oldest", **lanes.environment) as follow:

        def write_and_see(partition, lines):
            producer.produce(topic, value, partition=partition)
            assert producer.flush(30) == 0
            wait_until(lambda: follow.stdout.count(b"\n") == lines, 30)

        write_and_see(0, 2)
        admin = AdminClient({"bootstrap.servers": brokers})
        admin.create_partitions([NewPartitions(topic, before + 1)])[topic].result(30)
        wait_until(lambda: len(producer.list_topics(topic).topics[topic].partitions) == before + 1)
        write_and_see(before, 3)
        write_and_see(0, 4)  # what was read is not read again
        follow.interrupt()
        assert follow.wait() == 0
    assert len(follow.stdout.splitlines()) == 4


def test_man_pages_and_completion_are_made_from_the_option_tables(tool):
    for verb in tool("help", "--names").stdout.decode().split():
        page = (BUILD / "share" / "man" / "man1" / f"gold-label-{verb}.1").read_bytes()
        assert page == tool("help", "--man", verb).stdout == tool("help", "--man", *verb.split("-")).stdout
        for option in set(tool(*verb.split("-"), "--help").stdout.decode().split()):
            if option.startswith("--") and option != "--man":
                assert option.replace("-", "\\-").encode() in page, (verb, option)

    script = BUILD / "share" / "bash-completion" / "completions" / "gold-label"

    def completed(*words):
        line = f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}"
        bash = f'source {script}; {line}; _gold_label; echo "${{COMPREPLY[@]}}"'
        return subprocess.run(["bash", "-c", bash], capture_output=True, text=True, check=True).stdout.split()

    assert set(completed("gold-label", "s")) == {"send", "status"}
    assert completed("gold-label", "dlq", "re") == ["replay"]
    assert completed("gold-label", "dlq", "list", "--code", "n") == ["null_value"]
    assert completed("gold-label", "send", "--rej") == ["--rejects"]
    assert completed("gold-label", "send", "--wait", "a") == ["accepted"]
    assert Path(completed("gold-label", "send", str(script)[:-2])[0]) == script
