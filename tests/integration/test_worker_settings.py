"""Workers set up in other ways than the local system's: trusted topics, a registry's framing, a flood."""

import io
import socket
import subprocess

import fastavro
import pytest
from support.api import Api
from support.events import COMMAND, RESULT, command, encode
from support.waiting import wait_until
from support.workers import Ingress, Worker


def assert_rejected(event, code):
    assert (event.result["outcome"], event.result["code"]) == ("REJECTED", code)


# ---- faults ----


def test_a_bad_number_and_a_key_that_cannot_be_read_are_told_together(workers):
    faults = {"GOLD_LABEL_WORKER_MAX_ROWS": "0", "GOLD_LABEL_TOKEN_KEYS": "k=ES256:/nowhere"}
    worker = workers.start(**faults)
    assert worker.wait() == 2
    for words in ("[worker] max_rows = 0", "/nowhere: No such file"):
        (line,) = [line for line in worker.log.splitlines() if words in line]
        assert line.startswith("gold-label-worker: ")


@pytest.mark.parametrize("kind", [Ingress, Worker])
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"SECURITY_PROTOCOL": "SSL", "SSL_CA_LOCATION": "/nowhere"}, "ssl.ca.location"),
        ({"SECURITY_PROTOCOL": "SASL_SSL", "SASL_MECHANISM": "PLAIN"}, "sasl.username"),
        ({"MAX_POLL_INTERVAL_MS": "10000", "SESSION_TIMEOUT_MS": "60000"}, "max.poll.interval.ms"),
    ],
    ids=lambda words: words if isinstance(words, str) else "",
)
def test_what_only_librdkafka_can_judge_is_a_fault_of_the_settings_too(workers, kind, settings, words):
    """Not a crash, as librdkafka 2.0.2 would have it."""
    process = workers.start(kind, **{f"GOLD_LABEL_KAFKA_{name}": value for name, value in settings.items()})
    assert process.wait() == 2
    assert "cannot start" in process.log and words in process.log


@pytest.mark.parametrize("kind", [Ingress, Worker])
def test_larger_messages_need_no_other_setting(workers, kind):
    workers.start(kind, GOLD_LABEL_KAFKA_MESSAGE_MAX_BYTES="20000000").wait_until_ready()


