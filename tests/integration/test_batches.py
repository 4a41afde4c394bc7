"""Batches of a worker: bounded in rows and bytes, full where commands wait, of one where nothing waits, and
after a moment's wait where they stream in. While none can be stored nothing more is fetched, and the worker
stays in its group."""

import re
import time
from pathlib import Path

import pytest
from support.events import command
from support.waiting import wait_until

DEADLINE_S = 60
MAX_ROWS = 100
MIB = 1024 * 1024
LARGE = 200_000  # bytes of a value

SESSION_MS, MAX_POLL_MS = 2000, 4000
IMPATIENT_GROUP = {
    "GOLD_LABEL_KAFKA_SESSION_TIMEOUT_MS": str(SESSION_MS),
    "GOLD_LABEL_KAFKA_HEARTBEAT_INTERVAL_MS": "300",
    "GOLD_LABEL_KAFKA_MAX_POLL_INTERVAL_MS": str(MAX_POLL_MS),
}


@pytest.fixture
def start(workers, topics):
    """Starts a worker with settings of [worker]; it is ready."""

    def start(environment=None, **settings):
        named = {f"GOLD_LABEL_WORKER_{name.upper()}": str(value) for name, value in settings.items()}
        return workers.start(**topics.environment, **named, **(environment or {})).wait_until_ready()

    return start


class Backlog:
    """Commands that come while nothing can be stored."""

    def __init__(self, system, topics, run):
        self.system, self.topics, self.run = system, topics, run
        self.sender = topics.sender()
        self.sent = 0

    def send(self, count, **fields):
        for _ in range(count):
            self.sender.queue(command(self.run, **fields))
        self.sender.flush()
        self.sent += count

    def wait_until_stuck(self):
        wait_until(self.system.worker_waits_for_lock, what="a batch in PostgreSQL")

    def wait_until_stored(self):
        """All is answered and committed, and stored once."""
        events = self.topics.results.read_until(lambda events: len(events) >= self.sent, DEADLINE_S)
        assert [event.result["outcome"] for event in events] == ["CREATED"] * self.sent
        wait_until(lambda: self.topics.lag() == 0, DEADLINE_S, "no lag")
        assert self.system.count(self.run) == self.sent

    def batches(self):
        """Rows and bytes of values by transaction."""
        return self.system.query(
            "SELECT count(*), sum(octet_length(text_value)) FROM gold_label WHERE run_id = %s "
            "GROUP BY xmin::text",
            self.run,
        )


@pytest.fixture
def backlog(system, topics, run):
    return Backlog(system, topics, run)


def counted(worker):
    return [worker.metric(f"gold_label_worker_{name}_total") for name in ("batches", "rows")]


def test_a_batch_has_no_more_rows_than_it_may(system, start, backlog):
    worker = start(max_rows=MAX_ROWS)
    with system.table_held():
        backlog.send(1)
        backlog.wait_until_stuck()
        backlog.send(5 * MAX_ROWS)
        wait_until(lambda: "fetching paused" in worker.log, what="a full batch behind the one that waits")
    backlog.wait_until_stored()
    sizes = [rows for rows, _ in backlog.batches()]
    assert max(sizes) == MAX_ROWS
    assert counted(worker) == [len(sizes), backlog.sent]


def test_a_batch_has_one_command_at_most_beyond_its_bytes(system, start, backlog):
    worker = start(max_bytes=MIB)
    with system.table_held():
        backlog.send(1)
        backlog.wait_until_stuck()
        backlog.send(30, text_value="x" * LARGE)
        wait_until(lambda: "fetching paused" in worker.log, what="a full batch behind the one that waits")
    backlog.wait_until_stored()
    batches = backlog.batches()
    assert MIB - LARGE < max(size for _, size in batches) < MIB + LARGE
    assert counted(worker) == [len(batches), backlog.sent]


def test_the_database_keeps_the_memory_of_a_batch_for_the_next(system, start, topics, backlog, run):
    """The back end's page faults tell: memory that was given back to the kernel must be faulted in again."""
    worker = start()
    for _ in range(5):  # malloc() goes by what was needed first
        topics.ask(command(run))
        backlog.sent += 1

    def page_faults():
        [pid] = re.findall(r"backend=(\d+)", worker.log)
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[7])

    def store_batches(count):
        before = page_faults()
        with system.table_held():
            backlog.send(1000 * count, text_value="x" * 400)
            backlog.wait_until_stuck()
        backlog.wait_until_stored()
        return (page_faults() - before) / count

    # Of 4 KiB: some 150 for the labels themselves, and 650 more where memory was given back.
    assert min(store_batches(5) for _ in range(4)) < 400


def test_an_idle_worker_stores_a_lone_command_at_once(start, topics, run):
    worker = start()
    for n in range(1, 6):
        assert topics.ask(command(run)).result["outcome"] == "CREATED"
        assert counted(worker) == [n, n]


def test_where_commands_stream_in_a_batch_waits_for_more(system, workers, topics, backlog, run):
    backlog.send(3)
    with system.connect() as connection, connection.transaction():
        connection.execute("SELECT FROM run WHERE id = %s FOR UPDATE", [run])  # the foreign key waits for it
        worker = workers.start(**topics.environment, GOLD_LABEL_WORKER_LINGER_US="1000000")
        waiting = "SELECT pid FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"
        wait_until(lambda: system.query(waiting), what="a batch that waits")
        time.sleep(1)
    backlog.wait_until_stored()
    backlog.send(1)
    time.sleep(0.1)
    backlog.send(1)
    backlog.wait_until_stored()
    assert counted(worker) == [2, 5]


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_a_worker_that_cannot_store_stays_in_its_group(system, start, topics, backlog, delivery):
    worker = start(IMPATIENT_GROUP, max_rows=10, delivery=delivery)
    with system.table_held():
        backlog.send(200)
        wait_until(lambda: "fetching paused" in worker.log, what="nothing more is fetched")
        assert topics.results.read_for(2.5 * MAX_POLL_MS / 1000) == []
        assert topics.lag() == 200
    backlog.wait_until_stored()
    assert "fetching again" in worker.log
    assert worker.log.count("partitions assigned") == 1
    assert "partitions revoked" not in worker.log
