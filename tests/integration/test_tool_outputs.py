"""gold-label send: what it writes about the lines, to streams and where options change between attempts."""

import json
import subprocess

import pytest
from support.tool import Tool, account_of, good, json_lines, lines, write_lines
from support.waiting import wait_until


@pytest.fixture
def tool(system, tokens):
    return Tool(system, tokens.worker())


@pytest.fixture
def interrupted(tool, run, system, tmp_path):
    """Sends until so many are stored, and then no further. Gives the load that has ended."""

    def send(at, *arguments):
        with tool.running(tmp_path, "send", "--run", run, "--rate", "1000", *arguments) as load:
            wait_until(lambda: system.count(run) >= at, 60)
            load.interrupt()
            assert load.wait() == 130
        return load

    return send


def test_an_output_that_is_the_file_of_a_stream_is_refused_and_what_is_there_stays(tool, run, tmp_path):
    """The summary and the log would be written over it. A pipe takes both, one behind the other."""
    file, out = write_lines(tmp_path / "labels.ndjson", 3), tmp_path / "out"
    cases = [
        ("--results /dev/stdout", ">>", "--results: /dev/stdout is the file of standard output"),
        ("--rejects /dev/stdout", ">>", "--rejects: /dev/stdout is the file of standard output"),
        (f"--checkpoint {out}", ">>", f"--checkpoint: {out} is the file of standard output"),
        ("--results /dev/stderr", "2>>", "--results: /dev/stderr is the file of standard error"),
    ]
    for options, onto, reason in cases:
        out.write_text("precious\n")
        command, environment = tool.command(("send", "--run", run, *options.split(), file), {})
        shell = ["bash", "-c", f'"$@" {onto} {out}', "bash", *command]
        done = subprocess.run(shell, env=environment, capture_output=True, timeout=60)
        assert (done.returncode, done.stdout) == (2, b""), options
        assert out.read_text().startswith("precious\n"), options
        assert reason in done.stderr.decode() + out.read_text(), options
    through = tool("send", "--run", run, "--results", "/dev/stdout", file)
    *results, summary = map(json.loads, through.stdout.splitlines())
    assert [one["line"] for one in results] == [1, 2, 3] and summary["stored"] == 3


def test_a_load_that_cannot_begin_leaves_what_another_one_left(tool, run, interrupted, tmp_path):
    """Its files and its checkpoint: that one can still be resumed."""
    file = write_lines(tmp_path / "labels.ndjson", 10000, lambda n: b"?\n" if n % 100 == 0 else good(n))
    rejects = tmp_path / "rejects.ndjson"
    options = ("send", "--run", run, "--rejects", rejects)
    interrupted(500, "--rejects", rejects, file)
    left = {path: path.read_bytes() for path in tmp_path.glob("*ndjson*")}
    assert left[rejects] and file.with_name("labels.ndjson.checkpoint") in left

    away = tool(*options, "--timeout", "1s", file, GOLD_LABEL_KAFKA_BROKERS="127.0.0.1:1")
    assert away.returncode == 3
    assert left == {path: path.read_bytes() for path in tmp_path.glob("*ndjson*")}
    done = tool(*options, "--resume", file)
    assert (done.returncode, account_of(done)) == (1, {"stored": 9900, "rejected": 100})
    assert rejects.read_bytes() == b"?\n" * 100


def test_a_load_that_goes_on_without_a_file_leaves_it_as_it_was(tool, run, interrupted, tmp_path):
    """With it again it goes on behind what is there: nothing that was rejected before is lost."""
    file = write_lines(tmp_path / "labels.ndjson", 3000, lambda n: b"?\n" if n % 100 == 0 else good(n))
    rejects = tmp_path / "rejects.ndjson"

    def rejected_until(at, *options):
        return json.loads(interrupted(at, *options, file).stdout)["rejected"]

    before = rejected_until(500, "--rejects", rejects)
    kept = rejects.read_bytes()
    between = rejected_until(1500, "--resume")
    assert rejects.read_bytes() == kept and 0 < before < between < 30
    last = tool("send", "--run", run, "--rejects", rejects, "--resume", file)
    assert (last.returncode, account_of(last)) == (1, {"stored": 2970, "rejected": 30})
    numbers = [*range(1, 3000, 100)]
    assert rejects.read_bytes() == b"?\n" * (before + 30 - between)
    reasons = [one["line"] for one in json_lines(tmp_path / "rejects.ndjson.reasons")]
    assert reasons == numbers[:before] + numbers[between:]


