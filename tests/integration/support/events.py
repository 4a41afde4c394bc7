"""Commands, results and dead letters, by confluent-kafka and fastavro."""

import io
import json
import time
import uuid
from dataclasses import dataclass

import fastavro
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from support.system import ROOT
from support.waiting import wait_until

COMMANDS, RESULTS, DEAD_LETTERS = "gold-label.commands", "gold-label.results", "gold-label.commands.dlq"


def schema(name):
    text = json.loads((ROOT / "schemas" / "avro" / name).read_text())
    canonical = fastavro.schema.to_parsing_canonical_form(text)
    fingerprint = bytes.fromhex(fastavro.schema.fingerprint(canonical, "CRC-64-AVRO"))
    return fastavro.parse_schema(text), b"\xc3\x01" + fingerprint


COMMAND, COMMAND_HEAD = schema("create-gold-label.avsc")
RESULT, RESULT_HEAD = schema("gold-label-result.avsc")


def command(run, **fields):
    """A good command with a new id, changed by `fields`."""
    text = {} if "object_value" in fields else {"text_value": "good"}
    return {"command_id": str(uuid.uuid4()), "run_id": run, "output_resource_name": "summary"} | text | fields


def encode(record):
    out = io.BytesIO(COMMAND_HEAD)
    out.seek(0, io.SEEK_END)
    fastavro.schemaless_writer(out, COMMAND, record)
    return out.getvalue()


@dataclass
class Event:
    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: dict

    @property
    def result(self):
        assert self.value.startswith(RESULT_HEAD)
        return fastavro.schemaless_reader(io.BytesIO(self.value[len(RESULT_HEAD) :]), RESULT, None)


class Sender:
    def __init__(self, brokers, token, topic=COMMANDS, properties=None):
        self.token = token
        self.topic = topic
        self.failed = []
        ours = {"bootstrap.servers": brokers, "partitioner": "murmur2_random", "linger.ms": 2, "acks": "all"}
        self.producer = Producer(ours | (properties or {}))

    def queue(self, value, key=None, token=..., partition=None, **headers):
        """`value`: a command or bytes. `token`: None for none. Headers' dashes are underscores."""
        token = self.token if token is ... else token
        sent = {name.replace("_", "-"): content for name, content in headers.items()}
        sent |= {"authorization": f"Bearer {token}"} if token else {}
        if isinstance(value, dict):
            key = key or value["run_id"]
            value = encode(value)
        where = {} if partition is None else {"partition": partition}
        self.producer.poll(0)
        self.producer.produce(
            self.topic, value, key, headers=list(sent.items()), on_delivery=self.delivered, **where
        )

    def delivered(self, error, _message):
        if error:
            self.failed.append(error)

    def flush(self):
        assert self.producer.flush(30) == 0
        assert not self.failed

    def send(self, value, **options):
        """Returns when the broker has it."""
        self.queue(value, **options)
        self.flush()


def ends(consumer, topic, partitions):
    """The offset of the end by partition. Asks again: a broker may be starting, a topic have no leader yet.

    The consumer must not be fetching: it would ask behind its fetches."""

    def answers():
        try:
            asked = [TopicPartition(topic, n) for n in partitions]
            return {at.partition: consumer.get_watermark_offsets(at, timeout=20)[1] for at in asked}
        except KafkaException:
            return None

    return wait_until(answers, what=f"the ends of {topic}")


class Reader:
    """Everything that comes to a topic from now on, without a consumer group."""

    def __init__(self, brokers, topic):
        self.settings = {
            "bootstrap.servers": brokers,
            "group.id": "unused",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "log_level": 2,  # brokers are killed on purpose
            "fetch.error.backoff.ms": 50,
            "reconnect.backoff.max.ms": 500,
        }
        self.consumer = Consumer(self.settings)
        partitions = self.consumer.list_topics(topic, timeout=20).topics[topic].partitions
        self.partitions = sorted(partitions)
        self.topic = topic
        self.read_up_to = ends(self.consumer, topic, self.partitions)
        self.consumer.assign([TopicPartition(topic, n, end) for n, end in self.read_up_to.items()])
        self.seen = []

    def read_until(self, enough, deadline_s=20):
        """Reads on until `enough(events)`, and returns all events since the reader was made."""
        end = time.monotonic() + deadline_s
        while not enough(self.seen):
            assert time.monotonic() < end, f"not within {deadline_s} s; {len(self.seen)} events came"
            for message in self.consumer.consume(500, timeout=0.2):
                self.take(message)
        return self.seen

    def take(self, message):
        error = message.error()
        if not error:
            self.seen.append(event_of(message))
        elif error.code() == KafkaError._PARTITION_EOF:
            self.read_up_to[message.partition()] = message.offset()
        else:
            assert error.retriable(), error

    def read_all(self, deadline_s=20):
        """Reads to where the topic ends now, and returns all events since the reader was made."""
        asker = Consumer(self.settings)
        wanted = ends(asker, self.topic, self.partitions)
        asker.close()
        return self.read_until(lambda _: all(self.read_up_to[n] >= wanted[n] for n in wanted), deadline_s)

    def read_for(self, seconds):
        """Reads on where nothing is expected, and returns all events since the reader was made."""
        end = time.monotonic() + seconds
        self.read_until(lambda _: time.monotonic() > end, seconds + 5)
        return self.seen

    def first(self, wanted, deadline_s=20):
        """The first event that is `wanted`."""
        self.read_until(lambda events: any(map(wanted, events)), deadline_s)
        return next(filter(wanted, self.seen))

    def result(self, correlation_id):
        """The result with this correlation id."""
        return self.first(lambda e: e.headers.get("correlation-id") == correlation_id.encode())

    def close(self):
        self.consumer.close()


def event_of(message):
    return Event(
        message.topic(),
        message.partition(),
        message.offset(),
        message.key(),
        message.value(),
        dict(message.headers() or []),
    )
