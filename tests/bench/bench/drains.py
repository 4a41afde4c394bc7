"""drain: a backlog drained at least once and exactly once, by one process and by two, each between two
measurements of the database's own limit, because the machine's pace changes."""

from statistics import mean, median

from bench.drain import Drained
from bench.limit import db_limit
from bench.programs import say
from bench.workers import AT_LEAST_ONCE, EXACTLY_ONCE, deliveries

# Delivery, processes, and the least ratio to the limit.
KINDS = ((AT_LEAST_ONCE, 1, 0.85), (EXACTLY_ONCE, 1, 0.80), (AT_LEAST_ONCE, 2, 1.2), (EXACTLY_ONCE, 2, None))
CPU_US, PEAK_MIB = 6.0, 64.0
# The same target for any machine: 6 µs where the statement costs the database 17.5 µs per row.
CPU_OF_DATABASE = 0.34


def name_of(delivery: str, processes: int) -> str:
    return f"{delivery}, {processes} process{'es' * (processes > 1)}"


def heading() -> str:
    costs = f"{'worker':>8} {'broker':>8} {'database':>9}"
    return f"{'':28} {'labels/s':>10} {'of limit':>9}   µs CPU: {costs}   {'rows/batch':>10}   peak MiB"


def line(drained: Drained, ratio: float) -> str:
    costs = f"{drained.worker_cpu_us:8.1f} {drained.broker_cpu_us:8.1f} {drained.postgres_cpu_us:9.1f}"
    peaks = ", ".join(f"{peak:.1f}" for peak in drained.peak_mib)
    name = name_of(drained.delivery, drained.processes)
    rates = f"{drained.per_s:10,.0f} {ratio:9.2f}"
    return f"{name:28} {rates}           {costs}   {drained.rows_per_batch:10,.0f}   {peaks}"


def note_limit(point: dict) -> dict:
    say(
        f"{'  limit: the statement alone':28} {point['rows_per_s']:10,.0f} {'':9}"
        f"           {point['client_cpu_us_per_row']:8.1f} {'–':>8} {point['postgres_cpu_us']:9.1f}"
        f"   {point['batch']:10,}"
    )
    return point


def judge(bench, delivery: str, processes: int, least: float | None, points: list[dict]) -> None:
    name = name_of(delivery, processes)
    if least:
        ratio = median(point["of_limit"] for point in points)
        verdict = bench.report.target(f"drain {name}: ratio to the database's limit", ratio, least=least)
        say(f"  {name}: median {ratio:.2f} of the limit, {verdict}")
    cpu = median(point["worker_cpu_us"] for point in points)
    peak = max(max(point["peak_mib"]) for point in points)
    of_database = median(point["cpu_of_database"] for point in points)
    cpu_verdict = bench.report.target(f"drain {name}: worker CPU, µs per label", cpu, most=CPU_US)
    peak_verdict = bench.report.target(f"drain {name}: a worker's peak memory, MiB", peak, most=PEAK_MIB)
    of_verdict = bench.report.target(
        f"drain {name}: worker CPU to the database's for the statement", of_database, most=CPU_OF_DATABASE
    )
    say(f"  {name}: {cpu:.1f} µs of worker CPU per label, {cpu_verdict}; {peak:.1f} MiB, {peak_verdict}")
    say(f"    {of_database:.2f} of what the statement alone costs the database, {of_verdict}")


def warm_up(bench, backlog) -> None:
    """A broker that has just started compiles its code while it serves: that is not what is measured."""
    for delivery, is_there in deliveries().items():
        if is_there:
            bench.system.empty()
            bench.drains.run(backlog, processes=1, delivery=delivery)


def measure(bench) -> None:
    backlog = bench.backlogs.get(bench.at["BENCH_COMMANDS"])
    bench.report.title(f"Drain of {backlog.commands:,} commands; ratios to the mean of the two limits around")
    say(heading())
    warm_up(bench, backlog)
    bench.system.empty()
    limits = [note_limit(db_limit(bench.system, backlog))]
    points: dict[tuple, list[dict]] = {}
    shown = {}
    for _ in range(bench.at["BENCH_ROUNDS"]):
        for delivery, processes, _least in KINDS:
            if not deliveries()[delivery]:
                continue
            bench.system.empty()
            drained = bench.drains.run(backlog, processes=processes, delivery=delivery)
            limits.append(db_limit(bench.system, backlog))
            ratio = drained.per_s / mean(limit["rows_per_s"] for limit in limits[-2:])
            of_database = drained.worker_cpu_us / mean(limit["postgres_cpu_us"] for limit in limits[-2:])
            say(line(drained, ratio))
            note_limit(limits[-1])
            points.setdefault((delivery, processes), []).append(
                drained.numbers() | {"of_limit": round(ratio, 3), "cpu_of_database": round(of_database, 3)}
            )
            shown |= {
                f"{name_of(delivery, processes)}: {title}": h for title, h in drained.histograms.items()
            }
    for delivery, processes, least in KINDS:
        if found := points.get((delivery, processes)):
            judge(bench, delivery, processes, least, found)
        else:
            say(f"  {name_of(delivery, processes)}: not available: no setting [worker] delivery")
    bench.report.numbers["drain"] = {
        "limits": limits,
        "drains": [p for found in points.values() for p in found],
    }
    bench.report.histograms(shown)
