"""connections: memory of the ingress with very many connections open, each with a label under way."""

from bench.closed_loop import measure_point
from bench.programs import say
from bench.services import Services
from bench.system import HTTP_RUNS

CONNECTIONS = 1000
PEAK_MIB = 64


def measure(bench) -> None:
    with Services(bench.system) as services:
        idle = services.peaks()["ingress"]
        point, _ = measure_point(services, CONNECTIONS, HTTP_RUNS, bench.at["BENCH_SECONDS"])
        peak = services.peaks()["ingress"]
    bench.report.title(
        f"Memory of a fresh ingress with {CONNECTIONS:,} connections, each with a label under way"
    )
    what = f"ingress with {CONNECTIONS:,} connections: peak memory, MiB"
    say(f"  {idle} MiB before, peak {peak} MiB, {bench.report.target(what, peak, most=PEAK_MIB)}")
    say(f"  {point['labels_per_s']:,.0f} labels/s, p50 {point['p50_ms']:.0f} ms, not 201: {point['not_201']}")
    bench.report.numbers["connections"] = point | {"idle_mib": idle, "peak_mib": peak}
