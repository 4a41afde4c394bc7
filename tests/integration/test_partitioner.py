"""Which partitions an ingress sends its commands to: [ingress] partitioner, and whether they move."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle, groupby, islice

import pytest
from confluent_kafka import Consumer
from support.events import Reader, command
from support.kafka_proxy import without_leader
from support.raw_http import Connection, fill, request
from support.waiting import wait_until
from support.workers import Ingress

IN_A_ROW = 64
PARTITIONS = 4  # of `lanes`


@pytest.fixture
def runs(system):
    return [system.new_run() for _ in range(8)]


@pytest.fixture
def arrived(lanes):
    """Reads the commands, in the order in which they were sent."""
    reader = Reader(lanes.brokers, lanes.names["commands"])
    yield lambda count: sorted(
        reader.read_until(lambda events: len(events) == count),
        key=lambda event: event.value[len(b"\xc3\x01") + 8 :],  # it begins with its id, a UUIDv7
    )
    reader.close()


def send(ingress, runs, token, count):
    with Connection(ingress.url) as connection:
        for run in islice(cycle(runs), count):
            connection.send(fill(request(), ingress.url, run, token))
            assert connection.answer().status == 202


def rows_of(events):
    """(partition, how many came to it before another's turn)"""
    return [(partition, len(list(those))) for partition, those in groupby(events, lambda e: e.partition)]


def test_sticky_fills_the_partitions_in_turn_whatever_the_runs(workers, lanes, arrived, runs, tokens):
    ingress = workers.start(Ingress, **lanes.ingress_environment).wait_until_ready()
    send(ingress, runs, tokens.user(), (PARTITIONS + 1) * IN_A_ROW)
    events = arrived((PARTITIONS + 1) * IN_A_ROW)
    assert rows_of(events) == [(turn % PARTITIONS, IN_A_ROW) for turn in range(PARTITIONS + 1)]
    # The key stays the run.
    assert Counter(event.key.decode() for event in events) == {run: len(events) // len(runs) for run in runs}


def test_sticky_passes_a_partition_without_a_leader(workers, lanes, arrived, runs, tokens, kafka_proxy):
    kafka_proxy.changes[lanes.names["commands"]] = lambda it: without_leader(it) if it.number == 1 else it
    environment = lanes.ingress_environment | kafka_proxy.environment
    ingress = workers.start(Ingress, **environment).wait_until_ready()
    send(ingress, runs, tokens.user(), PARTITIONS * IN_A_ROW)
    rows = rows_of(arrived(PARTITIONS * IN_A_ROW))
    assert rows == [(0, IN_A_ROW), (2, 2 * IN_A_ROW), (3, IN_A_ROW)]


@contextmanager
def frozen_member(lanes):
    """One of the workers' group that has its share of the partitions and reads none of them."""
    ours = {"bootstrap.servers": lanes.brokers, "group.id": lanes.group}
    member = Consumer(ours | {"partition.assignment.strategy": "range", "enable.auto.commit": False})
    member.subscribe([lanes.names["commands"]])

    def has_its_share():
        member.poll(0.1)
        return len(member.assignment()) == PARTITIONS / 2

    try:
        yield lambda: wait_until(has_its_share, 60, "a share of the partitions")
    finally:
        member.close()


def test_sticky_passes_partitions_whose_worker_is_frozen(workers, lanes, runs, tokens):
    """But for those that find it out, and one a second that asks whether it still is."""
    clients, labels, wait_s = 4, 100, 2
    with frozen_member(lanes) as wait_for_share:
        workers.start(**lanes.environment)
        wait_for_share()
        ingress = workers.start(Ingress, **lanes.ingress_environment).wait_until_ready()
        text = request(f"Prefer: wait={wait_s}", without=["Prefer"])

        def statuses(run):
            with Connection(ingress.url) as connection:
                found = Counter()
                for _ in range(labels):
                    connection.send(fill(text, ingress.url, run, tokens.user()))
                    found[connection.answer().status] += 1
                return found

        with ThreadPoolExecutor(clients) as crowd:
            found = sum(crowd.map(statuses, runs[:clients]), Counter())
        passed = ingress.metric("gold_label_ingress_partitions_passed_total")
    assert found.keys() <= {201, 202}
    # In turn it would be half of them; each that waits in vain takes so long that others ask meanwhile.
    assert found[202] <= clients * labels / 8, found
    assert passed > 0


def test_murmur2_keeps_the_commands_of_a_run_in_one_partition(workers, lanes, arrived, runs, tokens):
    """That which Java clients choose, too."""
    sender = lanes.sender()
    for run in runs:
        sender.queue(command(run))
    sender.flush()
    chosen = {event.key: event.partition for event in arrived(len(runs))}

    environment = lanes.ingress_environment | {"GOLD_LABEL_INGRESS_PARTITIONER": "murmur2"}
    ingress = workers.start(Ingress, **environment).wait_until_ready()
    send(ingress, runs, tokens.user(), 3 * len(runs))
    assert len(set(chosen.values())) > 1
    assert all(event.partition == chosen[event.key] for event in arrived(4 * len(runs)))
