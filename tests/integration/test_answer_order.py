"""Results of one partition come in the order of their commands, whatever they were sent with."""

import random

import pytest
from support.events import command
from support.waiting import wait_until

BURSTS = 300


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_results_have_the_order_of_their_commands_in_bursts_of_all_sizes(workers, topics, run, delivery):
    # Full batches and others take different ways to the results topic.
    small = {"GOLD_LABEL_WORKER_MAX_ROWS": "4", "GOLD_LABEL_WORKER_DELIVERY": delivery}
    workers.start(**topics.environment, **small)
    assert topics.ask(command(run)).result["outcome"] == "CREATED"

    sizes = random.Random(7)
    sender = topics.sender()
    ids = []
    for _ in range(BURSTS):
        for _ in range(sizes.randint(1, 9)):
            one = command(run)
            ids.append(one["command_id"])
            sender.queue(one, key=run)
        sender.flush()
    wait_until(lambda: topics.lag() == 0, 60, "lag is 0")
    answered = [event.result["command_id"] for event in topics.results.read_all()]
    assert answered[-len(ids) :] == ids
