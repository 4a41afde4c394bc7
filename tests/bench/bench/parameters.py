"""The parameters: environment variables with two defaults and bounds each. All faults are reported."""

import os
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Parameter:
    name: str
    default: int
    quick: int  # the default with BENCH_QUICK=1
    least: int
    most: int
    meaning: str


PARAMETERS = (
    Parameter("BENCH_SECONDS", 10, 1, 1, 3600, "seconds of one point of path, http and connections"),
    Parameter("BENCH_OPEN_SECONDS", 60, 3, 1, 3600, "seconds of open"),
    Parameter("BENCH_OPEN_RATE", 2000, 500, 1, 10**5, "labels per second of open"),
    Parameter(
        "BENCH_TOOL_COMMANDS", 500_000, 10_000, 1000, 10**8, "lines of the producer tool in tool and stored"
    ),
    Parameter("BENCH_BULK_LINES", 1_000_000, 10_000, 1000, 10**8, "lines of bulk"),
    Parameter("BENCH_COMMANDS", 1_000_000, 20_000, 1000, 10**8, "backlog of limit, drain, table and messy"),
    Parameter(
        "BENCH_ROUNDS", 2, 1, 1, 100, "how often each of path, http, tool, stored and drain is measured"
    ),
    Parameter("BENCH_CURVE_COMMANDS", 200_000, 10_000, 1000, 10**8, "backlog of each point of curve"),
    Parameter("BENCH_ROWS_PRESENT", 10_000_000, 100_000, 10, 10**9, "rows in the full table of table"),
    Parameter(
        "BENCH_SINGLES",
        5000,
        300,
        100,
        10**7,
        "commands sent one by one in single and for the floors of path",
    ),
    Parameter("BENCH_SOAK_SECONDS", 600, 10, 10, 10**6, "duration of soak; its first look is at a tenth"),
    Parameter("BENCH_SOAK_RATE", 5000, 1000, 1, 10**6, "commands per second of soak"),
)


class Parameters:
    """`at[name]` for the numbers, `parts` in their order, `changed`: numbers that are not the default."""

    def __init__(self, parts: dict[str, str]) -> None:
        faults: list[str] = []
        self.quick = self.flag("BENCH_QUICK", faults)
        self.at = {p.name: self.number(p, faults) for p in PARAMETERS}
        self.changed = [p.name for p in PARAMETERS if self.at[p.name] != p.default]
        wanted = [word.strip() for word in (os.environ.get("BENCH_ONLY") or ",".join(parts)).split(",")]
        faults += [
            f"BENCH_ONLY: there is no part '{w}': {', '.join(parts)}" for w in wanted if w not in parts
        ]
        known = {p.name for p in PARAMETERS} | {"BENCH_QUICK", "BENCH_ONLY"}
        strange = sorted(n for n in os.environ if n.startswith("BENCH_") and n not in known)
        faults += [f"{name}: there is no such parameter" for name in strange]
        if faults:
            sys.exit("\n".join(faults))
        self.parts = [part for part in parts if part in wanted]

    def flag(self, name: str, faults: list[str]) -> bool:
        text = os.environ.get(name) or "0"
        if text not in ("0", "1"):
            faults.append(f"{name} = {text}: must be 0 or 1")
        return text == "1"

    def number(self, p: Parameter, faults: list[str]) -> int:
        default = p.quick if self.quick else p.default
        text = os.environ.get(p.name) or str(default)
        if text.isascii() and text.isdecimal() and p.least <= int(text) <= p.most:
            return int(text)
        faults.append(f"{p.name} = {text}: must be a whole number from {p.least} to {p.most}")
        return default


def usage(parts: dict[str, str]) -> str:
    lines = ["Parts (BENCH_ONLY chooses some, comma-separated; without it all are measured):"]
    lines += [f"  {name:<22}{meaning}" for name, meaning in parts.items()]
    lines += ["", "Parameters (environment; default, and in brackets with BENCH_QUICK=1):"]
    lines += [f"  {p.name:<22}{p.meaning} ({p.default:,}) [{p.quick:,}]" for p in PARAMETERS]
    lines += [
        "  BENCH_QUICK           1: everything small, to see that it works; the numbers say little (0)",
        "  BENCH_ONLY            see above",
        "  B, BIN                build folder (build), folder of the programs (B/bin)",
    ]
    return "\n".join(lines)
