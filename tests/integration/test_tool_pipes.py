"""gold-label at pipes where the other side stands still, and without the streams that everybody has."""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import termios
import time

import pytest
from support.events import Sender
from support.tool import TEXT, Tool, account_of, json_lines, lines, write_lines
from support.waiting import wait_until


@pytest.fixture
def tool(system, tokens):
    return Tool(system, tokens.worker())


@contextlib.contextmanager
def reader_that_stands_still(path):
    """A named pipe that somebody has open and never reads: says how many bytes are in it."""
    os.mkfifo(path)
    end = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        yield lambda: int.from_bytes(fcntl.ioctl(end, termios.FIONREAD, bytes(4)), sys.byteorder)
    finally:
        os.close(end)


def test_results_that_nobody_takes_are_ended_by_a_signal(tool, run, tmp_path):
    """What the pipe does not hold is kept up to a bound. Then nothing is read any more, but signals are."""
    assert tool("send", "--run", run, write_lines(tmp_path / "labels.ndjson", 1000)).returncode == 0
    with (
        reader_that_stands_still(tmp_path / "stdout") as waiting,
        tool.running(tmp_path, "results", "--run", run, "--from", "oldest") as follow,
    ):
        wait_until(lambda: waiting() > 60000)
        before = follow.naps()
        wait_until(lambda: follow.naps() > before + 2)
        follow.process.send_signal(signal.SIGTERM)
        assert follow.wait(10) == 0


def test_results_end_with_their_reader_though_nothing_more_comes(tool, run):
    """`| head -1`: there is nothing to write, so no write fails."""
    assert tool("send", "--run", run, stdin=lines(TEXT)).returncode == 0
    command, environment = tool.command(("results", "--run", run, "--from", "oldest"), {})
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as follow:
        assert json.loads(follow.stdout.readline())["run_id"] == run
        follow.stdout.close()
        try:
            assert follow.wait(10) == 0
        finally:
            follow.kill()


@pytest.mark.parametrize("options", [(), ("--dry-run",)], ids=["send", "dry run"])
def test_records_that_nobody_takes_are_ended_by_a_signal(tool, run, tmp_path, options):
    file, pipe = write_lines(tmp_path / "labels.ndjson", 5000), tmp_path / "records"
    with (
        reader_that_stands_still(pipe) as waiting,
        tool.running(tmp_path, "send", "--run", run, *options, "--results", pipe, file) as load,
    ):
        wait_until(lambda: waiting() > 60000)
        wait_until(load.is_asleep)
        load.process.send_signal(signal.SIGTERM)
        assert load.wait(20) == 3
        assert "--results cannot be written: its reader takes nothing, and we are to end" in load.stderr


def test_records_wait_for_a_reader_that_takes_its_time(tool, run, tmp_path):
    file, pipe = write_lines(tmp_path / "labels.ndjson", 5000), tmp_path / "records"
    os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with tool.running(tmp_path, "send", "--run", run, "--dry-run", "--results", pipe, file) as load:
        wait_until(load.is_asleep)
        time.sleep(1)
        os.set_blocking(end, True)
        with os.fdopen(end, "rb") as records:
            assert [json.loads(one)["line"] for one in records] == list(range(1, 5001))
        assert load.wait(20) == 0


def test_a_silent_input_does_not_keep_lines_without_an_answer_waiting_for_ever(tool, topics, run, tmp_path):
    ours, theirs = os.pipe()
    os.write(theirs, lines(TEXT))
    options = ("send", "--run", run, "--timeout", "2s")
    with (
        os.fdopen(theirs, "wb"),
        os.fdopen(ours, "rb") as silent,
        tool.running(tmp_path, *options, stdin=silent, **topics.environment) as load,
    ):
        assert load.wait(30) == 3  # there is no worker
        assert "nothing moved within --timeout" in load.stderr
        assert account_of(load) == {"unknown": 1}


def test_a_pipe_leaves_no_checkpoint_and_a_folder_is_no_input(tool, run, tmp_path):
    refused = tool("send", "--run", run, "--checkpoint", tmp_path / "checkpoint", "-", stdin=lines(TEXT))
    assert refused.returncode == 2
    assert b"--checkpoint needs an input that can be read twice" in refused.stderr
    command, environment = tool.command(("send", "--run", run), {})
    shell = ["bash", "-c", f'"$@" < {tmp_path}', "bash", *command]
    refused = subprocess.run(shell, env=environment, capture_output=True, timeout=20)
    assert (refused.returncode, refused.stdout) == (2, b"")
    assert b"standard input is a folder" in refused.stderr


