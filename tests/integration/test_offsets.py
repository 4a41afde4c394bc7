"""Offsets that could not be committed are committed later, though no other command follows."""

import pytest
from confluent_kafka import Consumer, TopicPartition
from support.events import command
from support.mock_kafka import MockKafka
from support.waiting import wait_until


@pytest.fixture
def kafka(system, tokens):
    with MockKafka(tokens.worker()) as it:
        yield it


@pytest.fixture
def committed(kafka):
    """A function: the group's offset."""
    asker = Consumer({"bootstrap.servers": kafka.brokers, "group.id": kafka.group})
    where = [TopicPartition(kafka.names["commands"], 0)]
    yield lambda: asker.committed(where, timeout=20)[0].offset
    asker.close()


def test_an_offset_whose_commit_failed_is_committed_later(workers, kafka, committed, run):
    worker = workers.start(**kafka.environment)
    kafka.send(command(run))
    wait_until(lambda: committed() == 1, 60, "the first command is committed")
    kafka.refuse_next_commits(2)
    kafka.send(command(run))
    wait_until(lambda: committed() == 2, 30, "the second is committed")
    assert worker.log.count("offsets not committed") == 2
