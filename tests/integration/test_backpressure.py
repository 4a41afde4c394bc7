"""Where there is no room, a request is told 503 and when to come again, before anything is published. Nobody
can take all the room, and it is there again without a restart. For connections: test_http_limits.py."""

import contextlib
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.clients import Client, check, new_account, new_order
from support.raw_http import BODY, Connection, fill, request
from support.waiting import wait_until
from support.workers import Ingress

PLACES = 16
MIB = 1024 * 1024
LARGE = 400_000
AT_ONCE_S = 10  # on a busy machine
PATIENT = {
    "GOLD_LABEL_INGRESS_PUBLISH_TIMEOUT_MS": "25000",
    "GOLD_LABEL_INGRESS_WAIT_MS": "30000",
    "GOLD_LABEL_INGRESS_DRAIN_MS": "100",
}


@pytest.fixture
def start(workers):
    """Starts an ingress with settings of [ingress] and [http]."""

    def start(**settings):
        named = {f"GOLD_LABEL_{name}": str(value) for name, value in settings.items()}
        return workers.start(Ingress, **PATIENT, **named).wait_until_ready()

    return start


@pytest.fixture
def greedy(system, tokens):
    return new_account(system, tokens)


@pytest.fixture
def modest(system, tokens):
    return new_account(system, tokens)


