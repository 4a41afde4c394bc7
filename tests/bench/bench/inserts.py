"""The same row as a label over HTTP, by plain INSERTs of pgbench, one transaction each: what the database
itself makes of it."""

import re
import sys
import tempfile
from pathlib import Path
from statistics import median

from bench.programs import output
from bench.system import System

NAME = "answer.txt"
TEXT = ("The capital of France is Paris; it has been so, with breaks, since 987. " * 6)[:390]
LEAST_SECONDS = 3  # its clients connect within the time
TIME_US = 2  # in a line of pgbench's log

INSERT = f"""\
INSERT INTO gold_label (id, account_id, run_id, output_resource_name, text_value, created_by)
VALUES (gen_random_uuid(), '%s', ('00000000-0000-4000-8000-' || lpad((%s)::text, 12, '0'))::uuid,
        '{NAME}', '{TEXT}', 'developer');
"""
SCRIPT = "\\set run random(0, %d)\n%s"


def insert_of_one_run(system: System) -> str:
    return INSERT % (system.env["ACCOUNT_ID"], 0)


def pgbench(system: System, *options: str, clients: int, runs: int, seconds: int) -> str:
    script = system.state / "insert.sql"
    script.write_text(SCRIPT % (runs - 1, INSERT % (system.env["ACCOUNT_ID"], ":run")))
    return output(
        *(
            "pgbench",
            "--no-vacuum",
            "--protocol=prepared",
            f"--client={clients}",
            f"--jobs={min(2, clients)}",
        ),
        *(f"--time={max(seconds, LEAST_SECONDS)}", f"--file={script}", *options, system.env["DATABASE_URL"]),
    )


def measure_inserts(system: System, clients: int, runs: int, seconds: int) -> dict:
    printed = pgbench(system, clients=clients, runs=runs, seconds=seconds)
    tps = re.search(r"^tps = ([\d.]+)", printed, re.M)
    mean = re.search(r"^latency average = ([\d.]+) ms", printed, re.M)
    if not tps or not mean:
        sys.exit(f"pgbench has measured nothing:\n{printed}")
    return {
        "clients": clients,
        "runs": runs,
        "rows_per_s": round(float(tps[1]), 1),
        "mean_ms": round(float(mean[1]), 3),
    }


def insert_p50_ms(system: System, seconds: int) -> float:
    """One client, one run: the median time of a committed insert."""
    with tempfile.TemporaryDirectory(dir=system.state) as folder:
        log = ("--log", f"--log-prefix={folder}/inserts")
        pgbench(system, *log, clients=1, runs=1, seconds=seconds)
        (file,) = Path(folder).iterdir()
        times_us = [int(line.split()[TIME_US]) for line in file.read_text().splitlines()]
    return round(median(times_us) / 1e3, 3)
