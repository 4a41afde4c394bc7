"""stored: `gold-label send --wait stored`, which waits for the row of each line, between two drains of the
same commands. Its rate is by the wall time of the whole process."""

import itertools
from statistics import mean, median

from bench.backlog import Backlog
from bench.programs import say
from bench.sending import line, send, write_lines
from bench.warming import until_steady
from bench.workers import Workers

TOPIC = "bench.stored"
LEAST, PEAK_MIB = 0.9, 64


def measure_drain(bench, backlog: Backlog):
    bench.system.empty()
    drained = bench.drains.run(backlog)
    say(f"  {'drain':24} {drained.per_s:10,.0f} {drained.worker_cpu_us:12.1f} µs of worker CPU")
    return drained


def measure_send(bench, lines, number: int) -> dict:
    topics = {kind: f"{TOPIC}.{kind.lower()}.{number}" for kind in ("COMMANDS", "RESULTS", "DLQ")}
    bench.topics.make_commands(topics["COMMANDS"])
    bench.topics.make(topics["RESULTS"])
    bench.topics.make(topics["DLQ"])
    bench.system.empty()
    with Workers(bench.system, f"bench-stored-{number}", topics) as workers:
        workers.await_ready()
        sent = send(bench.system, lines, "--wait", "stored", topics=topics)
    bench.topics.delete(*topics.values())
    return sent


def measure(bench) -> None:
    commands = bench.at["BENCH_TOOL_COMMANDS"]
    lines = write_lines(bench.system.state / "labels.ndjson", map(line, range(commands)))
    bench.topics.make_commands(TOPIC)
    accepted = send(bench.system, lines, "--wait", "accepted", topics={"COMMANDS": TOPIC})
    backlog = Backlog(TOPIC, commands, {"created": commands}, accepted["seconds"])
    bench.report.title(
        f"Producer tool, --wait stored, {commands:,} lines, between drains of the same commands"
    )
    say(f"  {'':24} {'lines/s':>10}")
    loads = itertools.count()

    def load() -> None:
        bench.system.empty()
        bench.drains.run(backlog)
        measure_send(bench, lines, next(loads))

    until_steady(bench.system, bench.at["BENCH_SECONDS"], load)
    drains, sends = [measure_drain(bench, backlog)], []
    for _ in range(bench.at["BENCH_ROUNDS"]):
        sent = measure_send(bench, lines, next(loads))
        drains.append(measure_drain(bench, backlog))
        ratio = sent["wall_rate"] / mean(drained.per_s for drained in drains[-2:])
        sends.append(sent | {"of_drain": round(ratio, 3)})
        costs = f"{sent['wall_rate']:10,.0f} {sent['cpu_us']:12.1f} µs of its CPU"
        own = f"{sent['rate']:,.0f} by its own clock"
        say(f"  {'send --wait stored':24} {costs}, {ratio:.2f} of the drain ({own})")
    bench.topics.delete(TOPIC)
    lines.unlink()
    ratio = median(sent["of_drain"] for sent in sends)
    peak = max(sent["peak_mib"] for sent in sends)
    verdict = bench.report.target("send --wait stored: rate by wall time to the drain", ratio, least=LEAST)
    say(f"  {ratio:.2f} of the drain, {verdict}")
    say(f"  peak {bench.report.target('send --wait stored: peak memory, MiB', peak, most=PEAK_MIB)}")
    bench.report.numbers["stored"] = {"sends": sends, "drains": [drained.numbers() for drained in drains]}
