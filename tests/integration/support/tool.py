"""gold-label, the producer tool, as its users run it."""

import contextlib
import json
import os
import re
import signal
import subprocess

OUTCOMES = ("stored", "replayed", "rejected", "unknown", "not_sent")
TEXT = {"output_resource_name": "summary", "text_value": "good"}


def lines(*objects):
    """NDJSON; bytes are taken as they are."""
    return b"".join(o if isinstance(o, bytes) else json.dumps(o).encode() + b"\n" for o in objects)


def json_lines(path):
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def account_of(done):
    """The outcomes that are not 0, of a summary in which every line that was read has one."""
    summary = json.loads(done.stdout)
    outcomes = {name: summary[name] for name in OUTCOMES}
    assert summary["read"] == sum(outcomes.values())
    return {name: count for name, count in outcomes.items() if count}


def good(n):
    """A line of about 200 bytes that is different for every n."""
    return TEXT | {"text_value": f"{n} is what should have come out, as {'somebody ' * 30}says"}


def write_lines(path, count, make=good):
    """A file of lines, objects or bytes, that `make` makes of their index."""
    with path.open("wb") as file:
        for n in range(count):
            file.write(lines(make(n)))
    return path


class Tool:
    def __init__(self, system, token):
        self.system = system
        self.token = token

    def command(self, arguments, environment):
        command, variables = self.system.program("gold-label", *arguments)
        return command, variables | {"GOLD_LABEL_TOKEN": self.token} | environment

    def __call__(self, *arguments, stdin=b"", timeout=120, **environment):
        """Runs a verb to its end."""
        command, variables = self.command(arguments, environment)
        return subprocess.run(command, input=stdin, env=variables, capture_output=True, timeout=timeout)

    @contextlib.contextmanager
    def running(self, folder, *arguments, stdin=subprocess.DEVNULL, **environment):
        """A verb that runs beside the test; it is dead at the end of the block."""
        command, variables = self.command(arguments, environment)
        it = Running(command, variables, folder, stdin)
        try:
            yield it
        finally:
            it.process.kill()
            it.process.wait()


class Running:
    def __init__(self, command, environment, folder, stdin):
        self.out, self.err = folder / "stdout", folder / "stderr"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                # Who runs the tests in the background may have given them these as ones to be ignored.
                ["env", "--default-signal=INT,HUP", "setpriv", "--pdeathsig", "KILL", *command],
                stdin=stdin,
                stdout=out,
                stderr=err,
                env=environment,
            )

    @property
    def stdout(self):
        return self.out.read_bytes()

    @property
    def stderr(self):
        return self.err.read_text()

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def kill(self):
        self.process.kill()
        return self.process.wait()

    def wait(self, deadline_s=120):
        """Its exit status."""
        return self.process.wait(deadline_s)

    def is_asleep(self):
        """Whether the verb itself, and not what starts it, waits for something."""
        with open(f"/proc/{self.process.pid}/status") as status:
            text = status.read()
        return "Name:\tgold-label\n" in text and "State:\tS" in text

    def naps(self):
        """How often it has gone to sleep."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status.read(), re.M)[1])

    def peak_memory(self):
        """The most bytes that were resident until now; 0 when it has ended."""
        try:
            with open(f"/proc/{self.process.pid}/status") as status:
                found = re.search(r"^VmHWM:\s+(\d+) kB", status.read(), re.M)
        except FileNotFoundError:
            return 0
        return int(found[1]) * 1024 if found else 0


def is_sanitized():
    """Sanitizers keep what was freed: memory says nothing then."""
    return bool(os.environ.get("SANITIZE"))
