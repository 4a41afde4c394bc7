"""PostgreSQL refuses, fails, freezes or vanishes in mid-batch: every command has one row and its answer."""

import os
import random
import re
import signal
import uuid
from collections import Counter
from contextlib import contextmanager

import psycopg
import pytest
from support.events import command
from support.proxy import Proxy
from support.waiting import wait_until

ROWS = 100
BRIEF_MS = 1000  # the worker gives a statement up five seconds later
GIVEN_UP_S = 30
STATEMENTS_PER_REFUSAL = 2 * 11  # two halves for every halving of 2,000 rows


class Victim:
    """A worker with topics and a way to PostgreSQL of its own."""

    def __init__(self, system, topics, workers, run):
        self.system, self.topics, self.workers, self.run = system, topics, workers, run
        self.sender = topics.sender()
        self.conninfo = re.search(r"^conninfo = (.*)$", (system.state / "worker.ini").read_text(), re.M)[1]
        self.proxy = Proxy(int(re.search(r"port=(\d+)", self.conninfo)[1]))
        self.name = f"store-faults-{uuid.uuid4()}"  # of its connections
        self.sent = []

    def start(self, statement_timeout_ms=60000, delivery="at-least-once"):
        conninfo = re.sub(r"port=\d+", f"port={self.proxy.port}", self.conninfo)
        self.worker = self.workers.start(
            **self.topics.environment,
            GOLD_LABEL_POSTGRES_CONNINFO=f"{conninfo} application_name={self.name}",
            GOLD_LABEL_POSTGRES_STATEMENT_TIMEOUT_MS=str(statement_timeout_ms),
            GOLD_LABEL_WORKER_DELIVERY=delivery,
        )
        return self

    def send(self, count=ROWS, **fields):
        new = [command(self.run, **fields) for _ in range(count)]
        for one in new:
            self.sender.queue(one)
        self.sender.flush()
        self.sent += new
        return new

    def answers(self, deadline_s=60):
        """The results of all that was sent, in no order; one per command and none twice."""
        ids = {one["command_id"] for one in self.sent}
        seen = self.topics.results.read_until(
            lambda events: {e.result["command_id"] for e in events} >= ids, deadline_s
        )
        results = [e.result for e in seen]
        assert len(results) == len(ids)
        return results

    def assert_all_created(self):
        assert Counter(r["outcome"] for r in self.answers()) == {"CREATED": len(self.sent)}
        stored = self.system.query("SELECT id::text FROM gold_label WHERE run_id = %s", self.run)
        assert sorted(row[0] for row in stored) == sorted(one["command_id"] for one in self.sent)
        wait_until(self.worker.is_ready, 30, "ready")

    def back_ends(self, waiting=False):
        sql = "SELECT pid FROM pg_stat_activity WHERE application_name = %s"
        sql += " AND wait_event_type = 'Lock'" if waiting else ""
        with self.system.superuser() as connection:
            return [row[0] for row in connection.execute(sql + " ORDER BY backend_start", [self.name])]

    def wait_for_lock(self, back_ends=1):
        """Their pids, the oldest first."""
        return wait_until(
            lambda: (pids := self.back_ends(waiting=True)) and len(pids) == back_ends and pids,
            what=f"{back_ends} statements wait for the lock",
        )

    def wait_for_log(self, text, deadline_s=GIVEN_UP_S):
        wait_until(lambda: text in self.worker.log, deadline_s, f"the worker's log has: {text}")

    def wait_until_not_ready(self):
        wait_until(lambda: not self.worker.is_ready(), GIVEN_UP_S, "not ready")

    @contextmanager
    def held_run(self):
        """Rows of the run are inserted, but cannot be committed: the foreign key waits for the run."""
        with self.system.connect() as connection, connection.transaction():
            connection.execute("SELECT FROM run WHERE id = %s FOR UPDATE", [self.run])
            yield


@pytest.fixture
def victim(system, topics, workers, run):
    it = Victim(system, topics, workers, run)
    yield it
    it.proxy.close()


