"""gold_label can be a partitioned table; that nobody has made the next partition is no label's fault."""

import uuid

import pytest
from support.events import command
from support.waiting import wait_until

HALF = "80000000-0000-0000-0000-000000000000"
PARTITIONED = f"""
ALTER TABLE gold_label RENAME TO whole;
CREATE TABLE gold_label (LIKE whole INCLUDING DEFAULTS INCLUDING CONSTRAINTS, PRIMARY KEY (id))
    PARTITION BY RANGE (id);
CREATE TABLE first_half PARTITION OF gold_label FOR VALUES FROM (MINVALUE) TO ('{HALF}');
GRANT SELECT, INSERT ON gold_label TO gold_label_worker;
"""


@pytest.fixture
def one_partition(system):
    """For ids of the first half only. A function makes the other one."""
    system.query(PARTITIONED)
    yield lambda: system.query(
        f"CREATE TABLE second_half PARTITION OF gold_label FOR VALUES FROM ('{HALF}') TO (MAXVALUE)"
    )
    system.query("DROP TABLE gold_label; ALTER TABLE whole RENAME TO gold_label")


def with_id(run, first_digit):
    return command(run, command_id=first_digit + str(uuid.uuid4())[1:])


def test_a_label_without_a_partition_is_stored_when_it_is_made(system, workers, topics, run, one_partition):
    worker = workers.start(**topics.environment).wait_until_ready()
    assert topics.ask(with_id(run, "1")).result["outcome"] == "CREATED"
    ours = with_id(run, "f")
    topics.sender().send(ours)
    wait_until(lambda: "SQLSTATE 23514, no partition" in worker.log, what="it says so")
    assert not worker.is_ready()
    assert len(topics.results.read_all()) == 1
    one_partition()
    answers = topics.results.read_until(lambda events: len(events) == 2)
    assert (answers[1].result["command_id"], answers[1].result["outcome"]) == (ours["command_id"], "CREATED")
    assert system.count(run) == 2


def test_a_check_is_still_the_labels_fault(system, workers, topics, run, one_partition):
    workers.start(**topics.environment)
    system.query("ALTER TABLE gold_label ADD CONSTRAINT no_x CHECK (output_resource_name <> 'x')")
    refused = topics.ask(with_id(run, "1") | {"output_resource_name": "x"}).result
    assert refused["message"] == "the database refused the label: constraint no_x, SQLSTATE 23514"


def test_a_column_that_no_label_can_fill_refuses_none_of_a_partition(
    system, workers, topics, run, one_partition
):
    worker = workers.start(**topics.environment).wait_until_ready()
    system.query("ALTER TABLE gold_label ADD COLUMN team text NOT NULL")
    ours = with_id(run, "1")
    topics.sender().send(ours)
    wait_until(lambda: "SQLSTATE 23502, column team" in worker.log, what="it says so")
    assert topics.results.read_all() == []
    system.query("ALTER TABLE gold_label ALTER COLUMN team SET DEFAULT 'a'")
    (answer,) = topics.results.read_until(lambda events: len(events) == 1)
    assert (answer.result["command_id"], answer.result["outcome"]) == (ours["command_id"], "CREATED")
