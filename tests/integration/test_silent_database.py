"""PostgreSQL takes connections and says nothing: the worker waits in its group, and ends when told to."""

import re

import pytest
import requests
from support.events import command
from support.proxy import Proxy
from support.waiting import wait_until

SESSION_S = 1.5
SETTINGS = {
    "GOLD_LABEL_KAFKA_SESSION_TIMEOUT_MS": str(int(SESSION_S * 1000)),
    "GOLD_LABEL_KAFKA_HEARTBEAT_INTERVAL_MS": "300",
    "GOLD_LABEL_WORKER_DRAIN_MS": "500",
}


@pytest.fixture
def proxy(system):
    """It takes connections and passes nothing on."""
    with system.connect() as connection:
        it = Proxy(connection.info.port)
    it.swallow()
    yield it
    it.close()


@pytest.fixture
def worker(system, workers, topics, proxy):
    """It is in its group, and waits for the database to say something."""
    configuration = (system.state / "worker.ini").read_text()
    conninfo = re.search(r"^conninfo = (.*)$", configuration, re.M)[1]
    through_proxy = re.sub(r"\bport=\d+", f"port={proxy.port}", conninfo)
    it = workers.start(**topics.environment, **SETTINGS, GOLD_LABEL_POSTGRES_CONNINFO=through_proxy)
    wait_until(lambda: topics.shares() == [1] and proxy.links, 30, "assignment and connection")
    return it


def assert_waiting(worker):
    assert requests.get(f"{worker.admin_url}/healthz", timeout=5).status_code == 200
    answer = requests.get(f"{worker.admin_url}/readyz", timeout=5)
    assert (answer.status_code, "PostgreSQL" in answer.text) == (503, True), answer.text


def test_a_worker_whose_database_is_silent_stays_in_its_group_and_heals(worker, topics, proxy, run, system):
    assert_waiting(worker)
    record = command(run)
    topics.sender().send(record)
    assert topics.results.read_for(2 * SESSION_S) == []
    assert_waiting(worker)
    assert topics.shares() == [1]
    assert worker.log.count("partitions assigned") == 1
    proxy.reopen()
    answered = topics.results.first(lambda event: event.result["command_id"] == record["command_id"])
    assert answered.result["outcome"] == "CREATED"
    assert worker.wait_until_ready().is_running()
    assert worker.log.count("partitions assigned") == 1


def test_a_worker_whose_database_is_silent_ends_in_time_and_commits_nothing(worker, topics, workers, run):
    topics.sender().send(command(run))
    wait_until(lambda: worker.metric("gold_label_worker_batches_in_hand") == 1, what="a command in hand")
    assert worker.stop(10) == 0
    assert topics.lag() == 1
    workers.start(**topics.environment)
    assert len(topics.results.read_until(lambda events: events)) == 1


def test_a_worker_without_work_whose_database_is_silent_ends_in_time(worker, topics):
    assert_waiting(worker)
    assert worker.stop(10) == 0
    assert topics.shares() == []
