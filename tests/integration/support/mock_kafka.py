"""Brokers with faults that real ones do not have at will: partitions without a leader, refused requests.

They are librdkafka's own, and know groups and transactions as far as a worker needs them; but a reader sees
what was aborted too."""

import ctypes
import uuid

from confluent_kafka import Producer

from support.events import Reader, encode

PRODUCER = 0
NO_LEADER = -1
OFFSET_COMMIT = 8
GROUP_AUTHORIZATION_FAILED = 30


def library():
    it = ctypes.CDLL("librdkafka.so.1")
    pointers = "rd_kafka_conf_new rd_kafka_new rd_kafka_mock_cluster_new".split()
    for name in pointers:
        getattr(it, name).restype = ctypes.c_void_p
    it.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    return it


class MockKafka:
    """Runs in the `with` block, with the topics of one worker."""

    def __init__(self, token, *more):
        self.token = token
        self.names = {kind: f"{kind}-{uuid.uuid4()}" for kind in ("commands", "results", "dlq", *more)}
        self.group = f"group-{uuid.uuid4()}"

    def __enter__(self):
        self.library = library()
        reason = ctypes.create_string_buffer(512)
        conf = ctypes.c_void_p(self.library.rd_kafka_conf_new())
        self.owner = ctypes.c_void_p(self.library.rd_kafka_new(PRODUCER, conf, reason, len(reason)))
        assert self.owner, reason.value
        self.cluster = ctypes.c_void_p(self.library.rd_kafka_mock_cluster_new(self.owner, 1))
        self.brokers = self.library.rd_kafka_mock_cluster_bootstraps(self.cluster).decode()
        for name in self.names.values():
            self.call("rd_kafka_mock_topic_create", name.encode(), 1, 1)
        self.results = self.reader("results")
        return self

    def __exit__(self, *_):
        self.results.close()
        self.library.rd_kafka_mock_cluster_destroy(self.cluster)
        self.library.rd_kafka_destroy(self.owner)

    def call(self, function, *arguments):
        assert getattr(self.library, function)(self.cluster, *arguments) == 0

    def take_leader_from(self, kind):
        self.call("rd_kafka_mock_partition_set_leader", self.names[kind].encode(), 0, NO_LEADER)

    def refuse_next_commits(self, n):
        """For a reason that librdkafka does not try again for."""
        errors = (ctypes.c_int * n)(*[GROUP_AUTHORIZATION_FAILED] * n)
        self.library.rd_kafka_mock_push_request_errors_array(
            self.cluster, ctypes.c_int16(OFFSET_COMMIT), ctypes.c_size_t(n), errors
        )

    @property
    def environment(self):
        """What makes a worker work here."""
        topics = {
            f"GOLD_LABEL_KAFKA_{kind.upper()}_TOPIC": self.names[kind]
            for kind in ("commands", "results", "dlq")
        }
        return topics | {"GOLD_LABEL_KAFKA_BROKERS": self.brokers, "GOLD_LABEL_KAFKA_GROUP": self.group}

    def reader(self, kind):
        return Reader(self.brokers, self.names[kind])

    def send(self, record, **headers):
        producer = Producer({"bootstrap.servers": self.brokers})
        sent = {"authorization": f"Bearer {self.token}", **headers}
        producer.produce(self.names["commands"], encode(record), b"key", headers=list(sent.items()))
        assert producer.flush(30) == 0
