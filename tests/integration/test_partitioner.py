"""Which partitions an ingress sends its commands to: [ingress] partitioner."""

from collections import Counter
from itertools import cycle, groupby, islice

import pytest
from support.events import Reader, command
from support.kafka_proxy import without_leader
from support.raw_http import Connection, fill, request
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
