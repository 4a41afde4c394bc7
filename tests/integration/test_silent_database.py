"""PostgreSQL takes connections and says nothing: the worker waits in its group, and ends when told to."""

import re
import socket
import threading

import pytest
import requests
from support.events import command
from support.waiting import wait_until

SESSION_S = 1.5
SETTINGS = {
    "GOLD_LABEL_KAFKA_SESSION_TIMEOUT_MS": str(int(SESSION_S * 1000)),
    "GOLD_LABEL_KAFKA_HEARTBEAT_INTERVAL_MS": "300",
    "GOLD_LABEL_WORKER_DRAIN_MS": "500",
}


class Gate:
    """Stands before a server. Whom it has accepted it leaves waiting; once open, it passes everything on."""

    def __init__(self, server):
        self.server = server
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.is_open = threading.Event()
        self.sockets = []
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:  # close()
                return
            self.sockets.append(client)
            if self.is_open.is_set():
                server = socket.create_connection(self.server)
                self.sockets.append(server)
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=pump, args=pair).start()

    def open(self):
        """Those who wait have to come again."""
        self.is_open.set()
        self.hang_up()

    def hang_up(self):
        for one in self.sockets:
            end(one)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.hang_up()
        for one in (self.listener, *self.sockets):
            one.close()


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    end(sink)


def end(one):
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:  # it has ended by itself
        pass


@pytest.fixture
def gate(system):
    with system.connect() as connection:
        it = Gate((connection.info.host, connection.info.port))
    yield it
    it.close()


@pytest.fixture
def worker(system, workers, topics, gate):
    """It is in its group, and waits for the database to say something."""
    configuration = (system.state / "worker.ini").read_text()
    conninfo = re.search(r"^conninfo = (.*)$", configuration, re.M)[1]
    through_gate = re.sub(r"\bport=\d+", f"port={gate.port}", conninfo)
    it = workers.start(**topics.environment, **SETTINGS, GOLD_LABEL_POSTGRES_CONNINFO=through_gate)
    wait_until(lambda: topics.shares() == [1] and gate.sockets, 30, "assignment and connection")
    return it


def assert_waiting(worker):
    assert requests.get(f"{worker.admin_url}/healthz", timeout=5).status_code == 200
    answer = requests.get(f"{worker.admin_url}/readyz", timeout=5)
    assert (answer.status_code, "PostgreSQL" in answer.text) == (503, True), answer.text


def test_a_worker_whose_database_is_silent_stays_in_its_group_and_heals(worker, topics, gate, run, system):
    assert_waiting(worker)
    record = command(run)
    topics.sender().send(record)
    assert topics.results.read_for(2 * SESSION_S) == []
    assert_waiting(worker)
    assert topics.shares() == [1]
    assert worker.log.count("partitions assigned") == 1
    gate.open()
    answered = topics.results.first(lambda event: event.result["command_id"] == record["command_id"])
    assert answered.result["outcome"] == "CREATED"
    assert worker.wait_until_ready().is_running()
    assert worker.log.count("partitions assigned") == 1


def test_a_worker_whose_database_is_silent_ends_in_time_and_commits_nothing(worker, topics, workers, run):
    topics.sender().send(command(run))
    wait_until(lambda: worker.metric("gold_label_worker_batches_in_hand") == 1, what="a command in hand")
    assert worker.stop(10) == 0
    assert topics.lag() == 1
    workers.start(**topics.environment)
    assert len(topics.results.read_until(lambda events: events)) == 1


def test_a_worker_without_work_whose_database_is_silent_ends_in_time(worker, topics):
    assert_waiting(worker)
    assert worker.stop(10) == 0
    assert topics.shares() == []
