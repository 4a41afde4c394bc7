"""The programs' /metrics: values and histograms, and histograms as a table of text."""

import http.client
import re
from urllib.parse import urlsplit

LINE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$", re.M)
BOUND = re.compile(r',?le="([^"]+)"')
Values = dict[tuple[str, str], float]


def parse(text: str) -> Values:
    return {(name, labels): float(value) for name, labels, value in LINE.findall(text)}


class Metrics:
    """One admin listener, over one connection that stays."""

    def __init__(self, url: str) -> None:
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)

    def get(self, path: str = "/metrics") -> tuple[int, str]:
        try:
            self.connection.request("GET", path)
            answer = self.connection.getresponse()
            return answer.status, answer.read().decode()
        except BaseException:
            self.connection.close()
            raise

    def read(self) -> Values:
        return parse(self.get()[1])

    def look(self) -> Values:
        """Empty while the listener is not open yet."""
        try:
            return self.read()
        except OSError:
            return {}


def by_label(values: Values, name: str) -> dict[str, float]:
    """A metric's values by their labels."""
    return {labels: value for (n, labels), value in values.items() if n == name}


def by_value(values: Values, name: str) -> dict[str, float]:
    """Likewise, of a metric with one label."""
    return {labels.split('"')[1] if labels else "": value for labels, value in by_label(values, name).items()}


def total(values: Values, name: str) -> float:
    return sum(by_label(values, name).values())


def difference(after: Values, before: Values) -> Values:
    return {key: value - before.get(key, 0.0) for key, value in after.items()}


def histograms(values: Values) -> dict[str, dict[str, float]]:
    """Of each histogram that has counted anything: how many fell into each bucket, by its upper bound."""
    found: dict[str, dict[str, float]] = {}
    for (name, labels), value in values.items():
        if name.endswith("_bucket") and (bound := BOUND.search(labels)):
            title = name.removesuffix("_bucket") + (f" {rest}" if (rest := BOUND.sub("", labels)) else "")
            found.setdefault(title, {})[bound[1]] = value
    each = {}
    for title, cumulative in found.items():
        below = [0.0, *cumulative.values()]
        counts = {bound: n - below[i] for i, (bound, n) in enumerate(cumulative.items())}
        if sum(counts.values()) > 0:
            each[title] = counts
    return each


def bound_text(bound: str) -> str:
    if bound == "+Inf":
        return "more"
    ms = float(bound) * 1000
    return f"{ms:g} ms" if ms < 1000 else f"{ms / 1000:g} s"


def histogram_table(found: dict[str, dict[str, float]]) -> list[str]:
    """Percent of the observations per bucket, in the columns from the first to the last that is not empty."""
    bounds = list(next(iter(found.values()), {}))
    used = [i for i, bound in enumerate(bounds) if any(counts.get(bound) for counts in found.values())]
    if not used:
        return []
    bounds = bounds[used[0] : used[-1] + 1]
    width = max(len(title) for title in found)
    lines = [
        f"{'% of observations up to':{width}} {'count':>10}" + "".join(f"{bound_text(b):>8}" for b in bounds)
    ]
    for title, counts in found.items():
        n = sum(counts.values())
        cells = "".join(f"{100 * counts[b] / n:8.1f}" if counts[b] else f"{'·':>8}" for b in bounds)
        lines.append(f"{title:{width}} {n:10,.0f}{cells}")
    return lines
