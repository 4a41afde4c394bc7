"""Worker processes that the bench starts itself, each with an admin port of its own."""

import re
import socket
import subprocess
import sys
import time
from functools import cache

from bench.metrics import Metrics, Values, by_value, total
from bench.processes import cpu_seconds, peak_mib
from bench.programs import BIN, clean_environment, output, say
from bench.system import System

END_S = 60
LOG_TAIL = 2000
AT_LEAST_ONCE, EXACTLY_ONCE = "at-least-once", "exactly-once"


@cache
def worker_help() -> str:
    return output(BIN / "gold-label-worker", "--help")


def has_setting(name: str) -> bool:
    return re.search(rf"^  {name}: ", worker_help(), re.M) is not None


def deliveries() -> dict[str, bool]:
    """The ways of delivery that are measured, and whether this worker has them."""
    return {AT_LEAST_ONCE: True, EXACTLY_ONCE: has_setting("delivery")}


def default_rows() -> int:
    """The bound of the worker's batches."""
    found = re.search(r"^  max_rows: .*default (\d+)$", worker_help(), re.M)
    return int(found[1])


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Worker:
    """One process. It ends with us, however we end."""

    def __init__(self, system: System, number: int, settings: dict[str, object]) -> None:
        port = free_port()
        named = settings | {"GOLD_LABEL_ADMIN_PORT": port}
        if has_setting("instance"):
            named["GOLD_LABEL_WORKER_INSTANCE"] = f"bench-{number}"
        self.log = system.state / f"worker-{port}.log"
        self.metrics = Metrics(f"http://127.0.0.1:{port}")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *("setpriv", "--pdeathsig", "TERM"),
                    *(BIN / "gold-label-worker", "--config", system.state / "worker.ini"),
                ],
                env=clean_environment(**named),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def look(self) -> Values:
        """Its metrics; empty while its listener is not open yet."""
        if self.process.poll() is not None:
            sys.exit(f"a worker ended with status {self.process.returncode}")
        return self.metrics.look()

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-LOG_TAIL:]

    def is_ready(self) -> bool:
        try:
            return self.metrics.get("/readyz")[0] == 200
        except OSError:
            return False

    def cpu_seconds(self) -> float:
        return cpu_seconds(self.process.pid)

    def peak_mib(self) -> float:
        return peak_mib(self.process.pid)

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            sys.exit(f"a worker has not ended {END_S} s after SIGTERM")


class Workers:
    """Processes of one consumer group, from their start to their end."""

    def __init__(
        self,
        system: System,
        group: str,
        topics: dict[str, str],
        *,
        processes: int = 1,
        delivery: str = AT_LEAST_ONCE,
        max_rows: int | None = None,
    ) -> None:
        named = {"KAFKA_GROUP": group, "LOG_LEVEL": "warning"}
        named |= {f"KAFKA_{kind}_TOPIC": name for kind, name in topics.items()}
        if processes > 1:  # the first hears soon that there is a second
            named["KAFKA_HEARTBEAT_INTERVAL_MS"] = "100"
        if delivery != AT_LEAST_ONCE:
            named["WORKER_DELIVERY"] = delivery
        if max_rows:
            named["WORKER_MAX_ROWS"] = str(max_rows)
        self.settings = {f"GOLD_LABEL_{name}": value for name, value in named.items()}
        self.system = system
        self.count = processes
        self.each: list[Worker] = []

    def __enter__(self) -> "Workers":
        try:
            for number in range(self.count):
                self.each.append(Worker(self.system, number, self.settings))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, failed: object = None, *_: object) -> None:
        for worker in self.each:
            if failed:
                say(f"the end of {worker.log.name}:\n{worker.tail()}")
            worker.process.terminate()
        for worker in self.each:
            worker.stop()

    def look(self) -> list[Values]:
        return [worker.look() for worker in self.each]

    def await_ready(self) -> None:
        deadline = time.monotonic() + END_S
        while not all(worker.is_ready() for worker in self.each):
            self.look()
            if time.monotonic() > deadline:
                sys.exit(f"the workers are not ready after {END_S} s")
            time.sleep(0.05)


def outcomes(looks: list[Values]) -> dict[str, int]:
    """Commands answered by all of them, by outcome."""
    each = [by_value(look, "gold_label_worker_answers_total") for look in looks]
    names = sorted({name for counts in each for name in counts})
    return {name: int(sum(counts.get(name, 0) for counts in each)) for name in names}


def finished(look: Values) -> int:
    """Commands that have their one answer; a replay is a second one."""
    return int(
        total(look, "gold_label_worker_answers_total")
        - by_value(look, "gold_label_worker_answers_total").get("replayed", 0)
    )


def in_hand(look: Values) -> float:
    return total(look, "gold_label_worker_batches_in_hand")
