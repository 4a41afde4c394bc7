"""Offsets that could not be committed are committed later, though no other command follows."""

from support.events import command
from support.kafka_proxy import GROUP_AUTHORIZATION_FAILED, OFFSET_COMMIT, offset_commit
from support.waiting import wait_until


def test_an_offset_whose_commit_failed_is_committed_later(workers, topics, kafka_proxy, run):
    worker = workers.start(**topics.environment, **kafka_proxy.environment)
    assert topics.ask(command(run)).result["outcome"] == "CREATED"
    wait_until(lambda: topics.lag() == 0, 60, "the first command is committed")
    # For a reason that librdkafka does not try again for.
    answer = offset_commit(topics.names["commands"], 0, GROUP_AUTHORIZATION_FAILED)
    refused = kafka_proxy.refuse(OFFSET_COMMIT, answer, times=2)
    assert topics.ask(command(run)).result["outcome"] == "CREATED"
    wait_until(lambda: topics.lag() == 0, 30, "the second is committed")
    assert worker.log.count("offsets not committed") == refused() == 2
