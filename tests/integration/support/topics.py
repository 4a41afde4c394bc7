"""Topics that belong to one test, and the consumer group of the workers that it points at them."""

import uuid

from confluent_kafka import Consumer, ConsumerGroupState, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic

from support.events import Reader, Sender, ends
from support.waiting import wait_until

# As the local system's topics are.
SETTINGS = {
    "commands": {
        "message.timestamp.type": "LogAppendTime",
        "compression.type": "uncompressed",
        "max.message.bytes": "1048576",
    },
    "results": {"max.message.bytes": "4194304"},
    "dlq": {"max.message.bytes": "4194304"},
}


class Topics:
    """Made with the `with` block and deleted after it. `token` is what commands are sent with, `changes` are
    settings of the commands topic."""

    def __init__(self, system, token, partitions=1, **changes):
        self.brokers = system.env["KAFKA_BROKERS"]
        self.partitions = range(partitions)
        changed = {name.replace("_", "."): value for name, value in changes.items()}
        self.settings = SETTINGS | {"commands": SETTINGS["commands"] | changed}
        self.names = {kind: f"{kind}-{uuid.uuid4()}" for kind in SETTINGS}
        self.group = f"group-{uuid.uuid4()}"
        self.token = token

    def __enter__(self):
        self.admin = AdminClient({"bootstrap.servers": self.brokers})
        self.make(*self.names)
        # Asks about the group without joining it.
        self.asker = Consumer({"bootstrap.servers": self.brokers, "group.id": self.group})
        for name in self.names.values():  # a new partition has no leader at first
            ends(self.asker, name, self.partitions)
        self.results = Reader(self.brokers, self.names["results"])
        self.dead_letters = Reader(self.brokers, self.names["dlq"])
        return self

    def __exit__(self, *_):
        for client in (self.results, self.dead_letters, self.asker):
            client.close()
        for deleted in self.admin.delete_topics(list(self.names.values())).values():
            deleted.exception(30)

    def make(self, *kinds):
        new = [
            NewTopic(self.names[kind], len(self.partitions), 1, config=self.settings[kind]) for kind in kinds
        ]
        for made in self.admin.create_topics(new).values():
            made.result(30)

    def delete(self, kind):
        name = self.names[kind]
        self.admin.delete_topics([name])[name].result(30)

    def more(self, kind, partitions=1, **settings):
        """The name of one more topic, that is also deleted in the end. Settings' dots are underscores."""
        name = self.names[kind] = f"{kind}-{uuid.uuid4()}"
        config = {key.replace("_", "."): value for key, value in settings.items()}
        self.admin.create_topics([NewTopic(name, partitions, 1, config=config)])[name].result(30)

        def has_leaders():
            there = self.admin.list_topics(name, timeout=20).topics[name].partitions.values()
            return len(there) == partitions and all(one.leader >= 0 for one in there)

        wait_until(has_leaders, what=f"leaders of {name}")
        return name

    def alter(self, name, **settings):
        """Sets settings of a topic. Settings' dots are underscores."""
        to = AlterConfigOpType.SET
        entries = [
            ConfigEntry(key.replace("_", "."), str(value), incremental_operation=to)
            for key, value in settings.items()
        ]
        resource = ConfigResource(ConfigResource.Type.TOPIC, name, incremental_configs=entries)
        self.admin.incremental_alter_configs([resource])[resource].result(30)

    @property
    def environment(self):
        """What makes a worker work here."""
        dead_letters = {"GOLD_LABEL_KAFKA_DLQ_TOPIC": self.names["dlq"]}
        return self.ingress_environment | dead_letters | {"GOLD_LABEL_KAFKA_GROUP": self.group}

    @property
    def ingress_environment(self):
        """What makes an ingress send and listen here."""
        return {
            f"GOLD_LABEL_KAFKA_{kind.upper()}_TOPIC": self.names[kind] for kind in ("commands", "results")
        }

    def sender(self, token=..., **properties):
        """Properties' dots are underscores."""
        token = self.token if token is ... else token
        named = {name.replace("_", "."): value for name, value in properties.items()}
        return Sender(self.brokers, token, self.names["commands"], named)

    def ask(self, record, sender=None, **options):
        """Sends a command and returns its result event."""
        correlation_id = str(uuid.uuid4())
        (sender or self.sender()).send(record, correlation_id=correlation_id, **options)
        return self.results.result(correlation_id)

    def committed(self):
        """Offset by partition; 0 where nothing is committed. Asks again after a restart of the broker."""
        where = [TopicPartition(self.names["commands"], n) for n in self.partitions]

        def answer():
            try:
                return {at.partition: max(at.offset, 0) for at in self.asker.committed(where, timeout=20)}
            except KafkaException:
                return None

        return wait_until(answer, 60, "the group's offsets")

    def lag(self):
        """Commands that the group has not committed."""
        there = ends(self.asker, self.names["commands"], self.partitions)
        return sum(there.values()) - sum(self.committed().values())

    def shares(self):
        """How many partitions each member of the group has. None while the group is changing."""
        group = self.admin.describe_consumer_groups([self.group])[self.group].result(20)
        if group.state not in (ConsumerGroupState.STABLE, ConsumerGroupState.EMPTY):
            return None
        return sorted(len(member.assignment.topic_partitions) for member in group.members)
