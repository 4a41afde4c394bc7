"""The system under test: servers by deploy/dev/stack, workers and ingresses as children of ours."""

import os
import re
import shutil
import signal
import socket
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import plans
import psycopg
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from support.system import PROGRAMS, System, is_ready
from support.waiting import wait_until

END_S = 45
SESSION_MS = 3000
WORKERS = ("w1", "w2", "w3")
INGRESSES = ("i1", "i2")


def has_delivery():
    """Whether this worker knows the exactly-once mode."""
    done = subprocess.run([PROGRAMS / "gold-label-worker", "--help"], stdout=subprocess.PIPE, text=True)
    return "delivery" in done.stdout


class Ports:
    """Free ones below those of outgoing connections, so that a program that is down finds its port again."""

    def __init__(self, rng):
        self.rng = rng
        self.given = set()

    def take(self):
        while True:
            port = self.rng.randrange(10000, 32000)
            with socket.socket() as probe:
                if port not in self.given and probe.connect_ex(("127.0.0.1", port)) != 0:
                    self.given.add(port)
                    return port


class Program:
    """A worker or an ingress: one name, port and log, one process after the other."""

    def __init__(self, system, name, kind, history, **environment):
        self.name = name
        self.history = history
        self.log = system.state / f"{name}.log"
        self.environment = os.environ | environment
        # Ends with the main thread, which starts it. setpriv becomes the program, so the pid is its own.
        self.command = ["setpriv", "--pdeathsig", "KILL", PROGRAMS / f"gold-label-{kind}"]
        self.command += ["--config", system.state / f"{kind}.ini"]
        self.process = None
        self.ending = False  # it was asked to
        self.log_began = 0

    @property
    def admin_url(self):
        return f"http://127.0.0.1:{self.environment['GOLD_LABEL_ADMIN_PORT']}"

    @property
    def running(self):
        return self.process is not None

    def start(self, **environment):
        with self.log.open("ab") as out:
            self.log_began = out.tell()
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=self.environment | environment,
                start_new_session=True,
            )

    def has_survived(self):
        """Nothing ends a program but the nemesis. Says so once, and starts another one."""
        if not self.running or self.ending or self.process.poll() is None:
            return True
        text = f"{self.name} ended by itself with status {self.process.returncode}; see {self.log}"
        self.process = None
        self.history.violation("survives", text)
        return False

    def is_ready(self):
        assert self.process.poll() is None, f"{self.name} ended while it was starting; see {self.log}"
        return is_ready(self.admin_url)

    def kill(self):
        self.has_survived()
        if self.running:
            self.process.kill()
            self.process.wait(END_S)
        self.process = None
        self.ending = False

    def terminate(self):
        """Asks it to end; has_ended() says when it has."""
        if self.running and self.has_survived():
            self.process.terminate()
            self.ending = True

    def has_ended(self):
        if not self.running:
            return True
        if self.process.poll() is None:
            return False
        # One that has not come to the point of handling signals ends by this one, and has nothing in hand.
        newborn = self.process.returncode == -signal.SIGTERM and self.log.stat().st_size == self.log_began
        if self.process.returncode != 0 and not newborn:
            text = f"{self.name} ended with status {self.process.returncode} after SIGTERM; see {self.log}"
            self.history.violation("ends-well", text)
        self.process = None
        self.ending = False
        return True

    def signal(self, number):
        if self.running and self.has_survived():
            self.process.send_signal(number)


def mount_small(folder, megabytes):
    """A small file system at `folder`; False where we may not mount one."""
    unmount(folder)
    folder.mkdir(parents=True, exist_ok=True)
    options = ["-o", f"size={megabytes}m,mode=755"]
    return (
        subprocess.run(
            ["mount", "-t", "tmpfs", *options, "tmpfs", folder], stderr=subprocess.DEVNULL
        ).returncode
        == 0
    )


def unmount(folder):
    if folder.is_mount():
        subprocess.run(["umount", "--lazy", folder], check=True)
    shutil.rmtree(folder, ignore_errors=True)