def test_an_output_that_another_load_is_writing_is_refused_until_that_one_has_ended(
    tool, run, system, tmp_path
):
    """As where a scheduled load begins before the last one is through."""
    file = write_lines(tmp_path / "labels.ndjson", 3000, lambda n: b"?\n" if n % 100 == 0 else good(n))
    results, rejects = tmp_path / "results.ndjson", tmp_path / "rejects.ndjson"
    options = ("send", "--run", run, "--results", results, "--rejects", rejects, "--resume", file)
    with tool.running(tmp_path, *options, "--rate", "1000") as load:
        wait_until(lambda: system.count(run) >= 500, 60)
        for which, name in (("--results", results), ("--rejects", rejects)):
            for more in ((), ("--dry-run",)):
                late = tool("send", "--run", run, which, name, *more, file)
                assert late.returncode == 2 and f"{which}: another load is writing {name}" in str(late.stderr)
        assert tool(*options).returncode == 2
        assert load.wait() == 1
        assert account_of(load) == {"stored": 2970, "rejected": 30}
    assert [one["line"] for one in json_lines(results)] == [*range(1, 3001)]
    assert rejects.read_bytes() == b"?\n" * 30
    assert account_of(tool(*options)) == {"replayed": 2970, "rejected": 30}


def test_a_checkpoint_of_an_input_that_was_changed_is_not_said_to_be_of_use(tool, run, system, tmp_path):
    file = write_lines(tmp_path / "labels.ndjson", 2000)
    before = file.read_bytes()
    with tool.running(tmp_path, "send", "--run", run, "--rate", "1000", file) as load:
        wait_until(lambda: system.count(run) >= 100, 60)
        file.write_bytes(before + before)
        load.interrupt()
        assert load.wait() == 130
    assert "a checkpoint is left" in load.stderr and "go on with --resume" not in load.stderr
    assert "as it was" in load.stderr

    assert tool("send", "--run", run, "--resume", file).returncode == 2
    file.write_bytes(before)
    assert tool("send", "--run", run, "--resume", file).returncode == 0
    assert system.count(run) == 2000


def test_a_file_that_is_not_what_the_checkpoint_knows_is_not_cut_off(tool, run, interrupted, tmp_path):
    file = write_lines(tmp_path / "labels.ndjson", 10000)
    results = tmp_path / "results.ndjson"
    options = ("send", "--run", run, "--results", results)
    interrupted(500, "--results", results, file)
    written = results.read_bytes()
    precious = b"x" * (2 * len(written)) + b"\n"
    results.write_bytes(precious)
    refused = tool(*options, "--resume", file)
    assert refused.returncode == 2
    assert f"no line ends at byte {len(written)}" in refused.stderr.decode()
    assert results.read_bytes() == precious
    results.write_bytes(written)
    assert tool(*options, "--resume", file).returncode == 0
    assert [one["line"] for one in json_lines(results)] == list(range(1, 10001))


def test_a_checkpoint_of_an_older_load_does_not_outlive_what_it_was_about(tool, run, tmp_path):
    """Where it cannot be replaced: here because its temporary file would have too long a name."""
    file = write_lines(tmp_path / ("n" * 240), 10)
    older = file.with_name(file.name + ".checkpoint")
    older.write_text("of an older load\n")
    done = tool("send", "--run", run, file)
    assert (done.returncode, account_of(done)) == (0, {"stored": 10})
    assert b"no checkpoint will be left" in done.stderr
    assert not older.exists()


def test_a_last_line_without_an_end_is_one_too_many_too(tool, run, tmp_path):
    file = tmp_path / "labels.ndjson"
    file.write_bytes(lines(good(1)) + b"?")
    done = tool("send", "--run", run, "--max-errors", "0", file)
    assert done.returncode == 3
    assert json.loads(done.stdout)["end"] == "stopped"
    assert b"more than --max-errors" in done.stderr


def test_a_dry_run_leaves_alone_what_an_interrupted_load_has_written(tool, run, interrupted, tmp_path):
    file, rejects = tmp_path / "labels.ndjson", tmp_path / "rejects.ndjson"
    file.write_bytes(lines({"text_value": "no name"}, *(good(n) for n in range(5000))))
    checkpoint = tmp_path / "labels.ndjson.checkpoint"
    interrupted(100, "--rejects", rejects, file)
    before = rejects.read_bytes(), checkpoint.read_bytes()
    for option, output in (("--rejects", rejects), ("--results", rejects), ("--rejects", checkpoint)):
        refused = tool("send", "--dry-run", option, output, file)
        assert refused.returncode == 2
        assert f"{option}: {output} is not empty, and there is {checkpoint}" in refused.stderr.decode()
    checked = tmp_path / "checked.ndjson"
    assert tool("send", "--dry-run", "--run", run, "--rejects", checked, file).returncode == 1
    assert checked.read_bytes() == rejects.read_bytes() != b""
    assert (rejects.read_bytes(), checkpoint.read_bytes()) == before
