"""Where PostgreSQL commits on a standby too, CREATED means that the standby has the row."""

import time

import pytest
from support.events import command
from support.waiting import wait_until


@pytest.fixture
def worker(workers, topics):
    return workers.start(**topics.environment).wait_until_ready()


@pytest.fixture
def standby_away(system):
    """Every commit waits for a standby that is not there. A function ends that."""

    def set_up(sql):
        with system.superuser() as connection:
            connection.execute(sql)
            connection.execute("SELECT pg_reload_conf()")

    def end():
        set_up("ALTER SYSTEM RESET synchronous_standby_names")

    set_up("ALTER SYSTEM SET synchronous_standby_names = 'away'")
    yield end
    end()


def waiting(system):
    """Back ends of workers whose commit waits for the standby."""
    with system.superuser() as connection:
        sql = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND usename = %s"
        return [pid for (pid,) in connection.execute(sql, ["gold_label_worker"])]


def test_a_row_that_no_standby_has_is_not_shown_when_its_connection_is_lost(
    system, worker, topics, run, standby_away
):
    ours = command(run)
    topics.sender().send(ours)
    first = wait_until(lambda: waiting(system), what="the commit waits for the standby")
    with system.superuser() as connection:
        connection.execute("SELECT pg_terminate_backend(%s)", first)
    # Its row can be seen now; whoever shows it waits as it did.
    wait_until(lambda: system.count(run) == 1 and waiting(system), what="the repetition waits too")
    assert topics.results.read_for(1) == []
    standby_away()
    answer = topics.results.read_until(lambda events: events)[0].result
    assert (answer["command_id"], answer["replayed"]) == (ours["command_id"], True)


def test_repetitions_of_a_batch_do_not_pile_up_before_a_standby_that_is_away(
    system, workers, topics, run, standby_away
):
    sender = topics.sender()
    for _ in range(16):
        sender.queue(command(run))
    sender.flush()
    workers.start(**topics.environment, GOLD_LABEL_POSTGRES_STATEMENT_TIMEOUT_MS="1000")
    first = wait_until(lambda: waiting(system), what="the commit waits for the standby")
    with system.superuser() as connection:
        connection.execute("SELECT pg_terminate_backend(%s)", first)
    wait_until(lambda: waiting(system), what="the repetition waits too")
    time.sleep(10)  # the next repetitions are given up
    assert len(waiting(system)) == 1
    standby_away()
    answers = topics.results.read_until(lambda events: len(events) == 16)
    assert {answer.result["outcome"] for answer in answers} == {"CREATED"}
