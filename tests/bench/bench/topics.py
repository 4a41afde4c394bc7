"""Topics and what is on them."""

import time
from collections.abc import Iterator

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Message, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

PARTITIONS = 8
ANSWER_S = 30
POLL_S = 0.02
BATCH = 10_000
QUIET = 2  # what fails raises; that the broker is gone at the end is no news
# Deleted topics shall be gone from the disk at once.
EVERY = {"file.delete.delay.ms": "1000", "max.message.bytes": "4194304"}


class Topics:
    def __init__(self, brokers: str) -> None:
        self.brokers = brokers
        self.admin = AdminClient({"bootstrap.servers": brokers, "log_level": QUIET})

    def make(self, name: str, *, partitions: int = PARTITIONS, **settings: str) -> None:
        """Settings by their own names, with underscores for dots."""
        config = EVERY | {key.replace("_", "."): value for key, value in settings.items()}
        for made in self.admin.create_topics([NewTopic(name, partitions, 1, config=config)]).values():
            made.result(ANSWER_S)
        deadline = time.monotonic() + ANSWER_S
        while not self.is_led(name, partitions):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the topic {name} is made, and cannot be used after {ANSWER_S} s")
            time.sleep(POLL_S)

    def is_led(self, name: str, partitions: int) -> bool:
        """The broker answers that a topic is made a moment before it knows it itself."""
        about = self.admin.list_topics(name, timeout=ANSWER_S).topics[name]
        return len(about.partitions) == partitions and all(p.leader >= 0 for p in about.partitions.values())

    def make_commands(self, name: str, *, partitions: int = PARTITIONS, **settings: str) -> None:
        settings = {"message_timestamp_type": "LogAppendTime", "max_message_bytes": "1048576"} | settings
        self.make(name, partitions=partitions, compression_type="uncompressed", **settings)

    def delete(self, *names: str) -> None:
        for deleted in self.admin.delete_topics(list(names)).values():
            deleted.result(ANSWER_S)

    def consumer(self) -> Consumer:
        return Consumer(
            {
                "bootstrap.servers": self.brokers,
                "group.id": "bench-reader",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "enable.partition.eof": False,
                "log_level": QUIET,
            }
        )

    def ends(self, name: str) -> dict[int, int]:
        """Behind the last offset of each partition. Topics of the bench begin at 0, so their sum is what was
        ever written, with the control markers of transactions."""
        consumer = self.consumer()
        try:
            return {
                p: consumer.get_watermark_offsets(TopicPartition(name, p), timeout=ANSWER_S)[1]
                for p in range(PARTITIONS)
            }
        finally:
            consumer.close()

    def count(self, name: str) -> int:
        return sum(self.ends(name).values())

    def committed(self, group: str, name: str) -> dict[int, int]:
        """Offsets of a group; a partition in which it has committed nothing has 0."""
        wanted = ConsumerGroupTopicPartitions(group, [TopicPartition(name, p) for p in range(PARTITIONS)])
        (answer,) = self.admin.list_consumer_group_offsets([wanted], request_timeout=ANSWER_S).values()
        return {tp.partition: max(0, tp.offset) for tp in answer.result().topic_partitions}

    def read(self, name: str) -> Iterator[Message]:
        """All that a read_committed reader sees of it."""
        ends = self.ends(name)
        consumer = self.consumer()
        try:
            consumer.assign([TopicPartition(name, p, 0) for p in ends])
            deadline = time.monotonic() + ANSWER_S
            while any(self.position(consumer, name, p) < end for p, end in ends.items()):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{name} cannot be read to its end: {ends}")
                batch = [m for m in consumer.consume(BATCH, timeout=0.2) if not m.error()]
                if batch:
                    deadline = time.monotonic() + ANSWER_S
                yield from batch
        finally:
            consumer.close()

    @staticmethod
    def position(consumer: Consumer, name: str, partition: int) -> int:
        """Also moves over control markers, which are no messages."""
        (at,) = consumer.position([TopicPartition(name, partition)])
        return max(0, at.offset)
