"""The system under test: Kafka, PostgreSQL, worker and ingress, started by deploy/dev/stack."""

import contextlib
import os
import re
import shlex
import shutil
import socket
import subprocess
import uuid
from pathlib import Path

import psycopg
import requests

from support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("B", ROOT / "build")).absolute()
PROGRAMS = Path(os.environ.get("BIN", BUILD / "bin")).absolute()
STACK = ROOT / "deploy" / "dev" / "stack"

# What a shell has from the file `env` of another system is not for our processes: it would come before their
# files of settings.
os.environ.pop("GOLD_LABEL_KAFKA_BROKERS", None)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Stack:
    """deploy/dev/stack with a state folder of its own. Its services end with the tests, however those end."""

    def __init__(self, state, **environment):
        self.state = Path(state)
        self.environment = (
            os.environ
            | {
                "GOLD_LABEL_STATE": str(self.state),
                "GOLD_LABEL_BIN": str(PROGRAMS),
            }
            | environment
        )
        self.call("kill", check=False)  # what an older run may have left
        shutil.rmtree(self.state, ignore_errors=True)
        # Its standard input ends when this process does, also by SIGKILL.
        self.guard = subprocess.Popen(
            ["bash", "-c", f"read -r _; exec {shlex.quote(str(STACK))} kill"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self.environment,
            start_new_session=True,
        )

    def call(self, *words, check=True, **environment):
        """Its exit status and all that it said."""
        done = subprocess.run(
            [STACK, *words],
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=150,
        )
        assert not check or done.returncode == 0, f"stack {' '.join(words)}: {done.stdout}"
        return done

    def pid(self, service):
        return int((self.state / f"{service}.pid").read_text())

    def peak_memory(self, service):
        """The most bytes that were ever resident."""
        status = Path(f"/proc/{self.pid(service)}/status").read_text()
        return int(re.search(r"^VmHWM:\s+(\d+) kB", status, re.M)[1]) * 1024

    def end(self):
        try:
            self.call("stop", check=False)
        finally:
            self.guard.stdin.close()
            self.guard.wait(timeout=60)


class System(Stack):
    """The whole, with what its file `env` says."""

    def start(self, *services):
        self.call("start", *services)
        lines = (self.state / "env").read_text().splitlines()
        self.env = dict(shlex.split(line)[0].split("=", 1) for line in lines)

    def wait_until_ready(self):
        for url in (self.env["ADMIN_URL"], self.env["WORKER_ADMIN_URL"]):
            wait_until(lambda url=url: is_ready(url), 30, f"{url}/readyz is 200")

    def program(self, name, *arguments, **environment):
        """A command line and an environment in which the brokers are known."""
        known = {"GOLD_LABEL_KAFKA_BROKERS": self.env["KAFKA_BROKERS"]}
        return [PROGRAMS / name, *map(str, arguments)], os.environ | known | environment

    def connect(self):
        return psycopg.connect(self.env["DATABASE_URL"], autocommit=True)

    def superuser(self):
        password = re.search(r"^PG_SUPERUSER_PASSWORD=(.*)$", (self.state / "secrets").read_text(), re.M)[1]
        url = re.sub(r"//[^@]*@", f"//postgres:{password}@", self.env["DATABASE_URL"])
        return psycopg.connect(url, autocommit=True)

    def query(self, sql, *values):
        """Rows of one statement, over a connection that no fault has broken."""
        with self.connect() as connection:
            cursor = connection.execute(sql, values)
            return cursor.fetchall() if cursor.description else []

    def grant(self):
        """Worker and ingress have their rights again, and no others."""
        self.query((ROOT / "deploy/dev/etc/grants.sql").read_text())

    def new_run(self, account=None):
        run = str(uuid.uuid4())
        self.query("INSERT INTO run (id, account_id) VALUES (%s, %s)", run, account or self.env["ACCOUNT_ID"])
        return run

    def count(self, run):
        return self.query("SELECT count(*) FROM gold_label WHERE run_id = %s", run)[0][0]

    @contextlib.contextmanager
    def table_held(self):
        """Nothing can be stored in gold_label until the block ends or the connection is rolled back."""
        with self.connect() as connection:
            connection.autocommit = False
            connection.execute("LOCK TABLE gold_label IN ACCESS EXCLUSIVE MODE")
            yield connection
            connection.rollback()

    def worker_waits_for_lock(self):
        """True while a statement stands in the queue for gold_label."""
        return self.query("SELECT pid FROM pg_locks WHERE NOT granted AND relation = 'gold_label'::regclass")


def is_ready(admin_url):
    try:
        return requests.get(f"{admin_url}/readyz", timeout=5).status_code == 200
    except requests.ConnectionError:
        return False
