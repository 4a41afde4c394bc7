"""gold-label send, killed again and again, and with a broker that goes away: no line is lost, none is twice.

TOOL_KILLS makes it more kills (10), TOOL_OUTAGE a longer outage in seconds (20)."""

import json
import os
import random
import time
import uuid

import pytest
from support.tool import Tool, account_of, good, json_lines, write_lines
from support.waiting import wait_until

KILLS = int(os.environ.get("TOOL_KILLS", "3"))
OUTAGE_S = float(os.environ.get("TOOL_OUTAGE", "3"))


@pytest.fixture
def tool(system, tokens):
    return Tool(system, tokens.worker())


def assert_every_line_is_there(tool, run, system, file, results, bad=()):
    """The end state of a load that nothing has disturbed. `bad`: the lines that are none, from 0."""
    lines = file.read_bytes().count(b"\n")
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


def test_killed_at_random_moments_and_resumed_no_line_is_skipped(tool, run, system, tmp_path):
    count, bad = 9000, range(5, 9000, 1000)
    file = write_lines(tmp_path / "labels.ndjson", count, lambda n: b"?\n" if n in bad else good(n))
    results, rejects = tmp_path / "results.ndjson", tmp_path / "rejects.ndjson"
    options = ("send", "--run", run, "--results", results, "--rejects", rejects, "--resume", file)
    for target in sorted(random.Random(uuid.UUID(run).int).sample(range(1, count - 2000), KILLS)):
        with tool.running(tmp_path, *options, "--rate", "4000/s") as part:
            wait_until(lambda target=target: system.count(run) >= target, 60)
            assert part.kill() == -9
            assert part.stdout == b""
    done = tool(*options)
    outcomes = account_of(done)
    assert (done.returncode, json.loads(done.stdout)["read"], outcomes["rejected"]) == (1, count, len(bad))
    assert outcomes["stored"] + outcomes.get("replayed", 0) == count - len(bad)
    assert rejects.read_bytes() == b"?\n" * len(bad)
    assert_every_line_is_there(tool, run, system, file, results, bad)


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
    assert_every_line_is_there(tool, run, system, file, results)
