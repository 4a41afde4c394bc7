"""http: labels over HTTP in a closed loop, at several numbers of connections, and beside them plain INSERTs
of the same row by pgbench."""

from statistics import median

from bench.closed_loop import measure_point, warm_up
from bench.inserts import measure_inserts
from bench.metrics import histograms
from bench.programs import say
from bench.services import Services
from bench.system import HTTP_RUNS

CONNECTIONS = (1, 16, 64, 256)
BASE_CLIENTS = 64  # pgbench's; it comes after the point of as many connections
LEAST_RATIO = {64: 1.0, 256: 1.5}
CPU_CONNECTIONS, CPU_US = 64, 60
RUN_COUNTS = (1, HTTP_RUNS)


def runs_text(runs: int) -> str:
    return f"{runs:,} run{'s' * (runs > 1)}"


def show(point: dict) -> None:
    cpu = point["cpu_us_per_label"]
    say(
        f"{point['connections']:12} {point['labels_per_s']:10,.0f} {point['p50_ms']:9.1f}"
        f" {point['p99_ms']:9.1f} {point['not_201']:8}   ingress {cpu['ingress']:.0f},"
        f" worker {cpu['worker']:.0f}" + "   STALLED" * point["stalled"]
    )


def measure_round(bench, services: Services, runs: int) -> tuple[list[dict], dict]:
    """All points, pgbench among them, and the ratio of each point to it."""
    seconds = bench.at["BENCH_SECONDS"]
    points, shown, base = [], {}, {}
    for connections in CONNECTIONS:
        point, change = measure_point(services, connections, runs, seconds)
        points.append(point)
        show(point)
        shown |= {f"{connections}: {title}": histogram for title, histogram in histograms(change).items()}
        if connections == BASE_CLIENTS:
            base = measure_inserts(services.system, BASE_CLIENTS, runs, seconds)
    for point in points:
        point["of_inserts"] = round(point["labels_per_s"] / base["rows_per_s"], 2)
    ratios = ", ".join(f"HTTP at {p['connections']} makes {p['of_inserts']:.2f} of it" for p in points[-2:])
    name = f"pgbench, {BASE_CLIENTS}"
    say(f"{name:>12} {base['rows_per_s']:10,.0f}   plain INSERTs of the same row; {ratios}")
    bench.report.numbers["http"]["inserts"].append(base)
    return points, shown


def judge(bench, runs: int, points: list[dict]) -> None:
    for connections, least in LEAST_RATIO.items():
        ratio = median(p["of_inserts"] for p in points if p["connections"] == connections)
        what = f"HTTP, {runs_text(runs)}, {connections} connections: labels/s to pgbench's {BASE_CLIENTS}"
        verdict = bench.report.target(what, ratio, least=least)
        say(f"  {connections} connections: {ratio:.2f} of pgbench, {verdict}")
    cpu = median(sum(p["cpu_us_per_label"].values()) for p in points if p["connections"] == CPU_CONNECTIONS)
    others = sum(p["not_201"] for p in points)
    what = f"HTTP, {runs_text(runs)}, all connections: answers that are not 201"
    say(f"  {others:,} answers that are not 201, {bench.report.target(what, others, most=0)}")
    what = f"HTTP, {runs_text(runs)}, {CPU_CONNECTIONS} connections: µs CPU of ingress and worker per answer"
    say(f"  {cpu:.1f} µs CPU of both per answer, {bench.report.target(what, cpu, most=CPU_US)}")


def measure(bench) -> None:
    seconds, rounds = bench.at["BENCH_SECONDS"], bench.at["BENCH_ROUNDS"]
    numbers = bench.report.numbers["http"] = {"points": [], "inserts": []}
    with Services(bench.system) as services:
        warm_up(services, seconds)
        for runs in RUN_COUNTS:
            bench.report.title(f"HTTP, closed loop, {runs_text(runs)}, {seconds} s each")
            times = f"{'p50 ms':>9} {'p99 ms':>9}"
            say(f"{'connections':>12} {'labels/s':>10} {times} {'not 201':>8}   CPU µs/label")
            points = []
            for _ in range(rounds):
                found, shown = measure_round(bench, services, runs)
                points += found
            judge(bench, runs, points)
            bench.report.histograms(shown)
            numbers["points"] += points
        peaks = numbers["peak_mib"] = services.peaks()
    say(f"peak memory after the HTTP load: ingress {peaks['ingress']} MiB, worker {peaks['worker']} MiB")
