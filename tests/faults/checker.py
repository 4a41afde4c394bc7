"""Random faults on real servers, and a check that nothing was lost, doubled, swapped or made up.

usage: make faults SECONDS=600 SEED=7 DELIVERY=exactly-once CLUSTER=1

Writers send labels over HTTP and Kafka, right ones and wrong ones. Meanwhile processes are killed and frozen,
connections ended, the table locked, the disk filled (nemesis.py). Some promises are watched meanwhile
(observer.py), the others checked when all has healed (checks.py). The seed decides what is sent and what is
broken, not how the threads meet: the same seed is a similar run, not the same one.

Exit status: 0 nothing found, 1 a violation (a history and the logs are left behind), 2 usage.
"""

import argparse
import random
import shlex
import shutil
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from checks import Checks, check_logs, read_rows
from cluster import Cluster, has_delivery
from history import History
from nemesis import FAULTS, Nemesis
from observer import Observer
from plans import World
from support.system import BUILD, PROGRAMS
from support.tokens import Tokens
from writers import HttpWriter, KafkaWriter

STEP_S = 0.05


def arguments(words):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seconds", type=float, default=60, help="of faults; healing and checking come on top")
    p.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    p.add_argument("--delivery", choices=["at-least-once", "exactly-once"], default="at-least-once")
    p.add_argument("--cluster", action="store_true", help="three brokers, three replicas, two in sync")
    p.add_argument("--only", default="", help=f"faults, comma-separated: {', '.join(FAULTS)}")
    p.add_argument("--without", default="", help="faults that are left out, comma-separated")
    p.add_argument("--skip-check", default="", help="checks that are left out, comma-separated")
    p.add_argument(
        "--end",
        choices=["busy", "quiet"],
        help="quiet: nothing is sent any more when the last faults come and heal, so that a lost last commit "
        "is not made good by the next one (by default the seed decides)",
    )
    p.add_argument("--workers", type=int, choices=[1, 2, 3], default=2)
    p.add_argument("--http", type=int, default=8, help="threads that send requests")
    p.add_argument("--kafka", type=int, default=2, help="threads that send commands")
    p.add_argument("--rate", type=int, default=150, help="commands a second of each of those")
    p.add_argument(
        "--deadline", type=float, default=90, help="seconds in which all must be answered in the end"
    )
    p.add_argument("--worker-setting", action="append", default=[], metavar="NAME=VALUE", help="environment")
    p.add_argument("--state", type=Path, default=BUILD / "faults" / "run")
    chosen = p.parse_args(words)
    for option in ("only", "without"):
        names = [name for name in getattr(chosen, option).split(",") if name]
        if unknown := set(names) - set(FAULTS):
            p.error(
                f"--{option}: no such fault: {', '.join(sorted(unknown))}; there are: {', '.join(FAULTS)}"
            )
        setattr(chosen, option, names)
    chosen.end = chosen.end or random.Random(f"{chosen.seed}-end").choice(["busy", "quiet"])
    chosen.faults = [name for name in chosen.only or FAULTS if name not in chosen.without]
    if chosen.delivery == "exactly-once" and not has_delivery():
        p.error("this gold-label-worker has no setting `delivery`")
    return chosen


