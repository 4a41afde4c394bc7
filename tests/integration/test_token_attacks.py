"""Tokens that must not be accepted (RFC 8725), at a real ingress: each is a 401 that says
invalid_token, whether or not a good token is remembered."""

import json
import socket
import threading

import pytest
from support.api import TEXT, Api
from support.attacks import EC, GROUPS, RSA, SECRET, Forge, good, pem
from support.issuer import key_set
from support.workers import Ingress, Workers


class Listener:
    """A place that a token names. Nobody must come."""

    def __init__(self):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.server.getsockname()[1]}/keys"
        self.visits = 0
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            self.visits += 1
            connection.close()


@pytest.fixture(scope="module")
def listener():
    it = Listener()
    yield it
    it.server.shutdown(socket.SHUT_RDWR)
    it.server.close()


@pytest.fixture(scope="module")
def ingress(system, tmp_path_factory):
    """One with a secret, an RSA key of a PEM and an EC key of a key set."""
    folder = tmp_path_factory.mktemp("keys")
    (folder / "secret").write_bytes(SECRET)
    (folder / "rsa.pem").write_bytes(pem(RSA))
    (folder / "jwks").write_bytes(key_set({"e": EC}))
    with Workers(system) as workers:
        yield workers.start(
            Ingress,
            GOLD_LABEL_TOKEN_KEYS=f"h=HS256:{folder}/secret,r=RS256:{folder}/rsa.pem",
            GOLD_LABEL_TOKEN_JWKS=str(folder / "jwks"),
        ).wait_until_ready()


@pytest.fixture
def forge(system, listener):
    return Forge(system.env, listener.url)


def post_raw(api, run, authorization):
    """Any bytes as the header's value."""
    headers = {"Content-Type": "application/json", "Authorization": authorization}
    return api.session.post(
        f"{api.url}/v1/run/{run}/gold-labels", data=json.dumps(TEXT), headers=headers, timeout=40
    )


def test_tokens_that_the_attacks_are_made_of_are_good(ingress, forge, run, listener):
    api = Api(ingress.url, None)
    for name, token in good(forge):
        answer = api.post(run, token=token)
        assert (answer.status_code, name) == (201, name), answer.text
    assert listener.visits == 0


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.__name__)
def test_an_attack_is_refused(ingress, forge, run, listener, system, group):
    api = Api(ingress.url, None)
    accepted = forge.make()
    tried = 0
    for name, token in group(forge):
        if tried % 20 == 0:  # what is remembered must not help
            assert api.post(run, token=accepted).status_code == 201
        answer = post_raw(api, run, f"Bearer {token}".encode())
        assert (answer.status_code, name) == (401, name), answer.text
        assert answer.json()["code"] == "unauthenticated"
        challenge = answer.headers["WWW-Authenticate"]
        assert challenge.startswith(
            'Bearer realm="gold-label", error="invalid_token", error_description="'
        ), name
        assert answer.headers["Content-Type"] == "application/json"
        tried += 1
    assert tried >= 15
    assert system.count(run) == (tried + 19) // 20
    assert listener.visits == 0


def test_nothing_of_a_refused_token_is_logged(ingress, forge, run):
    canary = "canary-5f1c"
    api = Api(ingress.url, None)
    for header, claims in (
        ({"kid": canary}, {}),
        ({"alg": canary}, {}),
        ({canary: 1}, {"sub": ""}),
        ({}, {"iss": canary}),
        ({}, {"exp": canary}),
    ):
        answer = api.post(run, token=forge.make(header, claims))
        assert answer.status_code == 401
        assert canary not in answer.text + str(answer.headers)
    assert canary not in ingress.log
