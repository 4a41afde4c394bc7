"""Before anything is measured: connections, caches, and a broker that compiles its code while it serves.
In its first half minute a label costs it several times as much as later."""

from collections.abc import Callable

TIMES, RISE, MOST = 3, 1.05, 12


def until_steady(rate_of_a_load: Callable[[], float]) -> None:
    """Loads until the rate rises no more."""
    best = 0.0
    for times in range(MOST):
        rate = rate_of_a_load()
        if times + 1 >= TIMES and rate < RISE * best:
            return
        best = max(best, rate)
