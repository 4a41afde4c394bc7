"""A topic of [worker] reply_topics that exists and takes nothing holds up no other command for long."""

import time

import pytest
from support.events import Reader, command, encode
from support.kafka_proxy import (
    DESCRIBE_CONFIGS,
    METADATA,
    NOT_ENOUGH_REPLICAS,
    PRODUCE,
    TOPIC_AUTHORIZATION_FAILED,
    describe_configs,
    produce,
    with_replica_out_of_sync,
    without_leader,
)
from support.waiting import wait_until

DIVERTED = "gold_label_worker_results_diverted_total"
ANSWERED = "gold_label_worker_answers_total"
NOT_USED = "gold_label_worker_reply_topics_refused_total"
RESENT = "answers not delivered"
NO_LEADER, TOO_FEW_REPLICAS = (
    "a partition of it has no leader",
    "a partition of it has too few replicas in sync",
)
HAS_ALL = "this topic takes results again"
NOT_ALLOWED = "DescribeConfigs is not allowed"


@pytest.fixture(params=["at-least-once", "exactly-once"])
def delivery(request):
    return request.param


@pytest.fixture(
    params=[(without_leader, NO_LEADER), (with_replica_out_of_sync, TOO_FEW_REPLICAS)],
    ids=["leader", "replicas"],
)
def lack(request):
    """What the proxy makes of the topic's partitions, and what the worker says then."""
    return request.param


class Asker:
    """Sends commands one by one and waits for each result."""

    def __init__(self, topics, run):
        self.sender, self.run = topics.sender(), run

    def ask(self, topic, reader, within_s):
        record = command(self.run)
        headers = {"authorization": f"Bearer {self.sender.token}"} | (
            {"kafka_replyTopic": topic} if topic else {}
        )
        self.sender.producer.produce(self.sender.topic, encode(record), headers=list(headers.items()))
        self.sender.flush()
        event = reader.first(lambda event: event.result["command_id"] == record["command_id"], within_s)
        assert event.result["outcome"] == "CREATED"


def test_results_for_a_topic_with_too_few_replicas_come_on_the_results_topic(
    workers, topics, kafka_proxy, delivery, run
):
    stuck, sound = topics.more("stuck"), topics.more("sound")
    refused = kafka_proxy.refuse(PRODUCE, produce(stuck, 0, NOT_ENOUGH_REPLICAS), stuck)
    worker = workers.start(
        **topics.environment,
        **kafka_proxy.environment,
        GOLD_LABEL_WORKER_DELIVERY=delivery,
        GOLD_LABEL_WORKER_REPLY_TOPICS=f"{stuck},{sound}",
    ).wait_until_ready()
    asker, replies = Asker(topics, run), Reader(topics.brokers, sound)

    def ask(topic=None, reader=topics.results):
        asker.ask(topic, reader, 60)

    ask(stuck)
    ask()
    ask(sound, replies)
    replies.close()
    resent = worker.log.count(RESENT)
    before = refused()
    # It is there, and still nobody waits for it again.
    for _ in range(3):
        ask(stuck)
    assert worker.log.count(RESENT) == resent > 0
    assert refused() == before > 0
    assert worker.metric(DIVERTED) == 1
    assert worker.is_running()


def test_a_dead_letter_that_is_not_taken_is_no_fault_of_the_topic_that_it_names(
    workers, topics, kafka_proxy, delivery, run
):
    dead_letters, topic = topics.environment["GOLD_LABEL_KAFKA_DLQ_TOPIC"], topics.more("sound")
    not_now = produce(dead_letters, 0, TOPIC_AUTHORIZATION_FAILED)
    refused = kafka_proxy.refuse(PRODUCE, not_now, dead_letters, times=1)
    worker = workers.start(
        **topics.environment,
        **kafka_proxy.environment,
        GOLD_LABEL_WORKER_DELIVERY=delivery,
        GOLD_LABEL_WORKER_REPLY_TOPICS=topic,
    ).wait_until_ready()
    replies, sender = Reader(topics.brokers, topic), topics.sender()
    for name in (topic, "not-listed"):
        sender.producer.produce(sender.topic, b"garbage", headers=[("kafka_replyTopic", name)])
    sender.flush()
    wait_until(refused)
    Asker(topics, run).ask(topic, replies, 20)
    replies.close()
    topics.dead_letters.first(lambda event: event.headers["dlq-offset"] == b"1")
    assert RESENT in worker.log
    assert worker.metric(NOT_USED) == 0
    assert worker.metric(ANSWERED) == 3  # each once, however often it was sent