def test_a_port_that_is_in_use_may_be_free_at_the_next_start(workers, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr("support.workers.free_port", lambda: port)
        worker = workers.start()
        assert worker.wait() == 1
        assert f"cannot listen on 127.0.0.1 port {port}: Address already in use" in worker.log


@pytest.mark.parametrize("program", ["gold-label-ingress", "gold-label-worker", "gold-label"])
@pytest.mark.parametrize(
    "brokers", ["kafka-1:99999", "kafka-1:9092 kafka-2:9092", "http://kafka-1:9092", ","]
)
def test_brokers_that_are_none_are_told_before_anything_is_opened(system, program, brokers):
    part = program.removeprefix("gold-label-")
    arguments = ["status"] if part == program else ["--config", system.state / f"{part}.ini"]
    command, environment = system.program(program, *arguments, GOLD_LABEL_KAFKA_BROKERS=brokers)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert f"[kafka] brokers = {brokers}: must be host:port, comma-separated" in done.stderr


@pytest.mark.parametrize("pair", ["commands dlq", "commands results", "results dlq"])
def test_topics_that_are_one_are_told(workers, pair):
    """A dead letter that is a command would be read, and be one again."""
    worker = workers.start(**{f"GOLD_LABEL_KAFKA_{name.upper()}_TOPIC": "same" for name in pair.split()})
    assert worker.wait() == 2
    first, second = pair.split()
    assert f"[kafka] {second}_topic = same: is also the {first}_topic" in worker.log


def test_a_trusting_worker_needs_no_key(workers, topics):
    keyless = {"GOLD_LABEL_WORKER_AUTH": "trusted", "GOLD_LABEL_TOKEN_KEYS": "k=ES256:/nowhere"}
    workers.start(**topics.environment | keyless).wait_until_ready()


# ---- auth = trusted ----


@pytest.fixture
def trusting(workers, topics):
    return workers.start(**topics.environment, GOLD_LABEL_WORKER_AUTH="trusted").wait_until_ready()


def test_a_trusting_worker_takes_account_and_user_from_the_record(trusting, topics, system):
    run = system.new_run("theirs")
    known = topics.ask(command(run, account_id="theirs", created_by="bob"), token=None).result
    nameless = topics.ask(command(run, account_id="theirs"), token=None).result
    assert [one["label"]["account_id"] for one in (known, nameless)] == ["theirs", "theirs"]
    assert [one["label"]["created_by"] for one in (known, nameless)] == ["bob", None]
    rows = system.query(
        "SELECT account_id, created_by FROM gold_label WHERE run_id = %s ORDER BY created_by", run
    )
    assert rows == [("theirs", "bob"), ("theirs", None)]


def test_a_trusting_worker_does_not_look_at_tokens(trusting, topics, system, tokens):
    run = system.new_run("theirs")
    of_another = topics.ask(command(run, account_id="theirs", created_by="bob"), token=tokens.worker())
    assert of_another.result["label"]["account_id"] == "theirs"
    assert topics.ask(command(run, account_id="theirs"), token="none").result["outcome"] == "CREATED"


def test_a_trusting_worker_keeps_accounts_apart(trusting, topics, system):
    run = system.new_run("theirs")
    assert_rejected(topics.ask(command(run, account_id="others"), token=None), "run_not_found")
    assert system.count(run) == 0


@pytest.mark.parametrize("fault", ["account", "user"])
def test_a_trusting_worker_rejects_a_command_without_good_principals(trusting, topics, system, fault):
    run = system.new_run("theirs")
    bad = {"account": [{}, {"account_id": ""}, {"account_id": "x" * 256}, {"account_id": "a\nb"}]}
    bad["user"] = [{"account_id": "theirs", "created_by": user} for user in ("", "x" * 256, "a\nb")]
    for principals in bad[fault]:
        event = topics.ask(command(run, **principals), token=None)
        assert_rejected(event, "invalid_value")
        assert event.result["message"]
    assert system.count(run) == 0


# ---- Confluent framing ----

COMMAND_ID, RESULT_ID = 7, 2**31 - 1
FRAMED = {
    "GOLD_LABEL_AVRO_COMMAND_SCHEMA_ID": str(COMMAND_ID),
    "GOLD_LABEL_AVRO_RESULT_SCHEMA_ID": str(RESULT_ID),
}


def framed(schema_id, record):
    out = io.BytesIO()
    out.write(b"\x00" + schema_id.to_bytes(4, "big"))
    fastavro.schemaless_writer(out, COMMAND, record)
    return out.getvalue()


def framed_result(event):
    assert event.value[:5] == b"\x00" + RESULT_ID.to_bytes(4, "big")
    return fastavro.schemaless_reader(io.BytesIO(event.value[5:]), RESULT, None)


@pytest.fixture
def registered(workers, topics):
    return workers.start(**topics.environment, **FRAMED).wait_until_ready()


def test_with_schema_ids_commands_and_results_are_framed_as_a_registry_does(registered, topics, run, system):
    record = command(run)
    event = topics.ask(framed(COMMAND_ID, record), key=run)
    assert framed_result(event)["label"]["id"] == record["command_id"]
    assert system.count(run) == 1


def test_with_schema_ids_single_object_encoding_is_read_as_well(registered, topics, run):
    assert framed_result(topics.ask(command(run)))["outcome"] == "CREATED"


def test_a_schema_id_that_is_not_configured_is_a_dead_letter(registered, topics, run, system):
    strange = framed(COMMAND_ID + 1, command(run))
    topics.sender().send(strange, key=run)
    assert framed_result(topics.ask(framed(COMMAND_ID, command(run)), key=run))["outcome"] == "CREATED"
    letter = topics.dead_letters.first(lambda event: event.value == strange)
    assert (letter.headers["dlq-offset"], letter.key) == (b"0", run.encode())
    assert str(COMMAND_ID + 1) in letter.headers["dlq-message"].decode()
    assert system.count(run) == 1


def test_an_ingress_with_schema_ids_understands_its_worker(registered, workers, topics, run, tokens):
    ingress = workers.start(Ingress, **topics.ingress_environment, **FRAMED).wait_until_ready()
    answer = Api(ingress.url, tokens.user()).post(run)
    assert answer.status_code == 201, answer.text
    assert answer.json()["run_id"] == run


# ---- a flood of what cannot be read ----

WINDOW = 1000


def send_unreadable(topics, count):
    sender = topics.sender(token=None)
    for n in range(count):
        sender.queue(b"garbage %d" % n)
    sender.flush()


def buried(topics):
    return [int(event.headers["dlq-offset"]) for event in topics.dead_letters.read_all()]


def test_a_worker_that_can_read_hardly_anything_stops_with_an_error(workers, topics):
    send_unreadable(topics, 2 * WINDOW)
    first = workers.start(**topics.environment, GOLD_LABEL_WORKER_MAX_ROWS="100")
    assert first.wait() == 1
    assert "too many commands cannot be read" in first.log
    assert 0 < len(buried(topics)) <= WINDOW
    assert set(range(topics.committed()[0])) <= set(buried(topics))

    again = workers.start(**topics.environment)
    assert again.wait() == 1
    assert topics.lag() >= WINDOW


def test_a_worker_goes_on_while_fewer_commands_than_its_share_cannot_be_read(workers, topics, run, system):
    sender = topics.sender()
    for n in range(WINDOW + 1):
        sender.queue(b"garbage" if n % 5 < 2 else encode(command(run)), key=run)
    sender.flush()
    worker = workers.start(**topics.environment)
    wait_until(lambda: topics.lag() == 0, 30, "lag is 0")
    assert worker.is_running()
    assert (len(buried(topics)), system.count(run)) == (401, 600)


def test_a_worker_without_a_share_buries_everything_and_goes_on(workers, topics, run):
    send_unreadable(topics, 2 * WINDOW)
    worker = workers.start(**topics.environment, GOLD_LABEL_WORKER_UNREADABLE_PERCENT="100")
    assert topics.ask(command(run)).result["outcome"] == "CREATED"
    wait_until(lambda: topics.lag() == 0, 30, "lag is 0")
    assert buried(topics) == list(range(2 * WINDOW))
    assert worker.is_running()