class Run:
    def __init__(self, chosen):
        self.chosen = chosen
        self.history = History()
        self.history.skipped = set(chosen.skip_check.split(","))
        self.stop = threading.Event()
        wants_disk = "full-disk" in chosen.faults
        self.cluster = Cluster(
            chosen.state,
            self.history,
            random.Random(f"{chosen.seed}-ports"),
            brokers=3 if chosen.cluster else 1,
            delivery=chosen.delivery if has_delivery() else None,
            disk_mb=int(300 + chosen.seconds) if wants_disk else 0,
            worker_environment=dict(one.split("=", 1) for one in chosen.worker_setting),
        )
        if wants_disk and not self.cluster.has_small_disk:
            chosen.faults.remove("full-disk")
            self.history.say("full-disk is left out: no right to mount a file system")
        self.observer = None
        self.nemesis = None

    def execute(self):
        """True when nothing was found."""
        try:
            self.cluster.start(self.chosen.workers)
            self.work()
            return not self.history.violations
        finally:
            self.cluster.end()

    def work(self):
        chosen, history = self.chosen, self.history
        world = World(self.cluster, Tokens(self.cluster.env))
        self.observer = Observer(self.cluster, history)
        self.observer.start()
        writers = self.writers(world)
        history.say(f"everything runs; {', '.join(chosen.faults)}")
        self.nemesis = Nemesis(self.cluster, history, random.Random(f"{chosen.seed}-nemesis"), chosen.faults)
        for writer in writers:
            writer.start()

        until = time.monotonic() + chosen.seconds
        while time.monotonic() < until and not history.found.is_set():
            self.nemesis.step()
            self.look_after(writers)
        if chosen.end == "quiet":
            self.fall_silent(writers)
        history.say("healing")
        self.nemesis.heal()
        self.cluster.complete()
        self.stop.set()
        for writer in writers:
            writer.join()
        if not history.found.is_set():
            self.wait_until_answered()
        self.observer.end()
        made = Counter()
        if not history.found.is_set():
            rows = read_rows(self.cluster, history)
            made = Checks(history, self.observer, rows, chosen.delivery == "exactly-once").run()
        for program in self.cluster.programs:
            program.has_survived()
        check_logs(history, self.cluster.programs)
        self.report(made)

    def writers(self, world):
        chosen = self.chosen
        common = world, self.history, self.stop
        urls, brokers = self.cluster.ingress_urls, self.cluster.env["KAFKA_BROKERS"]
        return [
            *(HttpWriter(f"http-{n}", chosen.seed, *common, urls) for n in range(chosen.http)),
            *(
                KafkaWriter(f"kafka-{n}", chosen.seed, *common, brokers, chosen.rate)
                for n in range(chosen.kafka)
            ),
        ]

    def fall_silent(self, writers):
        """The faults go on until all writers have ended, and then for a while."""
        self.history.say("nothing more is sent")
        for writer in writers:
            writer.patient = False
        self.stop.set()
        rest_s = random.Random(f"{self.chosen.seed}-rest").uniform(1, 5)
        until = None
        while not self.history.found.is_set() and (until is None or time.monotonic() < until):
            self.nemesis.step()
            self.look_after([])
            if until is None and not any(writer.is_alive() for writer in writers):
                until = time.monotonic() + rest_s

    def look_after(self, writers):
        for program in self.cluster.programs:
            program.has_survived()
        dead = [writer.name for writer in writers if not writer.is_alive()]
        if dead:
            self.history.violation("checker", f"writers ended: {', '.join(dead)}")
        time.sleep(STEP_S)

    def wait_until_answered(self):
        """Lag 0, and everything read that is on the topics."""
        until = time.monotonic() + self.chosen.deadline
        lag = None
        while time.monotonic() < until and not self.history.found.is_set():
            lag = self.observer.lag()
            if lag == 0 and self.observer.has_read_all():
                self.history.say("everything is answered")
                return
            self.look_after([])
        if not self.history.found.is_set():
            what = f"Kafka cannot be asked ({self.observer.silence})" if lag is None else f"the lag is {lag}"
            self.history.violation("lag", f"{what} {self.chosen.deadline:.0f} s after the last fault")

    def keep_logs(self, path):
        """What the processes said; the next run begins with an empty folder."""
        folder = path.with_name(path.name.replace(".jsonl.gz", "-logs"))
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for log in self.chosen.state.glob("*.log"):
            shutil.copy(log, folder)
        return folder

    def report(self, made):
        history, observer = self.history, self.observer
        answers = Counter(f"HTTP {one.status or one.error}" for one in history.attempts if one.via == "http")
        for several in observer.answers.values():
            answers.update(f"Kafka {said(one)}" for one in several)
        kinds = Counter(f"{one.via} {one.kind}" for one in history.attempts)
        tables = {
            "sent": kinds,
            "answers": answers,
            "faults": self.nemesis.counts,
            "checked": made | {"rows looked for at their CREATED": observer.rows.looked_for},
        }
        for title, table in tables.items():
            line = ", ".join(f"{count} {name}" for name, count in sorted(table.items()))
            print(f"{title}: {line}")
        if history.violations:
            path = self.chosen.state.with_name(f"history-{self.chosen.seed}.jsonl.gz")
            history.dump(path, observer)
            print(f"history: {path}; the logs beside it: {self.keep_logs(path)}")
        print(
            f"{len(observer.commands)} commands, {sum(self.nemesis.counts.values())} faults, "
            f"{len(history.violations)} violations"
        )


def said(answer):
    if answer.result is None:
        return "dead letter"
    if answer.result["outcome"] == "REJECTED":
        return answer.result["code"]
    return "CREATED replayed" if answer.result["replayed"] else "CREATED"


def main(words):
    chosen = arguments(words)
    again = [*words, *(["--seed", str(chosen.seed)] if "--seed" not in words else [])]
    print(f"seed {chosen.seed}; again with:")
    print(f"B={BUILD} BIN={PROGRAMS} tests/faults/run checker {shlex.join(again)}", flush=True)
    return 0 if Run(chosen).execute() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