@pytest.mark.parametrize(
    ("verb", "status"), [(("list",), 130), (("show", "0:0", "--bytes", "1000000"), 130)], ids=["list", "show"]
)
def test_dead_letters_that_nobody_takes_are_ended_by_a_signal(tool, topics, tmp_path, verb, status):
    sender = Sender(topics.brokers, None, topics.names["dlq"])
    sender.queue(bytes(500000))
    for _ in range(1000):
        sender.queue(b"?", dlq_message="x" * 100)
    sender.flush()
    with (
        reader_that_stands_still(tmp_path / "stdout") as waiting,
        tool.running(tmp_path, "dlq", *verb, **topics.environment) as letters,
    ):
        wait_until(lambda: waiting() > 30000)  # a pipe of small pieces is full early
        wait_until(letters.is_asleep)
        letters.process.send_signal(signal.SIGTERM)
        assert letters.wait(10) == status


def test_a_named_pipe_that_nobody_writes_is_waited_for_until_ctrl_c(tool, run, tmp_path):
    pipe, file = tmp_path / "pipe", write_lines(tmp_path / "labels.ndjson", 1)
    os.mkfifo(pipe)
    for options in ((pipe,), ("--dry-run", pipe), ("--token-file", pipe, file)):
        with tool.running(tmp_path, "send", "--run", run, *options) as load:
            wait_until(lambda load=load: load.is_asleep())
            load.interrupt()
            assert load.wait(10) == -signal.SIGINT, options


@pytest.mark.parametrize("option", ["--results", "--rejects", "--checkpoint"])
def test_a_named_pipe_is_no_place_to_wait_for_a_reader_or_to_replace(tool, run, tmp_path, option):
    pipe, file = tmp_path / "pipe", write_lines(tmp_path / "labels.ndjson", 1)
    os.mkfifo(pipe)
    resume = ["--resume"] if option == "--checkpoint" else []
    for more in ([], resume):
        refused = tool("send", "--run", run, option, pipe, *more, file, timeout=20)
        assert refused.returncode == 2
        why = refused.stderr.decode()
        assert f"{pipe} is not a regular file" in why or f"nobody reads {pipe}" in why
    assert pipe.is_fifo()


def test_dlq_show_that_cannot_write_says_so(tool, topics, tmp_path):
    sender = Sender(topics.brokers, None, topics.names["dlq"])
    sender.queue(b"?")
    sender.flush()
    command, environment = tool.command(("dlq", "show", "0:0"), topics.environment)
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(command, env=environment, stdout=full, stderr=subprocess.PIPE, timeout=30)
    assert ended.returncode == 3
    assert b"the output cannot be written: No space left on device" in ended.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("--version",),
        ("help",),
        ("help", "--completion", "bash"),
        ("status", "--help"),
        ("status",),
    ],
    ids=" ".join,
)
def test_what_cannot_be_printed_is_said(tool, arguments):
    command, environment = tool.command(arguments, {})
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(command, env=environment, stdout=full, stderr=subprocess.PIPE, timeout=30)
    why = b"gold-label: standard output cannot be written: No space left on device\n"
    assert (ended.returncode, ended.stderr) == (3, why)


def test_a_stream_that_is_closed_is_no_other_file(tool, run, system, tmp_path):
    """The number of a closed stream would go to the next file that is opened."""
    results, file = tmp_path / "results.ndjson", write_lines(tmp_path / "labels.ndjson", 3)

    def send(closed, *arguments):
        command, environment = tool.command(("send", "--run", run, *arguments), {})
        shell = ["bash", "-c", f'"$@" {closed}', "bash", *command]
        return subprocess.run(shell, env=environment, capture_output=True, timeout=20)

    no_input = send("<&-", "-")
    assert no_input.returncode == 3 and b"the input cannot be read" in no_input.stderr
    no_output = send(">&-", "--results", results, file)
    assert no_output.returncode == 3 and b"standard output cannot be written" in no_output.stderr
    assert [one["outcome"] for one in json_lines(results)] == ["stored"] * 3
    no_streams = send("<&- >&- 2>&-", "--results", results, file)
    assert (no_streams.returncode, no_streams.stdout, no_streams.stderr) == (3, b"", b"")
    assert [one["outcome"] for one in json_lines(results)] == ["replayed"] * 3
