"""The programs of schemas/examples/ and what they need, which is fetched into the build folder once."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass

from support.system import BUILD, ROOT

EXAMPLES = ROOT / "schemas" / "examples"
FETCHED = BUILD / "examples"
FETCH_S = 400  # the first time, over a slow line
RUN_S = 150
SUMMARY = re.compile(r"sent (\d+), created (\d+), rejected (\d+), unanswered (\d+)")


@dataclass
class Conversation:
    """What a client printed: a line per result, and the counts."""

    outcomes: dict
    sent: int
    created: int
    rejected: int
    unanswered: int


class Foreign:
    """One client, ready to be run."""

    def __init__(self, command, **environment):
        self.command = [str(word) for word in command]
        self.environment = os.environ | {"SCHEMAS": str(ROOT / "schemas" / "avro")} | environment

    def run(self, *arguments, stdin=b"", **environment):
        """Its output. It must succeed."""
        command = [*self.command, *map(str, arguments)]
        variables = self.environment | environment
        done = subprocess.run(command, input=stdin, env=variables, capture_output=True, timeout=RUN_S)
        said = f"{' '.join(command)}\n{done.stdout[-2000:].decode()}\n{done.stderr[-4000:].decode()}"
        assert done.returncode == 0, said
        return done.stdout.decode()

    def converse(self, count, **environment):
        """Sends commands and reads their results."""
        *lines, last = self.run(count, **environment).splitlines()
        outcomes = {words[0]: words[1] for words in map(str.split, lines)}
        assert len(outcomes) == len(lines), "a result was shown twice"
        return Conversation(outcomes, *map(int, SUMMARY.fullmatch(last).groups()))

    def encode(self, lines):
        """(fingerprint, message) of each command, as the client writes it."""
        words = [line.split() for line in self.run("encode", stdin=lines).splitlines()]
        return [(int(fingerprint, 16), bytes.fromhex(message)) for fingerprint, message in words]


def fetch(folder, build_file, command, **environment):
    """Runs `command` in `folder` with a copy of `build_file`; again only when that file has changed."""
    wanted = hashlib.sha256(build_file.read_bytes()).hexdigest()
    stamp = folder / ".fetched"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text() == wanted:
            return
        shutil.copy(build_file, folder)
        done = subprocess.run(
            command,
            cwd=folder,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=FETCH_S,
        )
        assert done.returncode == 0, f"{' '.join(command)}: {done.stdout[-4000:].decode(errors='replace')}"
        stamp.write_text(wanted)


def python():
    return Foreign([sys.executable, EXAMPLES / "python" / "client.py"])


def java(program="Client"):
    folder = FETCHED / "java"
    quietly = ["-q", "-B", "-Dstyle.color=never"]
    copy = ["mvn", *quietly, "dependency:copy-dependencies", "-DoutputDirectory=jars"]
    fetch(folder, EXAMPLES / "java" / "pom.xml", copy)
    quick = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-Xmx256m"]
    source = EXAMPLES / "java" / f"{program}.java"
    return Foreign(["java", *quick, "-cp", f"{folder}/jars/*", source])


def spring():
    return java("SpringClient")


def node():
    folder = FETCHED / "node"
    install = ["npm", "install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"]
    fetch(folder, EXAMPLES / "node" / "package.json", install)
    client = EXAMPLES / "node" / "client.js"
    return Foreign(["node", client], NODE_PATH=str(folder / "node_modules"))


def go():
    """Go itself knows what has changed."""
    folder = FETCHED / "go"
    folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "GOFLAGS": "-mod=readonly -modcacherw",
        "GOCACHE": str(folder / "cache"),
        "GOMODCACHE": str(folder / "modules"),
        "GOTOOLCHAIN": "local",
        "CGO_ENABLED": "0",
    }
    done = subprocess.run(
        ["go", "build", "-o", folder / "client", "."],
        cwd=EXAMPLES / "go",
        env=os.environ | settings,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=FETCH_S,
    )
    assert done.returncode == 0, f"go build: {done.stdout[-4000:].decode(errors='replace')}"
    return Foreign([folder / "client"])


CLIENTS = {"java": java, "python": python, "go": go, "node": node}
