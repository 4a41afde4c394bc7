"""The short run of the fault checker (make faults is the long one), and whether it finds a planted bug."""

import os
import subprocess
import sys

import pytest
from support.system import BUILD, PROGRAMS, ROOT

FAULTS = ROOT / "tests" / "faults"
SECONDS = 20
DEADLINE_S = 240
sys.path.append(str(FAULTS))

import bugs  # noqa: E402


def run(*words):
    """Exit status and all output."""
    done = subprocess.run(
        [FAULTS / "run", *map(str, words)],
        env=os.environ | {"B": str(BUILD), "BIN": str(PROGRAMS)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=DEADLINE_S,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_random_faults_lose_double_and_make_up_nothing(delivery):
    status, output = run("checker", "--seconds", SECONDS, "--delivery", delivery)
    assert status == 0, output


@pytest.mark.parametrize("bug", bugs.BUGS, ids=lambda bug: bug.name.replace(" ", "-"))
def test_a_planted_bug_can_still_be_planted(bug):
    for edit in bug.edits:
        assert (ROOT / edit.file).read_text().count(edit.old) == 1, edit


@pytest.mark.skipif(bool(os.environ.get("SANITIZE")), reason="the table is built without sanitizers")
def test_a_planted_bug_is_found():
    status, output = run("table", "poison skipped")
    assert status == 0, output
