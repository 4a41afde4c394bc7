"""A proxy that knows where Kafka's requests and answers begin: it can lose those of one kind, and all
that comes after them on their connections, as a broker does that freezes at the worst of moments.

    proxy = KafkaProxy(system)
    workers.start(**proxy.environment)
    with proxy.losing("answers", END_TRANSACTION) as lost:
        wait_until(lost.is_set)

Or it answers in the broker's place, or late:

    proxy.refuse(OFFSET_FETCH, offset_fetch(NOT_COORDINATOR), times=1)
    proxy.slow_down(OFFSET_FETCH, 3)
"""

import contextlib
import socket
import struct
import threading
import time
from collections import Counter
from dataclasses import dataclass, replace

from support.proxy import Proxy

# Keys and errors of Kafka's protocol.
PRODUCE, FETCH, METADATA, OFFSET_COMMIT, OFFSET_FETCH = 0, 1, 3, 8, 9
FIND_COORDINATOR, END_TRANSACTION = 10, 26
DESCRIBE_CONFIGS = 32
LEADER_NOT_AVAILABLE, NOT_COORDINATOR, NOT_ENOUGH_REPLICAS, GROUP_AUTHORIZATION_FAILED = 5, 16, 19, 30
TOPIC_AUTHORIZATION_FAILED = 29
NO_BROKER = 99
HOST = "127.0.0.1"


# ---- answers in the versions that librdkafka 2.0.2 asks for ----


def text(it):
    return struct.pack(">h", len(it)) + it.encode()


def produce(topic, partition, error):
    """Version 7."""
    head = struct.pack(">i", 1) + text(topic) + struct.pack(">i", 1)
    offset = append_time = start = -1
    return head + struct.pack(">ihqqqi", partition, error, offset, append_time, start, 0)


def fetch(topic, partition, error):
    """Version 11."""
    throttle_ms = no_error = session = no_bytes = 0
    unknown = none = -1
    head = struct.pack(">ihii", throttle_ms, no_error, session, 1) + text(topic) + struct.pack(">i", 1)
    offsets, aborted, replica = (unknown,) * 3, none, none
    return head + struct.pack(">ihqqqiii", partition, error, *offsets, aborted, replica, no_bytes)


def find_coordinator(error):
    """Version 2."""
    throttle_ms, no_message, none = 0, struct.pack(">h", -1), struct.pack(">i", -1)
    return struct.pack(">ih", throttle_ms, error) + no_message + none + text("") + none


def offset_commit(topic, partition, error):
    """Version 7."""
    throttle_ms = 0
    head = struct.pack(">ii", throttle_ms, 1) + text(topic) + struct.pack(">i", 1)
    return head + struct.pack(">ih", partition, error)


def offset_fetch(error):
    """Version 7."""
    no_tags, throttle_ms, no_topics = b"\0", struct.pack(">i", 0), b"\1"
    return no_tags + throttle_ms + no_topics + struct.pack(">h", error) + no_tags


def describe_configs(topic, error):
    """Version 1."""
    throttle_ms, no_message, is_topic, no_entries = 0, -1, 2, struct.pack(">i", 0)
    head = struct.pack(">iihhb", throttle_ms, 1, error, no_message, is_topic)
    return head + text(topic) + no_entries


# ---- what is said of a topic ----


@dataclass(frozen=True)
class Partition:
    error: int
    number: int
    leader: int
    replicas: tuple[int]
    in_sync: tuple[int]

    def packed(self):
        head = struct.pack(">hii", self.error, self.number, self.leader)
        return head + b"".join(
            struct.pack(f">i{len(them)}i", len(them), *them) for them in (self.replicas, self.in_sync)
        )


def without_leader(partition):
    return replace(partition, error=LEADER_NOT_AVAILABLE, leader=-1)


def with_replica_out_of_sync(partition):
    return replace(partition, replicas=(*partition.replicas, NO_BROKER))


def read_partition(frame, at):
    """It, and where the next one begins."""
    error, number, leader = struct.unpack_from(">hii", frame, at)
    at += 10
    both = []
    for _ in ("replicas", "in sync"):
        (count,) = struct.unpack_from(">i", frame, at)
        both.append(struct.unpack_from(f">{count}i", frame, at + 4))
        at += 4 + 4 * count
    return Partition(error, number, leader, *both), at


def refused(metadata, topic, error):
    """Not a word about the topic but this error. Version 4."""
    found = metadata.find(text(topic))
    if found < 0:
        return metadata
    is_internal, no_partitions = 1, struct.pack(">i", 0)
    named = found + len(text(topic)) + is_internal
    at = named + 4
    for _ in range(struct.unpack_from(">i", metadata, named)[0]):
        _, at = read_partition(metadata, at)
    before = metadata[4 : found - 2] + struct.pack(">h", error)
    body = before + metadata[found:named] + no_partitions + metadata[at:]
    return struct.pack(">i", len(body)) + body


