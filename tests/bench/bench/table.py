"""table: how the rate depends on the rows that are there already."""

from bench.programs import say

LEAST = 0.8


def measure(bench) -> None:
    backlog = bench.backlogs.get(bench.at["BENCH_COMMANDS"])
    full = bench.at["BENCH_ROWS_PRESENT"]
    bench.report.title(f"Table size: a drain of {backlog.commands:,} commands into a table that has rows")
    say(f"{'rows present':>14} {'labels/s':>10} {'of empty':>9}   µs CPU: {'worker':>8} {'database':>9}")
    points = []
    for present in (0, full // 10, full):
        bench.system.empty()
        bench.system.fill(present)
        drained = bench.drains.run(backlog)
        points.append(drained.numbers() | {"rows_present": present})
        ratio = drained.per_s / points[0]["per_s"]
        verdict = ""
        if present == full:
            verdict = bench.report.target(
                f"rate with {full:,} rows present to an empty table", ratio, least=LEAST
            )
        say(
            f"{present:14,} {drained.per_s:10,.0f} {ratio:9.2f}           {drained.worker_cpu_us:8.1f}"
            f" {drained.postgres_cpu_us:9.1f}   {verdict}"
        )
    bench.system.empty()
    bench.report.numbers["table"] = points
