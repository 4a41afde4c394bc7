"""How often threads of the programs go to sleep for one label: each hand-off costs a wake-up."""

import re
import time
from collections import Counter
from pathlib import Path

from support.raw_http import Connection, fill, request
from support.workers import Ingress

LABELS = 500
# README.md counts 6 for a label in the ingress and 5 in the worker; librdkafka adds some.
OURS = {"ingress": {"gold-label-ingr": 2.5, "kafka": 2.3}, "worker": {"gold-label-work": 4.4}}
ALL = {"ingress": 9, "worker": 11.5}
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


def test_a_label_needs_few_hand_offs_between_threads(workers, system, run, tokens):
    ingress = workers.start(Ingress).wait_until_ready()
    pids = {"ingress": ingress.pid, "worker": system.pid("worker")}
    sent = fill(request(without=["Prefer"]), ingress.url, run, tokens.user())
    with Connection(ingress.url) as connection:

        def send(count):
            for _ in range(count):
                connection.send(sent)
                assert connection.answer().status == 201

        send(LABELS // 10)
        before, began = {name: switches(pid) for name, pid in pids.items()}, time.monotonic()
        send(LABELS)
        spent = {name: switches(pid) - before[name] for name, pid in pids.items()}
        seconds = time.monotonic() - began
    for program, threads in spent.items():
        a_label = {name: round(n / LABELS, 1) for name, n in threads.items() if n > LABELS / 10}
        print(f"{program}: {threads.total() / LABELS:.1f} a label in {seconds:.1f} s: {a_label}")
        for thread, most in OURS[program].items():
            assert LABELS / 2 < threads[thread] < most * LABELS + OURS_A_SECOND * seconds, a_label
        assert threads.total() < ALL[program] * LABELS + ALL_A_SECOND * seconds, a_label
