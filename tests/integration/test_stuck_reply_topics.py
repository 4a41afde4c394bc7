"""A topic of [worker] reply_topics that exists and takes nothing holds up no other command for long."""

import pytest
from support.events import command
from support.mock_kafka import MockKafka

DIVERTED = "gold_label_worker_results_diverted_total"
RESENT = "answers not delivered"


@pytest.fixture(params=["at-least-once", "exactly-once"])
def delivery(request):
    return request.param


@pytest.fixture
def kafka(tokens):
    with MockKafka(tokens.worker(), "stuck", "sound") as it:
        it.take_leader_from("stuck")
        yield it


def test_results_for_a_topic_without_a_leader_come_on_the_results_topic(workers, kafka, delivery, run):
    listed = ",".join([kafka.names["stuck"], kafka.names["sound"]])
    worker = workers.start(
        **kafka.environment, GOLD_LABEL_WORKER_DELIVERY=delivery, GOLD_LABEL_WORKER_REPLY_TOPICS=listed
    )
    sound = kafka.reader("sound")

    def ask(topic=None, reader=kafka.results):
        record = command(run)
        kafka.send(record, **({"kafka_replyTopic": kafka.names[topic]} if topic else {}))
        event = reader.first(lambda event: event.result["command_id"] == record["command_id"], 60)
        assert event.result["outcome"] == "CREATED"

    ask("stuck")
    ask()
    ask("sound", sound)
    sound.close()
    resent = worker.log.count(RESENT)
    # It is there, and still nobody waits for it again.
    for _ in range(3):
        ask("stuck")
    assert worker.log.count(RESENT) == resent > 0
    assert worker.metric(DIVERTED) == 1
    assert worker.is_running()
