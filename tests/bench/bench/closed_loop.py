"""Labels over HTTP in a closed loop: a connection sends its next label when it has the answer to its last."""

import json
import os

from bench.inserts import NAME, TEXT
from bench.metrics import Values, by_value, difference
from bench.programs import HERE, output
from bench.services import Services
from bench.system import HTTP_RUNS, System
from bench.warming import until_steady

WARM_CONNECTIONS = 64
BODY = json.dumps({"output_resource_name": NAME, "text_value": TEXT})  # about 450 bytes


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


def warm_up(services: Services, seconds: int) -> None:
    def load() -> None:
        wrk(services.system, WARM_CONNECTIONS, HTTP_RUNS, seconds)
        services.await_idle()

    until_steady(services.system, seconds, load)


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
