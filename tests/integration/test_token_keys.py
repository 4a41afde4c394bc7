"""Tokens with key pairs, at the worker and at the ingress: each key takes its own algorithm and no other."""

import base64
import hashlib
import hmac
import json
import subprocess
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from support.api import Api
from support.events import command
from support.tool import Tool
from support.workers import Ingress

ALGORITHMS = ["RS256", "ES256"]


class Pairs:
    """One private key per algorithm, by which `kid` is called, too; PEM files of both halves."""

    def __init__(self, folder, tokens):
        self.folder, self.tokens = folder, tokens
        self.private = {
            "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
            "ES256": ec.generate_private_key(ec.SECP256R1()),
        }
        for name, key in self.private.items():
            self.private_file(name).write_bytes(
                key.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                )
            )
            self.public_file(name).write_bytes(
                key.public_key().public_bytes(
                    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
                )
            )

    def private_file(self, algorithm):
        return self.folder / f"{algorithm}.private.pem"

    def public_file(self, algorithm):
        return self.folder / f"{algorithm}.public.pem"

    @property
    def environment(self):
        keys = ",".join(f"{name}={name}:{self.public_file(name)}" for name in ALGORITHMS)
        return {"GOLD_LABEL_TOKEN_KEYS": keys}

    def sign(self, audience, algorithm, kid=None):
        return self.tokens.sign(
            audience, key=self.private[algorithm], algorithm=algorithm, kid=kid or algorithm
        )

    def forged(self, audience, kid):
        """What anybody can make who knows a public key: HS256 with its file as the secret."""
        env = self.tokens.env
        claims = {
            "iss": env["JWT_ISSUER"],
            "aud": audience,
            "sub": "eve",
            "account_id": env["ACCOUNT_ID"],
            "exp": int(time.time()) + 600,
        }
        parts = ({"alg": "HS256", "typ": "JWT", "kid": kid}, claims)
        body = b".".join(base64url(json.dumps(part).encode()) for part in parts)
        seal = hmac.digest(self.public_file(kid).read_bytes(), body, hashlib.sha256)
        return (body + b"." + base64url(seal)).decode()

    def refused(self, audience):
        """By what is wrong with them."""
        return {
            "HS256 with the RSA public key": self.forged(audience, "RS256"),
            "HS256 with the EC public key": self.forged(audience, "ES256"),
            "the other key's algorithm": self.sign(audience, "RS256", kid="ES256"),
            "a key nobody knows": self.sign(audience, "RS256", kid="unknown"),
            "a cut signature": self.sign(audience, "ES256")[:-4],
        }


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


@pytest.fixture(scope="module")
def pairs(tmp_path_factory, tokens):
    return Pairs(tmp_path_factory.mktemp("keys"), tokens)


def test_a_worker_takes_tokens_of_key_pairs(workers, topics, run, pairs, system):
    workers.start(**topics.environment, **pairs.environment)
    sender = topics.sender(token=None)
    audience = system.env["WORKER_AUDIENCE"]
    for algorithm in ALGORITHMS:
        result = topics.ask(command(run), sender, token=pairs.sign(audience, algorithm)).result
        assert (result["outcome"], algorithm) == ("CREATED", algorithm)
        assert result["label"]["created_by"] == "ann"
    for fault, token in pairs.refused(audience).items():
        result = topics.ask(command(run), sender, token=token).result
        assert (result["code"], fault) == ("unauthenticated", fault)
    assert system.count(run) == len(ALGORITHMS)


def test_an_ingress_takes_tokens_of_key_pairs(workers, run, pairs, system):
    ingress = workers.start(Ingress, **pairs.environment).wait_until_ready()
    api = Api(ingress.url, None)
    audience = system.env["JWT_AUDIENCE"]
    for algorithm in ALGORITHMS:
        answer = api.post(run, token=pairs.sign(audience, algorithm))
        assert (answer.status_code, algorithm) == (201, algorithm), answer.text
    for fault, token in pairs.refused(audience).items():
        answer = api.post(run, token=token)
        assert (answer.status_code, fault) == (401, fault)
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert system.count(run) == len(ALGORITHMS)
    api.session.close()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_ingress_signs_with_a_private_key_what_the_worker_verifies_with_the_public_one(
    workers, topics, run, pairs, tokens, algorithm
):
    workers.start(**topics.environment, **pairs.environment)
    signing = {"GOLD_LABEL_SIGNING_KEYS": f"{algorithm}={algorithm}:{pairs.private_file(algorithm)}"}
    ingress = workers.start(Ingress, **topics.ingress_environment, **signing).wait_until_ready()
    answer = Api(ingress.url, tokens.user()).post(run)
    assert answer.status_code == 201, answer.text
    assert answer.json()["created_by"] == "ann"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_tool_signs_with_a_private_key_what_an_ingress_and_pyjwt_take(
    workers, run, pairs, system, algorithm
):
    env = system.env
    signed = Tool(system, "")(
        *("token", "--algorithm", algorithm, "--kid", algorithm, "--key-file", pairs.private_file(algorithm)),
        *("--issuer", env["JWT_ISSUER"], "--audience", env["JWT_AUDIENCE"], "--ttl", "5m"),
        *("--account", env["ACCOUNT_ID"], "--subject", "tess"),
    )
    assert signed.returncode == 0, signed.stderr
    token = signed.stdout.decode().removesuffix("\n")
    public = pairs.private[algorithm].public_key()
    about = {"audience": env["JWT_AUDIENCE"], "issuer": env["JWT_ISSUER"]}
    claims = jwt.decode(token, public, [algorithm], **about)
    assert (claims["account_id"], claims["sub"]) == (env["ACCOUNT_ID"], "tess")
    assert claims["exp"] - claims["iat"] == 300
    ingress = workers.start(Ingress, **pairs.environment).wait_until_ready()
    answer = Api(ingress.url, token).post(run)
    assert (answer.status_code, answer.json()["created_by"]) == (201, "tess")


@pytest.mark.parametrize("claim", ["sub", "exp"])
def test_an_account_does_not_stand_in_a_claim_that_says_something_else(system, pairs, claim):
    command, environment = system.program(
        "gold-label-ingress", "--config", system.state / "ingress.ini",
        GOLD_LABEL_SIGNING_ACCOUNT_CLAIM=claim, GOLD_LABEL_READS_MEMORY="1",
    )  # fmt: skip
    ingress = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)
    key = ("--algorithm", "ES256", "--kid", "ES256", "--key-file", pairs.private_file("ES256"))
    token = Tool(system, "")("token", *key, "--account", "a", "--subject", "b", "--account-claim", claim)

    rule = "must be none of sub, iss, aud, exp, nbf, iat"
    assert (ingress.returncode, token.returncode) == (2, 2)
    assert f"[signing] account_claim = {claim}: {rule}" in ingress.stderr
    assert f"--account-claim {claim} {rule}" in token.stderr.decode()
