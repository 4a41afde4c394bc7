"""More processes of the system under test, each with ports and a log of its own.

    with Workers(system) as workers:
        worker = workers.start(GOLD_LABEL_KAFKA_GROUP="mine")

They take the configuration of the system's own; the environment given to start() overrides it. They end with
the `with` block, and also with the thread that called start(), however that ends.
"""

import os
import re
import signal
import subprocess

import requests

from support.system import PROGRAMS, free_port, is_ready
from support.waiting import wait_until

STOP_S = 30


class Process:
    def __init__(self, kind, state, environment):
        port = str(free_port())
        self.admin_url = f"http://127.0.0.1:{port}"
        self.log_file = state / f"{kind}-{port}.log"
        program = [PROGRAMS / f"gold-label-{kind}", "--config", state / f"{kind}.ini"]
        with self.log_file.open("wb") as out:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *program],  # becomes the program: the pid stays
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=os.environ | environment | {"GOLD_LABEL_ADMIN_PORT": port},
                start_new_session=True,
            )
        self.pid = self.process.pid

    @property
    def log(self):
        return self.log_file.read_text(errors="replace")

    def is_running(self):
        return self.process.poll() is None

    def is_ready(self):
        assert self.is_running(), f"{self.log_file} ended with {self.process.returncode}:\n{self.log}"
        return is_ready(self.admin_url)

    def wait_until_ready(self, deadline_s=30):
        wait_until(self.is_ready, deadline_s, f"{self.admin_url}/readyz is 200; see {self.log_file}")
        return self

    def metric(self, name):
        """The sum over all label sets."""
        text = requests.get(f"{self.admin_url}/metrics", timeout=5).text
        return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)", text, re.M))

    def send_signal(self, number):
        self.process.send_signal(number)

    def wait(self, deadline_s=STOP_S):
        """Until it has ended. Its exit status; negative: the signal."""
        return self.process.wait(deadline_s)

    def stop(self, deadline_s=STOP_S):
        """Ends it in order. Its exit status."""
        self.send_signal(signal.SIGTERM)
        return self.wait(deadline_s)

    def kill(self):
        """Ends it at once, also when it is frozen. Its exit status."""
        self.process.kill()
        return self.wait()


class Worker(Process):
    def __init__(self, state, environment):
        super().__init__("worker", state, environment)


class Ingress(Process):
    def __init__(self, state, environment):
        port = str(free_port())
        self.url = f"http://127.0.0.1:{port}"
        super().__init__(
            "ingress", state, {"GOLD_LABEL_INGRESS_NAME": port} | environment | {"GOLD_LABEL_HTTP_PORT": port}
        )


class Workers:
    def __init__(self, system):
        self.system = system
        self.all = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in self.all:
            one.process.kill()
        for one in self.all:
            one.wait()

    def start(self, kind=Worker, **environment):
        """Does not wait until it is ready."""
        self.all.append(kind(self.system.state, environment))
        return self.all[-1]
