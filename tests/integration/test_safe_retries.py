"""Whoever sends again with the same Idempotency-Key gets the original label, however it went before."""

import os
import signal
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.clients import LOST, Client, Order, check, new_account, new_order
from support.waiting import wait_until
from support.workers import Ingress

AT_ONCE = 50
PATIENT = {"Prefer": "wait=30"}


@pytest.fixture
def account(system, tokens):
    return new_account(system, tokens)


@pytest.fixture
def ours(system):
    """The system's own ingress."""
    return system.env["INGRESS_URL"]


@pytest.fixture
def other(workers):
    return workers.start(Ingress).wait_until_ready()


def send(url, order):
    with Client(**PATIENT) as client:
        return client.post(url, order)


def send_at_once(urls, orders):
    """Each over a connection of its own, all at the same moment, to the addresses in turn."""
    start = threading.Barrier(len(orders))

    def send_one(n):
        url = urls[n % len(urls)]
        with Client(**PATIENT) as client:
            client.connect(url)
            start.wait(30)
            return client.post(url, orders[n])

    with ThreadPoolExecutor(len(orders)) as pool:
        return list(pool.map(send_one, range(len(orders))))


def with_other_content(order):
    return Order(order.account, order.key, "other content")


def is_conflict(answer):
    return answer.status == 422 and answer.json["code"] == "id_conflict"


# ---- at once ----


@pytest.mark.parametrize("processes", [1, 2])
def test_fifty_equal_requests_at_once_are_one_label(processes, system, ours, other, account):
    order = new_order(account)
    answers = send_at_once([ours, other.url][:processes], [order] * AT_ONCE)
    assert Counter(answer.status for answer in answers) == {201: AT_ONCE}
    assert len({answer.body for answer in answers}) == 1
    check(system, [order])


def test_of_two_contents_at_once_one_is_the_label_and_the_other_is_refused(system, ours, other, account):
    one = new_order(account)
    contents = [one, with_other_content(one)]
    answers = send_at_once([ours, other.url], [contents[n // 2 % 2] for n in range(AT_ONCE)])
    stored = system.query("SELECT text_value FROM gold_label WHERE run_id = %s", account.run)
    assert len(stored) == 1
    [winner] = [order for order in contents if order.text == stored[0][0]]
    [loser] = [order for order in contents if order is not winner]
    assert {answer.status for answer in winner.answers} == {201}
    assert all(map(is_conflict, loser.answers))
    assert len(winner.answers) + len(loser.answers) == len(answers)
    check(system, [winner])


# ---- after a crash ----


def test_a_retry_behind_a_worker_killed_between_commit_and_result(
    system, ours, account, results, whole_again
):
    order = new_order(account)
    with ThreadPoolExecutor(1) as pool:
        with system.table_held() as held:
            first = pool.submit(send, ours, order)
            wait_until(system.worker_waits_for_lock, what="the worker's INSERT")
            os.kill(system.pid("worker"), signal.SIGSTOP)  # PostgreSQL goes on without it
            held.rollback()
            wait_until(lambda: system.count(account.run) == 1, what="the commit")
            os.kill(system.pid("worker"), signal.SIGKILL)
        system.call("start", "worker")
        again = send(ours, order)
        assert (first.result().status, again.status) == (201, 201)
    assert is_conflict(send(ours, with_other_content(order)))
    check(system, [order])
    # Had the first worker sent a result, that would be one of a label that was not there before.
    ours_of = [e.result for e in results.read_all() if e.result["command_id"] == order.id]
    created = [result for result in ours_of if result["outcome"] == "CREATED"]
    assert [result["replayed"] for result in created] == [True, True]


@pytest.mark.parametrize("sent_again", ["before", "behind"])
def test_a_retry_behind_an_ingress_killed_between_publish_and_reply(
    sent_again, system, workers, other, account
):
    """Sent again before or behind the commit of the first."""
    victim = workers.start(Ingress).wait_until_ready()
    order = new_order(account)
    with ThreadPoolExecutor(2) as pool:
        with system.table_held() as held:
            first = pool.submit(send, victim.url, order)
            published = "gold_label_ingress_publish_seconds_count"
            wait_until(lambda: victim.metric(published) == 1, what="it is published")
            wait_until(system.worker_waits_for_lock, what="the worker's INSERT")
            victim.kill()
            assert first.result().status is LOST
            if sent_again == "before":
                again = pool.submit(send, other.url, order)
                wait_until(lambda: other.metric(published) == 1, what="the second is published")
            held.rollback()
        if sent_again == "behind":
            wait_until(lambda: system.count(account.run) == 1, what="the commit")
            again = pool.submit(send, other.url, order)
        assert again.result().status == 201
    assert is_conflict(send(other.url, with_other_content(order)))
    check(system, [order])
