"""One system for the whole session, and clients of it."""

import pytest
from support.api import Api
from support.events import DEAD_LETTERS, RESULTS, Reader, Sender
from support.system import BUILD, System
from support.tokens import Tokens


@pytest.fixture(scope="session")
def system():
    it = System(BUILD / "test-system")
    try:
        it.start()
        yield it
    finally:
        it.end()


@pytest.fixture(scope="session")
def tokens(system):
    return Tokens(system.env)


@pytest.fixture
def api(system, tokens):
    it = Api(system.env["INGRESS_URL"], tokens.user())
    yield it
    it.session.close()


@pytest.fixture
def run(system):
    """A new run of the account of the tokens."""
    return system.new_run()


@pytest.fixture
def sender(system, tokens):
    return Sender(system.env["KAFKA_BROKERS"], tokens.worker())


@pytest.fixture
def results(system):
    it = Reader(system.env["KAFKA_BROKERS"], RESULTS)
    yield it
    it.close()


@pytest.fixture
def dead_letters(system):
    it = Reader(system.env["KAFKA_BROKERS"], DEAD_LETTERS)
    yield it
    it.close()


@pytest.fixture
def held_table(system):
    """Nothing can be stored in gold_label until the connection is rolled back or closed."""
    with system.connect() as connection:
        connection.autocommit = False
        connection.execute("LOCK TABLE gold_label IN ACCESS EXCLUSIVE MODE")
        yield connection
        connection.rollback()
