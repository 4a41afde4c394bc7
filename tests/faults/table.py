"""Plants each bug of bugs.py into a copy of the tree, and sees the checker find it.

usage: tests/faults/run table [WORD…]     only bugs whose name holds one of the words

Exit status: 0 all were found, 1 one was not, or by none of the checks that are to find it.
"""

import os
import re
import shutil
import subprocess
import sys
import time

from bugs import BUGS, apply, restore
from support.system import BUILD, ROOT

FOLDER = BUILD / "faults" / "bugs"
TREE, OBJECTS = FOLDER / "tree", FOLDER / "build"
SOURCES = ("Makefile", "common", "ingress", "worker", "producer-tool", "schemas", "deploy")
RUN_S = 240
OF_MAKE = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")  # the make started here is none of the caller's


def copy_tree():
    """With its objects, so that only what a bug changes is compiled."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    TREE.mkdir(parents=True)
    for name in SOURCES:
        subprocess.run(["cp", "-a", ROOT / name, TREE], check=True)
    OBJECTS.mkdir()
    for name in (".packages", "gen", "obj"):
        if (BUILD / name).exists():
            subprocess.run(["cp", "-a", BUILD / name, OBJECTS], check=True)
    for names in OBJECTS.rglob("*.d"):
        # The Makefile may have had B as a relative path.
        text = names.read_text()
        relative = os.path.relpath(BUILD, ROOT)
        names.write_text(
            re.sub(rf"(?<![\w/.-])({re.escape(str(BUILD))}|{re.escape(relative)})/", f"{OBJECTS}/", text)
        )
    make()


def make():
    environment = {
        name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")
    }
    command = ["make", f"B={OBJECTS}", "build"]
    done = subprocess.run(
        command, cwd=TREE, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == 0, done.stdout


def find(bug):
    """What the checker said about it: checks, seconds, output."""
    before = apply(bug, TREE)
    try:
        make()
        began = time.monotonic()
        done = subprocess.run(
            [
                ROOT / "tests/faults/run",
                "checker",
                "--seed",
                "1",
                "--state",
                FOLDER / "run",
                *bug.options.split(),
            ],
            env=os.environ | {"B": str(BUILD), "BIN": str(OBJECTS / "bin")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=RUN_S,
        )
    finally:
        restore(before)
    checks = dict.fromkeys(re.findall(r"VIOLATION ([\w-]+):", done.stdout))
    return list(checks), time.monotonic() - began, done.stdout


def main(words):
    chosen = [bug for bug in BUGS if not words or any(word in bug.name for word in words)]
    missed = 0
    if not chosen:
        print(__doc__, file=sys.stderr)
        return 2
    copy_tree()
    print(f"{'bug':34} {'found by':28} seconds", flush=True)
    for bug in chosen:
        checks, seconds, output = find(bug)
        found = any(check in bug.found_by for check in checks)
        print(f"{bug.name:34} {', '.join(checks) or 'NOTHING':28} {seconds:7.0f}", flush=True)
        if not found:
            missed += 1
            (FOLDER / f"{bug.name.replace(' ', '-')}.log").write_text(output)
            print(f"    wanted: {' or '.join(bug.found_by)}; the run is in {FOLDER}", flush=True)
    print(f"{len(chosen) - missed} of {len(chosen)} bugs found")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
