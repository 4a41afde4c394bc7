"""Signals that come while worker or ingress still read their settings."""

import contextlib
import os
import signal

import pytest
from support.waiting import wait_until
from support.workers import Ingress, Worker


def writing_end(fifo):
    """None until somebody has opened it for reading."""
    with contextlib.suppress(OSError):
        return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)


@pytest.mark.parametrize("signals", [[signal.SIGTERM], [signal.SIGINT], [signal.SIGHUP, signal.SIGTERM]])
@pytest.mark.parametrize("kind", [Worker, Ingress])
def test_a_stop_before_the_settings_are_read_is_a_clean_one(kind, signals, system, topics, tmp_path):
    environment = topics.environment if kind is Worker else topics.ingress_environment
    name = f"{kind.__name__.lower()}.ini"
    os.mkfifo(tmp_path / name)
    process = kind(tmp_path, environment)
    try:
        end = wait_until(lambda: writing_end(tmp_path / name), 30, f"it opens {name}")
        for number in signals:
            process.send_signal(number)
        with contextlib.suppress(BrokenPipeError), open(end, "w") as settings:
            settings.write((system.state / name).read_text())
        assert process.wait() == 0, process.log
        assert "msg=stopped" in process.log
    finally:
        process.kill()
