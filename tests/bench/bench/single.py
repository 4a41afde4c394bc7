"""single: one command on an idle system, from produce to its result read by the producer; then the next."""

import json
from functools import partial

from bench.metrics import histograms, parse
from bench.programs import TOOLS, output, say
from bench.system import System
from bench.warming import until_steady
from bench.workers import AT_LEAST_ONCE, Workers, deliveries

P50_MS, P99_MS = 1.5, 5.0
WARM_COMMANDS = 2000


def ask(system: System, topics: dict[str, str], commands: int) -> tuple[dict, dict]:
    settings = system.stream(
        KAFKA_COMMANDS_TOPIC=topics["COMMANDS"],
        KAFKA_RESULTS_TOPIC=topics["RESULTS"],
        BENCH_COMMANDS=commands,
    )
    lines = output(TOOLS / "one_command", **settings).splitlines()
    return json.loads(lines[-1]), histograms(parse("\n".join(lines)))


def measure(bench) -> None:
    commands = bench.at["BENCH_SINGLES"]
    bench.report.title(f"One command at a time on an idle system, produce to result read: {commands:,} each")
    say(f"{'':16} {'p50 ms':>8} {'p90 ms':>8} {'p99 ms':>8} {'max ms':>8}")
    points, shown = [], {}
    for number, (delivery, available) in enumerate(deliveries().items()):
        if not available:
            say(f"{delivery:16} not available: no setting [worker] delivery")
            continue
        topics = {kind: f"bench.single.{kind.lower()}.{number}" for kind in ("COMMANDS", "RESULTS", "DLQ")}
        bench.topics.make_commands(topics["COMMANDS"])
        bench.topics.make(topics["RESULTS"])
        bench.topics.make(topics["DLQ"])
        bench.system.empty()
        with Workers(bench.system, f"bench-single-{number}", topics, delivery=delivery) as workers:
            workers.await_ready()
            load = partial(ask, bench.system, topics, min(commands, WARM_COMMANDS))
            until_steady(bench.system, bench.at["BENCH_SECONDS"], load)
            point, seen = ask(bench.system, topics, commands)
        bench.topics.delete(*topics.values())
        points.append(point | {"delivery": delivery})
        shown |= {f"{delivery}: produce to result": histogram for histogram in seen.values()}
        say(
            f"{delivery:16} "
            + " ".join(f"{point[name]:8.2f}" for name in ("p50_ms", "p90_ms", "p99_ms", "max_ms"))
        )
        if delivery == AT_LEAST_ONCE:
            p50 = bench.report.target("one command, at-least-once: p50, ms", point["p50_ms"], most=P50_MS)
            p99 = bench.report.target("one command, at-least-once: p99, ms", point["p99_ms"], most=P99_MS)
            say(f"  p50 {p50}; p99 {p99}")
    bench.report.histograms(shown)
    bench.report.numbers["single"] = points
