"""The database is slow, away or overfull: reads are 503 and heal by themselves, writes do not notice."""

import re
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import requests
from support.api import TEXT, Api
from support.tool import is_sanitized
from support.waiting import wait_until
from support.workers import Ingress

MIB = 1024 * 1024
SLOW_S = 5
SLOW = {"GOLD_LABEL_READS_TIMEOUT_MS": str(SLOW_S * 1000)}
PATIENT = {"GOLD_LABEL_READS_TIMEOUT_MS": "30000"}  # for what is a lot of work on a busy machine


@pytest.fixture(autouse=True)
def whole_again(system):
    """Whatever a test ended in, the next one finds everything running."""
    yield
    system.call("start")
    system.wait_until_ready()


@pytest.fixture
def ingress(workers, tokens):
    """Starts an ingress of the test's own; `api` is a client of it."""

    def start(**environment):
        it = workers.start(Ingress, **environment).wait_until_ready()
        it.api = Api(it.url, tokens.user())
        it.headers = {"Authorization": f"Bearer {it.api.token}"}
        return it

    return start


def read(one, path, **options):
    return requests.get(f"{one.url}/v1/run/{path}", headers=one.headers, timeout=40, **options)


def read_well(one, path):
    return wait_until(lambda: (answer := read(one, path)).status_code == 200 and answer, what="a read")


def assert_unavailable(answer, code="unavailable"):
    assert answer.status_code == 503, answer.text
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["code"] == code


def write(one, run):
    """Without waiting for the database."""
    answer = one.api.post(run, TEXT, Prefer="respond-async")
    assert answer.status_code == 202, answer.text


def readers(system):
    """Back ends of all ingresses."""
    with system.superuser() as connection:
        sql = "SELECT pid FROM pg_stat_activity WHERE application_name = 'gold-label-ingress'"
        return {pid for (pid,) in connection.execute(sql)}


# ---- slow ----


def test_slow_reads_are_given_up_and_writes_do_not_notice(system, run, ingress):
    one = ingress(**SLOW)
    read_well(one, f"{run}/gold-labels")
    with ThreadPoolExecutor(12) as pool, system.table_held():
        began = time.monotonic()
        reads = [pool.submit(read, one, f"{run}/gold-labels") for _ in range(12)]
        wait_until(lambda: one.metric("gold_label_ingress_reads_queued") == 8)
        for _ in range(20):
            write(one, run)
        assert one.is_ready()
        assert not any(answer.done() for answer in reads)
        for answer in reads:
            assert_unavailable(answer.result())
        assert time.monotonic() - began < 2.5 * SLOW_S  # nobody has waited for two statements
    assert len(read_well(one, f"{run}/gold-labels").json()) <= 20


def test_a_read_that_has_waited_for_a_connection_costs_no_connection(system, run, ingress):
    """It is answered in its time; PostgreSQL gives its statement up in that of a statement."""
    one = ingress(**SLOW, GOLD_LABEL_POSTGRES_CONNECTIONS="1")
    read_well(one, f"{run}/gold-labels")
    before = readers(system)
    with ThreadPoolExecutor(2) as pool, system.table_held():
        first = pool.submit(read, one, f"{run}/gold-labels")
        wait_until(lambda: one.metric(r'gold_label_ingress_read_connections{state="busy"}') == 1)
        time.sleep(0.2 * SLOW_S)
        second = pool.submit(read, one, f"{run}/gold-labels")
        assert_unavailable(first.result())
        assert_unavailable(second.result())
        time.sleep(SLOW_S)  # PostgreSQL has given up the second by then
    read_well(one, f"{run}/gold-labels")
    assert before <= readers(system)


def test_more_reads_than_can_wait_are_refused_at_once(system, run, ingress):
    one = ingress(GOLD_LABEL_POSTGRES_CONNECTIONS="1", GOLD_LABEL_READS_QUEUE="2", **PATIENT)
    read_well(one, f"{run}/gold-labels")
    with ThreadPoolExecutor(3) as pool:
        with system.table_held():
            waiting = [pool.submit(read, one, f"{run}/gold-labels")]
            wait_until(lambda: one.metric(r'gold_label_ingress_read_connections{state="busy"}') == 1)
            waiting += [pool.submit(read, one, f"{run}/gold-labels") for _ in range(2)]
            wait_until(lambda: one.metric("gold_label_ingress_reads_queued") == 2)
            assert_unavailable(read(one, f"{run}/gold-labels"), "overloaded")
            write(one, run)
        assert [answer.result().status_code for answer in waiting] == [200, 200, 200]