@contextlib.contextmanager
def kafka_frozen(system):
    """Connections stay, and nothing is acknowledged."""
    os.kill(system.pid("kafka"), signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(system.pid("kafka"), signal.SIGCONT)


class Crowd:
    """Sends labels, each over a connection of its own, to an ingress where nobody gets an outcome for now."""

    def __init__(self, ingress, **headers):
        self.ingress, self.headers = ingress, headers
        self.pool = ThreadPoolExecutor(2 * PLACES)
        self.waiting = []  # orders and the answers that will come

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.pool.shutdown()

    def pending(self):
        return self.ingress.metric("gold_label_ingress_pending")

    def send(self, order):
        """None where it waits now; else its answer."""
        goal = self.pending() + 1
        answer = self.pool.submit(self.post, order)
        wait_until(lambda: answer.done() or self.pending() == goal, what="an answer, or one more waits")
        if answer.done():
            return answer.result()
        self.waiting.append((order, answer))
        return None

    def post(self, order):
        with Client(**self.headers) as client:
            return client.post(self.ingress.url, order)

    def send_until_refused(self, account, size=10):
        """How many wait until one is refused, which is at once."""
        for n in range(2 * PLACES):
            if refused := self.send(new_order(account, f"{n}".rjust(size, "x"))):
                assert (refused.status, refused.json["code"]) == (503, "overloaded")
                assert refused.headers["Retry-After"] == "1"
                assert refused.seconds < AT_ONCE_S
                return n
        raise AssertionError("nobody is refused")

    def answers(self):
        """The statuses of those that wait, when they have come."""
        return {answer.result(40).status for _, answer in self.waiting}

    def orders(self):
        return [order for order, _ in self.waiting]


def is_served(ingress, account):
    with Client() as client:
        return client.post(ingress.url, new_order(account)).status == 201


def test_a_full_table_refuses_and_each_account_has_its_share(start, greedy, modest, system, commands):
    ingress = start(INGRESS_MAX_PENDING=PLACES)
    before = commands.count()
    with Crowd(ingress) as crowd:
        with system.table_held():
            assert PLACES // 2 < crowd.send_until_refused(greedy) < PLACES - 1
            assert crowd.send_until_refused(modest) > 0
            assert crowd.send(new_order(greedy)).status == 503
            assert commands.count() - before == len(crowd.waiting)
        assert crowd.answers() == {201}
        check(system, crowd.orders())
    assert is_served(ingress, greedy) and is_served(ingress, modest)


def test_a_full_queue_to_kafka_refuses_and_each_account_has_its_share(
    start, greedy, modest, system, commands
):
    ingress = start(INGRESS_QUEUE_BYTES=2 * MIB)
    before = commands.count()
    with Crowd(ingress) as crowd:
        with kafka_frozen(system):
            assert 0 < crowd.send_until_refused(greedy, LARGE) <= 4
            assert crowd.send(new_order(modest)) is None
            assert crowd.send_until_refused(modest, LARGE) < 2
        assert crowd.answers() == {201}
        assert commands.count() - before == len(crowd.waiting)
        check(system, crowd.orders())
    assert is_served(ingress, greedy) and is_served(ingress, modest)


def test_commands_that_nobody_waits_for_still_fill_the_queue(start, greedy, modest, system, commands):
    """Their senders have been told that it is unknown what becomes of them."""
    ingress = start(INGRESS_QUEUE_BYTES=2 * MIB)
    before = commands.count()
    with Crowd(ingress, Prefer="wait=1") as crowd:
        with kafka_frozen(system):
            assert crowd.send_until_refused(greedy, LARGE) > 0
            assert crowd.answers() == {504}
            # Who has had that answer has its share of the queue still, and no other's.
            assert crowd.post(new_order(greedy, "x" * LARGE)).status == 503
            assert crowd.post(new_order(modest)).status == 504
            refused = wait_until(
                lambda: [a for a in [crowd.post(new_order(modest, "x" * LARGE))] if a.status == 503],
                what="the queue is full",
            )
            assert refused[0].json["code"] == "overloaded"
            assert int(refused[0].headers["Retry-After"]) > 0
            assert ingress.metric("gold_label_ingress_publish_failures_total") == 0
        wait_until(lambda: is_served(ingress, modest), 30, "201 again")
        # How long Kafka took to acknowledge them is known, too.
        acknowledged = "gold_label_ingress_publish_seconds_count"
        wait_until(lambda: ingress.metric(acknowledged) == commands.count() - before, what="all are counted")


def test_slow_bodies_of_one_account_leave_room_for_others(start, greedy, modest, commands):
    ingress = start(HTTP_BODY_MEMORY=8 * MIB)
    large = request(body=BODY + b" " * 700_000)
    sent, other = (fill(large, ingress.url, who.run, who.token) for who in (greedy, modest))
    slow = []

    def send_one(content):
        with Connection(ingress.url) as connection:
            connection.send(content)
            return connection.answer()

    with contextlib.ExitStack() as stack:

        def one_more_is_refused():
            slow.append(stack.enter_context(Connection(ingress.url)))
            slow[-1].send(sent[:-1])
            answer = send_one(sent)
            return answer if answer.status == 503 else None

        answer = wait_until(one_more_is_refused, what="no room is left")
        assert (answer.code, answer.header("Retry-After")) == ("overloaded", "1")
        assert send_one(other).status == 202
        before = commands.count()
        for connection in slow:
            connection.send(sent[-1:])
        statuses = [connection.answer().status for connection in slow]
        assert set(statuses) <= {202, 503}
        assert commands.count() - before == statuses.count(202) > 0
    assert send_one(sent).status == 202


# ---- memory of answers ----


def test_labels_that_clients_are_slow_to_take_are_bounded(start, api, run, system):
    """Beyond the bound a stored label is answered 202: that is true, and small."""
    bound, clients = 2 * MIB, 12
    ingress = start(INGRESS_ANSWER_BYTES=bound, HTTP_REQUEST_MS=120_000)
    body = b'{"output_resource_name":"large","text_value":"%s"}' % (b"x" * LARGE)
    post = fill(request(body=body, without=["Prefer"]), ingress.url, run, api.token)
    with contextlib.ExitStack() as open_ones:
        crowd = [
            open_ones.enter_context(Connection(ingress.url, receive_buffer=4096, segment=536))
            for _ in range(clients)
        ]
        for one in crowd:
            one.send(post)
        wait_until(lambda: ingress.metric("gold_label_ingress_result_seconds_count") == clients)
        held = ingress.metric("gold_label_ingress_answer_memory_bytes")
        assert LARGE <= held <= bound
        answers = [one.answer() for one in crowd]
        assert ingress.metric("gold_label_ingress_answers_shortened_total") == [
            answer.status for answer in answers
        ].count(202)
    statuses = {answer.status for answer in answers}
    assert statuses == {201, 202}
    for answer in answers:
        assert (LARGE < len(answer.body)) == (answer.status == 201)
    assert system.count(run) == clients
    wait_until(lambda: ingress.metric("gold_label_ingress_answer_memory_bytes") == 0)
