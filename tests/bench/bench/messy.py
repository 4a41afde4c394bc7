"""messy: a backlog with 1 % rule breakers, 1 % missing runs and 0.1 % unreadable commands, between two drains
of a clean one. That every command is accounted for is checked by the drain itself; what the results say is
read here."""

import io
import json
from collections import Counter
from statistics import mean

import fastavro

from bench.programs import ROOT, say

LEAST = 0.8
FRAME = 10  # bytes of single-object encoding


def codes_of(messages) -> dict[str, int]:
    """Results by their code; those of created labels as "created"."""
    schema = fastavro.parse_schema(json.loads((ROOT / "schemas/avro/gold-label-result.avsc").read_text()))
    counts: Counter = Counter()
    for message in messages:
        if dict(message.headers())["ce_type"] == b"gold-label.created":
            counts["created"] += 1
        else:
            record = fastavro.schemaless_reader(io.BytesIO(message.value()[FRAME:]), schema, None)
            counts[record["code"].lower()] += 1
    return dict(counts)


def measure(bench) -> None:
    commands = bench.at["BENCH_COMMANDS"]
    clean = bench.backlogs.get(commands)
    messy = bench.backlogs.get(commands, messy=True)
    bench.report.title(f"A messy stream of {commands:,} commands between two clean ones")
    say(f"{'':8} {'commands/s':>11}   outcomes")
    points, read = [], {}
    for backlog in (clean, messy, clean):
        bench.system.empty()
        drained = bench.drains.run(backlog, reader=codes_of if backlog is messy else None)
        points.append(drained.numbers())
        if backlog is messy:
            read = drained.read
        name = "messy" if backlog is messy else "clean"
        say(
            f"{name:8} {drained.per_s:11,.0f}   "
            + ", ".join(f"{n:,} {o}" for o, n in drained.outcomes.items())
        )
    ratio = points[1]["per_s"] / mean((points[0]["per_s"], points[2]["per_s"]))
    verdict = bench.report.target("messy stream: rate to that of a clean one", ratio, least=LEAST)
    accounted = sum(read.values()) + points[1]["outcomes"].get("dead_letter", 0)
    whole = bench.report.target("messy stream: commands accounted for, share", accounted / commands, least=1)
    say(f"  {ratio:.2f} of the clean rate, {verdict}")
    codes = ", ".join(f"{n:,} {code}" for code, n in sorted(read.items()))
    say(f"  results read: {codes}; with the dead letters {accounted:,} of {commands:,} sent, {whole}")
    bench.backlogs.drop(messy)
    bench.report.numbers["messy"] = {
        "drains": points,
        "results_by_code": dict(read),
        "of_clean": round(ratio, 3),
    }
