"""The servers that the measurements run on: Kafka, PostgreSQL, worker and ingress in a state folder of
their own, which is gone afterwards."""

import shlex
import shutil
import signal
import tempfile
from pathlib import Path

import psycopg

from bench.programs import BIN, BUILD, HERE, STACK, output, say

RUNS = 1000
ACCOUNTS = 4
SUBJECTS = 2
HTTP_RUNS = 1000  # of the account whose token HTTP requests have
RUN_ID = "('00000000-0000-4000-8001-' || lpad(to_hex({}), 12, '0'))::uuid"


def read_shell(path: Path) -> dict[str, str]:
    words = (shlex.split(line)[0] for line in path.read_text().splitlines() if line)
    return dict(word.split("=", 1) for word in words)


class System:
    def __init__(self) -> None:
        BUILD.mkdir(parents=True, exist_ok=True)
        self.state = Path(tempfile.mkdtemp(prefix="bench-", dir=BUILD))
        self.state.chmod(0o755)  # PostgreSQL's own user walks through
        self.env: dict[str, str] = {}

    def stack(self, *words: str) -> None:
        output(STACK, *words, GOLD_LABEL_STATE=self.state, GOLD_LABEL_BIN=BIN)

    def __enter__(self) -> "System":
        try:
            self.stack("start", "kafka", "postgres")
            self.env = read_shell(self.state / "env")
            self.make_runs()
            self.make_tokens()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(sign, signal.SIG_IGN)
        try:
            self.stack("stop")
        except SystemExit as late:
            say(str(late))
            self.stack("kill")
        elsewhere = (self.state / "postgres").resolve()
        shutil.rmtree(elsewhere, ignore_errors=True)
        shutil.rmtree(self.state, ignore_errors=True)

    def pid(self, service: str) -> int:
        return int((self.state / f"{service}.pid").read_text())

    # ---- the database ----

    def sql(self, statement: str, *, superuser: bool = False) -> list[tuple]:
        """One statement over a connection of its own, so that nothing of ours stays in the way."""
        url = self.superuser_url() if superuser else self.env["DATABASE_URL"]
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def superuser_url(self) -> str:
        password = read_shell(self.state / "secrets")["PG_SUPERUSER_PASSWORD"]
        port = read_shell(self.state / "ports")["POSTGRES_PORT"]
        return f"postgresql://postgres:{password}@127.0.0.1:{port}/gold_label"

    def worker_conninfo(self) -> str:
        lines = (self.state / "worker.ini").read_text().splitlines()
        return next(line.split("=", 1)[1].strip() for line in lines if line.startswith("conninfo"))

    def rows(self) -> int:
        return self.sql("SELECT count(*) FROM gold_label")[0][0]

    def make_runs(self) -> None:
        self.sql(
            f"INSERT INTO run (id, account_id) SELECT {RUN_ID.format('i')}, 'bench-' || i % {ACCOUNTS}"
            f" FROM generate_series(0, {RUNS - 1}) i"
        )
        self.sql(
            "INSERT INTO run (id, account_id)"
            " SELECT ('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid,"
            f" '{self.env['ACCOUNT_ID']}' FROM generate_series(0, {HTTP_RUNS - 1}) i"
        )

    def settle(self) -> None:
        """What the last measurement has left to the database is done before the next."""
        self.sql("VACUUM ANALYZE run")
        self.sql("CHECKPOINT", superuser=True)

    def empty(self) -> None:
        """No rows, and no bloat of them."""
        self.sql("TRUNCATE gold_label")
        self.settle()

    def fill(self, rows: int) -> None:
        """Rows that are older than those of the commands."""
        statement = (HERE / "present_rows.sql").read_text()
        step = 500_000
        for first in range(0, rows, step):
            last = min(first + step, rows) - 1
            self.sql(statement.format(first=first, last=last, runs=RUNS, accounts=ACCOUNTS))
        self.sql("VACUUM ANALYZE gold_label")
        self.settle()

    # ---- tokens ----

    @property
    def tokens(self) -> Path:
        return self.state / "worker.tokens"

    def token(self, account: str, subject: str) -> str:
        env = self.env
        return output(
            *(BIN / "gold-label", "token", "--key-file", env["JWT_KEY_FILE"], "--kid", env["JWT_KEY_ID"]),
            *("--issuer", env["JWT_ISSUER"], "--audience", env["WORKER_AUDIENCE"]),
            *("--account", account, "--subject", subject),
        )

    def make_tokens(self) -> None:
        """In the order that tests/bench/stream.h wants."""
        pairs = [(f"bench-{a}", f"user-{s}") for s in range(SUBJECTS) for a in range(ACCOUNTS)]
        self.tokens.write_text("".join(self.token(*pair) for pair in pairs))
        self.tokens.chmod(0o600)

    def stream(self, **more: object) -> dict[str, object]:
        """The settings with which tests/bench/stream.c makes commands of this system's runs and accounts."""
        named = {
            "KAFKA_BROKERS": self.env["KAFKA_BROKERS"],
            "BENCH_TOKENS_FILE": self.tokens,
            "BENCH_RUNS": RUNS,
            "BENCH_ACCOUNTS": ACCOUNTS,
        } | more
        return {f"GOLD_LABEL_{name}": value for name, value in named.items()}
