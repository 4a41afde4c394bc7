"""What goes wrong: faults at random, now and then two at a time, each healed after a random while.

A fault is a generator. It breaks something, yields how many seconds are to pass before it is asked to go on
(again and again, where it waits for something), and has healed when it ends."""

import signal
import time
from dataclasses import dataclass

import psycopg
from cluster import SESSION_MS

AT_ONCE = 2  # faults
POLL_S = 0.1
END_S = 60


class Nemesis:
    def __init__(self, cluster, history, rng, names):
        self.cluster = cluster
        self.history = history
        self.rng = rng
        self.names = names
        self.active = []
        self.next_at = 0.0
        self.counts = dict.fromkeys(names, 0)

    def step(self):
        """Begins and goes on with what is due."""
        now = time.monotonic()
        for one in list(self.active):
            if now >= one.due_at:
                self.proceed(one)
        if now >= self.next_at and len(self.active) < AT_ONCE:
            self.begin()
            self.next_at = time.monotonic() + self.rng.uniform(0.2, 2.5)

    def begin(self):
        busy = {one.fault.target for one in self.active}
        free = [name for name in self.names if FAULTS[name].target not in busy]
        if free:
            name = self.rng.choice(free)
            self.counts[name] += 1
            fault = FAULTS[name]
            one = Active(name, fault, fault.run(self.cluster, self.rng, self.say(name)))
            self.active.append(one)
            self.proceed(one)

    def proceed(self, one):
        try:
            one.due_at = time.monotonic() + next(one.steps)
        except StopIteration:
            self.active.remove(one)

    def say(self, name):
        return lambda text: self.history.act(f"{name}: {text}")

    def heal(self):
        """Ends all faults at once."""
        while self.active:
            for one in list(self.active):
                self.proceed(one)
            time.sleep(POLL_S)


@dataclass
class Active:
    name: str
    fault: object
    steps: object
    due_at: float = 0.0


# ---- processes ----


def seconds(rng, most):
    """Short ones are more frequent."""
    return most * rng.random() ** 2


def pick_running(programs, rng):
    return rng.choice([one for one in programs.values() if one.running] or list(programs.values()))


def batch_bound(rng):
    return {"GOLD_LABEL_WORKER_MAX_ROWS": str(rng.choice([20, 200, 2000]))}


def kill_program(kind, restart):
    def run(cluster, rng, say):
        program = pick_running(getattr(cluster, kind), rng)
        say(f"kill -9 {program.name}")
        program.kill()
        yield seconds(rng, 4)
        program.start(**restart(rng))
        say(f"{program.name} started")

    return run


def freeze_program(kind):
    def run(cluster, rng, say):
        program = pick_running(getattr(cluster, kind), rng)
        long = SESSION_MS / 1000 + 2
        pause = rng.choice([seconds(rng, 1), long])
        say(f"SIGSTOP {program.name} for {pause:.1f} s")
        program.signal(signal.SIGSTOP)
        yield pause
        program.signal(signal.SIGCONT)
        say(f"SIGCONT {program.name}")

    return run


def end_in_order(cluster, program, say):
    """SIGTERM, and its end."""
    say(f"SIGTERM {program.name}")
    program.terminate()
    by = time.monotonic() + END_S
    while not program.has_ended():
        if time.monotonic() > by:
            cluster.history.violation("ends-well", f"{program.name} has not ended {END_S} s after SIGTERM")
            program.kill()
        yield POLL_S


def restart_worker(cluster, rng, say):
    program = pick_running(cluster.workers, rng)
    yield from end_in_order(cluster, program, say)
    yield seconds(rng, 2)
    program.start(**batch_bound(rng))
    say(f"{program.name} started")


def scale_workers(cluster, rng, say):
    """One more where one is missing, else one less for a while."""
    absent = [one for one in cluster.workers.values() if not one.running]
    if absent:
        absent[0].start(**batch_bound(rng))
        say(f"{absent[0].name} joins")
        yield seconds(rng, 3)
        return
    program = pick_running(cluster.workers, rng)
    yield from end_in_order(cluster, program, say)
    say(f"{program.name} has left")
    yield seconds(rng, 3)


# ---- servers ----


def await_future(future):
    while not future.done():
        yield POLL_S
    future.result()


def pick_broker(cluster, rng):
    """Of several mostly the one whose partitions must move."""
    name = rng.choice(cluster.brokers)
    if len(cluster.brokers) > 1 and rng.random() < 0.7:
        name = cluster.leader() or name
    return name


