"""Keys that change on a signal, and keys of several issuers."""

import json
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import jwt
from support.api import Api, status
from support.issuer import Issuer, ec_key, key_set, rsa_key
from support.waiting import wait_until
from support.workers import Ingress

RSA, RSA_2, EC = rsa_key(), rsa_key(), ec_key()
SECRET = b"a secret that is long enough for HS256"
REFRESHES, FAILURES = "gold_label_token_key_refreshes_total", "gold_label_token_key_failures_total"


# ---- several issuers ----


def test_equal_kids_of_two_issuers_are_two_keys(ingress_with, run, sign, tokens, tmp_path):
    """One of a URL, one of a file, and the configuration's own."""
    file = tmp_path / "two.jwks"
    file.write_bytes(key_set({"k": RSA_2}))
    ones, twos = "https://one.example", "https://two.example/"
    with Issuer({"k": RSA}) as one:
        ingress = ingress_with(jwks=f"{ones}={one.url}, {twos}={file}")
        cases = [
            (RSA, ones, 201),
            (RSA_2, twos, 201),
            (RSA, twos, 401),
            (RSA_2, ones, 401),
            (RSA, "https://one.example/", 401),
            (RSA, [ones], 401),
            (RSA, None, 401),
            (RSA, tokens.env["JWT_ISSUER"], 401),
        ]
        for key, iss, expected in cases:
            token = sign_with(tokens, key, iss)
            assert (status(ingress, run, token), iss) == (expected, iss)
        assert status(ingress, run, tokens.user()) == 201
        hits = one.hits
        assert status(ingress, run, sign(RSA_2, "unknown", iss=twos)) == 401
        assert one.hits == hits  # an issuer's unknown kid is asked of nobody else


def sign_with(tokens, key, iss):
    """PyJWT refuses to sign an `iss` that is no text."""
    if iss is None or isinstance(iss, str):
        return tokens.sign(tokens.env["JWT_AUDIENCE"], key=key, kid="k", algorithm="RS256", iss=iss)
    claims = {"iss": iss, "aud": tokens.env["JWT_AUDIENCE"], "sub": "ann", "exp": int(time.time()) + 600}
    body = json.dumps(claims | {"account_id": tokens.env["ACCOUNT_ID"]}).encode()
    return jwt.api_jws.encode(body, key, "RS256", headers={"kid": "k"})


# ---- the signal ----


def test_a_signal_reloads_files_and_drops_what_a_withdrawn_key_verified(ingress_with, run, sign, tmp_path):
    secret, jwks = tmp_path / "secret", tmp_path / "jwks"
    secret.write_bytes(SECRET)
    jwks.write_bytes(key_set({"stays": EC, "goes": RSA}))
    ingress = ingress_with(keys=f"s=HS256:{secret}", jwks=jwks)
    accepted = [sign(SECRET, "s"), sign(RSA, "goes"), sign(EC, "stays")]
    assert [status(ingress, run, token) for token in accepted] == [201, 201, 201]

    secret.write_bytes(SECRET[::-1])
    jwks.write_bytes(key_set({"stays": EC, "new": RSA_2}))
    assert [status(ingress, run, token) for token in accepted] == [201, 201, 201]
    ingress.send_signal(signal.SIGHUP)
    wait_until(lambda: ingress.metric(REFRESHES) == 2, what="both files are read anew")
    assert [status(ingress, run, token) for token in accepted] == [401, 401, 201]
    assert status(ingress, run, sign(SECRET[::-1], "s")) == 201
    assert status(ingress, run, sign(RSA_2, "new")) == 201


def test_a_broken_file_keeps_the_keys_loudly(ingress_with, run, sign, tmp_path):
    secret, jwks = tmp_path / "secret", tmp_path / "jwks"
    secret.write_bytes(SECRET)
    jwks.write_bytes(key_set({"ec": EC}))
    ingress = ingress_with(keys=f"s=HS256:{secret}", jwks=jwks)
    secret.write_bytes(b"too short")
    jwks.write_bytes(b'{"keys": [')
    ingress.send_signal(signal.SIGHUP)
    wait_until(lambda: ingress.metric(FAILURES) == 2, what="both files are refused")
    assert status(ingress, run, sign(SECRET, "s")) == 201
    assert status(ingress, run, sign(EC, "ec")) == 201
    assert f"{secret}: is an HS256 secret of less than 32 bytes" in ingress.log
    assert f"{jwks}: the key set is not one JSON object" in ingress.log


def test_a_worker_reloads_its_keys_and_an_ingress_the_one_it_signs_with(
    workers, topics, run, tokens, tmp_path
):
    """The order of a rotation: the worker learns the new key first."""
    old, new, signing = (tmp_path / name for name in ("old", "new", "signing"))
    old.write_bytes(SECRET)
    new.write_bytes(SECRET)
    signing.write_bytes(SECRET)
    worker = workers.start(
        **topics.environment, GOLD_LABEL_TOKEN_KEYS=f"a=HS256:{old},b=HS256:{new}"
    ).wait_until_ready()
    ingress = workers.start(
        Ingress, **topics.ingress_environment, GOLD_LABEL_SIGNING_KEYS=f"b=HS256:{signing}"
    ).wait_until_ready()
    assert status(ingress, run, tokens.user()) == 201

    new.write_bytes(SECRET[::-1])
    worker.send_signal(signal.SIGHUP)
    wait_until(lambda: worker.metric(REFRESHES) == 1, what="the worker's keys are read anew")
    assert status(ingress, run, tokens.user()) == 503  # its key is not the worker's any more
    signing.write_bytes(SECRET[::-1])
    ingress.send_signal(signal.SIGHUP)
    wait_until(lambda: status(ingress, run, tokens.user()) == 201, what="the ingress signs with the new key")


def test_keys_are_swapped_under_load(ingress_with, run, sign, tmp_path):
    jwks = tmp_path / "jwks"
    sets = [key_set({"stays": EC, "k": RSA}), key_set({"stays": EC, "k": RSA_2})]
    jwks.write_bytes(sets[0])
    ingress = ingress_with(jwks=jwks)
    stop = threading.Event()
    token = sign(EC, "stays")

    def post():
        api, seen = Api(ingress.url, token), set()
        while not stop.is_set():
            seen.add(api.post(run, Prefer="respond-async").status_code)
        return seen

    with ThreadPoolExecutor(4) as pool:
        clients = [pool.submit(post) for _ in range(4)]
        for n in range(1, 31):
            changed = jwks.with_suffix(".new")
            changed.write_bytes(sets[n % 2])
            changed.rename(jwks)
            ingress.send_signal(signal.SIGHUP)
            wait_until(lambda n=n: ingress.metric(REFRESHES) >= 2 * n, what="the files are read anew")
        stop.set()
        assert set().union(*(client.result(30) for client in clients)) == {202}
