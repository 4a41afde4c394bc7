"""What was asked for, what was answered, and what was found to be wrong: the memory of one run."""

import gzip
import json
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass
from decimal import Decimal


def read_json(text):
    """Its numbers with every digit."""
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


def canonical(value):
    """What read_json() gives, as a text that is equal where the values are."""

    def plain(value):
        if isinstance(value, dict):
            return {name: plain(member) for name, member in sorted(value.items())}
        if isinstance(value, list):
            return [plain(member) for member in value]
        return f"number {value}" if isinstance(value, Decimal) else value

    return json.dumps(plain(value))


def exact(text):
    """A JSON text without its white space and member order."""
    return canonical(read_json(text))


@dataclass(frozen=True)
class Label:
    """What somebody wants to be stored."""

    account: str
    subject: str
    run: str
    name: str
    text: str | None = None
    object: str | None = None  # JSON
    partial: bool | None = None

    @property
    def content(self):
        """Equal where PostgreSQL finds two labels equal."""
        value = None if self.object is None else exact(self.object)
        return self.account, self.run, self.name, self.text, value, self.partial


# What is to be said about a command of each kind. None: that depends on the row that is there.
VERDICTS = {
    "good": None,
    "missing-run": "run_not_found",
    "refused": "invalid_value",  # by a constraint of the table that the programs do not know
    "rule-breaker": "invalid_value",
    "bad-id": "invalid_value",
    "bad-token": "unauthenticated",
    "garbage": "dead-letter",
}


@dataclass
class Attempt:
    """One HTTP request, or one record on Kafka. `trace` (traceparent) names it on its whole way."""

    trace: str
    via: str  # http, kafka
    kind: str  # of VERDICTS
    label: Label | None
    id: str | None = None  # of the label, where the sender knows it
    key: str | None = None  # Idempotency-Key
    immediate: bool = False  # respond-async
    value: bytes | None = None  # kafka
    reply_partition: int | None = None  # kafka
    correlation: str | None = None  # kafka
    sent_at: float = 0.0
    ended_at: float = 0.0
    status: int | None = None  # http; None: no answer came
    body: dict | None = None
    location: str | None = None
    error: str | None = None
    where: tuple[int, int] | None = None  # kafka: partition and offset that the broker acknowledged


SHOWN = 600  # characters of a detail; the history file has all of it


class History:
    """Threads append to it; nothing is ever changed but an attempt by the thread that made it."""

    def __init__(self):
        self.began = time.monotonic()
        self.attempts = []
        self.actions = []
        self.violations = []
        self.skipped = set()  # checks that are switched off
        self.found = threading.Event()
        self.lock = threading.Lock()

    def now(self):
        return round(time.monotonic() - self.began, 3)

    def say(self, text):
        print(f"{self.now():8.2f}  {text}", flush=True)

    def begin(self, attempt):
        attempt.sent_at = self.now()
        self.attempts.append(attempt)
        return attempt

    def act(self, text):
        """Of the nemesis."""
        self.actions.append((self.now(), text))
        self.say(text)

    def violation(self, check, text, **details):
        with self.lock:
            if check in self.skipped:
                return
            self.violations.append({"at": self.now(), "check": check, "text": text} | details)
            count = Counter(one["check"] for one in self.violations)[check]
        if count <= 5:
            self.say(f"VIOLATION {check}: {text}")
            for name, value in details.items():
                self.say(f"    {name}: {str(value)[:SHOWN]}")
        self.found.set()

    def dump(self, path, observer):
        """Everything, one JSON object a line."""

        def plain(value):
            return value.hex() if isinstance(value, bytes) else str(value)

        def lines():
            yield from ({"violation": one} for one in self.violations)
            yield from ({"at": at, "nemesis": text} for at, text in self.actions)
            yield from ({"attempt": asdict(one)} for one in self.attempts)
            yield from ({"command": asdict(one)} for one in observer.commands.values())
            for answers in observer.answers.values():
                yield from ({"answer": asdict(one)} for one in answers)

        with gzip.open(path, "wt", compresslevel=3) as out:
            for line in lines():
                print(json.dumps(line, default=plain), file=out)
