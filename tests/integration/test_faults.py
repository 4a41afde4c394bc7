"""Processes die in the middle of the work: nothing is lost, nothing is there twice, all heals by itself."""

import os
import signal
import subprocess
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
import requests
from support.api import Api
from support.events import RESULTS, Reader, Sender, command
from support.system import free_port
from support.waiting import wait_until

COMMANDS_SENT = 10_000
MIB = 1024 * 1024
DEADLINE_S = 7  # of an answer: five seconds, and what a busy machine adds


pytestmark = pytest.mark.usefixtures("whole_again")


# ---- the worker is killed ----


@dataclass
class Load:
    run: str
    ids: set
    results: list
    restarted_pid: int


@pytest.fixture(scope="module")
def load(system, tokens):
    """10,000 commands; the worker is killed while PostgreSQL has a batch of them that is not stored."""
    run = system.new_run()
    commands = [command(run, text_value=f"value {n}") for n in range(COMMANDS_SENT)]
    sender = Sender(system.env["KAFKA_BROKERS"], tokens.worker())
    results = Reader(system.env["KAFKA_BROKERS"], RESULTS)
    half = COMMANDS_SENT // 2
    try:
        for n, one in enumerate(commands[:half]):
            sender.queue(one, partition=n % 8)
        wait_until(lambda: system.count(run) > 0, what="the first rows")
        with system.connect() as lock:
            lock.autocommit = False
            lock.execute("LOCK TABLE gold_label IN ACCESS EXCLUSIVE MODE")
            for n, one in enumerate(commands[half:]):
                sender.queue(one, partition=n % 8)
            sender.flush()
            wait_until(system.worker_waits_for_lock, what="a batch in PostgreSQL")
            system.call("kill", "worker")
            lock.rollback()
        assert 0 < system.count(run) < COMMANDS_SENT
        system.call("start", "worker")
        wait_until(lambda: system.count(run) >= COMMANDS_SENT, 60, "all rows")
        ids = {one["command_id"] for one in commands}
        seen = results.read_until(
            lambda events: len({e.result["command_id"] for e in events} & ids) == len(ids), 60
        )
        answers = [e.result for e in seen if e.result["command_id"] in ids]
    finally:
        results.close()
    return Load(run, ids, answers, system.pid("worker"))


def test_a_killed_worker_loses_no_command(system, load):
    stored = system.query("SELECT id::text FROM gold_label WHERE run_id = %s", load.run)
    assert {row[0] for row in stored} == load.ids


def test_a_killed_worker_stores_no_label_twice(system, load):
    counts = system.query(
        "SELECT count(*), count(DISTINCT id), count(DISTINCT text_value) FROM gold_label WHERE run_id = %s",
        load.run,
    )
    assert counts == [(COMMANDS_SENT, COMMANDS_SENT, COMMANDS_SENT)]


def test_a_killed_worker_leaves_no_command_without_a_result(load):
    assert Counter(result["outcome"] for result in load.results) == {"CREATED": len(load.results)}
    assert {result["command_id"] for result in load.results} == load.ids


@pytest.mark.skipif(bool(os.environ.get("SANITIZE")), reason="sanitizers have memory of their own")
def test_resident_memory_stays_small_under_load(system, load, sender, api, run):
    for n in range(COMMANDS_SENT):
        sender.queue(command(run), partition=n % 8)
    sender.flush()
    wait_until(lambda: system.count(run) >= COMMANDS_SENT, 60, "all rows")
    assert {api.post(run).status_code for _ in range(200)} == {201}
    assert system.pid("worker") == load.restarted_pid
    assert system.peak_memory("worker") < 64 * MIB
    assert system.peak_memory("ingress") < 64 * MIB


# ---- the servers go away ----


def pids(system):
    return system.pid("worker"), system.pid("ingress")


def answers_201(api, run):
    return api.post(run).status_code == 201