# ---- there is no connection ----


def test_every_host_that_was_tried_is_named_with_its_reason(system, topics, workers):
    conninfo = re.search(r"^conninfo = (.*)$", (system.state / "worker.ini").read_text(), re.M)[1]
    two = re.sub(r"port=", "port=1,", conninfo.replace("host=127.0.0.1", "host=127.0.0.1,127.0.0.1"))
    worker = workers.start(**topics.environment, GOLD_LABEL_POSTGRES_CONNINFO=f"{two} password=wrong")
    both = r"port 1 failed: Connection refused; connection .* FATAL:  password authentication failed"
    wait_until(lambda: re.search(both, worker.log), GIVEN_UP_S, "both")


# ---- the connection ends ----


def test_a_terminated_back_end_costs_no_command_of_its_batch(system, victim):
    victim.start().worker.wait_until_ready()
    with victim.held_run():
        victim.send()
        [pid] = victim.wait_for_lock()
        with system.superuser() as connection:
            connection.execute("SELECT pg_terminate_backend(%s)", [pid])
        assert victim.wait_for_lock() != [pid]
    victim.assert_all_created()


def test_a_restart_of_postgresql_costs_no_command_of_the_batch(system, victim):
    victim.start().worker.wait_until_ready()
    with pytest.raises(psycopg.OperationalError), victim.held_run():
        victim.send()
        victim.wait_for_lock()
        system.call("stop", "postgres")
        try:
            victim.wait_until_not_ready()
        finally:
            system.call("start", "postgres")
    victim.assert_all_created()


def test_two_back_ends_that_work_on_the_same_batch_store_one_row_each(victim):
    victim.start().worker.wait_until_ready()
    with victim.held_run():
        victim.send()
        [old] = victim.wait_for_lock()
        victim.proxy.cut()
        assert victim.wait_for_lock(back_ends=2)[0] == old
    victim.assert_all_created()


def test_an_answer_that_is_lost_after_the_commit_is_given_all_the_same(victim):
    victim.start().worker.wait_until_ready()
    victim.proxy.swallow_answers()
    victim.send()
    # All, or those that came first: the others wait for the answer about these.
    wait_until(lambda: victim.system.count(victim.run) > 0, 60, "rows, committed")
    victim.proxy.cut()
    victim.assert_all_created()


# ---- no answer ----


def test_a_frozen_back_end_is_given_up_and_another_stores(victim):
    victim.start(BRIEF_MS).worker.wait_until_ready()
    [pid] = victim.back_ends()
    os.kill(pid, signal.SIGSTOP)
    try:
        victim.send()
        victim.assert_all_created()
        assert "the database does not answer" in victim.worker.log
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_back_end_that_freezes_in_mid_batch_stores_no_row_twice_when_it_thaws(victim):
    victim.start(BRIEF_MS).worker.wait_until_ready()
    pid = None
    try:
        with victim.held_run():
            victim.send()
            [pid] = victim.wait_for_lock()
            os.kill(pid, signal.SIGSTOP)
        # It holds the ids: the next one cannot do better than wait for it, and says so.
        victim.wait_for_log("the database does not answer")
        victim.wait_until_not_ready()
    finally:
        if pid:
            os.kill(pid, signal.SIGCONT)
    victim.assert_all_created()


def test_a_black_hole_in_mid_batch_is_noticed(victim):
    victim.start(BRIEF_MS).worker.wait_until_ready()
    with victim.held_run():
        victim.send()
        victim.wait_for_lock()
        victim.proxy.swallow()
        victim.wait_until_not_ready()
        assert "the database does not answer" in victim.worker.log
    victim.proxy.reopen()
    victim.assert_all_created()


def test_a_black_hole_instead_of_a_server_is_given_up(victim):
    victim.proxy.swallow()
    victim.start()
    victim.send()
    victim.wait_for_log("no connection in time")
    assert not victim.worker.is_ready()
    victim.proxy.reopen()
    victim.assert_all_created()


