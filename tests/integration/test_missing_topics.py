"""A topic that is not there is told of by name; worker and ingress go on when it is made."""

import signal

import pytest
import requests
from confluent_kafka.admin import NewTopic
from support.api import status
from support.events import command, ends
from support.tool import Tool
from support.waiting import wait_until
from support.workers import Ingress


@pytest.fixture(params=["at-least-once", "exactly-once"])
def delivery(request):
    return {"GOLD_LABEL_WORKER_DELIVERY": request.param}


def lines(worker, *words):
    return [line for line in worker.log.splitlines() if all(word in line for word in words)]


def test_a_missing_topic_of_dead_letters_is_told_before_it_is_needed(workers, topics, delivery):
    missing = f"{topics.names['dlq']}-missing"
    changes = delivery | {"GOLD_LABEL_KAFKA_DLQ_TOPIC": missing}
    worker = workers.start(**topics.environment | changes).wait_until_ready()
    told = ("does not exist", f"topic={missing}", "dead letters")
    wait_until(lambda: lines(worker, *told), what="it is told")
    assert not lines(worker, "does not exist", topics.names["results"])
    assert worker.is_ready()  # as without a topic of results
    assert len(lines(worker, *told)) == 1


def test_dead_letters_without_a_topic_are_told_of_and_sent_when_it_is_made(workers, topics, run):
    missing = f"{topics.names['dlq']}-late"
    changes = {"GOLD_LABEL_KAFKA_DLQ_TOPIC": missing}
    worker = workers.start(**topics.environment | changes).wait_until_ready()
    topics.sender().send(b"garbage", key=run)
    wait_until(lambda: lines(worker, "cannot be read"), what="it is read")
    wait_until(
        lambda: lines(worker, "answer", f"topic={missing}"), 60, "the topic that does not take it is named"
    )
    assert worker.is_running()
    topics.names["late"] = missing  # deleted in the end
    topics.admin.create_topics([NewTopic(missing, 1, 1)])[missing].result(30)
    assert topics.ask(command(run), key=run).result["outcome"] == "CREATED"
    wait_until(lambda: ends(topics.asker, missing, [0]) == {0: 1}, what="the dead letter")


def test_an_ingress_without_a_topic_of_commands_is_not_ready_and_goes_on_when_there_is_one(
    workers, topics, run, tokens
):
    ingress = workers.start(Ingress, **topics.ingress_environment).wait_until_ready()
    workers.start(**topics.environment).wait_until_ready()
    token = tokens.user()
    assert status(ingress, run, token) == 201
    topics.delete("commands")
    ready = f"{ingress.admin_url}/readyz"

    def is_told():
        assert status(ingress, run, token) == 503
        return "topic of the commands does not exist" in requests.get(ready, timeout=5).text

    wait_until(is_told, 30, "it is not ready")
    assert requests.get(ready, timeout=5).status_code == 503
    assert [status(ingress, run, token) for _ in range(3)] == [503] * 3
    assert len(lines(ingress, "the topic of the commands does not exist")) == 1
    topics.make("commands")
    ingress.wait_until_ready()
    wait_until(lambda: status(ingress, run, token) == 201, 30, "it goes on")


@pytest.mark.parametrize("which", ["commands", "results"])
def test_an_ingress_that_waits_for_a_topic_names_it(workers, which):
    ingress = workers.start(Ingress, **{f"GOLD_LABEL_KAFKA_{which.upper()}_TOPIC": "no-such-topic"})
    wait_until(lambda: lines(ingress, "waiting for Kafka", "does not exist"), what="it is told")
    assert lines(ingress, "waiting for Kafka", "does not exist", f"{which}_topic=no-such-topic")


def test_who_reads_results_whose_topic_is_gone_ends_when_told_to(workers, topics, tokens, system, tmp_path):
    ingress = workers.start(Ingress, **topics.ingress_environment).wait_until_ready()
    tool = Tool(system, tokens.worker())
    with tool.running(tmp_path, "results", **topics.ingress_environment) as reader:
        wait_until(reader.is_asleep, what="it follows")
        topics.delete("results")
        for log in (lambda: ingress.log, lambda: reader.stderr):
            wait_until(lambda log=log: "UNKNOWN_TOPIC_OR_PART" in log(), 60, "they know")
        reader.interrupt()
        ingress.send_signal(signal.SIGTERM)
        assert (reader.wait(10), ingress.wait()) == (0, 0)
