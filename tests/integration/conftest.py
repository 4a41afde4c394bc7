"""One system for the whole session, and clients of it."""

import pytest
from support.api import Api
from support.events import DEAD_LETTERS, RESULTS, Reader, Sender
from support.http_cases import Commands
from support.issuer import algorithm_of
from support.kafka_proxy import KafkaProxy
from support.system import BUILD, System
from support.tokens import Tokens
from support.topics import Topics
from support.workers import Ingress, Workers


@pytest.fixture(scope="session")
def system():
    it = System(BUILD / "test-system")
    try:
        it.start()
        yield it
    finally:
        it.end()


@pytest.fixture
def whole_again(system):
    """Whatever the test ends in, the next one finds everything running."""
    yield
    system.call("start")
    system.wait_until_ready()


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
    with system.table_held() as connection:
        yield connection


@pytest.fixture
def workers(system):
    """Starts workers beside the system's own."""
    with Workers(system) as it:
        yield it


@pytest.fixture
def topics(system, tokens):
    """Topics of the test's own, with one partition each."""
    with Topics(system, tokens.worker()) as it:
        yield it


@pytest.fixture
def lanes(system, tokens):
    """Likewise, with some partitions each."""
    with Topics(system, tokens.worker(), 4) as it:
        yield it


@pytest.fixture
def kafka_proxy(system):
    """Passes everything on until it is told otherwise."""
    it = KafkaProxy(system)
    yield it
    it.close()


@pytest.fixture
def ingress_with(workers):
    """Starts an ingress with settings of [token]; ready unless told otherwise."""

    def start(ready=True, **settings):
        environment = {f"GOLD_LABEL_TOKEN_{name.upper()}": str(value) for name, value in settings.items()}
        ingress = workers.start(Ingress, **environment)
        if ready:
            ingress.wait_until_ready()
        ingress.api = Api(ingress.url, None)
        return ingress

    return start


@pytest.fixture
def sign(tokens):
    """Signs a token of users, with any key."""

    def sign(key, kid, **claims):
        return tokens.sign(
            tokens.env["JWT_AUDIENCE"], key=key, kid=kid, algorithm=algorithm_of(key), **claims
        )

    return sign


@pytest.fixture(scope="module")
def commands(system):
    """Counts what comes to the commands topic."""
    with Commands(system.env["KAFKA_BROKERS"]) as it:
        yield it
