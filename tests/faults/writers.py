"""Who sends: threads over HTTP and over Kafka. What they were told goes into the history."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import plans
import requests
from confluent_kafka import Producer
from history import Attempt, read_json
from observer import QUIET
from support.api import Api
from support.events import COMMANDS

RETRIED = {503, 504, None}
RETRY_S = 40  # after the end of the run, for what is not answered yet
REMEMBERED = 200

HTTP_KINDS = {
    "good": 60,
    "missing-run": 5,
    "rule-breaker": 5,
    "refused": 4,
    "bad-token": 3,
    "again": 8,  # an earlier key with its label
    "conflict": 5,  # an earlier key with another label
    "at-once": 6,  # equal requests with one key at the same time
}
KAFKA_KINDS = {
    "good": 70,
    "missing-run": 4,
    "rule-breaker": 4,
    "refused": 3,
    "bad-token": 3,
    "bad-id": 2,
    "garbage": 3,
    "again": 8,  # an earlier command once more
    "conflict": 4,  # an earlier id for another label
}
BURSTS = [1, 1, 1, 5, 20, 60, 150, 400]
PREFERENCES = [None, None, None, "wait=1", "wait=10", "respond-async", "respond-async, wait=2"]


def pick(rng, kinds):
    return rng.choices(list(kinds), kinds.values())[0]


class Writer(threading.Thread):
    def __init__(self, name, seed, world, history, stop):
        super().__init__(name=name, daemon=True)
        self.rng = random.Random(f"{seed}-{name}")
        self.world = world
        self.history = history
        self.stop = stop
        self.patient = True  # at the end: what is not answered is sent again, what is not sent is waited for
        self.earlier = []

    def remember(self, what):
        if len(self.earlier) == REMEMBERED:
            self.earlier.pop(self.rng.randrange(REMEMBERED))
        self.earlier.append(what)

    def run(self):
        try:
            while not self.stop.is_set():
                self.step()
                self.stop.wait(self.pause())
            self.finish()
        except Exception as error:
            self.history.violation("checker", f"{self.name} failed: {error!r}")
            raise

    def finish(self):
        pass


class HttpWriter(Writer):
    """One request after the other; a keyed one that is not answered for good is sent again with its key."""

    def __init__(self, name, seed, world, history, stop, urls):
        super().__init__(name, seed, world, history, stop)
        self.urls = urls
        self.sessions = threading.local()
        self.pool = ThreadPoolExecutor(3, f"{name}-at-once")

    def pause(self):
        return self.rng.expovariate(1 / 0.03)

    def api(self):
        if not hasattr(self.sessions, "api"):
            self.sessions.api = Api(None, None)
        return self.sessions.api

    def step(self):
        rng = self.rng
        kind = pick(rng, HTTP_KINDS)
        if kind in ("again", "conflict") and self.earlier:
            key, label = rng.choice(self.earlier)
            if kind == "again":
                self.send("good", plans.reformatted(label), key)
            else:
                other = plans.new_label(rng, self.world, "good")
                self.send("good", replace(other, account=label.account, run=label.run), key)
            return
        times = 3 if kind == "at-once" else 1
        kind = "good" if kind in ("again", "conflict", "at-once") else kind
        label = plans.new_label(rng, self.world, kind)
        key = plans.new_uuid(rng) if times > 1 or rng.random() < 0.6 else None
        if times > 1:
            seeds = [rng.getrandbits(64) for _ in range(times)]
            list(self.pool.map(lambda s: self.send(kind, label, key, random.Random(s)), seeds))
        else:
            self.send(kind, label, key)
        if key and kind == "good":
            self.remember((key, label))

    def send(self, kind, label, key, rng=None):
        """Until it is answered for good. Without a key only where nothing was published."""
        rng = rng or self.rng
        give_up = None
        while True:
            attempt = self.post(rng, kind, label, key)
            again = attempt.status in RETRIED if key else attempt.status == 503
            if self.stop.is_set():
                give_up = give_up or time.monotonic() + (RETRY_S if self.patient else 0)
            if not again or (give_up and time.monotonic() > give_up) or self.history.found.is_set():
                return
            time.sleep(rng.uniform(0.1, 0.6))

    def post(self, rng, kind, label, key):
        prefer = rng.choice(PREFERENCES)
        immediate = prefer == "respond-async"
        attempt = Attempt(plans.new_trace(rng), "http", kind, label, key=key, immediate=immediate)
        attempt.id = plans.key_id(label.account, key) if key else None
        if kind == "bad-token":
            token = self.world.bad_token(rng, "user", label)
        else:
            token = self.world.token("user", label)
        api = self.api()
        api.url = rng.choice(self.urls)
        self.history.begin(attempt)
        headers = {"Idempotency_Key": key, "Prefer": prefer, "traceparent": attempt.trace}
        try:
            answer = api.post(label.run, plans.body(label), token, **headers)
            attempt.body = read_json(answer.text)
            attempt.location = answer.headers.get("Location")
            attempt.status = answer.status_code
        except requests.RequestException as error:
            attempt.error = type(error).__name__
            api.session.close()
        attempt.ended_at = self.history.now()
        return attempt


class KafkaWriter(Writer):
    """Bursts of commands, straight to the topic."""

    def __init__(self, name, seed, world, history, stop, brokers, rate):
        super().__init__(name, seed, world, history, stop)
        self.mean_pause_s = sum(BURSTS) / len(BURSTS) / rate
        self.producer = Producer(
            {
                "bootstrap.servers": brokers,
                "partitioner": "murmur2_random",
                "linger.ms": 2,
                "acks": "all",
                "message.timeout.ms": 0,  # an outage is waited out
                "reconnect.backoff.max.ms": 500,
                "log_level": QUIET,
            }
        )

    def pause(self):
        return self.rng.expovariate(1 / self.mean_pause_s)

    def step(self):
        for _ in range(self.rng.choice(BURSTS)):
            self.send()
        self.producer.poll(0)

    def send(self):
        rng = self.rng
        kind = pick(rng, KAFKA_KINDS)
        if kind in ("again", "conflict") and self.earlier:
            command_id, label = rng.choice(self.earlier)
            if kind == "conflict":
                label = plans.new_label(rng, self.world, "good")
            else:
                label = plans.reformatted(label)
            kind = "good"
        else:
            kind = "good" if kind in ("again", "conflict") else kind
            label = plans.new_label(rng, self.world, kind)
            command_id = plans.new_uuid(rng) if kind != "bad-id" else f"no-uuid-{rng.getrandbits(32)}"
            if kind == "good":
                self.remember((command_id, label))
        self.produce(kind, label, command_id)

    def produce(self, kind, label, command_id):
        rng = self.rng
        attempt = Attempt(plans.new_trace(rng), "kafka", kind, label, id=command_id)
        attempt.value = plans.record(label, command_id)
        if kind == "garbage":
            attempt.value = plans.garbage(rng, attempt.value)
        token = self.world.token("worker", label)
        if kind == "bad-token":
            token = self.world.bad_token(rng, "worker", label)
        attempt.correlation = plans.new_uuid(rng) if rng.random() < 0.8 else None
        attempt.reply_partition = rng.choice(
            [None, None, rng.randrange(plans.PARTITIONS), plans.PARTITIONS + 90]
        )
        headers = {
            "authorization": f"Bearer {token}" if token else None,
            "traceparent": attempt.trace,
            "correlation-id": attempt.correlation,
            "reply-partition": None if attempt.reply_partition is None else str(attempt.reply_partition),
        }

        def delivered(error, message):
            attempt.ended_at = self.history.now()
            attempt.error = str(error) if error else None
            attempt.where = None if error else (message.partition(), message.offset())

        self.history.begin(attempt)
        sent = [(name, text) for name, text in headers.items() if text is not None]
        while True:
            try:
                self.producer.produce(COMMANDS, attempt.value, label.run, headers=sent, on_delivery=delivered)
                return
            except BufferError:
                self.producer.poll(0.2)

    def finish(self):
        if not self.patient:
            self.producer.purge()
        left = self.producer.flush(60)
        if left:
            self.history.violation(
                "drained", f"{left} commands of {self.name} were not taken by Kafka in 60 s"
            )
