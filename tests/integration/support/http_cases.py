"""Tables of raw requests, and what each leads to: an answer, the end of the connection or its going on, and
nothing published where it was refused.

A good request follows in the same bytes: where the connection must end, it must never be taken for one."""

from dataclasses import dataclass

import pytest
from confluent_kafka import Consumer

from support.events import COMMANDS, ends
from support.raw_http import Connection, Ended, fill, request

OWN = object()  # libmicrohttpd refuses it before our code sees it: its body is no error of ours
NEXT = request("Connection: close")


@dataclass
class Case:
    name: str
    sent: bytes
    status: int | None  # None: the connection ends without an answer
    code: object = None  # of the error; OWN; None for 2xx
    goes_on: bool = False  # the next request is answered, too
    interim: tuple = ()
    is_cut: bool = False  # more comes than the answer's Content-Length says


def refused(name, sent, status=400, code="bad_request", **more):
    """And the connection ends."""
    return Case(name, sent, status, code, **more)


def kept(name, sent, status=202, code=None, **more):
    """Answered, and the connection goes on."""
    return Case(name, sent, status, code, goes_on=True, **more)


def last(name, sent, status=202, code=None, **more):
    """In order, but the connection ends."""
    return Case(name, sent, status, code, **more)


def table(cases):
    names = [case.name for case in cases]
    assert len(set(names)) == len(names)
    return pytest.mark.parametrize("case", cases, ids=names)


class Commands:
    """Counts what is on the topic of the commands."""

    def __init__(self, brokers):
        self.consumer = Consumer({"bootstrap.servers": brokers, "group.id": "unused"})
        self.partitions = sorted(self.consumer.list_topics(COMMANDS, timeout=20).topics[COMMANDS].partitions)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.consumer.close()

    def count(self):
        return sum(ends(self.consumer, COMMANDS, self.partitions).values())


def check(case, url, run, token, commands):
    before = commands.count()
    with Connection(url) as connection:
        connection.send_what_is_taken(fill(case.sent + NEXT, url, run, token))
        answers = connection.answers()
        rest = connection.received
    wanted = ([case.status] if case.status else []) + ([202] if case.goes_on else [])
    assert [answer.status for answer in answers] == wanted
    assert bool(rest) == case.is_cut
    assert commands.count() - before == wanted.count(202)
    if not case.status:
        return
    first = answers[0]
    assert tuple(first.interim) == case.interim
    assert first.closes != case.goes_on
    assert first.code == (None if case.code is OWN else case.code)
    if case.code and case.code is not OWN:
        assert first.json.keys() == {"error", "code"}


def answers_to(url, run, token, *parts):
    """All answers to what is sent, part by part, each after the answer to the one before."""
    with Connection(url) as connection:
        found = []
        for part in parts:
            connection.send(fill(part, url, run, token))
            try:
                found.append(connection.answer())
            except Ended:
                break
        return found