def test_two_hundred_reads_at_once_are_all_answered(run, ingress):
    one = ingress(**PATIENT)
    labels = [one.api.post(run, TEXT | {"text_value": str(n)}, Prefer="wait=30").json() for n in range(10)]
    with ThreadPoolExecutor(200) as pool:
        answers = list(pool.map(lambda n: read(one, f"{run}/gold-label/{labels[n % 10]['id']}"), range(200)))
    assert [answer.json() for answer in answers] == [labels[n % 10] for n in range(200)]


# ---- away ----


def test_reads_heal_by_themselves_when_postgresql_was_killed(system, run, ingress):
    one = ingress()
    label = one.api.post(run).json()
    path = f"{run}/gold-label/{label['id']}"
    assert read(one, path).json() == label
    system.call("kill", "postgres")
    for _ in range(3):
        assert_unavailable(read(one, path))
    assert one.is_ready()
    write(one, run)
    system.call("start", "postgres")
    assert read_well(one, path).json() == label
    wait_until(lambda: one.metric(r'gold_label_ingress_read_connections{state="open"}') == 4)


def test_a_connection_that_was_cut_costs_no_read(system, run, ingress):
    one = ingress()
    conninfo = re.search(r"^conninfo = (.*)$", (system.state / "ingress.ini").read_text(), re.M)[1]
    read_well(one, f"{run}/gold-labels")
    for _ in range(5):
        wait_until(lambda: one.metric(r'gold_label_ingress_read_connections{state="open"}') == 4)
        with psycopg.connect(conninfo) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'gold-label-ingress' ORDER BY pid LIMIT 1"
            )
        assert read(one, f"{run}/gold-labels").status_code == 200


def test_a_missing_grant_heals_when_it_is_given(system, run, ingress):
    one = ingress()
    read_well(one, f"{run}/gold-labels")
    system.query("REVOKE SELECT ON gold_label FROM gold_label_reader")
    try:
        assert_unavailable(read(one, f"{run}/gold-labels"))
        assert "42501" in one.log
    finally:
        system.grant()
    read_well(one, f"{run}/gold-labels")


def test_a_stop_answers_the_reads_that_hang(system, run, ingress):
    one = ingress(GOLD_LABEL_INGRESS_DRAIN_MS="300", **PATIENT)
    read_well(one, f"{run}/gold-labels")
    wait_until(lambda: one.metric(r'gold_label_ingress_read_connections{state="open"}') == 4)
    with ThreadPoolExecutor(6) as pool, system.table_held():
        reads = [pool.submit(read, one, f"{run}/gold-labels") for _ in range(6)]
        wait_until(lambda: one.metric(r'gold_label_ingress_read_connections{state="busy"}') == 4)
        assert one.stop() == 0
        for answer in reads:
            assert_unavailable(answer.result())


def test_without_a_database_there_is_nothing_to_read(system, run, tokens, workers, tmp_path):
    settings = (system.state / "ingress.ini").read_text()
    (tmp_path / "ingress.ini").write_text(re.sub(r"\[postgres\]\nconninfo.*\n", "", settings))
    workers.all.append(Ingress(tmp_path, {}))
    one = workers.all[-1].wait_until_ready()
    one.headers = {"Authorization": f"Bearer {tokens.user()}"}
    answer = read(one, f"{run}/gold-labels")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    answer = read(one, f"{run}/gold-label/{run}")
    assert (answer.status_code, answer.json()["error"]) == (404, "There is nothing at this path.")


def test_a_bad_connection_string_is_a_fault_of_the_configuration(system):
    command, environment = system.program(
        "gold-label-ingress", "--config", system.state / "ingress.ini",
        GOLD_LABEL_POSTGRES_CONNINFO="host=db passwort=hush", GOLD_LABEL_READS_MEMORY="1",
    )  # fmt: skip
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert "[postgres] conninfo" in done.stderr and "[reads] memory" in done.stderr
    assert "hush" not in done.stderr


