"""gold-label send, killed again and again, and with a broker that goes away: no line is lost, none is twice.

TOOL_KILLS makes it more kills (10), TOOL_OUTAGE a longer outage in seconds (20)."""

import gzip
import json
import os
import random
import time
import uuid

import pytest
from support.events import COMMANDS, Reader
from support.tool import Tool, account_of, good, json_lines, write_lines
from support.waiting import wait_until

KILLS = int(os.environ.get("TOOL_KILLS", "3"))
OUTAGE_S = float(os.environ.get("TOOL_OUTAGE", "3"))


@pytest.fixture
def tool(system, tokens):
    return Tool(system, tokens.worker())


def assert_every_line_is_there(tool, run, system, file, lines, results, bad=()):
    """The end state of a load that nothing has disturbed. `bad`: the lines that are none, from 0."""
    said = json_lines(results)
    assert [one["line"] for one in said] == list(range(1, lines + 1))
    assert [one["line"] - 1 for one in said if one["outcome"] == "rejected"] == list(bad)
    assert not file.with_name(f"{file.name}.checkpoint").exists()

    rows = dict(system.query("SELECT id::text, text_value FROM gold_label WHERE run_id = %s", run))
    wanted = {one["id"]: good(one["line"] - 1)["text_value"] for one in said if one["outcome"] != "rejected"}
    assert rows == wanted and len(wanted) == lines - len(bad)

    again = account_of(tool("send", "--run", run, file))
    assert (again["replayed"], again.get("rejected", 0)) == (lines - len(bad), len(bad))
    assert system.count(run) == lines - len(bad)


@pytest.mark.parametrize(
    ("wait", "packed"),
    [("stored", False), ("stored", True), ("accepted", False), ("accepted", True)],
    ids=["stored", "stored, gzip", "accepted", "accepted, gzip"],
)
def test_killed_at_random_moments_and_resumed_no_line_is_skipped(wait, packed, tool, run, system, tmp_path):
    """The moments are early enough for a worker that lags behind: what is accepted may not be stored yet."""
    count, bad = 9000, range(5, 9000, 1000)
    file = write_lines(tmp_path / "labels.ndjson", count, lambda n: b"?\n" if n in bad else good(n))
    if packed:
        plain, file = file, tmp_path / "labels.ndjson.gz"
        file.write_bytes(gzip.compress(plain.read_bytes()))
    results, rejects = tmp_path / "results.ndjson", tmp_path / "rejects.ndjson"
    options = ("send", "--run", run, "--wait", wait, "--results", results, "--rejects", rejects)
    options += ("--resume", file)
    for target in sorted(random.Random(uuid.UUID(run).int).sample(range(1, count - 4000), KILLS)):
        with tool.running(tmp_path, *options, "--rate", "2000/s") as part:
            wait_until(lambda target=target: system.count(run) >= target, 60)
            assert part.kill() == -9
            assert part.stdout == b""
    done = tool(*options)
    summary = json.loads(done.stdout)
    assert (done.returncode, summary["read"], summary["rejected"]) == (1, count, len(bad))
    outcomes = ("stored", "replayed") if wait == "stored" else ("accepted",)
    assert sum(summary[name] for name in outcomes) == count - len(bad)
    assert rejects.read_bytes() == b"?\n" * len(bad)
    wait_until(lambda: system.count(run) == count - len(bad), 60)
    assert_every_line_is_there(tool, run, system, file, count, results, bad)


def test_no_more_lines_than_in_flight_are_sent_while_none_is_answered(
    tool, run, system, held_table, tmp_path
):
    count, in_flight = 100, 10
    file = write_lines(tmp_path / "labels.ndjson", count)
    topic = Reader(system.env["KAFKA_BROKERS"], COMMANDS)
    with tool.running(tmp_path, "send", "--run", run, "--in-flight", in_flight, file) as load:
        topic.read_until(lambda events: len(events) >= in_flight)
        wait_until(system.worker_waits_for_lock)
        assert len(topic.read_for(1)) == in_flight
        held_table.rollback()
        assert load.wait(60) == 0, load.stderr
        assert account_of(load) == {"stored": count}
    assert len(topic.read_all()) == count
    topic.close()


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_broker_that_is_away_is_waited_for(how, tool, run, system, tmp_path, whole_again):
    count = 4000
    file = write_lines(tmp_path / "labels.ndjson", count)
    results = tmp_path / "results.ndjson"
    with tool.running(tmp_path, "send", "--run", run, "--results", results, "--rate", "2000/s", file) as load:
        wait_until(lambda: system.count(run) >= 500, 60)
        system.call(how, "kafka")
        back = time.monotonic() + OUTAGE_S
        wait_until(lambda: load.process.poll() is not None or time.monotonic() > back, OUTAGE_S + 20)
        assert load.process.poll() is None, load.stderr
        assert system.count(run) < count, "it went away before the end"
        system.call("start", "kafka")
        assert load.wait(120) == 0, load.stderr
        outcomes = account_of(load)
    assert json.loads(load.stdout)["end"] == "complete"
    assert outcomes["stored"] + outcomes.get("replayed", 0) == count
    system.wait_until_ready()
    assert_every_line_is_there(tool, run, system, file, count, results)
