"""soak: a steady stream of commands; some have gathered before the worker starts. Its memory must not grow,
neither with a backlog nor over time: its peak at the end is compared with that after a tenth of the time."""

import json
import subprocess
import sys
import time

from bench.programs import ROOT, TOOLS, clean_environment, say
from bench.workers import Workers, finished, outcomes

MOST = 1.1
BACKLOG = 20_000
LATE_S = 30
POLL_S = 0.25
SHORT = {"retention_bytes": "67108864", "segment_bytes": "16777216"}  # per partition: minutes of it


def measure(bench) -> None:
    seconds, rate = bench.at["BENCH_SOAK_SECONDS"], bench.at["BENCH_SOAK_RATE"]
    commands = seconds * rate
    topics = {kind: f"bench.soak.{kind.lower()}" for kind in ("COMMANDS", "RESULTS", "DLQ")}
    bench.topics.make_commands(topics["COMMANDS"], **SHORT)
    bench.topics.make(topics["RESULTS"], **SHORT)
    bench.topics.make(topics["DLQ"], **SHORT)
    bench.system.empty()
    bench.report.title(f"Memory over time: {rate:,} commands/s for {seconds:,} s")
    settings = bench.system.stream(
        KAFKA_COMMANDS_TOPIC=topics["COMMANDS"], BENCH_COMMANDS=commands, BENCH_RATE=rate, BENCH_SEED=2
    )
    load = subprocess.Popen(
        ["setpriv", "--pdeathsig", "TERM", TOOLS / "preload"],
        cwd=ROOT,
        env=clean_environment(**settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        await_backlog(bench, topics["COMMANDS"], commands)
        with Workers(bench.system, "bench-soak", topics) as workers:
            early, late = watch(workers, load, seconds)
            sent = json.loads(load.communicate()[0])
            await_all(workers, commands)
            cpu = workers.each[0].cpu_seconds() * 1e6 / commands
    finally:
        load.kill()
        load.wait()
    bench.topics.delete(*topics.values())
    ratio = late / early
    verdict = bench.report.target(
        f"worker's peak memory after {seconds} s to after {seconds / 10:g} s", ratio, most=MOST
    )
    say(f"  peak {early:.1f} MiB after {seconds / 10:g} s, {late:.1f} MiB at the end: {ratio:.2f}, {verdict}")
    say(
        f"  {sent['sent']:,} commands in {sent['seconds']:.1f} s, all of them answered;"
        f" {cpu:.1f} µs of worker CPU each"
    )
    bench.report.numbers["soak"] = sent | {
        "early_peak_mib": early,
        "late_peak_mib": late,
        "worker_cpu_us": round(cpu, 2),
    }


def await_backlog(bench, topic: str, commands: int) -> None:
    """So many that the worker begins with full batches."""
    deadline = time.monotonic() + LATE_S
    while bench.topics.count(topic) < min(BACKLOG, commands // 10):
        if time.monotonic() > deadline:
            sys.exit("no backlog gathers: is BENCH_SOAK_RATE too low?")
        time.sleep(POLL_S)


def watch(workers: Workers, load: subprocess.Popen, seconds: int) -> tuple[float, float]:
    """The worker's peak memory at a tenth of the time and at its end."""
    began = time.monotonic()
    early = None
    while load.poll() is None:
        workers.look()
        passed = time.monotonic() - began
        if early is None and passed >= seconds / 10:
            early = workers.each[0].peak_mib()
        if passed > seconds + LATE_S:
            sys.exit("the broker does not take the commands at this rate: lower BENCH_SOAK_RATE")
        time.sleep(POLL_S)
    if load.returncode != 0 or early is None:
        sys.exit(f"the load ended with status {load.returncode} after {time.monotonic() - began:.1f} s")
    return early, workers.each[0].peak_mib()


def await_all(workers: Workers, commands: int) -> None:
    deadline = time.monotonic() + LATE_S
    while (count := sum(map(finished, looks := workers.look()))) < commands:
        if time.monotonic() > deadline:
            sys.exit(f"the worker is behind: {count} of {commands} commands, {outcomes(looks)}")
        time.sleep(POLL_S)