def kill_broker(cluster, rng, say):
    name = pick_broker(cluster, rng)
    say(f"kill -9 {name}")
    cluster.kill_server(name)
    yield seconds(rng, 6)
    yield from await_future(cluster.start_server(name))
    say(f"{name} answers")


def freeze_server(pick, most):
    def run(cluster, rng, say):
        name = pick(cluster, rng)
        pause = seconds(rng, most)
        say(f"SIGSTOP {name} for {pause:.1f} s")
        cluster.signal_server(name, signal.SIGSTOP)
        yield pause
        cluster.signal_server(name, signal.SIGCONT)
        say(f"SIGCONT {name}")

    return run


def kill_postgres(cluster, rng, say):
    say("kill -9 postgres")
    cluster.kill_server("postgres")
    yield seconds(rng, 5)
    yield from await_future(cluster.start_server("postgres"))
    say("postgres answers")


def each_backend(function):
    """What an administrator does to the workers' connections."""

    def run(cluster, rng, say):
        for _ in range(rng.randrange(1, 6)):
            with cluster.superuser() as connection:
                done = connection.execute(
                    f"SELECT {function}(pid) FROM pg_stat_activity WHERE usename = 'gold_label_worker'"
                ).rowcount
            say(f"{function} of {done} connections")
            yield seconds(rng, 0.6)

    return run


def lock_table(cluster, rng, say):
    """Rows can be read, none can be stored."""
    with cluster.connect() as connection:
        connection.autocommit = False
        connection.execute("SET lock_timeout = '5s'")
        try:
            connection.execute("LOCK TABLE gold_label IN SHARE ROW EXCLUSIVE MODE")
        except psycopg.errors.LockNotAvailable:
            say("the lock was not to be had")
            return
        pause = seconds(rng, 5)
        say(f"locked for {pause:.1f} s")
        yield pause
        connection.rollback()
    say("unlocked")


def cancel_waiting(cluster, rng, say):
    """Statements are cancelled in the middle of their work; their connections stay."""
    steps = lock_table(cluster, rng, say)
    for _ in steps:
        for _ in range(3):
            yield 0.3
            with cluster.superuser() as connection:
                done = connection.execute(
                    "SELECT pg_cancel_backend(pid) FROM pg_stat_activity "
                    "WHERE usename = 'gold_label_worker' AND wait_event_type = 'Lock'"
                ).rowcount
            say(f"{done} waiting statements are cancelled")


def fill_disk(cluster, rng, say):
    cluster.fill_disk()
    say("postgres has no byte of disk left")
    yield rng.uniform(1, 5)
    cluster.clear_disk()
    say("there is disk again")
    # It may have ended by itself, or be about to.
    by = time.monotonic() + END_S
    while not can_store(cluster):
        if time.monotonic() > by:
            raise AssertionError(f"postgres does not come back; see {cluster.state / 'postgres.log'}")
        if not cluster.server_runs("postgres"):
            say("postgres had ended; it is started")
            yield from await_future(cluster.start_server("postgres"))
        yield 0.5


def can_store(cluster):
    try:
        cluster.query("CREATE TABLE IF NOT EXISTS faults_probe (n int)")
        return True
    except psycopg.Error:
        return False


@dataclass(frozen=True)
class Fault:
    target: str  # never two faults on the same at a time
    run: object


FAULTS = {
    "kill-worker": Fault("workers", kill_program("workers", batch_bound)),
    "freeze-worker": Fault("workers", freeze_program("workers")),
    "restart-worker": Fault("workers", restart_worker),
    "scale-workers": Fault("workers", scale_workers),
    "kill-ingress": Fault("ingresses", kill_program("ingresses", lambda _: {})),
    "freeze-ingress": Fault("ingresses", freeze_program("ingresses")),
    "kill-broker": Fault("brokers", kill_broker),
    "freeze-broker": Fault("brokers", freeze_server(pick_broker, 6)),
    "kill-postgres": Fault("postgres", kill_postgres),
    "freeze-postgres": Fault("postgres", freeze_server(lambda *_: "postgres", 6)),
    "terminate-backends": Fault("postgres", each_backend("pg_terminate_backend")),
    "cancel-statements": Fault("postgres", each_backend("pg_cancel_backend")),
    "cancel-waiting": Fault("postgres", cancel_waiting),
    "lock-table": Fault("postgres", lock_table),
    "full-disk": Fault("postgres", fill_disk),
}
