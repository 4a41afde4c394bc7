"""Commands of many requests that wait: they are published together, and none is left behind."""

import time
from contextlib import ExitStack, contextmanager

import pytest
from support.events import Reader
from support.raw_http import Connection, fill, request
from support.workers import Ingress

WAITING = 40
LONGEST_US = 20_000


@pytest.fixture
def published(lanes):
    """Reads so many commands."""
    reader = Reader(lanes.brokers, lanes.names["commands"])
    yield lambda count: reader.read_until(lambda events: len(events) == count)
    reader.close()


@contextmanager
def requests_that_wait(ingress, run, token, wait_s):
    with ExitStack() as stack:
        connections = [stack.enter_context(Connection(ingress.url)) for _ in range(WAITING)]
        text = request(f"Prefer: wait={wait_s}", without=["Prefer"])
        for connection in connections:
            connection.send(fill(text, ingress.url, run, token))
        yield connections


@pytest.fixture
def ingress(workers, lanes):
    environment = lanes.ingress_environment | {"GOLD_LABEL_INGRESS_LINGER_US": str(LONGEST_US)}
    return workers.start(Ingress, **environment).wait_until_ready()


def test_commands_of_many_that_wait_are_published_together_and_none_is_left(ingress, run, tokens, published):
    with requests_that_wait(ingress, run, tokens.user(), 30):
        assert len(published(WAITING)) == WAITING
    assert ingress.metric("gold_label_ingress_published_groups_total") <= WAITING / 2


def test_commands_that_wait_for_others_are_published_at_a_stop(workers, lanes, run, tokens, published):
    environment = lanes.ingress_environment | {
        "GOLD_LABEL_INGRESS_LINGER_US": str(LONGEST_US),
        "GOLD_LABEL_INGRESS_DRAIN_MS": "0",
    }
    ingress = workers.start(Ingress, **environment).wait_until_ready()
    with requests_that_wait(ingress, run, tokens.user(), 30) as connections:
        deadline = time.monotonic() + 10
        while ingress.metric("gold_label_ingress_pending") < WAITING:  # at once: the last ones wait for 20 ms
            assert time.monotonic() < deadline
        assert ingress.stop() == 0
        assert {connection.answer().status for connection in connections} <= {202, 504}
    assert len(published(WAITING)) == WAITING


def test_a_gathered_command_that_is_too_large_is_413(workers, lanes, run, tokens, published):
    """librdkafka refuses it when it is produced: possibly on another thread than its request came by."""
    environment = lanes.ingress_environment | {
        "GOLD_LABEL_INGRESS_LINGER_US": str(LONGEST_US),
        "GOLD_LABEL_KAFKA_MESSAGE_MAX_BYTES": "1000",
    }
    ingress = workers.start(Ingress, **environment).wait_until_ready()
    body = b'{"output_resource_name": "answer.txt", "text_value": "%s"}' % (b"x" * 2000)
    with requests_that_wait(ingress, run, tokens.user(), 30), ExitStack() as stack:
        connections = [stack.enter_context(Connection(ingress.url)) for _ in range(4)]
        for connection in connections:
            connection.send(fill(request(body=body), ingress.url, run, tokens.user()))
        assert [connection.answer().status for connection in connections] == [413] * 4
        assert len(published(WAITING)) == WAITING
