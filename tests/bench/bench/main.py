"""All parts on one system, one after the other."""

import os
import platform
import re
import shutil
import signal
import sys
import traceback
from pathlib import Path

from bench import (
    bulk,
    connections,
    curve,
    drains,
    http_load,
    limit,
    messy,
    open_loop,
    pace,
    path,
    single,
    soak,
    stored,
    table,
    tool,
)
from bench.backlog import Backlogs
from bench.drain import Drains
from bench.machine import memory
from bench.parameters import Parameters, usage
from bench.programs import BIN, BUILD, PG_BIN, ROOT, TOOL_NAMES, TOOLS, output, say
from bench.report import Report
from bench.system import System
from bench.topics import Topics

# Name, what it measures. In the order in which they are measured.
PARTS = {
    "pace": (pace.measure, "how steadily the machine itself works: what no program on it can be better than"),
    "path": (
        path.measure,
        "one label at a time over HTTP, and the floors of its path: Kafka twice, one insert",
    ),
    # Before the tables and topics have gigabytes that are still being written.
    "single": (single.measure, "one command on an idle system: produce to result"),
    "http": (http_load.measure, "labels over HTTP at several numbers of connections, and pgbench beside"),
    "open": (open_loop.measure, "labels over HTTP at a steady rate (open loop): how long they take"),
    "connections": (connections.measure, "the ingress's memory with 1,000 connections"),
    "tool": (tool.measure, "gold-label send --wait accepted beside librdkafka alone, and --dry-run"),
    "stored": (
        stored.measure,
        "gold-label send --wait stored beside the worker's drain of the same commands",
    ),
    "bulk": (
        bulk.measure,
        "a large file with faults, what is mended, the same again: each line accounted for",
    ),
    "limit": (limit.measure, "the database's own limit: the worker's statement from memory; psql and unnest"),
    "drain": (drains.measure, "drains of a backlog, at least and exactly once, one process and two"),
    "curve": (curve.measure, "the worker's rate by the bound of its batches"),
    "table": (table.measure, "the worker's rate by the rows that are present"),
    "messy": (messy.measure, "a stream with faulty commands: each accounted for, and the rate"),
    "soak": (soak.measure, "the worker's memory over time"),
}


class Bench:
    """What every part is given."""

    def __init__(self, system: System, parameters: Parameters, report: Report) -> None:
        self.system = system
        self.at = parameters.at
        self.report = report
        self.topics = Topics(system.env["KAFKA_BROKERS"])
        self.backlogs = Backlogs(system, self.topics)
        self.drains = Drains(system, self.topics)


def describe_machine() -> dict:
    cpu = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    return {
        "cpu": cpu[1] if cpu else platform.machine(),
        "processors": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory("MemTotal") / 1024**3, 1),
        "kernel": platform.release(),
        "postgresql": output(PG_BIN / "postgres", "--version").split()[2],
        "load_average": round(os.getloadavg()[0], 2),
    }


def missing() -> list[str]:
    """What has to be there before anything is started."""
    tools = [tool for tool in ("wrk", "pgbench", "setpriv") if not shutil.which(tool)]
    faults = [
        f"{tool} is missing: deploy/dev/install-packages deploy/dev/packages-check.txt" for tool in tools
    ]
    programs = [BIN / name for name in ("gold-label", "gold-label-ingress", "gold-label-worker")]
    programs += [TOOLS / name for name in TOOL_NAMES]
    return faults + [f"{path} is missing: make bench builds it" for path in programs if not path.exists()]


def introduce(machine: dict, parameters: Parameters) -> None:
    say(f"{machine['cpu']}, {machine['processors']} processors: for load, servers and programs together")
    if machine["load_average"] > 0.5:
        say(f"The machine has other work: its load average is {machine['load_average']}. Expect noise.")
    if parameters.changed:
        sizes = ", ".join(f"{name}={parameters.at[name]}" for name in parameters.changed)
        say(f"Not the sizes that the targets are meant for: {sizes}")


def main(arguments: list[str]) -> int:
    texts = {name: text for name, (_, text) in PARTS.items()}
    if arguments:
        say("Measures the programs on this machine, on a system of its own that is gone afterwards.")
        say("Prints tables, with targets where there are some, and writes B/bench.json.")
        say("\nusage: make bench\n")
        say(usage(texts))
        return 0 if arguments in (["--help"], ["-h"]) else 2
    parameters = Parameters(texts)
    if faults := missing():
        sys.exit("\n".join(faults))
    for sign in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, lambda number, _: sys.exit(128 + number))

    machine = describe_machine()
    introduce(machine, parameters)
    report = Report(machine=machine, parameters=parameters.at)
    with System() as system:
        bench = Bench(system, parameters, report)
        broken = [part for part in parameters.parts if not has_measured(bench, part)]
    report.summary()
    path = BUILD / "bench.json"
    report.write(path)
    say(f"\nwritten to {os.path.relpath(path, ROOT)}")
    if broken:
        say(f"not measured: {', '.join(broken)}")
    return 1 if broken else 0


def has_measured(bench: Bench, part: str) -> bool:
    """A part that cannot be measured does not cost the others."""
    try:
        PARTS[part][0](bench)
    except SystemExit as end:
        if isinstance(end.code, int):  # a signal
            raise
        why = str(end.code)
    except Exception:
        why = traceback.format_exc()
    else:
        return True
    say(f"{part} failed: {why}")
    bench.report.numbers[part] = {"failed": why}
    return False