# ---- large ----

HUGE = b'{"output_resource_name":"n","object_value":{"n":[' + b",".join([b"1e400"] * 87_000) + b"]}}"
HUGE_BYTES = 87_000 * 403


@pytest.mark.skipif(is_sanitized(), reason="sanitizers have memory of their own")
def test_large_labels_are_shown_in_64_mib(system, run, ingress):
    one = ingress(**PATIENT)
    stored = one.api.post(run, HUGE)
    assert stored.status_code == 201, stored.text
    path = f"{run}/gold-label/{stored.json()['id']}"
    for where in (path, f"{run}/gold-labels"):
        whole = read_well(one, where)
        assert HUGE_BYTES < len(whole.content) < HUGE_BYTES + 1000
        assert whole.content.count(b"1" + b"0" * 400) == 87_000
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: read(one, (path, f"{run}/gold-labels")[n % 2]), range(16)))
    assert {answer.status_code for answer in answers} <= {200, 503}
    for answer in answers:
        if answer.status_code == 503:
            assert_unavailable(answer, "overloaded" if "Too much" in answer.text else "unavailable")
        else:
            assert HUGE_BYTES < len(answer.content) < HUGE_BYTES + 1000
    wait_until(lambda: one.metric("gold_label_ingress_read_memory_bytes") == 0)
    assert peak_memory(one.pid) < 64 * MIB


def peak_memory(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"^VmHWM:\s+(\d+) kB", status.read(), re.M)[1]) * 1024


def test_a_client_that_goes_away_gives_its_memory_back(system, run, ingress):
    one = ingress(**PATIENT)
    path = f"{run}/gold-label/{one.api.post(run, HUGE).json()['id']}"
    for _ in range(3):
        with wait_until(lambda: (answer := read(one, path, stream=True)).ok and answer, what="a read"):
            assert one.metric("gold_label_ingress_read_memory_bytes") > HUGE_BYTES
            assert_unavailable(read(one, path), "overloaded")
            assert read(one, f"{system.new_run()}/gold-labels").json() == []  # small answers have room
        wait_until(lambda: one.metric("gold_label_ingress_read_memory_bytes") == 0)


def test_a_label_larger_than_all_answers_may_be_is_refused(system, run, ingress):
    one = ingress(**PATIENT)
    before = one.api.post(run).json()
    label = system.query(
        "INSERT INTO gold_label (id, account_id, run_id, output_resource_name, object_value) "
        "VALUES (gen_random_uuid(), %s, %s, 'n', jsonb_build_object('a', repeat('x', 41 * 1024 * 1024))) "
        "RETURNING id",
        system.env["ACCOUNT_ID"],
        run,
    )[0][0]
    after = one.api.post(run).json()
    for path in (f"{run}/gold-label/{label}", f"{run}/gold-labels?after={before['id']}"):
        answer = read(one, path)
        assert (answer.status_code, answer.json()["code"]) == (500, "label_too_large")
    assert read(one, f"{run}/gold-labels").json() == [before]
    assert read(one, f"{run}/gold-labels?after={label}").json() == [after]


def test_frozen_postgresql_costs_reads_but_no_writes(system, run, ingress):
    one = ingress(**SLOW)
    read_well(one, f"{run}/gold-labels")
    backends = [
        row[0]
        for row in system.query(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'gold-label-ingress'"
        )
    ]
    with ThreadPoolExecutor(1) as pool, Frozen(backends):
        reading = pool.submit(read, one, f"{run}/gold-labels")
        wait_until(lambda: one.metric(r'gold_label_ingress_read_connections{state="busy"}') == 1)
        for _ in range(5):
            write(one, run)
        assert not reading.done()
        assert_unavailable(reading.result())
    read_well(one, f"{run}/gold-labels")


class Frozen:
    def __init__(self, pids):
        self.pids = pids

    def __enter__(self):
        self.send(signal.SIGSTOP)

    def __exit__(self, *_):
        self.send(signal.SIGCONT)

    def send(self, number):
        subprocess.run(["kill", "-s", str(number.value), *map(str, self.pids)], check=False)