class Cluster(System):
    def __init__(self, state, history, rng, brokers=1, delivery=None, disk_mb=0, worker_environment=None):
        state = Path(state)
        self.history = history
        self.disk = Path("/var/tmp") / f"gold-label-disk-{state.absolute().as_posix().replace('/', '-')}"
        self.brokers = ["kafka", *(f"kafka{n}" for n in range(2, brokers + 1))]
        environment = {"GOLD_LABEL_BROKERS": str(brokers)}
        super().__init__(state, **environment)
        self.has_small_disk = disk_mb > 0 and mount_small(self.disk, disk_mb)
        if self.has_small_disk:
            self.environment["GOLD_LABEL_PGDATA"] = str(self.disk)
        self.pool = ThreadPoolExecutor(4, "servers")
        ports = Ports(rng)
        fast = {
            "GOLD_LABEL_KAFKA_SESSION_TIMEOUT_MS": str(SESSION_MS),
            "GOLD_LABEL_KAFKA_HEARTBEAT_INTERVAL_MS": str(SESSION_MS // 6),
        }
        mode = {"GOLD_LABEL_WORKER_DELIVERY": delivery} if delivery else {}
        mode |= worker_environment or {}
        self.workers = {
            name: Program(
                self,
                name,
                "worker",
                history,
                GOLD_LABEL_ADMIN_PORT=str(ports.take()),
                **fast,
                **mode,
                **({"GOLD_LABEL_WORKER_INSTANCE": name} if delivery else {}),
            )
            for name in WORKERS
        }
        self.ingresses = {
            name: Program(
                self,
                name,
                "ingress",
                history,
                GOLD_LABEL_HTTP_PORT=str(ports.take()),
                GOLD_LABEL_ADMIN_PORT=str(ports.take()),
                GOLD_LABEL_INGRESS_NAME=name,
            )
            for name in INGRESSES
        }

    @property
    def programs(self):
        return [*self.workers.values(), *self.ingresses.values()]

    @property
    def ingress_urls(self):
        return [
            f"http://127.0.0.1:{one.environment['GOLD_LABEL_HTTP_PORT']}" for one in self.ingresses.values()
        ]

    def start(self, workers=2):
        super().start(*self.brokers, "postgres")
        self.admin = AdminClient({"bootstrap.servers": self.env["KAFKA_BROKERS"], "log_level": 2})
        self.query(
            "ALTER TABLE gold_label ADD CONSTRAINT faults_refused "
            f"CHECK (NOT starts_with(output_resource_name, '{plans.REFUSED_NAME}'))"
        )
        if self.has_small_disk:
            with self.superuser() as connection:
                for setting in (
                    "max_wal_size = '64MB'",
                    "min_wal_size = '32MB'",
                    "checkpoint_timeout = '30s'",
                ):
                    connection.execute(f"ALTER SYSTEM SET {setting}")
                connection.execute("SELECT pg_reload_conf()")
        for program in [*list(self.workers.values())[:workers], *self.ingresses.values()]:
            program.start()
        for program in self.programs:
            if program.running:
                wait_until(program.is_ready, 60, f"{program.name} is ready; see {program.log}")

    def complete(self):
        """Whatever a fault left out runs again."""
        for program in [*list(self.workers.values())[:1], *self.ingresses.values()]:
            if not program.running:
                program.start()

    def superuser(self):
        """To PostgreSQL, as the one who may end other people's connections."""
        secret = re.search(r"^PG_SUPERUSER_PASSWORD=(\w+)$", (self.state / "secrets").read_text(), re.M)[1]
        options = {"user": "postgres", "password": secret, "dbname": "postgres", "connect_timeout": 5}
        return psycopg.connect(self.env["DATABASE_URL"], autocommit=True, **options)

    # ---- servers ----

    def kill_server(self, name):
        self.call("kill", name)

    def start_server(self, name):
        """A future."""
        return self.pool.submit(self.call, "start", name)

    def leader(self):
        """The broker that leads the most partitions; None while none can be asked. One that comes back leads
        none at first."""
        try:
            topics = self.admin.list_topics(timeout=2).topics.values()
        except KafkaException:
            return None
        leaders = Counter(one.leader for topic in topics for one in topic.partitions.values())
        by_name = {name: leaders[number] for number, name in enumerate(self.brokers, 1)}
        most = max(by_name, key=by_name.get)
        return most if by_name[most] else None

    def server_processes(self, name):
        """Its process and the children of that."""
        pid = self.pid(name)
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:
            children = []
        return [pid, *map(int, children)]

    def signal_server(self, name, number):
        for pid in self.server_processes(name):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue

    def server_runs(self, name):
        return self.call("status", name, check=False).returncode == 0

    # ---- the small disk ----

    @property
    def ballast(self):
        return self.disk / "ballast"

    def fill_disk(self):
        block = bytes(1024 * 1024)
        with self.ballast.open("wb", buffering=0) as out:
            try:
                while True:
                    out.write(block)
            except OSError:
                return

    def clear_disk(self):
        self.ballast.unlink(missing_ok=True)

    # ---- the end ----

    def end(self):
        for program in self.programs:
            program.kill()
        try:
            self.clear_disk()
            super().end()
        finally:
            self.pool.shutdown()
            if self.has_small_disk:
                unmount(self.disk)
