"""Workers come, leave, die and freeze under a load: every command is answered and stored once."""

import signal
import threading
from collections import Counter

import pytest
from support.events import command
from support.topics import Topics
from support.waiting import wait_until

PARTITIONS = 8
BURST, PAUSE_S = 10, 0.01  # about 1,000 commands a second
SHARES = {1: [8], 2: [4, 4], 3: [2, 3, 3]}

# The dead are found out soon. Where nobody dies, nobody is taken for dead, however busy the machine is.
ROUGH = {"GOLD_LABEL_KAFKA_SESSION_TIMEOUT_MS": "2000", "GOLD_LABEL_KAFKA_HEARTBEAT_INTERVAL_MS": "300"}
POLITE = {"GOLD_LABEL_KAFKA_SESSION_TIMEOUT_MS": "30000", "GOLD_LABEL_KAFKA_HEARTBEAT_INTERVAL_MS": "300"}
# Offsets are then only committed when partitions are given up.
COMMITS_SELDOM = {"GOLD_LABEL_WORKER_COMMIT_INTERVAL_MS": "60000"}


@pytest.fixture
def topics(system, tokens):
    with Topics(system, tokens.worker(), PARTITIONS) as it:
        yield it


class Load(threading.Thread):
    """Sends commands to all partitions in turn until the end of its `with` block."""

    def __init__(self, sender, run):
        super().__init__()
        self.sender, self.run_id = sender, run
        self.sent = {}  # text by id
        self.over = threading.Event()

    def run(self):
        while not self.over.wait(PAUSE_S):
            for _ in range(BURST):
                one = command(self.run_id, text_value=f"value {len(self.sent)}")
                self.sent[one["command_id"]] = one["text_value"]
                self.sender.queue(one, partition=len(self.sent) % PARTITIONS)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()
        self.sender.flush()


class Group:
    """Workers of one consumer group, and a load."""

    def __init__(self, system, topics, workers, run, environment):
        self.system, self.topics, self.workers, self.run = system, topics, workers, run
        self.environment = topics.environment | environment
        self.load = Load(topics.sender(), run)

    def start_one(self):
        """Does not wait."""
        return self.workers.start(**self.environment)

    def start(self, count=1):
        """Returns the new workers when every worker has its share."""
        there = sum(worker.is_running() for worker in self.workers.all)
        new = [self.start_one() for _ in range(count)]
        self.wait_for_shares(there + count)
        for worker in new:
            worker.wait_until_ready()
        return new

    def wait_for_shares(self, count):
        wait_until(lambda: self.topics.shares() == SHARES[count], 30, f"{count} workers share the partitions")

    def wait_until_working(self, *workers):
        """Each of them stores more than it has."""
        for worker in workers:
            before = rows(worker)
            wait_until(lambda w=worker, n=before: rows(w) > n + BURST, 30, f"worker {worker.pid} stores rows")

    def wait_until_stuck(self, *workers):
        """While the table is held: each of them has a batch in PostgreSQL."""
        wait_until(
            lambda: len(self.system.worker_waits_for_lock()) == len(workers), 30, "all wait for the lock"
        )

    def results(self):
        """One list of all results, when each command has one."""
        wanted = self.load.sent.keys()
        self.topics.results.read_until(
            lambda events: len(events) >= len(wanted) and {e.result["command_id"] for e in events} == wanted,
            60,
        )
        return [event.result for event in self.topics.results.read_all()]

    def assert_nothing_is_lost(self):
        """All is answered, stored once, and done with. Returns how many results came more than once."""
        results = self.results()
        wait_until(lambda: self.topics.lag() == 0, 30, "lag is 0")
        assert Counter(result["outcome"] for result in results) == {"CREATED": len(results)}
        answered = {(result["command_id"], result["label"]["text_value"]) for result in results}
        assert answered == set(self.load.sent.items())
        stored = self.system.query("SELECT id::text, text_value FROM gold_label WHERE run_id = %s", self.run)
        assert sorted(stored) == sorted(self.load.sent.items())
        return len(results) - len(self.load.sent)


@pytest.fixture
def group(system, topics, workers, run):
    """Made by a call with the settings of its workers."""
    return lambda environment: Group(system, topics, workers, run, environment)


def rows(worker):
    return worker.metric("gold_label_worker_rows_total")


def assert_running(*workers):
    assert all(worker.is_running() for worker in workers)


# ---- polite: everybody gives up what they have in order ----

each_delivery = pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])


