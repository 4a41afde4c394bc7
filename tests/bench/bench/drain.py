"""Drains one backlog with one or more workers, and checks afterwards that every command is accounted for.

The clock runs from the last look before any answer to the first look at which every command is answered and
every answer is acknowledged. With several processes it begins when each has answered something, and what was
answered until then does not count: joining the group is not what is measured. Only the workers' /metrics are
looked at."""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from confluent_kafka import Message

from bench.backlog import Backlog
from bench.metrics import histograms, total
from bench.processes import cpu_seconds, family_cpu_seconds
from bench.system import System
from bench.topics import Topics
from bench.workers import AT_LEAST_ONCE, Workers, finished, in_hand, outcomes

SOON_S, SELDOM_S = 0.02, 0.25  # between two looks
STALLED_S = 60
COMMITTED_S = 30


@dataclass
class Drained:
    backlog: str
    commands: int
    delivery: str
    processes: int
    per_s: float
    seconds: float
    outcomes: dict[str, int]
    results: int  # on the results topic, as a read_committed reader counts them
    rows_per_batch: float
    worker_cpu_us: float  # per command, of all processes, from their start
    broker_cpu_us: float
    postgres_cpu_us: float
    peak_mib: list[float]
    histograms: dict[str, dict[str, float]]
    read: dict

    def numbers(self) -> dict:
        return asdict(self)


class Drains:
    def __init__(self, system: System, topics: Topics) -> None:
        self.system = system
        self.topics = topics
        self.done = 0

    def run(
        self,
        backlog: Backlog,
        *,
        processes: int = 1,
        delivery: str = AT_LEAST_ONCE,
        max_rows: int | None = None,
        reader: Callable[[Iterator[Message]], dict] | None = None,
    ) -> Drained:
        """`reader` is given all results; what it makes of them becomes `read`."""
        self.done += 1
        group = f"bench-{self.done}"
        topics = {"COMMANDS": backlog.topic, "RESULTS": f"bench.results.{self.done}"}
        topics["DLQ"] = f"bench.dlq.{self.done}"
        self.topics.make(topics["RESULTS"])
        self.topics.make(topics["DLQ"])

        rows = self.system.rows()
        servers = self.server_cpu()
        options = {"processes": processes, "delivery": delivery, "max_rows": max_rows}
        with Workers(self.system, group, topics, **options) as workers:
            per_s, seconds = watch(workers, backlog)
            servers = {name: now - servers[name] for name, now in self.server_cpu().items()}
            looks = workers.look()
            cpu = sum(worker.cpu_seconds() for worker in workers.each)
            peaks = [worker.peak_mib() for worker in workers.each]
            self.check_offsets(group, backlog)
        counts = outcomes(looks)
        results = self.check_answers(backlog, delivery, topics, counts, self.system.rows() - rows)
        read = reader(self.topics.read(topics["RESULTS"])) if reader else {}
        self.topics.delete(topics["RESULTS"], topics["DLQ"])
        each = 1e6 / backlog.commands
        return Drained(
            backlog=backlog.topic,
            commands=backlog.commands,
            delivery=delivery,
            processes=processes,
            per_s=round(per_s, 1),
            seconds=round(seconds, 3),
            outcomes={name: n for name, n in counts.items() if n},
            results=results,
            rows_per_batch=round(
                sum(total(look, "gold_label_worker_rows_total") for look in looks)
                / max(1, sum(total(look, "gold_label_worker_batches_total") for look in looks)),
                1,
            ),
            worker_cpu_us=round(cpu * each, 2),
            broker_cpu_us=round(servers["broker"] * each, 2),
            postgres_cpu_us=round(servers["postgres"] * each, 2),
            peak_mib=peaks,
            histograms=histograms(looks[0]),
            read=read,
        )

    def server_cpu(self) -> dict[str, float]:
        return {
            "broker": cpu_seconds(self.system.pid("kafka")),
            "postgres": family_cpu_seconds(self.system.pid("postgres")),
        }

    def check_offsets(self, group: str, backlog: Backlog) -> None:
        """What is answered is also committed, soon and by itself."""
        ends = self.topics.ends(backlog.topic)
        deadline = time.monotonic() + COMMITTED_S
        while (committed := self.topics.committed(group, backlog.topic)) != ends:
            if time.monotonic() > deadline:
                sys.exit(f"offsets committed {committed}, and the topic ends at {ends}")
            time.sleep(SOON_S)

    def check_answers(
        self, backlog: Backlog, delivery: str, topics: dict[str, str], counts: dict[str, int], rows: int
    ) -> int:
        """Every command has its row, its result or its dead letter; the topics say what the workers' counters
        say. Returns the number of results."""
        once = {name: n for name, n in counts.items() if n and name != "replayed"}
        wanted = {name: n for name, n in backlog.kinds.items() if n}
        dead = counts.get("dead_letter", 0)
        answered = sum(counts.values()) - dead
        if delivery == AT_LEAST_ONCE:
            results, different = self.topics.count(topics["RESULTS"]), None
        else:
            ids = [dict(m.headers())["ce_id"] for m in self.topics.read(topics["RESULTS"])]
            results, different = len(ids), len(set(ids))
            answered = sum(wanted.values()) - dead  # exactly: an aborted transaction's answers do not count
        faults = [
            (once != wanted, f"outcomes {once}, and there should be {wanted}"),
            (
                rows != wanted.get("created", 0),
                f"{rows} more rows, and {wanted.get('created', 0)} good commands",
            ),
            (results != answered, f"{results} results on their topic, and {answered} were to come"),
            (different not in (None, results), f"{results} results, and only {different} different ones"),
            (self.dead_letters(topics["DLQ"], delivery) != dead, f"not {dead} dead letters on their topic"),
        ]
        if found := [sentence for broken, sentence in faults if broken]:
            sys.exit(
                f"{backlog.topic}, {delivery}: not every command is accounted for:\n  " + "\n  ".join(found)
            )
        return results

    def dead_letters(self, topic: str, delivery: str) -> int:
        if delivery == AT_LEAST_ONCE:
            return self.topics.count(topic)
        return sum(1 for _ in self.topics.read(topic))


