"""Deadlines and bounds of connections: what is too slow or too many is ended, and nobody else notices."""

import contextlib
import threading
import time

import pytest
from support.api import Api
from support.raw_http import BODY, Connection, fill, request
from support.waiting import wait_until
from support.workers import Ingress

SLOW = 300
LIMIT = 8
READS = 1000


@pytest.fixture
def impatient(workers):
    """An ingress with a short deadline for requests, a longer one for idle connections."""
    settings = {"GOLD_LABEL_HTTP_REQUEST_MS": "1000", "GOLD_LABEL_HTTP_IDLE_S": "3"}
    return workers.start(Ingress, **settings).wait_until_ready()


def many(stack, url, count, **options):
    return [stack.enter_context(Connection(url, **options)) for _ in range(count)]


def ends_with_408(connection):
    answer = connection.answer()
    assert answer.json.keys() == {"error", "code"}
    assert {name for name, _ in answer.headers} == {"Content-Type", "Content-Length", "Connection"}
    is_told = (answer.status, answer.code, answer.closes) == (408, "request_timeout", True)
    return is_told and connection.is_closed()


BEGINNINGS = {
    "a request line": b"POST /v1",
    "headers": request(body=b"", length=False)[:-2],
    "a body": request(body=BODY).removesuffix(BODY) + BODY[:5],
    "chunks": request("Transfer-Encoding: chunked", length=False, body=b"5\r\nabc"),
    # libmicrohttpd keeps a line of chunks until it ends, and does not read on when its buffer is full.
    "an endless chunk extension": request(
        "Transfer-Encoding: chunked", length=False, body=b"5;" + b"x" * 40000
    ),
}


def counted(ingress, status):
    return ingress.metric(rf'gold_label_ingress_requests_total\{{status="{status}"}}')


@pytest.mark.parametrize("part", BEGINNINGS)
def test_a_request_that_never_gets_whole_is_408(part, impatient, run, tokens):
    with Connection(impatient.url) as connection:
        connection.send(fill(BEGINNINGS[part], impatient.url, run, tokens.user()))
        assert ends_with_408(connection)
    wait_until(lambda: counted(impatient, 408) == 1, what="it is counted")
    assert counted(impatient, "none") == 0


def test_an_idle_connection_is_closed_without_an_answer(impatient, run, tokens):
    with Connection(impatient.url) as fresh, Connection(impatient.url) as used:
        used.send(fill(request(), impatient.url, run, tokens.user()))
        assert used.answer().status == 202
        assert fresh.is_closed() and used.is_closed()


class Fast:
    """A client that posts until it is stopped, one request after the other."""

    def __init__(self, url, run, token):
        self.api, self.run = Api(url, token), run
        self.statuses = []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)

    def work(self):
        while not self.stop.is_set():
            self.statuses.append(self.api.post(self.run, Prefer="wait=20").status_code)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join(30)
        self.api.session.close()


def test_hundreds_of_slow_senders_hurt_nobody(impatient, run, tokens):
    """A byte at a time, of heads and of bodies: ended by the deadline although they never stand still."""
    token = tokens.user()
    head = fill(request(length=False, body=b"")[:-2], impatient.url, run, token)
    body = fill(request(f"Content-Length: {SLOW}", length=False, body=b""), impatient.url, run, token)
    with contextlib.ExitStack() as stack, Fast(impatient.url, run, token) as fast:
        slow = many(stack, impatient.url, SLOW)
        for n, connection in enumerate(slow):
            connection.send((head, body)[n % 2])
        trickle_until_ended(slow)
        assert all(ends_with_408(connection) for connection in slow)
    assert len(fast.statuses) > 10 and set(fast.statuses) == {201}


def trickle_until_ended(connections):
    open_ones = set(connections)

    def trickle():
        for connection in list(open_ones):
            connection.socket.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                if not (more := connection.socket.recv(65536)):
                    open_ones.discard(connection)
                connection.received += more
            connection.socket.settimeout(20)
            if connection in open_ones:
                connection.send_what_is_taken(b"X")
        return not open_ones

    wait_until(trickle, 30, "the slow ones are ended")


def test_slow_readers_are_ended_and_hurt_nobody(workers, run, tokens):
    """They ask for more than the system's buffers hold and take it a byte at a time."""
    settings = {"GOLD_LABEL_HTTP_REQUEST_MS": "1000"}  # and the ordinary idle_s, which would be too late
    impatient = workers.start(Ingress, **settings).wait_until_ready()
    token = tokens.user()
    asked = request(line="GET /openapi.yaml HTTP/1.1", length=False, body=b"", without=["Authorization"])
    sent = fill(asked, impatient.url, run, token) * READS
    with contextlib.ExitStack() as stack, Fast(impatient.url, run, token) as fast:
        slow = many(stack, impatient.url, SLOW // 10, receive_buffer=4096)
        for connection in slow:
            connection.send(sent)
        end = time.monotonic() + 4
        while time.monotonic() < end:
            for connection in slow:
                with contextlib.suppress(ConnectionResetError):
                    connection.received += connection.socket.recv(1)
            time.sleep(0.1)
        assert all(len(connection.answers()) < READS for connection in slow)
    assert len(fast.statuses) > 10 and set(fast.statuses) == {201}


def is_served(url, run, token, source=None):
    with Connection(url, source=source) as connection:
        connection.send_what_is_taken(fill(request("Connection: close"), url, run, token))
        return connection.answer().status == 202


@pytest.mark.parametrize(("setting", "is_for_all"), [("CONNECTIONS", True), ("CONNECTIONS_PER_IP", False)])
def test_a_connection_too_many_gets_503_and_the_others_go_on(setting, is_for_all, workers, run, tokens):
    ingress = workers.start(Ingress, **{f"GOLD_LABEL_HTTP_{setting}": str(LIMIT)}).wait_until_ready()
    sent = fill(request(), ingress.url, run, tokens.user())
    with contextlib.ExitStack() as stack:
        taken = many(stack, ingress.url, LIMIT)
        for connection in taken:
            connection.send(sent)
            assert connection.answer().status == 202
        for connection in many(stack, ingress.url, 3 * LIMIT):
            connection.send_what_is_taken(sent)
            answer = connection.answer()
            assert (answer.status, answer.code, answer.header("Retry-After")) == (503, "overloaded", "1")
            assert answer.closes and connection.is_closed()
        # One is counted once it is on its way: the last may be read here before.
        wait_until(lambda: counted(ingress, 503) == 3 * LIMIT, what="each is counted")
        # One address takes nothing from another, unless the bound is that of all.
        assert is_served(ingress.url, run, tokens.user(), source="127.0.0.2") != is_for_all
        for connection in taken:
            connection.send(sent)
            assert connection.answer().status == 202
    wait_until(lambda: is_served(ingress.url, run, tokens.user()), 10, "there is room again")


def test_a_thousand_idle_connections_take_nothing_from_others(api, run):
    with contextlib.ExitStack() as stack:
        idle = many(stack, api.url, 1000)
        for connection in idle[::2]:
            connection.send(fill(request(), api.url, run, api.token))
            assert connection.answer().status == 202
        assert {api.post(run, Prefer="wait=20").status_code for _ in range(100)} == {201}
        # They are still there.
        for connection in idle[::100]:
            connection.send(fill(request(), api.url, run, api.token))
            assert connection.answer().status == 202
