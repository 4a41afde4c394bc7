"""Running `gold-label send`, and lines for it: commands of 450 bytes, for runs of one account."""

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from bench.processes import peak_mib
from bench.programs import BIN, ROOT, clean_environment
from bench.system import ACCOUNTS, RUNS, System

ACCOUNT = "bench-0"
TEXT_LEN = 348  # makes an Avro value of 450 bytes, as tests/bench/stream.c does; the line has as many
OUTCOMES = ("stored", "replayed", "accepted", "valid", "rejected", "unknown", "not_sent")
LOOK_MS = 20
RUN_IDS = [f"00000000-0000-4000-8001-{run:012x}" for run in range(0, RUNS, ACCOUNTS)]


def line(number: int) -> str:
    text = f"Label {number} of the bench. ".ljust(TEXT_LEN, "x")
    run = RUN_IDS[number % len(RUN_IDS)]
    return f'{{"run_id":"{run}","output_resource_name":"answer.txt","text_value":"{text}"}}\n'


def write_lines(path: Path, lines: Iterable[str]) -> Path:
    with path.open("w") as file:
        file.writelines(lines)
    return path


def send(
    system: System, path: Path, *options: object, topics: dict[str, str] | None = None, codes=(0,)
) -> dict:
    """The tool's own summary, with its exit code, CPU per line, peak memory, and wall time and rate of the
    whole process: what its user waits for. Its own clock (`seconds`, `rate`) starts at the first line, when
    the digest is taken and the broker found. Any other exit code, and lines that are not accounted for, end
    the measurement."""
    token, said = system.state / "tool.token", system.state / "send.log"
    if not token.exists():
        token.write_text(system.token(ACCOUNT, "developer"))
    named = {f"GOLD_LABEL_KAFKA_{kind}_TOPIC": name for kind, name in (topics or {}).items() if kind != "DLQ"}
    named["GOLD_LABEL_KAFKA_BROKERS"] = system.env["KAFKA_BROKERS"]
    identity = () if "--dry-run" in options else ("--token-file", token)
    words = ("setpriv", "--pdeathsig", "TERM", BIN / "gold-label", "send", *identity, *options, path)
    began = time.monotonic()
    with said.open("w") as log:
        process = subprocess.Popen(
            [str(word) for word in words],
            cwd=ROOT,
            env=clean_environment(**named),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    code, cpu, peak = watch(process)
    wall = time.monotonic() - began
    printed = process.stdout.read()
    if code not in codes:
        sys.exit(f"gold-label send ended with status {code}:\n{printed}{said.read_text()[-2000:]}")
    summary = json.loads(printed)
    if summary["read"] != sum(summary.get(outcome, 0) for outcome in OUTCOMES):
        sys.exit(f"gold-label send does not account for every line:\n{printed}")
    return summary | {
        "exit": code,
        "wall_seconds": round(wall, 3),
        "wall_rate": round(summary["read"] / wall, 1),
        "cpu_us": round(cpu * 1e6 / max(1, summary["read"]), 2),
        "peak_mib": peak,
    }


def watch(process: subprocess.Popen) -> tuple[int, float, float]:
    """Exit code, processor time, peak memory. The kernel's ru_maxrss will not do for the last: it counts what
    was there before exec(), which is us."""
    peak = 0.0
    ended = select.poll()
    descriptor = os.pidfd_open(process.pid)
    ended.register(descriptor, select.POLLIN)
    while not ended.poll(LOOK_MS):
        with contextlib.suppress(TypeError):  # it has ended, and has no memory any more
            peak = max(peak, peak_mib(process.pid))
    os.close(descriptor)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, used.ru_utime + used.ru_stime, peak
