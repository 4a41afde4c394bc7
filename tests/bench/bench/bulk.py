"""bulk: a large file with 0.5 % bad lines is sent, then what was rejected and is mended now, then the first
file again. Every line must be accounted for, and nothing be stored twice."""

import re
from collections.abc import Iterator
from pathlib import Path

from bench.programs import say
from bench.sending import line, send, write_lines
from bench.workers import Workers

EVERY, AT = 200, 7  # 0.5 %
PEAK_MIB = 64
SHOWN = ("read", "stored", "replayed", "rejected")
NUMBER = re.compile(r"Label (\d+) of")

# What makes a good line a bad one. The first three the tool refuses, the last the worker.
FAULTS = (
    lambda good: good.replace('"answer.txt"', '"  "'),
    lambda good: good.replace('"text_value"', '"text_valeu"'),
    lambda good: good.replace("}\n", "\n"),
    lambda good: good.replace("-4000-8001-", "-4000-8002-"),
)


def bad_numbers(lines: int) -> range:
    return range(AT, lines, EVERY)


def lines_with_faults(lines: int) -> Iterator[str]:
    for number in range(lines):
        good = line(number)
        yield FAULTS[number // EVERY % len(FAULTS)](good) if number % EVERY == AT else good


def number_of(rejected: str) -> int:
    return int(NUMBER.search(rejected)[1])


def differences(step: str, found: dict, **wanted: int) -> list[str]:
    """What the tool has counted otherwise than it is."""
    wanted = {"stored": 0, "replayed": 0, "rejected": 0, "unknown": 0, "not_sent": 0} | wanted
    wanted["read"] = sum(wanted.values())
    return [f"{step}: {found[name]:,} {name}, not {n:,}" for name, n in wanted.items() if found[name] != n]


def load(bench, file: Path, rejects: Path, lines: int, topics: dict) -> tuple[list[dict], list[str]]:
    """The three loads, and what has come of them that should not have."""
    bad = bad_numbers(lines)
    good = lines - len(bad)
    mended = rejects.with_name("mended.ndjson")
    common = {"topics": topics, "codes": (0, 1)}

    first = send(bench.system, file, "--rejects", rejects, **common)
    numbers = [number_of(text) for text in rejects.read_text().splitlines()]
    second = send(bench.system, write_lines(mended, map(line, numbers)), **common)
    third = send(bench.system, file, "--rejects", rejects, **common)

    faults = differences("the file", first, stored=good, rejected=len(bad))
    if numbers != list(bad):
        faults.append(
            f"its rejects: {len(numbers):,} lines, and not the {len(bad):,} bad ones in their order"
        )
    faults += differences("its rejects, mended", second, stored=len(bad))
    faults += differences("the file again", third, replayed=good, rejected=len(bad))
    if (rows := bench.system.rows()) != lines:
        faults.append(f"{rows:,} rows for {lines:,} lines: something is missing, or was stored twice")
    return [first, second, third], faults


def measure(bench) -> None:
    lines = bench.at["BENCH_BULK_LINES"]
    topics = {kind: f"bench.bulk.{kind.lower()}" for kind in ("COMMANDS", "RESULTS", "DLQ")}
    bench.topics.make_commands(topics["COMMANDS"])
    bench.topics.make(topics["RESULTS"])
    bench.topics.make(topics["DLQ"])
    file = write_lines(bench.system.state / "bulk.ndjson", lines_with_faults(lines))
    rejects = bench.system.state / "rejects.ndjson"
    bench.system.empty()
    bench.report.title(
        f"A file of {lines:,} lines, {len(bad_numbers(lines)):,} of them bad; mended; the same again"
    )
    with Workers(bench.system, "bench-bulk", topics) as workers:
        workers.await_ready()
        loads, faults = load(bench, file, rejects, lines, topics)
    bench.topics.delete(*topics.values())
    file.unlink()
    heads = " ".join(f"{outcome:>10}" for outcome in SHOWN)
    say(f"  {'':22} {heads} {'lines/s':>9} {'own clock':>9} {'peak MiB':>9}")
    for name, found in zip(("the file", "its rejects, mended", "the file again"), loads, strict=True):
        counts = " ".join(f"{found[outcome]:10,}" for outcome in SHOWN)
        rates = f"{found['wall_rate']:9,.0f} {found['rate']:9,.0f}"
        say(f"  {name:22} {counts} {rates} {found['peak_mib']:9.1f}")
    peak = max(found["peak_mib"] for found in loads)
    verdict = bench.report.target(f"send, {lines:,} lines: peak memory, MiB", peak, most=PEAK_MIB)
    none = bench.report.target(f"send, {lines:,} lines: faults in the accounting", len(faults), most=0)
    say(f"  faults in the accounting: {len(faults)}, {none}; peak {peak:.1f} MiB, {verdict}")
    for fault in faults:
        say(f"    {fault}")
    bench.report.numbers["bulk"] = {"loads": loads, "faults": faults}
