"""Waiting for conditions instead of sleeping."""

import time

PAUSE_S = 0.02


def wait_until(condition, deadline_s=20, what=""):
    """Calls `condition` until it returns something true, and returns that. Fails after `deadline_s`."""
    end = time.monotonic() + deadline_s
    while True:
        outcome = condition()
        if outcome:
            return outcome
        if time.monotonic() > end:
            raise AssertionError(
                f"not within {deadline_s} s: {what or condition.__name__}; last: {outcome!r}"
            )
        time.sleep(PAUSE_S)
