"""What the kernel says of processes: processor time and memory."""

import contextlib
import os
import re
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
UTIME, STIME, CUTIME, CSTIME = 11, 12, 13, 14  # behind the name in /proc/PID/stat


def stat(pid: int | str) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()


def cpu_of(fields: list[str], *numbers: int) -> float:
    return sum(int(fields[n]) for n in numbers) / TICKS


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads, also of those that have ended."""
    return cpu_of(stat(pid), UTIME, STIME)


def thread_cpu_seconds(pid: int, names: tuple[str, ...]) -> float:
    """Of the threads whose name starts with one of these. One that has ended takes its time with it."""
    spent = 0.0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # ended in between
            if (thread / "comm").read_text().startswith(names):
                spent += cpu_of(stat(f"{pid}/task/{thread.name}"), UTIME, STIME)
    return spent


def family_cpu_seconds(parent: int) -> float:
    """Of a process, the children it has, and those it had."""
    while True:
        before = own_and_ended(parent)
        alive = sum(map(child_cpu_seconds, children(parent)))
        if own_and_ended(parent)[1] == before[1]:
            return sum(before) + alive
        # A child was collected while we counted: it would be missing, or be there twice.


def own_and_ended(pid: int) -> tuple[float, float]:
    fields = stat(pid)
    return cpu_of(fields, UTIME, STIME), cpu_of(fields, CUTIME, CSTIME)


def children(parent: int) -> list[int]:
    return list(map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split()))


def child_cpu_seconds(pid: int) -> float:
    try:
        return cpu_seconds(pid)
    except (FileNotFoundError, ProcessLookupError):  # ended in between
        return 0.0


def peak_mib(pid: int) -> float:
    """The most memory that was ever resident."""
    status = Path(f"/proc/{pid}/status").read_text()
    return round(int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024, 1)
