"""deploy/dev/stack: starting, asking, and what it says when it cannot."""

import os
import re
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from support.system import BUILD, PROGRAMS, ROOT, Stack

SERVICES = ["kafka", "postgres", "worker", "ingress"]


@pytest.fixture
def small():
    """A second system; of most tests only its PostgreSQL."""
    it = Stack(BUILD / "test-stack")
    yield it
    it.end()


def test_a_second_start_changes_nothing(system):
    before = (system.state / "ports").read_text(), [system.pid(service) for service in SERVICES]
    system.call("start")
    assert ((system.state / "ports").read_text(), [system.pid(service) for service in SERVICES]) == before


def test_status_has_a_line_for_each_service(system):
    done = system.call("status")
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [[service, "running"] for service in SERVICES]
    pids = [int(re.search(r"pid (\d+)", line)[1]) for line in lines]
    assert pids == [system.pid(service) for service in SERVICES]


def test_the_demo_token_of_env_is_taken(system, api):
    assert api.post(system.env["RUN_ID"], token=system.env["TOKEN"]).status_code == 201


def test_after_sourcing_env_the_tool_needs_no_more_settings(system):
    words = ["bash", "-c", 'source "$0" && exec "$1" status', system.state / "env", PROGRAMS / "gold-label"]
    bare = {name: value for name, value in os.environ.items() if not name.startswith("GOLD_LABEL_")}
    done = subprocess.run(
        words, env=bare, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_a_service_is_not_misled_by_the_env_of_another_system(system, whole_again):
    system.call("stop", "worker")
    brokers = "127.0.0.1:1"
    assert system.call("start", "worker", GOLD_LABEL_KAFKA_BROKERS=brokers, GOLD_LABEL_START_TIMEOUT="20")


def test_the_tests_are_not_misled_by_the_env_of_another_system():
    program = "import os, support.system; assert 'GOLD_LABEL_KAFKA_BROKERS' not in os.environ"
    subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT / "tests" / "integration",
        env=os.environ | {"GOLD_LABEL_KAFKA_BROKERS": "127.0.0.1:1"},
        timeout=60,
        check=True,
    )


def test_secrets_are_for_their_owner_only(system):
    for name in ("env", "secrets", "user.key", "worker.ini", "ingress.ini"):
        assert (system.state / name).stat().st_mode & 0o077 == 0, name


def test_status_of_what_does_not_run_is_1(small):
    done = small.call("status", "postgres", check=False)
    assert (done.returncode, done.stdout.split()) == (1, ["postgres", "stopped"])


def test_a_service_keeps_its_port_and_its_data_over_a_restart(small):
    small.call("start", "postgres")
    ports = (small.state / "ports").read_text()
    first = small.pid("postgres")
    small.call("kill", "postgres")
    small.call("start", "postgres")
    assert (small.state / "ports").read_text() == ports
    assert small.pid("postgres") != first
    assert small.call("status", "postgres").returncode == 0


def test_two_starts_at_once_start_one_server(small):
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda _: small.call("start", "postgres"), range(2)))
    assert {f"pid {small.pid('postgres')} " in one.stdout for one in done} == {True}


def test_a_port_that_is_taken_is_named(small):
    small.call("start", "postgres")
    small.call("stop", "postgres")
    port = int(re.search(r"^POSTGRES_PORT=(\d+)$", (small.state / "ports").read_text(), re.M)[1])
    with socket.create_server(("127.0.0.1", port)):
        done = small.call("start", "postgres", check=False)
    assert done.returncode == 1
    assert f"error: postgres has port {port}, but another program listens on it." in done.stdout


def test_an_unknown_service_is_refused(small):
    done = small.call("start", "redis", check=False)
    assert done.returncode == 1 and "there is no service 'redis'" in done.stdout


def test_the_servers_end_when_the_tests_are_killed(small):
    small.call("start", "postgres")
    small.guard.stdin.close()
    small.guard.wait(timeout=30)
    assert small.call("status", "postgres", check=False).returncode == 1


@contextmanager
def make_run(system):
    run = subprocess.Popen(
        [ROOT / "deploy" / "dev" / "run"],
        env=system.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert any(line.startswith("Following the logs") for line in run.stdout)
        yield run
    finally:
        run.terminate()
        run.wait(timeout=60)


@pytest.mark.parametrize("next_system", [[], ["postgres"]], ids=["alone", "another follows"])
def test_make_run_ends_when_its_system_is_stopped_from_elsewhere(small, next_system):
    """And leaves the one alone that is started at once."""
    with make_run(small) as run:
        small.call("stop", "worker")
        small.call("start", "worker")
        assert run.poll() is None
        small.call("stop")
        for service in next_system:
            small.call("start", service)
        said, _ = run.communicate(timeout=30)
    assert run.returncode == 0
    assert said.splitlines()[-1] == "The system was stopped from elsewhere."
    for service in next_system:
        small.call("status", service)


def test_make_run_says_what_has_ended_by_itself_and_ends_when_all_have(small):
    with make_run(small) as run:
        os.kill(small.pid("worker"), signal.SIGKILL)
        assert any(line.startswith("worker has ended by itself: ") for line in run.stdout)
        assert run.poll() is None
        for service in ("ingress", "kafka", "postgres"):
            os.kill(small.pid(service), signal.SIGQUIT if service == "postgres" else signal.SIGKILL)
        said, _ = run.communicate(timeout=60)
    assert run.returncode == 1
    assert "error: All services have ended by themselves." in said.splitlines()
    assert said.count("worker has ended") == 0
