"""curve: how the rate depends on the bound of a batch."""

from bench.programs import say
from bench.workers import default_rows

SIZES = (100, 250, 500, 1000, 2000, 5000)


def measure(bench) -> None:
    backlog = bench.backlogs.get(bench.at["BENCH_CURVE_COMMANDS"])
    bench.report.title(f"Batch size: a drain of {backlog.commands:,} commands each")
    costs = f"{'worker':>8} {'database':>9}"
    say(f"{'max_rows':>10} {'labels/s':>10} {'rows/batch':>11}   µs CPU: {costs}   peak MiB")
    points = []
    for size in sorted({*SIZES, default_rows()}):
        bench.system.empty()
        drained = bench.drains.run(backlog, max_rows=size)
        points.append(drained.numbers() | {"max_rows": size})
        note = "   the default" if size == default_rows() else ""
        costs = f"{drained.worker_cpu_us:8.1f} {drained.postgres_cpu_us:9.1f}"
        rates = f"{drained.per_s:10,.0f} {drained.rows_per_batch:11,.0f}"
        say(f"{size:10,} {rates}           {costs}   {drained.peak_mib[0]:8.1f}{note}")
    bench.report.numbers["curve"] = points
