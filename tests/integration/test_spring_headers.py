"""Commands that carry the headers of Spring's ReplyingKafkaTemplate, in both kinds of delivery."""

import contextlib
import subprocess
import uuid
from collections import namedtuple

import pytest
from confluent_kafka.admin import NewPartitions
from support.events import Reader, command, encode
from support.topics import Topics
from support.waiting import wait_until
from support.workers import Workers

REFUSED = "gold_label_worker_reply_topics_refused_total"
DIVERTED = "gold_label_worker_results_diverted_total"


def big_endian(partition):
    return partition.to_bytes(4, "big")


class Lane:
    """A worker of its own, and topics that it may reply to."""

    def __init__(self, system, token, workers, topics, delivery):
        self.topics = topics
        self.replies = topics.more("replies", partitions=2)
        self.doomed = topics.more("doomed")
        self.small = topics.more("small", max_message_bytes="1024")
        self.missing = f"missing-{uuid.uuid4()}"
        self.forbidden = topics.more("forbidden")
        listed = ",".join([self.replies, self.doomed, self.small, self.missing])
        self.worker = workers.start(
            **topics.environment,
            GOLD_LABEL_WORKER_DELIVERY=delivery,
            GOLD_LABEL_WORKER_INSTANCE=topics.group,
            GOLD_LABEL_WORKER_REPLY_TOPICS=listed,
        ).wait_until_ready()
        self.producer = topics.sender().producer
        self.token = token

    def send(self, value, **headers):
        """`value`: a command or bytes. Headers' names are as Spring has them, behind `kafka_`."""
        spring = {f"kafka_{name}": content for name, content in headers.items()}
        sent = list({"authorization": f"Bearer {self.token}", **spring}.items())
        message = encode(value) if isinstance(value, dict) else value
        self.producer.produce(self.topics.names["commands"], message, b"key", headers=sent)
        assert self.producer.flush(30) == 0

    def ask(self, record, reader=None, **headers):
        """Sends a command and returns its result, from the results topic unless told otherwise."""
        self.send(record, **headers)
        reader = reader or self.topics.results
        return reader.first(lambda event: event.result["command_id"] == record["command_id"], 60)

    def reader(self, topic):
        return Reader(self.topics.brokers, topic)


@pytest.fixture(scope="module", params=["at-least-once", "exactly-once"])
def lane(request, system, tokens):
    token = tokens.worker()
    with Topics(system, token, 4) as topics, Workers(system) as workers:
        yield Lane(system, token, workers, topics, request.param)


@pytest.fixture
def replies(lane):
    it = lane.reader(lane.replies)
    yield it
    it.close()


# ---- kafka_correlationId ----


@pytest.mark.parametrize("size", [1, 16, 255])
def test_springs_correlation_id_is_echoed_whatever_its_bytes(lane, run, size):
    sent = bytes(255 - n for n in range(size))
    event = lane.ask(command(run), correlationId=sent)
    assert event.headers["kafka_correlationId"] == sent
    assert "correlation-id" not in event.headers


@pytest.mark.parametrize("sent", [b"", b"x" * 256, None], ids=["empty", "too long", "null"])
def test_a_correlation_id_of_spring_out_of_bounds_is_ignored(lane, run, sent):
    event = lane.ask(command(run), correlationId=sent)
    assert event.result["outcome"] == "CREATED"
    assert "kafka_correlationId" not in event.headers


# ---- kafka_replyPartition ----


@pytest.mark.parametrize("partition", [0, 1, 2, 3])
def test_the_partition_that_spring_asks_for_is_taken_and_echoed(lane, run, partition):
    event = lane.ask(command(run), replyPartition=big_endian(partition))
    assert event.partition == partition
    assert event.headers["kafka_replyPartition"] == big_endian(partition)


@pytest.mark.parametrize("partition", [b"", b"\0\0\1", b"\0\0\0\0\1", b"1", b"\xff\xff\xff\xff", b"\0\0\0\4"])
def test_a_partition_of_spring_that_does_not_exist_or_parse_is_ignored(lane, run, partition):
    by_key = lane.ask(command(run)).partition
    event = lane.ask(command(run), replyPartition=partition)
    assert event.result["outcome"] == "CREATED"
    assert event.partition == by_key


# ---- kafka_replyTopic ----


def test_a_listed_topic_gets_the_result_and_the_results_topic_does_not(lane, run, replies):
    asked = {
        "correlationId": b"\x01\xff",
        "replyTopic": lane.replies.encode(),
        "replyPartition": big_endian(1),
    }
    event = lane.ask(command(run), replies, **asked)
    assert (event.result["outcome"], event.partition, event.key) == ("CREATED", 1, run.encode())
    assert event.headers["ce_type"] == b"gold-label.created"
    assert {name: event.headers[f"kafka_{name}"] for name in asked} == asked
    ids = [other.result["command_id"] for other in lane.topics.results.read_all()]
    assert event.result["command_id"] not in ids


def test_a_rejection_too_comes_on_the_topic_that_was_asked_for(lane, replies):
    event = lane.ask(command(str(uuid.uuid4())), replies, replyTopic=lane.replies.encode())
    assert (event.result["outcome"], event.result["code"]) == ("REJECTED", "run_not_found")


