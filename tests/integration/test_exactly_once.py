"""Whatever happens, a read_committed reader sees one result per command of an exactly-once worker."""

import signal
from collections import Counter

import pytest
from support.events import command
from support.kafka_proxy import END_TRANSACTION
from support.waiting import wait_until

COMMANDS = 4_000
DEADLINE_S = 90


@pytest.fixture
def start(workers, lanes):
    """Starts a worker under a name."""

    def start(instance, **environment):
        exactly_once = {
            "GOLD_LABEL_WORKER_DELIVERY": "exactly-once",
            "GOLD_LABEL_WORKER_INSTANCE": instance,
            "GOLD_LABEL_WORKER_MAX_ROWS": "100",  # many transactions
        }
        return workers.start(**lanes.environment, **exactly_once, **environment)

    return start


class Load:
    """Commands that are on their topic, and what has become of them."""

    def __init__(self, system, lanes, n=COMMANDS):
        self.system = system
        self.lanes = lanes
        self.run = system.new_run()
        self.ids = []
        self.add(n)

    def add(self, n):
        sender = self.lanes.sender()
        for _ in range(n):
            one = command(self.run, text_value=f"value {len(self.ids)}")
            self.ids.append(one["command_id"])
            sender.queue(one, partition=len(self.ids) % len(self.lanes.partitions))
        sender.flush()

    def stored(self):
        return self.system.count(self.run)

    def wait_for_rows(self, n):
        wait_until(lambda: self.stored() >= n, DEADLINE_S, f"{n} rows")

    def check(self):
        """Each command has one result, each id one row, and the group is through."""
        wait_until(lambda: self.lanes.lag() == 0, DEADLINE_S, "no lag")
        events = self.lanes.results.read_all(DEADLINE_S)
        assert Counter(e.result["outcome"] for e in events) == {"CREATED": len(self.ids)}
        assert Counter(e.result["command_id"] for e in events) == Counter(self.ids)
        assert len({e.headers["ce_id"] for e in events}) == len(events)
        assert self.stored() == len(self.ids)


def test_results_and_offsets_of_an_ordinary_day(system, lanes, start):
    load = Load(system, lanes)
    start("one").wait_until_ready()
    load.check()


def test_a_worker_killed_again_and_again_answers_each_command_once(system, lanes, start):
    load = Load(system, lanes)
    for n in range(1, 5):
        worker = start("one")
        load.wait_for_rows(n * COMMANDS // 6)
        worker.kill()
    start("one")
    load.check()


def test_a_worker_that_is_told_to_stop_leaves_no_transaction_behind(system, lanes, start):
    load = Load(system, lanes)
    for n in range(1, 4):
        worker = start("one").wait_until_ready()  # before that nobody waits for a signal
        load.wait_for_rows(n * COMMANDS // 6)
        assert worker.stop() == 0
    start("another")  # nobody else can end what the name `one` had left open
    load.check()


def test_a_worker_frozen_in_mid_transaction_is_fenced(system, lanes, start):
    load = Load(system, lanes)
    first, second = start("one"), start("two")
    for worker in (first, second):
        worker.wait_until_ready()
    load.add(COMMANDS)
    load.wait_for_rows(COMMANDS + COMMANDS // 4)
    first.send_signal(signal.SIGSTOP)
    wait_until(lambda: lanes.shares() == [len(lanes.partitions)], DEADLINE_S, "the other has all partitions")
    load.add(COMMANDS // 4)
    load.wait_for_rows(len(load.ids))
    first.send_signal(signal.SIGCONT)
    wait_until(lambda: lanes.shares() == [2, 2], DEADLINE_S, "both work again")
    load.add(COMMANDS // 4)
    load.check()
    assert first.is_running() and second.is_running()


@pytest.mark.parametrize("server", ["kafka", "postgres"])
def test_a_server_killed_in_mid_transaction_leads_to_no_second_result(system, lanes, start, server):
    load = Load(system, lanes)
    worker = start("one")
    load.wait_for_rows(COMMANDS // 6)
    try:
        system.call("kill", server)
    finally:
        system.call("start", server)
    load.check()
    assert worker.is_running()
    system.wait_until_ready()


@pytest.mark.parametrize("lost, committed", [("answers", "yes"), ("asks", "no")])
def test_a_commit_without_an_answer_is_looked_up_and_leads_to_no_second_result(
    system, lanes, start, kafka_proxy, lost, committed
):
    load = Load(system, lanes, n=100)
    worker = start("one", **kafka_proxy.environment, GOLD_LABEL_KAFKA_TRANSACTION_TIMEOUT_MS="1500")
    load.wait_for_rows(100)
    wait_until(lambda: lanes.lag() == 0, DEADLINE_S, "no lag")
    with kafka_proxy.losing(lost, END_TRANSACTION):
        load.add(1000)
        wait_until(lambda: "step=commit" in worker.log, DEADLINE_S, "a commit that fails")
    decided = f'"the transaction that gave no answer is decided" committed={committed}'
    wait_until(lambda: decided in worker.log, DEADLINE_S, f"the log has: {decided}")
    load.add(100)
    load.check()
    assert worker.is_running()


@pytest.mark.parametrize("lost", ["answers", "asks"])
def test_a_worker_whose_commit_is_not_answered_ends_in_time(system, lanes, start, kafka_proxy, lost):
    load = Load(system, lanes, n=100)
    worker = start("one", **kafka_proxy.environment, GOLD_LABEL_KAFKA_TRANSACTION_TIMEOUT_MS="2000")
    load.wait_for_rows(100)
    with kafka_proxy.losing(lost, END_TRANSACTION) as is_lost:
        load.add(100)
        wait_until(is_lost.is_set, DEADLINE_S, "a commit without an answer")
        assert worker.stop() == 0
    start("one")
    load.check()


def test_two_workers_of_one_name_are_found_out(system, lanes, start):
    load = Load(system, lanes)
    twins = [start("one"), start("one")]

    def are_found_out():
        """Both are given work until one of them has had enough; then there may be nobody left to do it."""
        if load.stored() > len(load.ids) - COMMANDS // 4:
            load.add(COMMANDS // 4)
        return not all(worker.is_running() for worker in twins)

    wait_until(are_found_out, DEADLINE_S, "one of the two has ended")
    ended = [worker for worker in twins if not worker.is_running()]
    assert ended and all(worker.wait() == 1 for worker in ended)
    assert all("give each its own [worker] instance" in worker.log for worker in ended)
    for worker in twins:
        worker.kill()
    start("one")
    load.check()


def test_a_command_sent_twice_has_two_results_and_one_row(system, lanes, start):
    start("one").wait_until_ready()
    one = command(system.new_run())
    assert not lanes.ask(one).result["replayed"]
    assert lanes.ask(one).result["replayed"]
    assert system.count(one["run_id"]) == 1


def test_a_reply_partition_that_does_not_exist_is_ignored(system, lanes, start):
    start("one").wait_until_ready()
    answer = lanes.ask(command(system.new_run()), reply_partition="4711")
    assert answer.result["outcome"] == "CREATED"
    assert lanes.ask(command(system.new_run()), reply_partition="3").partition == 3


def test_what_cannot_be_read_is_dead_lettered_with_its_offset(system, lanes, start):
    start("one").wait_until_ready()
    lanes.sender().send(b"not a command", partition=0)
    dead = lanes.dead_letters.first(lambda e: e.value == b"not a command")
    assert dead.headers["dlq-offset"] == b"0"
    wait_until(lambda: lanes.lag() == 0, DEADLINE_S, "no lag")