def test_without_kafka_a_request_is_refused_in_time_and_heals_without_a_restart(system, api, run):
    before = pids(system)
    assert answers_201(api, run)
    system.call("kill", "kafka")
    began = time.monotonic()
    refused = api.post(run)
    assert (refused.status_code, time.monotonic() - began < DEADLINE_S) == (503, True), refused.text
    assert int(refused.headers["Retry-After"]) > 0
    system.call("start", "kafka")
    wait_until(lambda: answers_201(api, run), 60, "201 again")
    assert pids(system) == before


def test_without_postgresql_a_label_is_accepted_and_stored_when_it_is_back(system, api, run):
    before = pids(system)
    system.call("kill", "postgres")
    accepted = api.post(run, Prefer="wait=1")
    assert accepted.status_code == 202
    label_id = accepted.json()["id"]
    system.call("start", "postgres")
    wait_until(lambda: system.query("SELECT 1 FROM gold_label WHERE id = %s", label_id), 60, "the row")
    wait_until(lambda: answers_201(api, run), 60, "201 again")
    assert pids(system) == before


def test_without_postgresql_the_worker_is_not_ready(system):
    system.call("kill", "postgres")
    url = f"{system.env['WORKER_ADMIN_URL']}/readyz"
    wait_until(lambda: requests.get(url, timeout=5).status_code == 503, 30, "not ready")
    assert requests.get(f"{system.env['WORKER_ADMIN_URL']}/healthz", timeout=5).status_code == 200


# ---- a clean end ----


@pytest.fixture
def another_ingress(system, tokens):
    """A second ingress, as a child of ours, so that its exit status can be seen."""
    port, admin_port = free_port(), free_port()
    arguments, environment = system.program(
        "gold-label-ingress",
        "--config",
        system.state / "ingress.ini",
        GOLD_LABEL_HTTP_PORT=str(port),
        GOLD_LABEL_ADMIN_PORT=str(admin_port),
        GOLD_LABEL_INGRESS_NAME="another",
        GOLD_LABEL_INGRESS_DRAIN_MS="1000",
    )
    admin = f"http://127.0.0.1:{admin_port}"
    with open(system.state / "another-ingress.log", "wb") as log:
        process = subprocess.Popen(arguments, env=environment, stdout=log, stderr=log)
    try:
        wait_until(lambda: is_listening(admin) and requests.get(f"{admin}/readyz", timeout=5).ok, 20, "ready")
        yield process, Api(f"http://127.0.0.1:{port}", tokens.user()), admin
    finally:
        process.kill()
        process.wait()


def is_listening(url):
    try:
        return requests.get(f"{url}/healthz", timeout=5).ok
    except requests.ConnectionError:
        return False


def test_an_ingress_that_is_told_to_stop_answers_those_who_wait(system, another_ingress, run, held_table):
    process, api, admin = another_ingress
    waiting = 8

    def all_wait():
        metrics = requests.get(f"{admin}/metrics", timeout=5).text
        return any(
            line.split()[0] == "gold_label_ingress_pending" and float(line.split()[1]) == waiting
            for line in metrics.splitlines()
            if line and not line.startswith("#")
        )

    with ThreadPoolExecutor(waiting) as pool:
        answers = [pool.submit(Api(api.url, api.token).post, run, Prefer="wait=30") for _ in range(waiting)]
        wait_until(all_wait, what="all requests wait")
        process.send_signal(signal.SIGTERM)
        assert {answer.result(timeout=20).status_code for answer in answers} == {202}
    assert process.wait(timeout=20) == 0
    held_table.rollback()
    wait_until(lambda: system.count(run) == waiting, what="all rows")


def test_a_worker_that_is_told_to_stop_ends_and_another_goes_on(system, api, run):
    system.call("stop", "worker", GOLD_LABEL_STOP_TIMEOUT="10")
    accepted = api.post(run, Prefer="wait=1")
    assert accepted.status_code == 202
    system.call("start", "worker")
    wait_until(lambda: system.count(run) == 1, what="the row")
