"""Before anything is measured: connections, caches, and a broker that compiles its code while it serves.
In its first minute and a half that takes up to half a processor, and a label costs the broker several times
as much as later; each new kind of load starts it anew."""

import time
from collections.abc import Callable

from bench.processes import thread_cpu_seconds
from bench.system import System

COMPILERS = ("C1 Compiler", "C2 Compiler")
QUIET = 0.05  # of a processor; it never stops altogether
QUIET_TIMES, MOST_TIMES = 2, 24  # the time of one point


def until_steady(system: System, seconds: int, load: Callable[[], object]) -> None:
    """Loads until the broker has compiled next to nothing for twice the `seconds` of one point."""
    broker = system.pid("kafka")
    began, quiet = time.monotonic(), 0.0
    while quiet < QUIET_TIMES * seconds and time.monotonic() < began + MOST_TIMES * seconds:
        compiled, at = thread_cpu_seconds(broker, COMPILERS), time.monotonic()
        load()
        took = time.monotonic() - at
        is_quiet = thread_cpu_seconds(broker, COMPILERS) - compiled < QUIET * took
        quiet = quiet + took if is_quiet else 0.0