def test_a_lock_that_outlasts_the_timeout_refuses_nothing(victim):
    victim.send()  # there before the worker: had it taken one row alone first, there would be no half of it
    with victim.held_run():
        victim.start(BRIEF_MS)
        victim.wait_for_log("half of its rows are tried")
        victim.wait_until_not_ready()
        victim.wait_for_log("SQLSTATE 57014")
    victim.assert_all_created()


# ---- what an operator must mend ----


def test_a_revoked_grant_that_is_given_back_heals_by_itself(system, victim):
    victim.start().worker.wait_until_ready()
    system.query("REVOKE INSERT ON gold_label FROM gold_label_worker")
    try:
        victim.send()
        victim.wait_for_log("SQLSTATE 42501")
        victim.wait_until_not_ready()
        assert all(not victim.worker.is_ready() for _ in range(100))  # also while it is connected
        assert victim.topics.results.read_all() == []
    finally:
        system.grant()
    victim.assert_all_created()


def test_a_database_that_becomes_read_only_is_waited_out(system, victim):
    victim.start().worker.wait_until_ready()

    def set_read_only(sql):
        with system.superuser() as connection:
            connection.execute(sql)
            connection.execute("SELECT pg_reload_conf()")

    set_read_only("ALTER SYSTEM SET default_transaction_read_only = on")
    try:
        wait_until(lambda: system.query("SHOW default_transaction_read_only") == [("on",)])
        victim.send()
        victim.wait_until_not_ready()
        victim.wait_for_log("session is read-only")
        assert victim.topics.results.read_all() == []
    finally:
        set_read_only("ALTER SYSTEM RESET default_transaction_read_only")
    victim.assert_all_created()


@pytest.fixture
def hidden_runs(system):
    """Row-level security without a policy: only the owner sees a run."""
    system.query("ALTER TABLE run ENABLE ROW LEVEL SECURITY")
    yield
    system.query("DROP POLICY IF EXISTS theirs ON run")
    system.query("ALTER TABLE run DISABLE ROW LEVEL SECURITY")


def test_runs_that_no_policy_shows_are_not_missing(system, victim, hidden_runs):
    victim.start().worker.wait_until_ready()
    victim.send()
    victim.wait_for_log("row-level security")
    victim.wait_until_not_ready()
    assert victim.topics.results.read_all() == []
    system.query("CREATE POLICY theirs ON run TO gold_label_worker USING (true)")
    victim.assert_all_created()


def test_a_run_that_is_missing_among_those_of_a_policy_is_not_found(system, victim, hidden_runs):
    system.query("CREATE POLICY theirs ON run TO gold_label_worker USING (true)")
    victim.start()
    assert victim.topics.ask(command(str(uuid.uuid4()))).result["code"] == "run_not_found"


@pytest.fixture
def column_to_fill(system):
    """Somebody has added a column that the worker knows nothing of, and that must not be null."""
    system.query("ALTER TABLE gold_label ADD COLUMN team text NOT NULL DEFAULT 'a'")
    system.query("ALTER TABLE gold_label ALTER COLUMN team DROP DEFAULT")
    yield
    system.query("ALTER TABLE gold_label DROP COLUMN team")


def test_a_column_that_no_label_can_fill_refuses_none(system, victim, column_to_fill):
    victim.send()
    victim.start()
    victim.wait_for_log("SQLSTATE 23502, column team")
    victim.wait_until_not_ready()
    assert victim.topics.results.read_all() == []
    system.query("ALTER TABLE gold_label ALTER COLUMN team SET DEFAULT 'a'")
    victim.assert_all_created()


# ---- refused rows ----

RAISES = """
CREATE OR REPLACE FUNCTION raises() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.output_resource_name ~ '^raise .....$' THEN
        RAISE EXCEPTION USING ERRCODE = substr(NEW.output_resource_name, 7), MESSAGE = NEW.text_value;
    END IF;
    RETURN NEW;
END $$"""
RAISES_NO_MORE = """
CREATE OR REPLACE FUNCTION raises() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$"""


