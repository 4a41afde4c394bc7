"""A worker that is told to stop does so in its time, whoever is away."""

from support.events import command

SESSION_S, STOP_S = 45, 20  # librdkafka itself would wait for as long as its session lasts


def test_the_last_offsets_are_not_waited_for_when_kafka_is_away(topics, workers, run, kafka_proxy):
    worker = workers.start(
        **topics.environment,
        **kafka_proxy.environment,
        GOLD_LABEL_WORKER_COMMIT_INTERVAL_MS="60000",
        GOLD_LABEL_KAFKA_SESSION_TIMEOUT_MS=str(SESSION_S * 1000),
    ).wait_until_ready()
    for _ in range(2):  # the offset of the first is committed at once
        assert topics.ask(command(run)).result["outcome"] == "CREATED"
    kafka_proxy.close()
    assert worker.stop(STOP_S) == 0
    assert "offsets not committed" in worker.log


def test_a_worker_whose_group_instance_another_has_taken_ends(workers, topics, run):
    """It would never get a partition again, and nobody would start it anew."""
    named = topics.environment | {"GOLD_LABEL_KAFKA_GROUP_INSTANCE_ID": "one"}
    first = workers.start(**named).wait_until_ready()
    second = workers.start(**named).wait_until_ready()
    assert first.wait() == 2  # with systemd: it is not started anew, and the two do not take turns
    assert "group.instance.id" in first.log
    assert topics.ask(command(run)).result["outcome"] == "CREATED"
    assert second.stop() == 0
