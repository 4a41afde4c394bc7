"""stored: `gold-label send --wait stored`, which waits for the row of each line, between two drains of the
same commands. Its rate is by the wall time of the whole process.

Twice: where the kernel puts the processes, and with a processor for the database alone, as where it has a
machine of its own. The target is that of the second, where there is one: with everything on two processors
the first also says how the kernel shares them."""

import itertools
import os
from collections.abc import Callable
from pathlib import Path
from statistics import mean, median

from bench.backlog import Backlog
from bench.machine import database_apart, fetch_memory, may_place
from bench.programs import say
from bench.sending import line, send, write_lines
from bench.warming import until_steady
from bench.workers import Workers

TOPIC = "bench.stored"
LEAST, PEAK_MIB = 0.9, 64
FEW = 500  # some for each partition


def measure_drain(bench, backlog: Backlog):
    bench.system.empty()
    fetch_memory()
    drained = bench.drains.run(backlog)
    say(f"  {'drain':24} {drained.per_s:10,.0f} {drained.worker_cpu_us:12.1f} µs of worker CPU")
    return drained


def measure_send(bench, few: Path, lines: Path, number: int) -> dict:
    topics = {kind: f"{TOPIC}.{kind.lower()}.{number}" for kind in ("COMMANDS", "RESULTS", "DLQ")}
    bench.topics.make_commands(topics["COMMANDS"])
    bench.topics.make(topics["RESULTS"])
    bench.topics.make(topics["DLQ"])
    bench.system.empty()
    fetch_memory()
    with Workers(bench.system, f"bench-stored-{number}", topics) as workers:
        workers.await_ready()
        # When these are stored the worker fetches all partitions: joining the group is not what is measured.
        send(bench.system, few, "--wait", "stored", topics=topics)
        sent = send(bench.system, lines, "--wait", "stored", topics=topics)
    bench.topics.delete(*topics.values())
    return sent


def measure_rounds(bench, backlog: Backlog, load: Callable[[], dict]) -> dict:
    """Loads between drains, and the median of what they made of the drains around them."""
    drains, sends = [measure_drain(bench, backlog)], []
    for _ in range(bench.at["BENCH_ROUNDS"]):
        sent = load()
        drains.append(measure_drain(bench, backlog))
        ratio = sent["wall_rate"] / mean(drained.per_s for drained in drains[-2:])
        sends.append(sent | {"of_drain": ratio})
        costs = f"{sent['wall_rate']:10,.0f} {sent['cpu_us']:12.1f} µs of its CPU"
        own = f"{sent['rate']:,.0f} by its own clock"
        say(f"  {'send --wait stored':24} {costs}, {ratio:.2f} of the drain ({own})")
    return {
        "of_drain": median(sent["of_drain"] for sent in sends),
        "sends": sends,
        "drains": [drained.numbers() for drained in drains],
    }


def measure(bench) -> None:
    commands = bench.at["BENCH_TOOL_COMMANDS"]
    lines = write_lines(bench.system.state / "labels.ndjson", map(line, range(commands)))
    few = write_lines(bench.system.state / "few.ndjson", map(line, range(FEW)))
    bench.topics.make_commands(TOPIC)
    accepted = send(bench.system, lines, "--wait", "accepted", topics={"COMMANDS": TOPIC})
    backlog = Backlog(TOPIC, commands, {"created": commands}, accepted["seconds"])
    bench.report.title(
        f"Producer tool, --wait stored, {commands:,} lines, between drains of the same commands"
    )
    loads = itertools.count()

    def load() -> dict:
        return measure_send(bench, few, lines, next(loads))

    def warm_up() -> None:
        bench.system.empty()
        bench.drains.run(backlog)
        load()

    until_steady(bench.system, bench.at["BENCH_SECONDS"], warm_up)
    numbers = bench.report.numbers["stored"] = {}
    say(f"  {'where the kernel puts it':24} {'lines/s':>10}")
    numbers["together"] = measure_rounds(bench, backlog, load)
    if len(os.sched_getaffinity(0)) == 1 or not may_place(bench.system):
        say("  there is no processor that the database could be given alone")
    else:
        say(f"  {'database on one of its own':24} {'lines/s':>8}")
        with database_apart(bench.system):
            numbers["apart"] = measure_rounds(bench, backlog, load)
    bench.topics.delete(TOPIC)
    lines.unlink()

    judged = "apart" if "apart" in numbers else "together"
    ratio = numbers[judged]["of_drain"]
    peak = max(sent["peak_mib"] for rounds in numbers.values() for sent in rounds["sends"])
    verdict = bench.report.target(
        f"send --wait stored, database {judged}: rate by wall time to the drain", ratio, least=LEAST
    )
    say(f"  {ratio:.2f} of the drain, {verdict}")
    if judged != "together":
        say(f"  {numbers['together']['of_drain']:.2f} where the kernel places the processes")
    say(f"  peak {bench.report.target('send --wait stored: peak memory, MiB', peak, most=PEAK_MIB)}")
