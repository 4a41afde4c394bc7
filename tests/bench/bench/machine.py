"""The machine under the servers. What it does of itself is kept out of what is measured: where the kernel
lets whom run, and memory that is not there yet."""

import contextlib
import mmap
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from bench.processes import children
from bench.system import System

MEMORY = 2 << 30  # bytes: what a load and its drain touch
PAGE = mmap.PAGESIZE


def memory(kind: str) -> int:
    """Bytes, as the kernel says them in /proc/meminfo: MemTotal, MemAvailable …"""
    found = re.search(rf"^{kind}:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.M)
    return int(found[1]) * 1024


def fetch_memory() -> None:
    """Touches memory and gives it back. The host of a virtual machine may have taken free pages away: each
    costs some 30 µs when it is wanted again, which made the broker's share of a label twice what it is."""
    size = min(MEMORY, memory("MemAvailable") // 4) // PAGE * PAGE
    with mmap.mmap(-1, size) as touched:
        touched[::PAGE] = b"\1" * (size // PAGE)


def place(pids: Iterable[int], processors: set[int]) -> None:
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended
            for thread in Path(f"/proc/{pid}/task").iterdir():
                with contextlib.suppress(ProcessLookupError):
                    os.sched_setaffinity(int(thread.name), processors)


def may_place(system: System) -> bool:
    """Whether the servers, which may be another user's, can be placed: containers often forbid it."""
    try:
        for pid in map(system.pid, ("postgres", "kafka")):
            os.sched_setaffinity(pid, os.sched_getaffinity(pid))
    except OSError:
        return False
    return True


@contextlib.contextmanager
def database_apart(system: System) -> Iterator[None]:
    """PostgreSQL has one processor to itself and all others share the rest, as if it had its own machine.
    Whatever is started meanwhile is where its parent is: PostgreSQL's connections there, programs here."""
    everywhere = os.sched_getaffinity(0)
    postgres, broker = system.pid("postgres"), system.pid("kafka")

    def arrange(database: set[int], others: set[int]) -> None:
        place([postgres, *children(postgres)], database)
        place([broker, os.getpid()], others)

    first = {min(everywhere)}
    try:
        arrange(first, everywhere - first)
        yield
    finally:
        arrange(everywhere, everywhere)
