"""What a broker does not allow is told of by name, where it is a fault, and nobody gets stuck in it."""

import pytest
from support.api import status
from support.events import Sender, command
from support.kafka_proxy import (
    FETCH,
    FIND_COORDINATOR,
    GROUP_AUTHORIZATION_FAILED,
    TOPIC_AUTHORIZATION_FAILED,
    fetch,
    find_coordinator,
)
from support.tool import TEXT, Tool, lines
from support.waiting import wait_until
from support.workers import Ingress


@pytest.fixture
def tool(system, tokens):
    return Tool(system, tokens.worker())


def line(process, *words):
    return next((line for line in process.log.splitlines() if all(word in line for word in words)), None)


def test_a_group_that_a_worker_may_not_join_is_named(workers, topics, kafka_proxy):
    kafka_proxy.refuse(FIND_COORDINATOR, find_coordinator(GROUP_AUTHORIZATION_FAILED))
    worker = workers.start(**topics.environment, **kafka_proxy.environment)
    told = wait_until(lambda: line(worker, "GROUP_AUTHORIZATION_FAILED"), what="it is told")
    assert f"group={topics.group}" in told
    kafka_proxy.refusals.clear()
    worker.wait_until_ready()


def test_a_partition_that_a_worker_may_not_read_is_named(workers, topics, kafka_proxy):
    name = topics.names["commands"]
    kafka_proxy.refuse(FETCH, fetch(name, 0, TOPIC_AUTHORIZATION_FAILED))
    worker = workers.start(**topics.environment, **kafka_proxy.environment)
    told = wait_until(lambda: line(worker, "TOPIC_AUTHORIZATION_FAILED"), what="it is told")
    assert f"topic={name} partition=0" in told


def test_a_reader_without_a_group_needs_no_right_to_one(workers, topics, kafka_proxy, tokens, run):
    refused = kafka_proxy.refuse(FIND_COORDINATOR, find_coordinator(GROUP_AUTHORIZATION_FAILED))
    ingress = workers.start(Ingress, **topics.ingress_environment, **kafka_proxy.environment)
    workers.start(**topics.environment).wait_until_ready()
    ingress.wait_until_ready()
    wait_until(refused, what="librdkafka looks for a coordinator")
    assert status(ingress, run, tokens.user()) == 201
    assert not line(ingress, "GROUP_AUTHORIZATION_FAILED")


def test_the_tool_says_of_which_topic_it_hears_nothing(tool, topics, kafka_proxy, run):
    environment = topics.environment | kafka_proxy.environment

    def reason(kind, *arguments):
        kafka_proxy.errors = {topics.names[kind]: TOPIC_AUTHORIZATION_FAILED}
        done = tool(*arguments, stdin=lines(TEXT), **environment)
        assert done.returncode == 3
        return done.stderr.decode().splitlines()[-1]

    def hears_nothing(kind):
        return f"no Kafka broker says what partitions topic {topics.names[kind]} has"

    assert hears_nothing("dlq") in reason("dlq", "status")
    assert hears_nothing("results") in reason("results", "send", "--run", run, "--timeout", "1s")
    assert hears_nothing("commands") in reason("commands", "send", "--run", run, "--timeout", "1s")


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_a_worker_that_may_not_see_its_topic_any_more_ends_when_it_is_told_to(
    workers, topics, kafka_proxy, run, delivery
):
    settings = {"GOLD_LABEL_WORKER_DELIVERY": delivery}
    worker = workers.start(**topics.environment, **kafka_proxy.environment, **settings).wait_until_ready()
    assert topics.ask(command(run)).result["outcome"] == "CREATED"
    kafka_proxy.errors = {topics.names["commands"]: TOPIC_AUTHORIZATION_FAILED}
    wait_until(lambda: line(worker, "partitions revoked"), 60, "it knows")
    assert worker.stop() == 0


def test_an_ingress_that_may_not_see_the_results_any_more_ends_when_it_is_told_to(
    workers, topics, kafka_proxy
):
    ingress = workers.start(Ingress, **topics.ingress_environment, **kafka_proxy.environment)
    ingress.wait_until_ready()
    kafka_proxy.errors = {topics.names["results"]: TOPIC_AUTHORIZATION_FAILED}
    wait_until(lambda: line(ingress, "TOPIC_AUTHORIZATION_FAILED"), 60, "it knows")
    assert ingress.stop() == 0


def test_dead_letters_and_results_that_may_not_be_read_are_not_waited_for(tool, topics, kafka_proxy):
    environment = topics.environment | kafka_proxy.environment
    for kind, *arguments in (
        ("dlq", "dlq", "list", "--partition", "0"),
        ("results", "results", "--from", "oldest", "--no-follow", "--partition", "0"),
    ):
        sender = Sender(topics.brokers, None, topics.names[kind])
        for n in range(50):  # some of them in partition 0
            sender.queue(b"?", key=str(n).encode())
        sender.flush()
        kafka_proxy.refuse(FETCH, fetch(topics.names[kind], 0, TOPIC_AUTHORIZATION_FAILED))
        done = tool(*arguments, timeout=60, **environment)
        assert done.returncode == 3, done.stderr
        assert f"topic {topics.names[kind]} is not there any more, or may not be read" in done.stderr.decode()
        kafka_proxy.refusals.clear()
