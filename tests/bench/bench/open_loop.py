"""open: labels over HTTP at a steady rate, whatever the answers take. A time counts from the moment at which
its request was due."""

import json
from urllib.parse import urlsplit

from bench.closed_loop import BODY, warm_up
from bench.programs import TOOLS, output, say
from bench.services import Services
from bench.system import HTTP_RUNS

CONNECTIONS = 256
P99_MS = 10


def measure(bench) -> None:
    seconds, rate = bench.at["BENCH_OPEN_SECONDS"], bench.at["BENCH_OPEN_RATE"]
    with Services(bench.system) as services:
        warm_up(services, bench.at["BENCH_SECONDS"])
        before = services.cpu()
        settings = {
            "port": urlsplit(bench.system.env["INGRESS_URL"]).port,
            "token": bench.system.env["TOKEN"],
            "body": BODY,
            "rate": rate,
            "seconds": seconds,
            "connections": CONNECTIONS,
            "runs": HTTP_RUNS,
        }
        named = {f"GOLD_LABEL_BENCH_{name.upper()}": value for name, value in settings.items()}
        found = json.loads(output(TOOLS / "open_load", **named))
        cpu = {s: round((now - before[s]) * 1e6 / found["requests"], 1) for s, now in services.cpu().items()}
    bench.report.title(f"HTTP, open loop, {rate:,}/s for {seconds} s over {CONNECTIONS} connections")
    names = ("p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms")
    say("  " + ", ".join(f"{name.split('_')[0]} {found[name]:.2f} ms" for name in names))
    costs = f"ingress {cpu['ingress']}, worker {cpu['worker']}, the load itself {found['cpu_us']}"
    say(f"  µs CPU per label: {costs}")
    errors = found["not_201"] + found["no_answer"]
    p99 = bench.report.target(f"HTTP, {rate:,}/s open loop: p99, ms", found["p99_ms"], most=P99_MS)
    none = bench.report.target(f"HTTP, {rate:,}/s open loop: requests without a 201", errors, most=0)
    say(f"  p99 {p99}; {found['not_201']} not 201, {found['no_answer']} without an answer, {none}")
    bench.report.numbers["open"] = found | {"cpu_us_per_label": cpu}
