"""The completion of an interactive bash: what the tool gets behind a few letters, tab and return."""

import os
import pty
import re
import subprocess
import time

import pytest
from support.system import BUILD
from support.waiting import wait_until

SCRIPT = BUILD / "share" / "bash-completion" / "completions" / "gold-label"
END = "=ended="


class Shell:
    """A bash in `folder`, where gold-label shows its arguments."""

    def __init__(self, folder):
        self.ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            ["bash", "--norc", "--noprofile", "-i"],
            cwd=folder,
            env=os.environ | {"TERM": "dumb", "PS1": "", "INPUTRC": "/dev/null", "LC_ALL": "C.UTF-8"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        os.set_blocking(self.ours, False)
        self.run("bind 'set bell-style none'")
        self.run(f"source '{SCRIPT}'")
        self.run("gold-label() { printf '<%s>' \"$@\"; echo; }")

    def run(self, line):
        """What is printed behind the line."""
        shown = b""

        def has_ended():
            nonlocal shown
            try:
                shown += os.read(self.ours, 65536)
            except BlockingIOError:
                pass
            return f"\n{END}".encode() in shown

        os.write(self.ours, f"{line}\n".encode())
        time.sleep(0.05)  # tab is a key only where readline reads
        os.write(self.ours, f"echo {END}\n".encode())
        wait_until(has_ended, 10, f"bash runs {line!r}")
        return shown.decode()

    def arguments(self, typed):
        return re.findall("<([^>]*)>", self.run(f"gold-label {typed}\t"))

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.ours)


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    folder = tmp_path_factory.mktemp("completion")
    for name in ("results", "stored"):
        (folder / name).mkdir()
    for name in ("my labels.ndjson", "storage.ini"):
        (folder / name).touch()
    one = Shell(folder)
    yield one
    one.close()


@pytest.mark.parametrize(
    "typed, completed",
    [
        ("sen", ["send"]),
        ("dlq rep", ["dlq", "replay"]),
        ("send --rej", ["send", "--rejects"]),
        ("send --wait acc", ["send", "--wait", "accepted"]),
        ("send my", ["send", "my labels.ndjson"]),
        ("send my\\ l", ["send", "my labels.ndjson"]),
        ('send "my l', ["send", "my labels.ndjson"]),
        ("status --config stora", ["status", "--config", "storage.ini"]),
        # A folder of the same name is nothing to a verb and to a choice.
        ("res", ["results"]),
        ("send --wait sto", ["send", "--wait", "stored"]),
        # The other form of an option.
        ("send --wait=sto", ["send", "--wait=stored"]),
        ("status --format=ta", ["status", "--format=table"]),
        ("status --config=stora", ["status", "--config=storage.ini"]),
        ("send --wait=", ["send", "--wait="]),
        # What help is asked about.
        ("help sta", ["help", "status"]),
        ("help dlq-l", ["help", "dlq-list"]),
    ],
)
def test_tab_completes(shell, typed, completed):
    assert shell.arguments(typed) == completed
