"""What comes out: lines for people, numbers for bench.json, and which targets are met."""

import json
from pathlib import Path

from bench.metrics import histogram_table
from bench.programs import say


class Report:
    def __init__(self, **about: object) -> None:
        self.numbers: dict[str, object] = dict(about)
        self.targets: list[dict] = []

    def title(self, text: str) -> None:
        say(f"\n{text}")

    def histograms(self, found: dict[str, dict[str, float]]) -> None:
        for line in histogram_table(found):
            say(f"  {line}")

    def target(
        self, what: str, value: float, *, least: float | None = None, most: float | None = None
    ) -> str:
        """Notes a target and returns a text to stand beside the value."""
        met = value >= least if least is not None else value <= most
        bound = f"≥ {least:g}" if least is not None else f"≤ {most:g}"
        verdict = "met" if met else "MISSED"
        self.targets.append({"target": what, "value": round(value, 3), "bound": bound, "met": met})
        return f"target {bound} {verdict}"

    def summary(self) -> None:
        if not self.targets:
            return
        self.title("Targets")
        width = max(len(t["target"]) for t in self.targets)
        for t in self.targets:
            verdict = "met" if t["met"] else "MISSED"
            say(f"  {t['target']:{width}} {t['value']:10.2f}   {t['bound']:>8}  {verdict}")

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(self.numbers | {"targets": self.targets}, indent=2) + "\n")
