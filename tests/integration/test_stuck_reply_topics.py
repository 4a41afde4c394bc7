"""A topic of [worker] reply_topics that exists and takes nothing holds up no other command for long."""

import pytest
from support.events import Reader, command, encode
from support.kafka_proxy import NOT_ENOUGH_REPLICAS, PRODUCE, produce

DIVERTED = "gold_label_worker_results_diverted_total"
RESENT = "answers not delivered"


@pytest.fixture(params=["at-least-once", "exactly-once"])
def delivery(request):
    return request.param


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
    sender, replies = topics.sender(), Reader(topics.brokers, sound)

    def ask(topic=None, reader=topics.results):
        record = command(run)
        headers = {"authorization": f"Bearer {sender.token}"} | ({"kafka_replyTopic": topic} if topic else {})
        sender.producer.produce(sender.topic, encode(record), headers=list(headers.items()))
        sender.flush()
        event = reader.first(lambda event: event.result["command_id"] == record["command_id"], 60)
        assert event.result["outcome"] == "CREATED"

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
