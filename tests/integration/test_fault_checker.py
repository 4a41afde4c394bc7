"""The short run of the fault checker (make faults is the long one), and whether it finds a planted bug."""

import functools
import os
import re
import subprocess
import sys

import pytest
from support.system import BUILD, PROGRAMS, ROOT

FAULTS = ROOT / "tests" / "faults"
SECONDS = 8
DEADLINE_S = 240
sys.path.append(str(FAULTS))

import checks  # noqa: E402
import history  # noqa: E402


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


@functools.cache
def random_faults(delivery):
    """One run is enough for all who ask."""
    return run("checker", "--seconds", SECONDS, "--delivery", delivery)


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_random_faults_lose_double_and_make_up_nothing(delivery):
    status, output = random_faults(delivery)
    assert status == 0, output


def test_no_fault_is_left_out_of_the_random_ones():
    _, output = random_faults("at-least-once")
    if left_out := re.search(r"\S+ is left out: .*", output):
        pytest.skip(left_out[0])
    assert re.search(r"^faults: .*full-disk", output, re.M), output


class Twice:
    """A table with two rows of one id."""

    def query(self, _):
        row = dict.fromkeys(checks.MEMBERS) | {"id": "one", "account_id": "demo", "text_value": "a"}
        return [tuple(row.values()), tuple((row | {"text_value": "b"}).values())]


def test_two_rows_of_one_id_are_found():
    found = history.History()
    checks.read_rows(Twice(), found)
    assert [one["check"] for one in found.violations] == ["one-row"]


@pytest.mark.skipif(bool(os.environ.get("SANITIZE")), reason="the table is built without sanitizers")
def test_a_planted_bug_is_found():
    status, output = run("table", "poison skipped")
    assert status == 0, output
