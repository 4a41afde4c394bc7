"""Running programs, and where things lie."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BUILD = (ROOT / (os.environ.get("B") or "build")).absolute()
BIN = (ROOT / (os.environ.get("BIN") or BUILD / "bin")).absolute()
TOOLS = BUILD / "bench"
TOOL_NAMES = ("pace", "preload", "db_limit", "one_command", "raw", "open_load")
HERE = ROOT / "tests/bench"
STACK = ROOT / "deploy/dev/stack"
PG_BIN = Path("/usr/lib/postgresql/15/bin")


def say(line: str = "") -> None:
    print(line, flush=True)


def clean_environment(**added: object) -> dict[str, str]:
    """Ours, without settings of the programs that somebody has for other purposes."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GOLD_LABEL_")}
    return kept | {name: str(value) for name, value in added.items()}


def output(*command: object, **environment: object) -> str:
    """What a command prints; its failure ends the measurement, with what it said."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=ROOT,
        env=clean_environment(**environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        name = Path(str(command[0])).name
        sys.exit(f"{name} ended with status {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout
