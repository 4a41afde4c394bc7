"""Many clients at once while worker and ingress are stopped or killed: whatever a client was told is true."""

import os
import time
from collections import Counter

import pytest
from support.clients import LOST, REFUSED, Client, Load, check, new_account
from support.topics import Topics
from support.workers import Ingress, Worker

# The promise is for 200 clients with 100 labels each, and for a stop of 20 s; `pytest -s` shows the numbers.
CLIENTS = int(os.environ.get("LOAD_CLIENTS", "100"))
LABELS = int(os.environ.get("LOAD_LABELS", "40"))
STOP_S = float(os.environ.get("LOAD_STOP_S", "3"))
ACCOUNTS = 5
PARTITIONS = 8
WAIT_S = 1  # of a request, while there is no worker
RETURN_S = 1  # from the worker's return to the first label that is stored
BUSY_S = 1  # what a busy machine adds to either


class Installation:
    """Worker and ingresses with topics of their own; the dead are found out soon."""

    def __init__(self, topics, workers):
        self.topics, self.workers = topics, workers
        self.ingresses = []

    def start_worker(self):
        session = {"SESSION_TIMEOUT_MS": "2000", "HEARTBEAT_INTERVAL_MS": "300"}
        settings = {f"GOLD_LABEL_KAFKA_{name}": value for name, value in session.items()}
        self.worker = self.workers.start(Worker, **self.topics.environment, **settings)
        return self.worker

    def start_ingress(self):
        ingress = self.workers.start(Ingress, **self.topics.ingress_environment).wait_until_ready()
        self.ingresses.append(ingress)
        return ingress


@pytest.fixture
def installation(system, tokens, workers):
    with Topics(system, tokens.worker(), PARTITIONS) as topics:
        it = Installation(topics, workers)
        it.start_worker().wait_until_ready()
        it.start_ingress()
        yield it


@pytest.fixture
def accounts(system, tokens):
    return [new_account(system, tokens) for _ in range(ACCOUNTS)]


def test_killed_processes_cross_no_reply_and_every_201_has_its_row(installation, accounts, system):
    quarter = CLIENTS * LABELS // 4
    installation.start_ingress()
    ingresses = installation.ingresses
    with Load(ingresses, accounts, CLIENTS, LABELS) as load:
        load.wait_for(quarter)
        installation.worker.kill()
        installation.start_worker()
        load.wait_for(quarter)
        ingresses.pop(0).kill()
        installation.start_ingress()
        load.wait_for(quarter // 2)
        installation.worker.kill()
        ingresses.pop(0).kill()
        installation.start_worker()
        installation.start_ingress()
    assert all(len(orders) >= LABELS for orders in load.by_client)
    check(system, load.orders())
    statuses = Counter(answer.status for answer in load.answers())
    print(dict(statuses))
    assert statuses.keys() <= {201, 202, LOST, REFUSED}
    assert statuses[LOST] > 0


def test_a_worker_that_is_away_costs_no_label_and_is_back_at_once(installation, accounts, system):
    def load(until):
        return Load(installation.ingresses, accounts, CLIENTS // 2, until=until, Prefer=f"wait={WAIT_S}")

    def answers():
        return stubborn.answers() + content.answers()

    with load(until=[201]) as stubborn, load(until=[201, 202]) as content:
        content.wait_for(CLIENTS)
        assert installation.worker.stop() == 0
        gone = time.monotonic()
        content.wait_for(round(CLIENTS // 2 * STOP_S / WAIT_S))
        assert {answer.status for answer in answers() if answer.began > gone} == {202}
        back = time.monotonic()
        installation.start_worker().wait_until_ready()
        ready = time.monotonic()
        content.wait_for(CLIENTS)
    assert {answer.status for answer in answers()} == {201, 202}
    late = min(a.ended for a in answers() if a.status == 201 and a.ended > back) - ready
    slowest = max(answer.seconds for answer in answers())
    print(
        f"worker away {back - gone:.1f} s, ready {ready - back:.3f} s after its start,",
        f"first 201 {late:.3f} s after that, slowest answer {slowest:.3f} s,",
        dict(Counter(a.status for a in answers())),
    )
    assert slowest < WAIT_S + BUSY_S
    assert late < RETURN_S + BUSY_S

    # Whoever was told 202 sends again.
    accepted = [order for order in content.orders() if order.answers[-1].status == 202]
    assert accepted
    with Client(Prefer="wait=30") as client:
        url = installation.ingresses[0].url
        assert {client.post(url, order).status for order in accepted} == {201}
    check(system, stubborn.orders() + content.orders())