def test_a_topic_that_lacks_what_it_needs_is_not_written_to_until_it_has_it(
    workers, topics, kafka_proxy, delivery, lack, run
):
    """In a transaction it would hold up everything until then: Kafka cannot even abort it."""
    change, told = lack
    topic = topics.more("lacking", min_insync_replicas=2)
    kafka_proxy.changes[topic] = change
    worker = workers.start(
        **topics.environment,
        **kafka_proxy.environment,
        GOLD_LABEL_WORKER_DELIVERY=delivery,
        GOLD_LABEL_WORKER_REPLY_TOPICS=topic,
    ).wait_until_ready()
    wait_until(lambda: told in worker.log)
    asker, replies = Asker(topics, run), Reader(topics.brokers, topic)

    for _ in range(3):
        asker.ask(topic, topics.results, 5)
    assert worker.metric(NOT_USED) == 3
    assert RESENT not in worker.log

    kafka_proxy.changes.clear()
    wait_until(lambda: HAS_ALL in worker.log, 20)
    asker.ask(topic, replies, 20)
    replies.close()
    assert worker.metric(NOT_USED) == 3
    assert worker.metric(DIVERTED) == 0


def test_before_a_transaction_it_is_looked_whether_a_topic_still_has_what_it_needs(
    workers, topics, kafka_proxy, lack, run
):
    change, told = lack
    topic = topics.more("lacking", min_insync_replicas=2)
    worker = workers.start(
        **topics.environment,
        **kafka_proxy.environment,
        GOLD_LABEL_WORKER_DELIVERY="exactly-once",
        GOLD_LABEL_WORKER_REPLY_TOPICS=topic,
    ).wait_until_ready()
    asker, replies = Asker(topics, run), Reader(topics.brokers, topic)
    asker.ask(topic, replies, 20)

    time.sleep(0.2)  # so long what was seen last is believed
    kafka_proxy.changes[topic] = change
    asker.ask(topic, topics.results, 5)
    assert told in worker.log
    assert RESENT not in worker.log

    kafka_proxy.changes.clear()
    wait_until(lambda: HAS_ALL in worker.log, 20)
    asker.ask(topic, replies, 20)
    replies.close()


def test_a_topic_that_needs_fewer_replicas_from_now_on_is_written_to(workers, topics, kafka_proxy, run):
    topic = topics.more("lacking", min_insync_replicas=2)
    kafka_proxy.changes[topic] = with_replica_out_of_sync
    worker = workers.start(
        **topics.environment, **kafka_proxy.environment, GOLD_LABEL_WORKER_REPLY_TOPICS=topic
    ).wait_until_ready()
    wait_until(lambda: TOO_FEW_REPLICAS in worker.log)

    topics.alter(topic, min_insync_replicas=1)
    wait_until(lambda: HAS_ALL in worker.log, 20)
    replies = Reader(topics.brokers, topic)
    Asker(topics, run).ask(topic, replies, 20)
    replies.close()


def test_a_topic_that_may_not_be_described_is_written_to(workers, topics, kafka_proxy, delivery, run):
    topic = topics.more("lacking", min_insync_replicas=2)
    kafka_proxy.changes[topic] = with_replica_out_of_sync
    kafka_proxy.refuse(DESCRIBE_CONFIGS, describe_configs(topic, TOPIC_AUTHORIZATION_FAILED))
    worker = workers.start(
        **topics.environment,
        **kafka_proxy.environment,
        GOLD_LABEL_WORKER_DELIVERY=delivery,
        GOLD_LABEL_WORKER_REPLY_TOPICS=topic,
    ).wait_until_ready()
    wait_until(lambda: NOT_ALLOWED in worker.log)
    replies = Reader(topics.brokers, topic)
    Asker(topics, run).ask(topic, replies, 20)
    replies.close()


def test_a_topic_of_a_broker_that_is_slow_to_describe_it_is_written_to(
    workers, topics, kafka_proxy, delivery, run
):
    """Exactly once it must have been described before."""
    topic = topics.more("slow")
    kafka_proxy.slow_down(METADATA, 0.3)
    worker = workers.start(
        **topics.environment,
        **kafka_proxy.environment,
        GOLD_LABEL_WORKER_DELIVERY=delivery,
        GOLD_LABEL_WORKER_REPLY_TOPICS=topic,
    ).wait_until_ready()
    replies = Reader(topics.brokers, topic)
    Asker(topics, run).ask(topic, replies, 20)
    replies.close()
    assert worker.metric(DIVERTED) == 0