def test_a_partition_that_a_listed_topic_does_not_have_is_ignored(lane, run, replies):
    asked = {"replyTopic": lane.replies.encode(), "replyPartition": big_endian(2)}
    assert lane.ask(command(run), replies, **asked).result["outcome"] == "CREATED"


def test_a_topic_that_is_not_listed_is_not_written_to(lane, run):
    """The result comes on the results topic, by its key, and says what was asked for."""
    by_key = lane.ask(command(run)).partition
    forbidden = lane.reader(lane.forbidden)
    before = lane.worker.metric(REFUSED)
    other = (by_key + 1) % 4
    asked = {"replyTopic": lane.forbidden.encode(), "replyPartition": big_endian(other)}
    event = lane.ask(command(run), **asked, correlationId=b"c")
    assert (event.result["outcome"], event.partition) == ("CREATED", by_key)
    assert event.headers["kafka_replyTopic"] == lane.forbidden.encode()
    assert event.headers["kafka_correlationId"] == b"c"
    assert lane.worker.metric(REFUSED) == before + 1
    assert forbidden.read_all() == []
    forbidden.close()


@pytest.mark.parametrize("kind", ["commands", "dlq", "results"])
def test_the_systems_own_topics_are_no_way_around(lane, run, kind):
    named = lane.topics.names[kind]
    record = command(run)
    assert lane.ask(record, replyTopic=named.encode()).result["outcome"] == "CREATED"
    assert lane.topics.dead_letters.read_all() == []


def test_a_listed_topic_that_does_not_exist_holds_nothing_up(lane, run):
    event = lane.ask(command(run), replyTopic=lane.missing.encode())
    assert event.result["outcome"] == "CREATED"


def test_a_result_that_a_listed_topic_is_too_small_for_comes_on_the_results_topic(lane, run):
    """It alone: the next one fits."""
    before = lane.worker.metric(DIVERTED)
    small = lane.reader(lane.small)
    asked = {"replyTopic": lane.small.encode()}
    event = lane.ask(command(run, text_value="x" * 4_000), **asked)
    assert event.result["label"]["text_value"] == "x" * 4_000
    assert lane.ask(command(run), small, **asked).result["outcome"] == "CREATED"
    small.close()
    assert lane.worker.metric(DIVERTED) == before + 1


def test_a_listed_topic_that_is_deleted_holds_nothing_up(lane, run):
    doomed = lane.reader(lane.doomed)
    asked = {"replyTopic": lane.doomed.encode()}
    assert lane.ask(command(run), doomed, **asked).result["outcome"] == "CREATED"
    doomed.close()
    lane.topics.admin.delete_topics([lane.doomed])[lane.doomed].result(30)
    wait_until(lambda: lane.doomed not in lane.topics.admin.list_topics(timeout=20).topics, what="deleted")
    assert lane.ask(command(run), **asked).result["outcome"] == "CREATED"
    assert lane.ask(command(run)).result["outcome"] == "CREATED"


# ---- dead letters ----


def test_a_dead_letter_keeps_springs_headers(lane):
    asked = {"correlationId": b"\0dead", "replyTopic": b"anywhere", "replyPartition": b"\0"}
    lane.send(b"not Avro", **asked)
    letter = lane.topics.dead_letters.first(lambda e: e.headers.get("kafka_correlationId") == b"\0dead")
    assert {name: letter.headers[f"kafka_{name}"] for name in asked} == asked


# ---- the setting ----

Fault = namedtuple("Fault", "list said")


@pytest.mark.parametrize(
    "fault",
    [
        Fault("replies,gold-label.commands", '"gold-label.commands" is not for results'),
        Fault("gold-label.commands.dlq", '"gold-label.commands.dlq" is not for results'),
        Fault("a,,b", '"" is no topic'),
        Fault("a/b", '"a/b" is no topic'),
        Fault(",".join(f"t{n}" for n in range(17)), "at most 16 topics"),
    ],
)
def test_a_list_of_reply_topics_that_is_not_in_order_is_a_fault_of_the_configuration(system, fault):
    command_line, environment = system.program("gold-label-worker", "--config", system.state / "worker.ini")
    environment |= {"GOLD_LABEL_WORKER_REPLY_TOPICS": fault.list}
    done = subprocess.run(command_line, env=environment, capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert f"[worker] reply_topics: {fault.said}" in done.stderr


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_a_partition_that_the_results_topic_has_got_is_answered_in_at_once(topics, workers, run, delivery):
    workers.start(**topics.environment, GOLD_LABEL_WORKER_DELIVERY=delivery).wait_until_ready()
    assert topics.ask(command(run)).partition == 0
    name = topics.names["results"]
    topics.admin.create_partitions([NewPartitions(name, 2)])[name].result(30)
    wait_until(lambda: len(topics.admin.list_topics(name, timeout=20).topics[name].partitions) == 2)
    with contextlib.closing(Reader(topics.brokers, name)) as results:
        topics.sender().send(command(run), correlation_id="new", reply_partition="1")
        assert results.result("new").partition == 1
        topics.sender().send(command(run), correlation_id="none", reply_partition="2")
        assert results.result("none").partition in (0, 1)
