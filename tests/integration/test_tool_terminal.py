"""gold-label on a terminal: a bar while it loads, tables where there would be JSON, help that fits."""

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
import uuid

import pytest
from support.tool import TEXT, Tool, lines, write_lines
from support.waiting import wait_until

COLUMNS = 100


@pytest.fixture
def tool(system, tokens):
    return Tool(system, tokens.worker())


class Terminal:
    """A verb whose standard error is a terminal of 100 columns; its output, too, unless it is given."""

    def __init__(self, tool, *arguments, stdout=None, **environment):
        command, variables = tool.command(arguments, environment)
        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command],
            stdin=subprocess.DEVNULL,
            stdout=stdout or theirs,
            stderr=theirs,
            env=variables,
        )
        os.close(theirs)
        self.shown = b""

    def read(self):
        """What it has shown until now."""
        with contextlib.suppress(OSError):  # EIO: it has ended
            while select.select([self.ours], [], [], 0)[0]:
                more = os.read(self.ours, 65536)
                if not more:
                    break
                self.shown += more
        return self.shown.decode()

    def wait(self, deadline_s=60):
        """Its exit status, when all that it showed is read: a full terminal would hold it up."""
        end = time.monotonic() + deadline_s

        def has_ended():
            self.read()
            return self.process.poll() is not None

        wait_until(has_ended, end - time.monotonic(), "the verb has ended")
        self.read()
        return self.process.returncode

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.ours)


@pytest.fixture
def terminal(tool):
    opened = []

    def start(*arguments, **options):
        opened.append(Terminal(tool, *arguments, **options))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


BAR = re.compile(
    r"\[(#*)\.*\] +(\d+) %  ([\d,]+) stored, ([\d,]+) rejected  ([\d,]+)/s(?:  (\d+:\d\d) left)?"
)


def test_a_load_shows_a_bar_that_only_grows_and_leaves_the_summary(terminal, run, system, tmp_path):
    file = write_lines(tmp_path / "labels.ndjson", 3000, lambda n: b"?\n" if n == 7 else TEXT)
    rejects = tmp_path / "rejects"
    load = terminal("send", "--run", run, "--rejects", rejects, "--rate", "2000/s", file)
    assert load.wait() == 1
    shown = load.read()
    bars = BAR.findall(shown)
    assert len(bars) >= 3
    percents, stored = ([int(bar[n].replace(",", "")) for bar in bars] for n in (1, 2))
    assert percents == sorted(percents) and stored == sorted(stored)
    assert all(abs(len(bar[0]) - int(bar[1]) / 5) <= 1 for bar in bars)
    assert bars[-1][3] == "1" and bars[-1][5]
    # The bar is wiped before the summary: what stays is one line.
    left = re.split(r"\r\x1b\[K", shown)[-1]
    assert json.loads(left)["stored"] == 2999 and left.count("\n") == 1


def test_a_bar_is_no_wider_than_the_terminal(terminal, run, tmp_path):
    file = write_lines(tmp_path / "labels.ndjson", 1500, lambda n: TEXT)
    load = terminal("send", "--run", run, "--rate", "2000/s", file)
    fcntl.ioctl(load.ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 30, 0, 0))
    assert load.wait() == 0
    bars = [part for part in re.split(r"\r(?:\x1b\[K)?", load.read()) if part.startswith("[")]
    assert bars and all(len(bar) < COLUMNS for bar in bars) and len(bars[-1]) == 29


def test_the_bar_is_shown_where_only_standard_error_is_a_terminal(terminal, run, tmp_path):
    """As in `gold-label send … | jq`: the summary goes on alone."""
    file = write_lines(tmp_path / "labels.ndjson", 2000, lambda n: TEXT)
    load = terminal("send", "--run", run, "--rate", "2000/s", file, stdout=subprocess.PIPE)
    assert load.wait() == 0
    with load.process.stdout as pipe:
        printed = pipe.read()
    assert json.loads(printed)["stored"] == 2000 and printed.count(b"\n") == 1 and b"\x1b" not in printed
    bars = BAR.findall(load.read())
    assert len(bars) >= 2 and "{" not in load.read()


def test_without_a_terminal_there_is_no_bar(tool, run, tmp_path):
    file = write_lines(tmp_path / "labels.ndjson", 1000, lambda n: TEXT)
    done = tool("send", "--run", run, "--rate", "2000/s", file)
    assert done.returncode == 0 and b"\x1b" not in done.stderr and b"%" not in done.stderr


