"""The worker and the ingress of the stack, while they are measured over HTTP."""

import sys
import time

from bench.metrics import Metrics, Values, total
from bench.processes import cpu_seconds, peak_mib
from bench.system import System

POLL_SECONDS = 0.05
STALLED_SECONDS = 60
SERVICES = ("ingress", "worker")


class Services:
    def __init__(self, system: System) -> None:
        self.system = system

    def __enter__(self) -> "Services":
        self.system.empty()
        self.system.stack("start", *SERVICES)
        self.ingress = Metrics(self.system.env["ADMIN_URL"])
        self.worker = Metrics(self.system.env["WORKER_ADMIN_URL"])
        return self

    def __exit__(self, *_: object) -> None:
        self.system.stack("stop", *SERVICES)

    def cpu(self) -> dict[str, float]:
        return {service: cpu_seconds(self.system.pid(service)) for service in SERVICES}

    def peaks(self) -> dict[str, float]:
        return {service: peak_mib(self.system.pid(service)) for service in SERVICES}

    def look(self) -> Values:
        return self.ingress.read() | self.worker.read()

    def await_idle(self) -> None:
        """Requests that wrk left in the air shall not be counted with the next point."""
        deadline = time.monotonic() + STALLED_SECONDS
        while total(self.ingress.read(), "gold_label_ingress_pending"):
            if time.monotonic() > deadline:
                sys.exit("the ingress still has requests that wait, and nobody sends any")
            time.sleep(POLL_SECONDS)
