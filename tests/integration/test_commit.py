"""A 201 is sent after the commit, never before."""

from support.events import command
from support.waiting import wait_until


def test_no_201_while_the_row_cannot_be_committed(api, run, system, held_table):
    answer = api.post(run, Prefer="wait=2")
    assert answer.status_code == 202
    assert system.worker_waits_for_lock()
    held_table.rollback()
    wait_until(lambda: system.count(run) == 1, what="the row")
    label_id = system.query("SELECT id::text FROM gold_label WHERE run_id = %s", run)[0][0]
    assert answer.json() == {"id": label_id, "status": "accepted"}
    assert answer.headers["Preference-Applied"] == "wait=2"


def test_no_result_while_the_row_cannot_be_committed(sender, results, run, system, held_table):
    sender.send(command(run), correlation_id="held")
    wait_until(system.worker_waits_for_lock, what="the worker's INSERT")
    assert not [e for e in results.read_for(1) if e.headers.get("correlation-id") == b"held"]
    held_table.rollback()
    assert results.result("held").result["outcome"] == "CREATED"
    assert system.count(run) == 1
