"""limit: the database's own limit. The worker's statement, fed the same rows from memory over one connection,
and for orientation a plain INSERT … SELECT … FROM unnest by psql."""

import json
import sys

from bench.backlog import Backlog
from bench.processes import family_cpu_seconds
from bench.programs import HERE, PG_BIN, TOOLS, output, say
from bench.system import ACCOUNTS, RUNS, System
from bench.workers import default_rows

BATCHES = (100, 500, 1000, 2000, 5000)


def db_limit(system: System, backlog: Backlog, batch: int | None = None) -> dict:
    """Into an empty table, which is emptied again by whoever comes next."""
    system.empty()
    before = family_cpu_seconds(system.pid("postgres"))
    measured = json.loads(
        output(
            TOOLS / "db_limit",
            GOLD_LABEL_KAFKA_BROKERS=system.env["KAFKA_BROKERS"],
            GOLD_LABEL_KAFKA_COMMANDS_TOPIC=backlog.topic,
            GOLD_LABEL_POSTGRES_CONNINFO=system.worker_conninfo(),
            GOLD_LABEL_BENCH_ROWS=backlog.commands,
            GOLD_LABEL_BENCH_BATCH=batch or default_rows(),
        )
    )
    cpu = family_cpu_seconds(system.pid("postgres")) - before
    return measured | {"postgres_cpu_us": round(cpu * 1e6 / backlog.commands, 2)}


def psql_limit(system: System, rows: int, batch: int) -> dict:
    system.empty()
    named = {"rows": rows, "batch": batch, "runs": RUNS, "accounts": ACCOUNTS}
    options = [word for name, value in named.items() for word in ("-v", f"{name}={value}")]
    psql = (PG_BIN / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", *options, "-f", HERE / "insert_unnest.sql")
    seconds = float(output(*psql, system.env["DATABASE_URL"]).split()[-1])
    if (stored := system.rows()) != rows:
        sys.exit(f"insert_unnest.sql has stored {stored} of {rows} rows")
    return {
        "rows": rows,
        "batch": batch,
        "seconds": round(seconds, 4),
        "rows_per_s": round(rows / seconds, 1),
    }


def measure(bench) -> None:
    backlog = bench.backlogs.get(bench.at["BENCH_COMMANDS"])
    report = {"verdicts": [], "psql": []}
    bench.report.numbers["limit"] = report
    bench.report.title(f"The database's own limit: {backlog.commands:,} rows, one connection, no worker")
    say(f"{'rows per statement':>20} {'rows/s':>10} {'of PostgreSQL':>20}")
    for batch in sorted({*BATCHES, default_rows()}):
        point = db_limit(bench.system, backlog, batch)
        report["verdicts"].append(point)
        cost = f"{point['postgres_cpu_us']:14.1f} µs/row"
        say(f"{batch:20,} {point['rows_per_s']:10,.0f} {cost}   the worker's statement")
    point = psql_limit(bench.system, backlog.commands, default_rows())
    report["psql"].append(point)
    say(f"{point['batch']:20,} {point['rows_per_s']:10,.0f} {'':21}   INSERT … SELECT … FROM unnest, by psql")