def test_what_is_listed_is_a_table_on_a_terminal(terminal, tool, run):
    id = str(uuid.uuid4())
    assert tool("send", "--run", run, stdin=lines(TEXT | {"id": id})).returncode == 0
    results = terminal("results", "--from", "oldest", "--run", run, "--no-follow")
    status, letters = terminal("status"), terminal("dlq", "list")
    assert (results.wait(), status.wait(), letters.wait()) == (0, 0, 0)
    assert results.read().startswith("place") and id in results.read() and "{" not in results.read()
    assert re.search(r"\d commands? behind, the oldest for ", status.read()) and "{" not in status.read()
    assert "code" in letters.read().splitlines()[0] and "{" not in letters.read()
    as_json = terminal("status", "--format", "json")
    assert as_json.wait() == 0 and json.loads(as_json.read())["group"]["lag"] >= 0


def test_results_are_followed_from_the_end_until_ctrl_c(tool, run, system, tmp_path):
    """Without --from nothing that was there before is shown."""
    other, before, after = system.new_run(), str(uuid.uuid4()), str(uuid.uuid4())
    assert tool("send", "--run", run, stdin=lines(TEXT | {"id": before})).returncode == 0
    with tool.running(tmp_path, "results", "--run", run) as follow:

        def is_seen():
            """Sends until one is seen: nothing says when the follower has found the end."""
            label = lines(TEXT | {"id": after})
            assert tool("send", "--run", other, stdin=lines(TEXT)).returncode == 0
            assert tool("send", "--run", run, stdin=label).returncode == 0
            return follow.stdout.endswith(b"\n")

        wait_until(is_seen, 60)
        follow.process.send_signal(signal.SIGINT)
        assert follow.wait() == 0
        seen = [json.loads(line) for line in follow.stdout.splitlines()]
    assert {(one["command_id"], one["run_id"]) for one in seen} == {(after, run)}


def test_a_follower_that_is_interrupted_before_its_end_says_so(tool, run, tmp_path):
    assert tool("send", "--run", run, stdin=lines(TEXT)).returncode == 0
    with tool.running(tmp_path, "results", "--from", "oldest", "--run", run, "--count", "2") as follow:
        wait_until(lambda: follow.stdout.endswith(b"\n"))
        follow.interrupt()
        assert follow.wait() == 130


@pytest.mark.parametrize(
    ("options", "code"), [((), 0), (("--no-follow",), 130)], ids=["follow", "to the end"]
)
def test_a_follower_that_is_interrupted_while_it_looks_for_the_broker_ends_alike(
    tool, tmp_path, options, code
):
    with tool.running(tmp_path, "results", *options, GOLD_LABEL_KAFKA_BROKERS="127.0.0.1:1") as follow:
        wait_until(lambda: "127.0.0.1:1" in follow.stderr)
        follow.interrupt()
        assert follow.wait(10) == code


def test_a_terminal_that_goes_away_ends_a_follower(tool, run, tmp_path):
    assert tool("send", "--run", run, stdin=lines(TEXT)).returncode == 0
    with tool.running(tmp_path, "results", "--from", "oldest", "--run", run) as follow:
        wait_until(lambda: follow.stdout.endswith(b"\n"))
        follow.process.send_signal(signal.SIGHUP)
        assert follow.wait(10) == -signal.SIGHUP


def test_a_follower_that_hears_nothing_for_its_timeout_ends_with_0(tool, run):
    quiet = tool("results", "--run", run, "--timeout", "1s")
    assert (quiet.returncode, quiet.stdout) == (0, b"")


def test_help_fits_a_screen(tool):
    """A verb's in 24 lines of 80 columns; the overview has every setting and gets 40 of 100."""
    verbs = tool("help", "--names").stdout.decode().split()
    assert len(verbs) == 8
    for verb in verbs:
        shown = tool(*verb.split("-"), "--help").stdout.decode().splitlines()
        assert 5 < len(shown) <= 24 and max(map(len, shown)) <= 80, verb
    overview = tool("--help").stdout.decode().splitlines()
    assert len(overview) <= 40 and max(map(len, overview)) <= 100
    assert all(any(line.lstrip().startswith(verb.replace("-", " ")) for line in overview) for verb in verbs)


@pytest.mark.parametrize("words", [("dlq", "--help"), ("help", "dlq")], ids=" ".join)
def test_help_for_the_first_word_of_verbs_is_of_those_verbs(tool, words):
    shown = tool(*words)
    verbs = [" ".join(line.split()[:2]) for line in shown.stdout.decode().splitlines() if line[:2] == "  "]
    assert (shown.returncode, verbs) == (0, ["dlq list", "dlq show", "dlq replay"])
