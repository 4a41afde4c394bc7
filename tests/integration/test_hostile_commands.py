"""Commands of a size that nobody meant: each is answered or buried, and the next one is stored."""

import pytest
from confluent_kafka import KafkaError
from support.events import command, encode
from support.topics import Topics

MIB = 1024 * 1024
CODECS = ["gzip", "zstd"]


@pytest.fixture
def topics(system, tokens):
    """Of a platform that lets through whatever is small when it is compressed."""
    with Topics(system, tokens.worker(), compression_type="producer") as it:
        yield it


@pytest.fixture
def worker(workers, topics):
    return workers.start(**topics.environment)


def squeezing(topics, codec):
    """What it sends is small on its way, and large where it arrives."""
    return topics.sender(compression_type=codec, message_max_bytes=128 * MIB, linger_ms=0)


@pytest.mark.parametrize("codec", CODECS)
def test_garbage_that_was_too_large_to_keep_is_a_dead_letter_without_its_value(
    worker, topics, run, system, codec
):
    sender = squeezing(topics, codec)
    sender.send(b"\xff" * (5 * MIB), key=run)
    assert topics.ask(command(run)).result["outcome"] == "CREATED"
    letter = topics.dead_letters.first(lambda event: event.headers["dlq-offset"] == b"0")
    assert letter.value is None
    assert letter.headers["dlq-code"] and letter.headers["dlq-message"]
    assert system.count(run) == 1
    assert worker.is_running()


@pytest.mark.parametrize("codec", CODECS)
def test_a_broker_that_unpacks_refuses_what_would_burst_the_worker(workers, system, tokens, run, codec):
    with Topics(system, tokens.worker()) as topics:
        workers.start(**topics.environment)
        bomb = squeezing(topics, codec)
        bomb.queue(b"\xff" * (90 * MIB), key=run)
        bomb.producer.flush(30)
        assert [error.code() for error in bomb.failed] == [KafkaError.MSG_SIZE_TOO_LARGE]
        assert topics.ask(command(run)).result["outcome"] == "CREATED"
        assert topics.ask(command(run), squeezing(topics, codec)).result["outcome"] == "CREATED"


@pytest.mark.parametrize("size", [513 * 1024, 5 * MIB])
def test_a_value_that_is_too_large_is_rejected(worker, topics, run, system, size):
    event = topics.ask(command(run, text_value="x" * size), squeezing(topics, "gzip"))
    assert (event.result["outcome"], event.result["code"]) == ("REJECTED", "invalid_value")
    assert topics.ask(command(run)).result["outcome"] == "CREATED"
    assert system.count(run) == 1


@pytest.mark.parametrize("field", ["command_id", "run_id"])
def test_an_id_of_a_mebibyte_is_rejected_and_echoed_in_part(worker, topics, run, system, field):
    long = "x" * MIB
    event = topics.ask(command(run, **{field: long}), squeezing(topics, "gzip"), key=run)
    assert (event.result["outcome"], event.result["code"]) == ("REJECTED", "invalid_value")
    assert long.startswith(event.result[field]) and 36 <= len(event.result[field]) <= 1024
    assert topics.ask(command(run)).result["outcome"] == "CREATED"
    assert system.count(run) == 1


def test_a_key_of_a_mebibyte_is_no_fault(worker, topics, run):
    event = topics.ask(command(run), squeezing(topics, "gzip"), key="k" * MIB)
    assert (event.result["outcome"], event.key) == ("CREATED", run.encode())


def test_a_dead_letter_with_large_headers_is_kept_or_named(worker, topics, run):
    sender = squeezing(topics, "gzip")
    sender.send(b"garbage", key=run, large="h" * (5 * MIB))
    assert topics.ask(command(run)).result["outcome"] == "CREATED"
    topics.dead_letters.first(lambda event: event.headers["dlq-offset"] == b"0")


def test_many_large_commands_in_one_batch_are_all_answered(worker, topics, run, system):
    sender = squeezing(topics, "zstd")
    value = "x" * (512 * 1024)
    for _ in range(40):
        sender.queue(encode(command(run, text_value=value)), key=run)
    sender.flush()
    events = topics.results.read_until(lambda events: len(events) == 40, 60)
    assert {event.result["outcome"] for event in events} == {"CREATED"}
    assert system.count(run) == 40
