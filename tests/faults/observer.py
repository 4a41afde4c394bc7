"""Reads commands, results and dead letters as they come, and checks what can only be seen while it happens:

* a CREATED is on the topic only when its row can be read;
* the group's offsets never pass a command whose answer is not on a topic yet.
"""

import queue
import threading
import time
from dataclasses import dataclass

import psycopg
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from support.events import COMMANDS, DEAD_LETTERS, RESULTS, event_of

GROUP = "gold-label-worker"
LOOK_EVERY_S = 0.5
QUIET = 2  # librdkafka would tell of each connection that the nemesis ends


@dataclass
class Command:
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: dict
    trace: str


@dataclass
class Answer:
    """A result, or a dead letter (`result` is None)."""

    topic: str
    partition: int
    offset: int
    command: tuple[int, int] | None  # partition and offset of what it answers
    key: bytes | None
    value: bytes | None
    headers: dict
    trace: str
    result: dict | None


@dataclass
class Look:
    """What the group had committed, and where the answers' topics ended after that."""

    at: float
    committed: dict
    ends: dict


def text(headers, name):
    return (headers.get(name) or b"").decode(errors="replace")


def answer_of(event):
    """Which command an event answers is in its headers."""
    is_result = event.topic == RESULTS
    if is_result:
        place = text(event.headers, "ce_id").split("/")[1:]
    else:
        place = [text(event.headers, "dlq-partition"), text(event.headers, "dlq-offset")]
    command = tuple(map(int, place)) if len(place) == 2 and all(p.isdigit() for p in place) else None
    return Answer(
        event.topic,
        event.partition,
        event.offset,
        command,
        event.key,
        None if is_result else event.value,
        event.headers,
        text(event.headers, "traceparent"),
        event.result if is_result else None,
    )


def client(brokers, isolation, **settings):
    return Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": GROUP,  # to ask for its offsets; it is never joined
            "enable.auto.commit": False,
            "isolation.level": isolation,
            "fetch.error.backoff.ms": 50,
            "reconnect.backoff.max.ms": 500,
            "log_level": QUIET,
        }
        | settings
    )


class Asker:
    """Asks where topics and the group are; of one thread. One without an answer makes room for another:
    a client that saw a partition without a leader may say for minutes that there is no such partition."""

    def __init__(self, brokers):
        self.brokers = brokers
        self.client = client(brokers, "read_uncommitted")

    def ask(self, question):
        try:
            return question(self.client)
        except KafkaException:
            self.close()
            self.client = client(self.brokers, "read_uncommitted")
            raise

    def ends(self, places):
        def question(of):
            return {place: of.get_watermark_offsets(TopicPartition(*place), timeout=5)[1] for place in places}

        return self.ask(question)

    def committed(self, places):
        where = [TopicPartition(*place) for place in places]
        answers = self.ask(lambda of: of.committed(where, timeout=5))
        return {(at.topic, at.partition): max(at.offset, 0) for at in answers if not at.error}

    def close(self):
        self.client.close()