@each_delivery
def test_workers_that_are_added_take_their_share_and_nothing_is_done_twice(group, delivery):
    it = group(POLITE | COMMITS_SELDOM | {"GOLD_LABEL_WORKER_DELIVERY": delivery})
    first = it.start()
    with it.load:
        it.wait_until_working(*first)
        second = it.start()
        it.wait_until_working(*first, *second)
        third = it.start()
        it.wait_until_working(*first, *second, *third)
    everybody = [*first, *second, *third]
    it.results()
    assert_running(*everybody)
    assert [worker.stop() for worker in everybody] == [0, 0, 0]
    assert it.assert_nothing_is_lost() == 0


@each_delivery
def test_workers_that_are_stopped_hand_over_and_nothing_is_done_twice(group, delivery):
    it = group(POLITE | COMMITS_SELDOM | {"GOLD_LABEL_WORKER_DELIVERY": delivery})
    first, second, third = it.start(3)
    with it.load:
        it.wait_until_working(first, second, third)
        assert second.stop() == 0
        it.wait_for_shares(2)
        it.wait_until_working(first, third)
        assert first.stop() == 0
        it.wait_for_shares(1)
        it.wait_until_working(third)
    it.results()
    assert third.stop() == 0
    assert it.assert_nothing_is_lost() == 0


def test_what_is_in_postgresql_is_finished_before_its_partitions_are_given_up(system, group):
    it = group(POLITE | COMMITS_SELDOM | {"GOLD_LABEL_WORKER_DRAIN_MS": "30000"})
    (first,) = it.start()
    with it.load:
        it.wait_until_working(first)
        with system.table_held():
            it.wait_until_stuck(first)
            second = it.start_one()
            wait_until(lambda: "partitions revoked" in first.log, 30, "the first must give up partitions")
        it.wait_for_shares(2)
        it.wait_until_working(first, second)
    it.results()
    assert [first.stop(), second.stop()] == [0, 0]
    assert it.assert_nothing_is_lost() == 0


# ---- rough ----


def test_a_killed_worker_is_replaced_by_the_others(group):
    it = group(ROUGH)
    victim, *others = it.start(3)
    with it.load:
        it.wait_until_working(victim, *others)
        victim.kill()
        it.wait_for_shares(2)
        it.wait_until_working(*others)
    it.assert_nothing_is_lost()
    assert_running(*others)


def test_commands_that_a_killed_worker_had_in_postgresql_are_answered_by_another(system, group):
    it = group(ROUGH | {"GOLD_LABEL_WORKER_DRAIN_MS": "500"})
    victim, other = it.start(2)
    with it.load:
        with system.table_held():
            it.wait_until_stuck(victim, other)
            victim.kill()
            it.wait_for_shares(1)
        it.wait_until_working(other)
    it.assert_nothing_is_lost()
    assert_running(other)


@pytest.mark.parametrize("count", [2, 3])
def test_a_frozen_worker_is_replaced_and_works_again_when_it_thaws(group, count):
    it = group(ROUGH)
    frozen, *others = it.start(count)
    with it.load:
        it.wait_until_working(frozen, *others)
        frozen.send_signal(signal.SIGSTOP)
        it.wait_for_shares(count - 1)
        it.wait_until_working(*others)
        frozen.send_signal(signal.SIGCONT)
        it.wait_for_shares(count)
        it.wait_until_working(frozen, *others)
    it.assert_nothing_is_lost()
    assert_running(frozen, *others)


def test_all_workers_freeze_and_go_on(group):
    it = group(ROUGH)
    everybody = it.start(2)
    with it.load:
        it.wait_until_working(*everybody)
        for worker in everybody:
            worker.send_signal(signal.SIGSTOP)
        wait_until(lambda: it.topics.shares() == [], 30, "the group is empty")
        for worker in everybody:
            worker.send_signal(signal.SIGCONT)
        it.wait_for_shares(2)
        it.wait_until_working(*everybody)
    it.assert_nothing_is_lost()
    assert_running(*everybody)


# ---- while PostgreSQL does not answer ----


def test_partitions_are_given_up_in_time_though_their_commands_are_stuck_in_postgresql(system, group):
    it = group(POLITE | {"GOLD_LABEL_WORKER_DRAIN_MS": "500"})
    first, second = it.start(2)
    with system.table_held():
        with it.load:
            it.wait_until_stuck(first, second)
            third = it.start_one()
            it.wait_for_shares(3)
        assert it.topics.lag() == len(it.load.sent)
    it.assert_nothing_is_lost()
    assert_running(first, second, third)
