"""pace: how steadily the machine works while nothing else runs. Where it has dips of its own, they are in the
latencies of all other parts."""

import json

from bench.programs import TOOLS, output, say

SECONDS = 10


def measure(bench) -> None:
    found = json.loads(output(TOOLS / "pace", GOLD_LABEL_BENCH_SECONDS=SECONDS))
    bench.report.title("Pace of the machine while nothing else runs: work done in each 10 ms, to the median")
    say("  " + ", ".join(f"{name} {found[name]:.2f}" for name in ("worst", "p1", "p10", "p90", "best")))
    dips, longest, share = found["dips_per_s"], found["longest_dip_ms"], found["in_dips"]
    say(f"  {dips:.1f} dips below half of it per second, the longest {longest} ms; {share:.1%} of the time")
    bench.report.numbers["pace"] = found