@pytest.fixture
def raising_trigger(system):
    """A trigger of the platform: a label with the name `raise 12345` fails with this SQLSTATE."""
    system.query(RAISES)
    system.query("CREATE TRIGGER raises BEFORE INSERT ON gold_label FOR EACH ROW EXECUTE FUNCTION raises()")
    yield
    system.query("DROP TRIGGER raises ON gold_label")
    system.query("DROP FUNCTION raises()")


@pytest.fixture
def refusing_check(system):
    """A constraint of the platform: it does not take the name `refused`."""
    check = "CHECK (output_resource_name <> 'refused') NOT VALID"
    system.query(f"ALTER TABLE gold_label ADD CONSTRAINT refuses_one_name {check}")
    yield
    system.query("ALTER TABLE gold_label DROP CONSTRAINT refuses_one_name")


def send_with_bad_rows(victim, bad, delivery="at-least-once"):
    """1,000 commands, sent before the worker starts; those at the places `bad` have the names given there."""
    commands = [command(victim.run, output_resource_name=bad.get(n, "good")) for n in range(1000)]
    for one in commands:
        victim.sender.queue(one)
    victim.sender.flush()
    victim.sent += commands
    victim.start(delivery=delivery)
    rejected = [r for r in victim.answers() if r["outcome"] == "REJECTED"]
    assert {(r["command_id"], r["code"]) for r in rejected} == {
        (commands[n]["command_id"], "invalid_value") for n in bad
    }
    assert victim.system.count(victim.run) == 1000 - len(bad)
    batches = victim.worker.metric("gold_label_worker_batches_total")
    statements = victim.worker.metric("gold_label_worker_statements_total")
    assert statements <= batches + len(bad) * STATEMENTS_PER_REFUSAL
    assert victim.worker.metric("gold_label_worker_database_failures_total") == 0


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_one_refused_row_of_a_thousand_costs_only_itself(victim, refusing_check, delivery):
    send_with_bad_rows(victim, {random.randrange(1000): "refused"}, delivery)


def test_many_refused_rows_at_random_places_cost_only_themselves(victim, refusing_check, raising_trigger):
    places = random.sample(range(1000), 12)
    send_with_bad_rows(victim, {n: "refused" if n % 2 else "raise P0001" for n in places})


# Codes of PostgreSQL's classes of values, and those that a trigger makes up.
REFUSALS = ["22023", "23514", "P0001", "P0002", "44000", "54000", "09000", "38000", "45000", "GL001"]


def test_what_a_trigger_refuses_is_rejected_without_its_words(victim, raising_trigger):
    for sqlstate in REFUSALS:
        victim.send(1, output_resource_name=f"raise {sqlstate}", text_value="canary")
    victim.start()
    results = victim.answers()
    assert {(r["outcome"], r["code"]) for r in results} == {("REJECTED", "invalid_value")}
    assert {r["message"].split()[-1] for r in results} == set(REFUSALS)
    assert "canary" not in str([r["message"] for r in results]) + victim.worker.log


# What no other value would mend: rights, schema, resources, state, bugs.
OUTAGES = ["0A000", "25006", "42501", "42883", "53100", "53200", "57014", "P0004", "XX000"]


@pytest.mark.parametrize("sqlstate", OUTAGES)
def test_what_is_no_rows_fault_is_tried_again_until_it_is_mended(system, victim, raising_trigger, sqlstate):
    victim.send(3, output_resource_name=f"raise {sqlstate}", text_value="canary")
    victim.start()
    victim.wait_for_log(f"SQLSTATE {sqlstate}")
    victim.wait_for_log("attempt=3")
    assert not victim.worker.is_ready()
    assert victim.topics.results.read_all() == []
    system.query(RAISES_NO_MORE)
    victim.assert_all_created()
    assert "canary" not in victim.worker.log
