"""http: labels over HTTP in a closed loop, at several numbers of connections, and beside them plain INSERTs
of the same row by pgbench."""

import json
import os
import re
import sys
import time

from bench.metrics import Metrics, Values, by_value, difference, histograms, total
from bench.processes import cpu_seconds, peak_mib
from bench.programs import HERE, output, say
from bench.system import System

CONNECTIONS = (1, 16, 64, 256)
BASE_CLIENTS = 64  # pgbench's; the ratio is taken to the point of as many connections
RUN_COUNTS = (1, 1000)
BASE_SECONDS = 3  # at least: its clients connect within the time
WARM_SECONDS = 2
POLL_SECONDS = 0.05
STALLED_SECONDS = 60
SERVICES = ("ingress", "worker")

NAME = "answer.txt"
TEXT = ("The capital of France is Paris; it has been so, with breaks, since 987. " * 6)[:390]
BODY = json.dumps({"output_resource_name": NAME, "text_value": TEXT})  # about 450 bytes

INSERT = f"""\
\\set run random(0, %d)
INSERT INTO gold_label (id, account_id, run_id, output_resource_name, text_value, created_by)
VALUES (gen_random_uuid(), '%s', ('00000000-0000-4000-8000-' || lpad((:run)::text, 12, '0'))::uuid,
        '{NAME}', '{TEXT}', 'developer');
"""


class Services:
    """The worker and the ingress of the stack, while they are measured."""

    def __init__(self, system: System) -> None:
        self.system = system

    def __enter__(self) -> "Services":
        self.system.stack("start", *SERVICES)
        self.ingress = Metrics(self.system.env["ADMIN_URL"])
        self.worker = Metrics(self.system.env["WORKER_ADMIN_URL"])
        return self

    def __exit__(self, *_: object) -> None:
        self.system.stack("stop", *SERVICES)

    def cpu(self) -> dict[str, float]:
        return {service: cpu_seconds(self.system.pid(service)) for service in SERVICES}

    def look(self) -> Values:
        return self.ingress.read() | self.worker.read()

    def await_idle(self) -> None:
        """Requests that wrk left in the air shall not be counted with the next point."""
        deadline = time.monotonic() + STALLED_SECONDS
        while total(self.ingress.read(), "gold_label_ingress_pending"):
            if time.monotonic() > deadline:
                sys.exit("the ingress still has requests that wait, and nobody sends any")
            time.sleep(POLL_SECONDS)


def make_runs(system: System) -> None:
    system.sql(
        "INSERT INTO run (id, account_id)"
        " SELECT ('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid,"
        f" '{system.env['ACCOUNT_ID']}' FROM generate_series(0, {max(RUN_COUNTS) - 1}) i"
    )


def wrk(system: System, connections: int, runs: int, seconds: int) -> dict:
    threads = min(connections, os.cpu_count() or 1, 2)
    printed = output(
        *("wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s"),
        *("-s", HERE / "post.lua", system.env["INGRESS_URL"]),
        BENCH_RUNS=runs,
        BENCH_BODY=BODY,
        TOKEN=system.env["TOKEN"],
    )
    return json.loads(printed.splitlines()[-1])


def measure_point(services: Services, connections: int, runs: int, seconds: int) -> tuple[dict, Values]:
    """One point of the closed loop. Only what was answered 201 counts as a label."""
    before, cpu_before = services.look(), services.cpu()
    load = wrk(services.system, connections, runs, seconds)
    services.await_idle()
    change = difference(services.look(), before)
    cpu = {service: now - cpu_before[service] for service, now in services.cpu().items()}

    answers = {s: int(n) for s, n in by_value(change, "gold_label_ingress_requests_total").items()}
    created = answers.pop("201", 0)
    answers.pop("none", 0)  # what wrk left at its end; a connection that broke before is one of its errors
    others = {status: n for status, n in answers.items() if n > 0} | {"socket": load["socket_errors"]}
    labels = max(0, load["requests"] - sum(others.values()))
    return {
        "connections": connections,
        "runs": runs,
        "labels_per_s": round(labels / load["seconds"], 1),
        "p50_ms": load["p50_ms"],
        "p99_ms": load["p99_ms"],
        "max_ms": load["max_ms"],
        # In a closed loop the rate follows from the mean; far below it, requests were left without an answer.
        "stalled": load["requests"] / load["seconds"] < 0.7 * connections / (load["mean_ms"] / 1e3),
        "not_201": sum(others.values()),
        "others": others,
        "cpu_us_per_label": {
            service: round(spent * 1e6 / max(1, created), 1) for service, spent in cpu.items()
        },
    }, change


