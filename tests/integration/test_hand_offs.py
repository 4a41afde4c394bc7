"""How often threads of the ingress go to sleep for one label: each hand-off costs a wake-up."""

import re
import time
from collections import Counter
from pathlib import Path

from support.raw_http import Connection, fill, request
from support.workers import Ingress

LABELS = 500
# README.md counts 7 for a label, 2 each of the listener's thread and the Kafka thread; librdkafka adds some.
OURS = {"gold-label-ingr": 2.5, "kafka": 4.5}
ALL = 10.5
# What goes on without labels, and more of it where a busy machine takes long: timers, empty fetches.
OURS_A_SECOND, ALL_A_SECOND = 10, 60


def switches(pid):
    """How often each thread has waited for something, by its name."""
    found = Counter()
    for task in Path(f"/proc/{pid}/task").iterdir():
        status = (task / "status").read_text()
        name = re.search(r"^Name:\s+(.*)", status, re.M)[1]
        found[name] += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status, re.M)[1])
    return found


def test_a_label_needs_few_hand_offs_between_threads(workers, run, tokens):
    ingress = workers.start(Ingress).wait_until_ready()
    sent = fill(request(without=["Prefer"]), ingress.url, run, tokens.user())
    with Connection(ingress.url) as connection:

        def send(count):
            for _ in range(count):
                connection.send(sent)
                assert connection.answer().status == 201

        send(LABELS // 10)
        before, began = switches(ingress.pid), time.monotonic()
        send(LABELS)
        spent, seconds = switches(ingress.pid) - before, time.monotonic() - began
    a_label = {name: round(count / LABELS, 1) for name, count in spent.items() if count > LABELS / 10}
    print(f"{spent.total() / LABELS:.1f} a label in {seconds:.1f} s: {a_label}")
    for thread, most in OURS.items():
        assert spent[thread] < most * LABELS + OURS_A_SECOND * seconds, a_label
    assert spent.total() < ALL * LABELS + ALL_A_SECOND * seconds, a_label