class Observer(threading.Thread):
    def __init__(self, system, history):
        super().__init__(name="observer", daemon=True)
        brokers = system.env["KAFKA_BROKERS"]
        self.history = history
        self.commands = {}
        self.answers = {}
        self.strays = []  # answers to nothing
        self.read_up_to = {}
        self.checked = {}  # per partition: offsets below have their answer
        self.looks = queue.SimpleQueue()
        self.ended = threading.Event()
        self.silence = None  # why Kafka could not be asked, the last time
        self.rows = RowWatch(system, history)
        self.asker = Asker(brokers)  # of whoever waits for the end
        self.watcher = Asker(brokers)
        self.reader = client(brokers, "read_committed", **{"enable.partition.eof": True})
        self.partitions = self.find_partitions()
        self.reader.assign([TopicPartition(topic, n, 0) for topic, n in self.partitions])
        self.read_up_to = dict.fromkeys(self.partitions, 0)
        self.watch = threading.Thread(target=self.watch_offsets, name="offsets", daemon=True)

    def find_partitions(self):
        topics = self.asker.client.list_topics(timeout=20).topics
        return [(name, n) for name in (COMMANDS, RESULTS, DEAD_LETTERS) for n in topics[name].partitions]

    # ---- reading ----

    def run(self):
        self.rows.start()
        self.watch.start()
        look = None
        while not self.ended.is_set():
            for message in self.reader.consume(500, timeout=0.1):
                self.take(message)
            look = look or (self.looks.get() if not self.looks.empty() else None)
            if look and self.has_read(look.ends | look.committed):
                self.check_look(look)
                look = None
        self.watch.join()
        self.reader.close()
        self.asker.close()
        self.watcher.close()

    def take(self, message):
        error = message.error()
        where = message.topic(), message.partition()
        if error and error.code() != KafkaError._PARTITION_EOF:
            if error.fatal():
                self.history.violation("checker", f"the reader failed: {error}")
            return
        if error:
            self.read_up_to[where] = max(self.read_up_to[where], message.offset())
            return
        self.read_up_to[where] = message.offset() + 1
        event = event_of(message)
        if event.topic == COMMANDS:
            place = event.partition, event.offset
            trace = text(event.headers, "traceparent")
            event.headers.pop("authorization", None)  # tokens do not belong in a history
            self.commands[place] = Command(*place, event.key, event.value, event.headers, trace)
            return
        answer = answer_of(event)
        if answer.command is None:
            self.strays.append(answer)
        else:
            self.answers.setdefault(answer.command, []).append(answer)
        if answer.result and answer.result["outcome"] == "CREATED":
            self.rows.look_for(answer.result["command_id"])

    def has_read(self, ends):
        return all(self.read_up_to[where] >= end for where, end in ends.items())

    # ---- offsets ----

    def ask_ends(self, asker, *topics):
        return asker.ends([place for place in self.partitions if place[0] in topics])

    def ask_committed(self, asker):
        return asker.committed([place for place in self.partitions if place[0] == COMMANDS])

    def look(self):
        """None while Kafka cannot be asked."""
        try:
            committed = self.ask_committed(self.watcher)
            return Look(self.history.now(), committed, self.ask_ends(self.watcher, RESULTS, DEAD_LETTERS))
        except KafkaException:
            return None

    def watch_offsets(self):
        while not self.ended.wait(LOOK_EVERY_S):
            look = self.look()
            if look:
                self.looks.put(look)

    def check_look(self, look):
        for (_, partition), committed in look.committed.items():
            for offset in range(self.checked.get(partition, 0), committed):
                answers = self.answers.get((partition, offset), [])
                if any(one.offset < look.ends[one.topic, one.partition] for one in answers):
                    continue
                if (partition, offset) in self.commands:
                    late = "its answer came later" if answers else "it has no answer"
                    self.history.violation(
                        "offsets",
                        f"at {look.at} s the offset {committed} of partition {partition} was committed, past "
                        f"the command at {offset}: {late}",
                        command=self.commands[partition, offset],
                    )
            self.checked[partition] = max(committed, self.checked.get(partition, 0))

    # ---- the end ----

    def lag(self):
        """Commands behind the committed offsets; None while Kafka cannot be asked."""
        try:
            committed = self.ask_committed(self.asker)
            ends = self.ask_ends(self.asker, COMMANDS)
            return sum(end - committed.get(place, 0) for place, end in ends.items())
        except KafkaException as error:
            self.silence = error
            return None

    def has_read_all(self):
        try:
            return self.has_read(self.ask_ends(self.asker, COMMANDS, RESULTS, DEAD_LETTERS))
        except KafkaException:
            return False

    def end(self):
        self.ended.set()
        self.join()
        self.rows.end()


class RowWatch(threading.Thread):
    """Looks for the rows of CREATED results. A database that cannot be asked is not to blame here."""

    def __init__(self, system, history):
        super().__init__(name="rows", daemon=True)
        self.url = system.env["DATABASE_URL"]
        self.history = history
        self.wanted = queue.SimpleQueue()
        self.looked_for = 0

    def look_for(self, label_id):
        self.wanted.put(label_id)

    def run(self):
        connection = None
        while (ids := self.next_ids()) is not None:
            try:
                connection = connection or psycopg.connect(
                    self.url, autocommit=True, connect_timeout=3, options="-c statement_timeout=20000"
                )
                rows = connection.execute("SELECT id::text FROM gold_label WHERE id = ANY(%s::uuid[])", [ids])
                missing = set(ids) - {row[0] for row in rows}
            except psycopg.Error:
                connection = None
                time.sleep(0.2)
                continue
            self.looked_for += len(ids)
            for label_id in missing:
                self.history.violation(
                    "row-visible", f"CREATED, but there is no row yet with the id {label_id}"
                )
        if connection:
            connection.close()

    def next_ids(self):
        """What is there, None at the end."""
        ids = [self.wanted.get()]
        while not self.wanted.empty() and len(ids) < 1000:
            ids.append(self.wanted.get())
        return None if None in ids else ids

    def end(self):
        self.wanted.put(None)
        self.join()
