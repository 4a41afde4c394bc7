"""A worker begins where its group left off and nowhere else, whatever the answer when it asks for that."""

import signal
from collections import Counter

import pytest
import requests
from confluent_kafka import Producer, TopicPartition
from support.events import command, ends
from support.kafka_proxy import NOT_COORDINATOR, OFFSET_FETCH, offset_fetch
from support.waiting import wait_until

DEADLINE_S = 90
NOT_KNOWN = "where to begin is not known yet"
EXACTLY_ONCE = {"GOLD_LABEL_WORKER_DELIVERY": "exactly-once"}
JOINS = 5


@pytest.fixture
def open_transaction(lanes):
    """Begins to commit offsets of the group and does not get on; gives the function that ends it."""
    producer = Producer(
        {
            "bootstrap.servers": lanes.brokers,
            "transactional.id": f"dead-{lanes.group}",
            "transaction.timeout.ms": 60_000,
        }
    )
    producer.init_transactions(DEADLINE_S)

    def begin():
        offsets = [TopicPartition(lanes.names["commands"], n, 0) for n in lanes.partitions]
        producer.begin_transaction()
        producer.send_offsets_to_transaction(offsets, lanes.asker.consumer_group_metadata(), DEADLINE_S)
        return lambda: producer.abort_transaction(DEADLINE_S)

    return begin


def send(lanes, run, ids, n):
    sender = lanes.sender()
    for _ in range(n):
        one = command(run)
        ids.append(one["command_id"])
        sender.queue(one, partition=len(ids) % len(lanes.partitions))
    sender.flush()


def check(lanes, ids):
    wait_until(lambda: lanes.lag() == 0, DEADLINE_S, "no lag")
    events = lanes.results.read_all(DEADLINE_S)
    assert Counter(e.result["command_id"] for e in events) == Counter(ids)
    assert all(e.result["outcome"] == "CREATED" for e in events)


def test_an_open_transaction_is_waited_for_though_others_join_meanwhile(
    lanes, workers, run, open_transaction
):
    """librdkafka 2.0.2 would begin at the oldest command then."""
    ids = []
    send(lanes, run, ids, 100)
    first = workers.start(**lanes.environment, **EXACTLY_ONCE, GOLD_LABEL_WORKER_INSTANCE="0")
    wait_until(lambda: lanes.lag() == 0, DEADLINE_S, "no lag")
    assert first.stop() == 0

    end = open_transaction()
    members = []
    for n in range(1, 1 + JOINS):
        members.append(workers.start(**lanes.environment, **EXACTLY_ONCE, GOLD_LABEL_WORKER_INSTANCE=str(n)))
        wait_until(lambda: len(lanes.shares() or []) == len(members), DEADLINE_S, "it is in the group")
    send(lanes, run, ids, 100)
    wait_until(lambda: any(NOT_KNOWN in member.log for member in members), DEADLINE_S, "they wait")
    end()
    check(lanes, ids)


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_a_coordinator_that_moves_is_asked_again(lanes, workers, run, kafka_proxy, delivery):
    """librdkafka 2.0.2 would never ask again."""
    ids = []
    send(lanes, run, ids, 100)
    refused = kafka_proxy.refuse(OFFSET_FETCH, offset_fetch(NOT_COORDINATOR), times=1)
    workers.start(**lanes.environment, **kafka_proxy.environment, GOLD_LABEL_WORKER_DELIVERY=delivery)
    check(lanes, ids)
    assert refused() == 1


def test_a_coordinator_that_is_always_slow_is_heard(lanes, workers, run, kafka_proxy):
    ids = []
    send(lanes, run, ids, 100)
    kafka_proxy.slow_down(OFFSET_FETCH, 3)
    # The local system's is six seconds: heartbeats wait behind several of these answers.
    session = {"GOLD_LABEL_KAFKA_SESSION_TIMEOUT_MS": "45000"}
    workers.start(**lanes.environment, **kafka_proxy.environment, **session)
    check(lanes, ids)


def test_a_worker_that_does_not_know_where_to_begin_is_not_ready(lanes, workers, kafka_proxy):
    kafka_proxy.refuse(OFFSET_FETCH, offset_fetch(NOT_COORDINATOR))
    worker = workers.start(**lanes.environment, **kafka_proxy.environment)
    wait_until(lambda: NOT_KNOWN in worker.log, DEADLINE_S, "it waits")
    ready = f"{worker.admin_url}/readyz"
    wait_until(lambda: NOT_KNOWN in requests.get(ready, timeout=5).text, 20, "it says why")
    assert requests.get(ready, timeout=5).status_code == 503
    kafka_proxy.refusals.clear()
    worker.wait_until_ready()


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_a_topic_that_is_made_anew_is_read_from_its_beginning(lanes, workers, run, delivery):
    """Further commands lie at the offsets that were read up to in the one that was deleted."""
    ids = []
    worker = workers.start(**lanes.environment, GOLD_LABEL_WORKER_DELIVERY=delivery).wait_until_ready()
    send(lanes, run, ids, 40)
    check(lanes, ids)
    lanes.delete("commands")
    wait_until(lambda: "UNKNOWN_TOPIC_OR_PART" in worker.log, what="the worker knows that it is gone")
    worker.send_signal(signal.SIGSTOP)
    lanes.make("commands")
    ends(lanes.asker, lanes.names["commands"], lanes.partitions)
    send(lanes, run, ids, 80)
    worker.send_signal(signal.SIGCONT)
    lanes.results.read_until(lambda events: len(events) >= len(ids), DEADLINE_S)
    check(lanes, ids)


def test_a_worker_whose_topic_is_gone_ends_when_it_is_told_to(lanes, workers, run):
    worker = workers.start(**lanes.environment).wait_until_ready()
    send(lanes, run, [], 4)
    wait_until(lambda: lanes.lag() == 0, DEADLINE_S, "no lag")
    lanes.delete("commands")
    wait_until(lambda: not worker.is_ready(), DEADLINE_S, "not ready")
    assert worker.stop() == 0
