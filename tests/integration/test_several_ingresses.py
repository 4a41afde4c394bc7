"""Two ingresses on one results topic, one of them stopped, killed and started again under load: no reply is
lost and none is crossed."""

from collections import Counter

import pytest
from support.clients import LOST, REFUSED, Load, check, new_account
from support.workers import Ingress

CLIENTS = 16
STEADY = 200  # answers, before the next thing happens
DEADLINE_S = 30  # as the requests wait; a lost reply would be a 202 then

PARTITIONS = {"their own": ("0", "1"), "the same": ("0", "0")}


class Pair:
    """`staying` stays, `coming` comes and goes."""

    def __init__(self, workers, partitions):
        self.workers = workers
        self.staying, self.coming = self.all = [self.started(partition) for partition in partitions]
        self.partition = partitions[1]

    def started(self, partition):
        return self.workers.start(Ingress, GOLD_LABEL_INGRESS_REPLY_PARTITION=partition).wait_until_ready()

    def start_again(self):
        self.all[1] = self.coming = self.started(self.partition)


@pytest.fixture(params=PARTITIONS)
def pair(request, workers):
    """With reply partitions of `their own`, or `the same` one."""
    return Pair(workers, PARTITIONS[request.param])


def statuses(load, ingress):
    return {answer.status for answer in load.answers() if answer.url == ingress.url}


def test_a_restart_loses_no_reply_and_crosses_none(pair, system, tokens, results):
    accounts = [new_account(system, tokens) for _ in range(2)]
    with Load(pair.all, accounts, CLIENTS, Prefer=f"wait={DEADLINE_S}") as load:
        load.wait_for(STEADY)
        stopped = pair.coming
        assert stopped.stop() == 0
        load.wait_for(STEADY)
        pair.start_again()
        load.wait_for(STEADY)
        killed = pair.coming
        killed.kill()
        load.wait_for(STEADY)
        pair.start_again()
        load.wait_for(STEADY)
    check(system, load.orders())
    assert all(answer.seconds < DEADLINE_S for answer in load.answers())
    assert statuses(load, pair.staying) == {201}
    assert statuses(load, pair.coming) == {201}
    # A request can cross the end of its connection, but then it was not published.
    assert statuses(load, stopped) <= {201, 202, 503, REFUSED, LOST}
    assert statuses(load, killed) == {201, REFUSED, LOST}
    published = Counter(event.result["command_id"] for event in results.read_all())
    for order in load.orders():
        may_be_twice = any(a.status == LOST and a.url == killed.url for a in order.answers)
        assert published[order.id] in ((1, 2) if may_be_twice else (1,))