def measure_inserts(system: System, runs: int, seconds: int) -> dict:
    """The same row by plain INSERTs, one transaction each: what the database itself makes of it."""
    script = system.state / "insert.sql"
    script.write_text(INSERT % (runs - 1, system.env["ACCOUNT_ID"]))
    printed = output(
        *("pgbench", "--no-vacuum", "--protocol=prepared", f"--client={BASE_CLIENTS}", "--jobs=2"),
        *(f"--time={max(seconds, BASE_SECONDS)}", f"--file={script}", system.env["DATABASE_URL"]),
    )
    tps = re.search(r"^tps = ([\d.]+)", printed, re.M)
    mean = re.search(r"^latency average = ([\d.]+) ms", printed, re.M)
    if not tps or not mean:
        sys.exit(f"pgbench has measured nothing:\n{printed}")
    return {
        "clients": BASE_CLIENTS,
        "runs": runs,
        "rows_per_s": round(float(tps[1]), 1),
        "mean_ms": round(float(mean[1]), 3),
    }


def measure_loop(bench, services: Services, runs: int) -> None:
    seconds, numbers = bench.at["BENCH_SECONDS"], bench.report.numbers["http"]
    bench.report.title(f"HTTP, closed loop, {runs:,} run{'s' * (runs > 1)}, {seconds} s each")
    say(f"{'connections':>12} {'labels/s':>10} {'p50 ms':>9} {'p99 ms':>9} {'not 201':>8}   CPU µs/label")
    shown = {}
    for connections in CONNECTIONS:
        point, change = measure_point(services, connections, runs, seconds)
        numbers["points"].append(point)
        shown |= {f"{connections}: {title}": histogram for title, histogram in histograms(change).items()}
        cpu = point["cpu_us_per_label"]
        say(
            f"{connections:12} {point['labels_per_s']:10,.0f} {point['p50_ms']:9.1f} {point['p99_ms']:9.1f}"
            f" {point['not_201']:8}   ingress {cpu['ingress']:.0f}, worker {cpu['worker']:.0f}"
            + "   STALLED"
            * point["stalled"]
        )
        if connections == BASE_CLIENTS:
            base = measure_inserts(services.system, runs, seconds)
            base["ratio"] = round(point["labels_per_s"] / base["rows_per_s"], 2)
            numbers["inserts"].append(base)
    say(
        f"{'pgbench, ' + str(BASE_CLIENTS):>12} {base['rows_per_s']:10,.0f}   plain INSERTs of the same row;"
        f" HTTP at {BASE_CLIENTS} makes {base['ratio']:.2f} of it"
    )
    bench.report.histograms(shown)


def measure(bench) -> None:
    numbers = bench.report.numbers["http"] = {"points": [], "inserts": []}
    make_runs(bench.system)
    bench.system.empty()
    with Services(bench.system) as services:
        wrk(bench.system, 16, max(RUN_COUNTS), min(WARM_SECONDS, bench.at["BENCH_SECONDS"]))
        services.await_idle()
        for runs in RUN_COUNTS:
            measure_loop(bench, services, runs)
        peaks = {service: peak_mib(bench.system.pid(service)) for service in SERVICES}
    numbers["peak_mib"] = peaks
    say(f"peak memory after the HTTP load: ingress {peaks['ingress']} MiB, worker {peaks['worker']} MiB")