def changed(metadata, topic, change):
    """Each of the topic's partitions as `change` makes it. Version 4."""
    found = metadata.find(text(topic))
    if found < 0:
        return metadata
    is_internal = 1
    at = begin = found + len(text(topic)) + is_internal + 4
    partitions = []
    for _ in range(struct.unpack_from(">i", metadata, begin - 4)[0]):
        partition, at = read_partition(metadata, at)
        partitions.append(change(partition).packed())
    body = metadata[4:begin] + b"".join(partitions) + metadata[at:]
    return struct.pack(">i", len(body)) + body


@dataclass
class Refusal:
    key: int
    part: bytes
    answer: bytes
    times: int | None
    count: int = 0

    def is_for(self, key, frame):
        return key == self.key and self.part in frame and (self.times is None or self.count < self.times)


class KafkaProxy(Proxy):
    """In front of a system of one broker."""

    def __init__(self, system):
        super().__init__(int(system.env["KAFKA_BROKERS"].split(":")[1]))
        self.losses = None
        self.lost = threading.Event()
        self.refusals = []
        self.delays = Counter()  # seconds by key
        self.changes = {}  # of what is said of topics: by name, what becomes of each partition
        self.errors = {}  # likewise, an error instead
        self.asked = Counter()  # requests by key
        self.writing = threading.Lock()

    @property
    def environment(self):
        return {"GOLD_LABEL_KAFKA_BROKERS": f"{HOST}:{self.port}"}

    @contextlib.contextmanager
    def losing(self, direction, key):
        """Requests of this kind (`asks`), or their answers (`answers`). Gives the event of the first loss."""
        self.lost.clear()
        self.losses = direction, key
        yield self.lost
        self.losses = None

    def refuse(self, key, answer, topic=None, times=None):
        """Requests of this kind, that are for this topic alone, do not reach the broker and have this for an
        answer; all of them, or so many. Gives the function that says how often that was so."""
        one_topic = struct.pack(">i", 1) + text(topic) if topic else b""
        refusal = Refusal(key, one_topic, answer, times)
        self.refusals.append(refusal)
        return lambda: refusal.count

    def slow_down(self, key, seconds):
        """Answers of this kind come so much later, and all that come after them on their connections."""
        self.delays[key] = seconds

    def answer_to(self, key, frame):
        for refusal in self.refusals:
            if refusal.is_for(key, frame):
                refusal.count += 1
                body = frame[8:12] + refusal.answer  # which request it answers
                return struct.pack(">i", len(body)) + body
        return None

    def pump(self, link, direction):
        source, sink = (link.client, link.server) if direction == "asks" else (link.server, link.client)
        with contextlib.suppress(OSError):
            while frame := read_frame(source):
                key = key_of(link, direction, frame)
                self.asked[key] += direction == "asks"
                if (direction, key) == self.losses:
                    link.asks = link.answers = False
                    self.lost.set()
                if direction == "answers":
                    time.sleep(self.delays[key])
                if direction == "answers" and key in (METADATA, FIND_COORDINATOR):
                    frame = self.instead_of_broker(frame)
                if direction == "answers" and key == METADATA:
                    frame = self.metadata_of(frame)
                answer = self.answer_to(key, frame) if direction == "asks" else None
                with self.writing:  # two may have something for the client
                    if answer:
                        source.sendall(answer)
                    elif getattr(link, direction):
                        sink.sendall(frame)
        with contextlib.suppress(OSError):
            if getattr(link, direction):
                sink.shutdown(socket.SHUT_WR)

    def metadata_of(self, frame):
        for topic, change in list(self.changes.items()):
            frame = changed(frame, topic, change)
        for topic, error in list(self.errors.items()):
            frame = refused(frame, topic, error)
        return frame

    def instead_of_broker(self, frame):
        """Clients go where an answer says that the broker is: here."""
        host = HOST.encode()
        return frame.replace(host + struct.pack(">i", self.server_port), host + struct.pack(">i", self.port))


def read_frame(source):
    """A length and so many bytes; nothing at the end."""
    head = source.recv(4, socket.MSG_WAITALL)
    if len(head) < 4:
        return b""
    return head + source.recv(struct.unpack(">i", head)[0], socket.MSG_WAITALL)


def key_of(link, direction, frame):
    if direction == "answers":
        return link.requests.pop(struct.unpack(">i", frame[4:8])[0], None)
    key, _version, correlation = struct.unpack(">hhi", frame[4:12])
    link.requests[correlation] = key  # until it is answered
    return key