def pause(left: int, per_s: float) -> float:
    """Seldom, but soon before the end."""
    return min(SELDOM_S, max(SOON_S, left / per_s / 4)) if per_s else SOON_S


def watch(workers: Workers, backlog: Backlog) -> tuple[float, float]:
    """Commands per second and the seconds they were counted over."""
    clock = Clock()
    while True:
        looks = workers.look()
        now = time.monotonic()
        count = clock.note(now, [finished(look) for look in looks])
        if count >= backlog.commands and not any(map(in_hand, looks)):
            seconds = now - clock.began
            return (count - clock.base) / seconds, seconds
        if now - clock.moved > STALLED_S:
            state = f"answers {outcomes(looks)}, batches in hand {[in_hand(look) for look in looks]}"
            sys.exit(f"{backlog.topic}: nothing moves at {count} of {backlog.commands} commands: {state}")
        time.sleep(pause(backlog.commands - count, clock.rate(now)))


class Clock:
    """Begins when all processes are at it."""

    def __init__(self) -> None:
        self.began = self.moved = time.monotonic()
        self.base = self.count = 0
        self.shared = False  # every process has answered something

    def note(self, now: float, each: list[int]) -> int:
        if not any(each):
            self.began = now  # the last look before any progress
        elif not self.shared and all(each):
            self.shared = True
            if len(each) > 1:
                self.began, self.base = now, sum(each)
        if sum(each) > self.count:
            self.count, self.moved = sum(each), now
        return self.count

    def rate(self, now: float) -> float:
        return (self.count - self.base) / (now - self.began) if now > self.began else 0.0
