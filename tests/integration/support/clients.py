"""Clients under load: each sends one label after the other over a connection of its own, and sends again,
with the same key, what was not answered as it wants.

    with Load(ingresses, accounts, clients=8) as load:
        load.wait_for(100)
    check(system, load.orders())
"""

import http.client
import json
import threading
import time
import uuid
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from support.api import MEMBERS
from support.waiting import wait_until

NAMESPACE = uuid.UUID("96bbb1f3-2a4a-4cde-8b33-0b9c2a4a6a51")
SENT_AGAIN_S = 0.05
TIMEOUT_S = 45  # of a client; no answer takes that long
END_S = 240
LOST, REFUSED = (
    "lost",
    "refused",
)  # instead of a status: the connection ended before an answer; there was none


@dataclass
class Account:
    name: str
    token: str
    run: str


@dataclass
class Answer:
    url: str
    status: int | str
    headers: dict = field(default_factory=dict)
    body: bytes = b""
    began: float = 0.0  # of time.monotonic()
    ended: float = 0.0

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def seconds(self):
        return self.ended - self.began


@dataclass
class Order:
    """One label, its text unlike any other's, and all the answers to it."""

    account: Account
    key: str
    text: str
    answers: list[Answer] = field(default_factory=list)

    @property
    def id(self):
        return str(uuid.uuid5(NAMESPACE, f"{self.account.name}\0{self.key}"))

    @property
    def content(self):
        return json.dumps({"output_resource_name": "load", "text_value": self.text}).encode()


def new_account(system, tokens, name=None):
    """With a run of its own."""
    name = name or f"account {uuid.uuid4()}"
    return Account(name, tokens.user(name, exp=int(time.time()) + 3600), system.new_run(name))


def new_order(account, text=None):
    return Order(account, str(uuid.uuid4()), text or f"text {uuid.uuid4()}")


class Client:
    """One connection at a time; it is opened when it is needed."""

    def __init__(self, **headers):
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.url = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.url:
            self.connection.close()
        self.url = None

    def connect(self, url):
        """Does nothing where it is connected."""
        if url == self.url and self.connection.sock:
            return
        self.close()
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT_S)
        self.connection.connect()
        self.url = url

    def post(self, url, order):
        """The answer, which is also added to the order's."""
        answer = Answer(url, REFUSED, began=time.monotonic())
        sent = self.headers | {
            "Authorization": f"Bearer {order.account.token}",
            "Content-Type": "application/json",
            "Idempotency-Key": order.key,
        }
        try:
            self.connect(url)
            answer.status = LOST
            self.connection.request("POST", f"/v1/run/{order.account.run}/gold-labels", order.content, sent)
            got = self.connection.getresponse()
            answer.body = got.read()
            answer.headers = dict(got.getheaders())
            answer.status = got.status
        except (OSError, http.client.HTTPException):
            self.close()
        answer.ended = time.monotonic()
        order.answers.append(answer)
        return answer


class Load:
    """`clients` threads for `accounts` in turn, until the `with` block ends and each has sent `least` labels.
    An order is sent until its answer is one of `until`; where that is LOST, REFUSED or 503, to the next of
    `ingresses`, which may change meanwhile. The end waits for the answer to the last order of each client."""

    def __init__(self, ingresses, accounts, clients, least=0, until=(201, 202), **headers):
        self.ingresses, self.until, self.headers, self.least = ingresses, until, headers, least
        self.over = threading.Event()
        self.by_client = [[] for _ in range(clients)]
        self.faults = []
        self.threads = [
            threading.Thread(target=self.work, args=(n, accounts[n % len(accounts)]), daemon=True)
            for n in range(clients)
        ]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        """Waits until all have sent what they have to send."""
        self.over.set()
        end = time.monotonic() + END_S
        for thread in self.threads:
            thread.join(max(0, end - time.monotonic()))
        assert not self.faults, self.faults[0]
        assert not any(thread.is_alive() for thread in self.threads), f"clients work for {END_S} s"

    def work(self, number, account):
        orders = self.by_client[number]
        try:
            with Client(**self.headers) as client:
                while not self.over.is_set() or len(orders) < self.least:
                    orders.append(new_order(account))
                    self.send(client, number, orders[-1])
        except Exception as fault:
            self.faults.append(fault)
            raise

    def send(self, client, turn, order):
        while True:
            answer = client.post(self.ingresses[turn % len(self.ingresses)].url, order)
            if answer.status in self.until:
                return
            assert answer.status in (LOST, REFUSED, 202, 503), answer
            if answer.status != 202:
                turn += 1
                time.sleep(SENT_AGAIN_S)

    def orders(self):
        return [order for orders in self.by_client for order in list(orders)]

    def answers(self):
        return [answer for order in self.orders() for answer in list(order.answers)]

    def wait_for(self, more, deadline_s=60):
        """Until so many answers more have come."""
        goal = len(self.answers()) + more
        wait_until(lambda: self.faults or len(self.answers()) >= goal, deadline_s, f"{more} answers more")


def check(system, orders, deadline_s=60):
    """Each order is one row, which is what its client sent and what every 201 said."""
    runs = list({order.account.run for order in orders})
    names = ", ".join(f"{name}::text" for name in MEMBERS if not name.endswith("_at"))

    def all_rows():
        rows = system.query(f"SELECT {names} FROM gold_label WHERE run_id = ANY(%s::uuid[])", runs)
        return len(rows) >= len(orders) and rows

    rows = {row[0]: row for row in wait_until(all_rows, deadline_s, "a row of each label")}
    assert rows.keys() == {order.id for order in orders}
    assert system.query("SELECT count(*) FROM gold_label WHERE run_id = ANY(%s::uuid[])", runs) == [
        (len(orders),)
    ]
    for order in orders:
        expected = (
            order.id,
            order.account.name,
            order.account.run,
            "load",
            order.text,
            None,
            None,
            "ann",
            None,
        )
        assert rows[order.id] == expected
        for answer in order.answers:
            check_answer(answer, order, expected)


def check_answer(answer, order, row):
    if answer.status in (201, 202):
        assert answer.headers["Location"] == f"/v1/run/{order.account.run}/gold-label/{order.id}"
    if answer.status == 201:
        said = answer.json
        assert tuple(said) == MEMBERS
        assert tuple(said[name] for name in MEMBERS if not name.endswith("_at")) == row
        assert answer.body == next(a.body for a in order.answers if a.status == 201)
    elif answer.status == 202:
        assert answer.json == {"id": order.id, "status": "accepted"}
    elif answer.status == 503:
        assert int(answer.headers["Retry-After"]) > 0
