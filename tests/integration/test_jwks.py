"""Key sets of URLs: fetched, fetched again, and what becomes of requests and commands meanwhile."""

import json
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from support.api import status
from support.certificates import Certificate
from support.events import command
from support.issuer import Issuer, algorithm_of, ec_key, jwk, key_set, rsa_key
from support.waiting import wait_until

RSA, RSA_2, EC, EC_2 = rsa_key(), rsa_key(), ec_key(), ec_key()
SECRET = b"a secret that is long enough for HS256"
REFRESHES, FAILURES = "gold_label_token_key_refreshes_total", "gold_label_token_key_failures_total"


@pytest.fixture
def issuer():
    with Issuer({"rsa": RSA, "ec": EC}) as it:
        yield it


def test_an_ingress_takes_tokens_of_a_key_set_of_a_url(ingress_with, issuer, run, sign):
    ingress = ingress_with(jwks=issuer.url)
    assert status(ingress, run, sign(RSA, "rsa")) == 201
    assert status(ingress, run, sign(EC, "ec")) == 201
    assert status(ingress, run, sign(RSA_2, "rsa")) == 401
    assert status(ingress, run, sign(EC, "rsa")) == 401
    assert ingress.metric("gold_label_token_keys") == 3  # and that of the configuration's file
    assert abs(time.time() - ingress.metric("gold_label_token_keys_fetched_timestamp_seconds")) < 60


def test_keys_that_cannot_be_used_are_logged_by_kid_and_reason(ingress_with, issuer, run, sign):
    keys = [
        jwk(RSA, "good"),
        jwk(RSA, "encrypts", use="enc"),
        jwk(RSA, "other-algorithm", alg="RS512"),
        jwk(rsa_key(1024), "small"),
        jwk(SECRET, "public-secret"),
        jwk(EC, "good"),
    ]
    issuer.answer = (200, {}, json.dumps({"keys": keys}).encode())
    ingress = ingress_with(jwks=issuer.url)
    assert status(ingress, run, sign(RSA, "good")) == 201
    assert status(ingress, run, sign(EC, "good")) == 401
    assert status(ingress, run, sign(SECRET, "public-secret")) == 401
    for kid in ("encrypts", "other-algorithm", "small", "public-secret"):
        assert any(f"kid={kid} reason=" in line for line in ingress.log.splitlines()), kid
    assert jwk(SECRET, "")["k"] not in ingress.log
    assert jwk(RSA, "")["n"] not in ingress.log


def test_a_secret_key_of_a_url_is_taken_where_that_is_allowed(ingress_with, issuer, run, sign):
    issuer.keys = {"secret": SECRET}
    ingress = ingress_with(jwks=issuer.url, jwks_symmetric="true")
    assert status(ingress, run, sign(SECRET, "secret")) == 201


def test_a_new_key_costs_nobody_a_401(ingress_with, issuer, run, sign):
    ingress = ingress_with(jwks=issuer.url)
    issuer.keys = {"new": RSA_2}
    hits = issuer.hits
    token = sign(RSA_2, "new")
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: status(ingress, run, token), range(20)))
    assert answers == [201] * 20
    assert issuer.hits == hits + 1
    assert status(ingress, run, sign(RSA, "rsa")) == 401  # withdrawn


def test_who_waits_for_a_key_is_judged_by_all_rules(ingress_with, issuer, run, sign):
    """Each is the first with an unknown kid at an ingress of its own."""
    token = sign(RSA_2, "new")
    cases = [
        ("not-a-uuid", {}, 404),
        (run, {"Idempotency-Key": "a b"}, 400),
        (run, {"Content-Type": "text/plain"}, 415),
        (run, {"Prefer": "respond-async"}, 202),
    ]
    for target, headers, expected in cases:
        issuer.keys = {"rsa": RSA}
        ingress = ingress_with(jwks=issuer.url)
        issuer.keys = {"new": RSA_2}
        answer = ingress.api.post(target, token=token, **{n.replace("-", "_"): v for n, v in headers.items()})
        assert (answer.status_code, headers) == (expected, headers)


def test_a_read_waits_for_a_new_key_too(ingress_with, issuer, run, sign):
    ingress = ingress_with(jwks=issuer.url)
    issuer.keys = {"new": RSA_2}
    bearer = {"Authorization": f"Bearer {sign(RSA_2, 'new')}"}
    answer = requests.get(f"{ingress.url}/v1/run/{run}/gold-labels", headers=bearer, timeout=40)
    assert (answer.status_code, answer.json()) == (200, [])


def test_a_flood_of_unknown_kids_costs_one_fetch(ingress_with, issuer, run, sign):
    ingress = ingress_with(jwks=issuer.url)
    hits = issuer.hits
    began = time.monotonic()
    for n in range(300):
        answer = ingress.api.post(run, token=sign(RSA, f"unknown-{n}"))
        assert answer.status_code == 401
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert issuer.hits - hits <= 1 + (time.monotonic() - began) // 10


def test_a_key_that_came_in_the_pause_after_a_fetch_is_known_when_that_is_over(
    ingress_with, issuer, run, sign
):
    """What README.md says of keys that are used less than ten seconds after they were published."""
    ingress = ingress_with(jwks=issuer.url)
    assert status(ingress, run, sign(RSA_2, "forged")) == 401
    issuer.keys = {"rsa": RSA, "new": RSA_2}
    new = sign(RSA_2, "new")
    assert status(ingress, run, new) == 401
    wait_until(lambda: status(ingress, run, new) == 201, 15, "the pause is over")


def test_what_would_be_refused_anyway_is_not_fetched_for(ingress_with, issuer, run, sign, tokens):
    ingress = ingress_with(jwks=issuer.url)
    hits = issuer.hits
    for claims in ({"exp": 1000}, {"exp": None}, {"aud": "another"}, {"iss": "another"}, {"sub": ""}):
        assert status(ingress, run, sign(RSA, "unknown", **claims)) == 401
    other = tokens.sign(tokens.env["JWT_AUDIENCE"], key=SECRET * 2, kid="unknown", algorithm="HS512")
    assert status(ingress, run, other) == 401
    assert issuer.hits == hits


def test_others_are_served_while_keys_are_fetched(ingress_with, issuer, run, sign):
    ingress = ingress_with(jwks=issuer.url)
    issuer.keys = {"rsa": RSA, "new": RSA_2}
    issuer.hold.clear()
    with ThreadPoolExecutor(1) as pool:
        waits = pool.submit(status, ingress, run, sign(RSA_2, "new"))
        hits = issuer.hits
        wait_until(lambda: issuer.hits > hits or waits.done(), what="the key set is asked for")
        # Several, however slow the machine: the fetch itself is given up after a while.
        for _ in range(3):
            assert status(ingress, run, sign(RSA, "rsa")) == 201
        assert not waits.done()
        issuer.hold.set()
        assert waits.result(30) == 201


def test_a_stop_does_not_wait_for_a_fetch(ingress_with, issuer, run, sign):
    ingress = ingress_with(jwks=issuer.url)
    issuer.hold.clear()
    hits = issuer.hits
    with ThreadPoolExecutor(1) as pool:
        waits = pool.submit(status, ingress, run, sign(RSA_2, "new"))
        wait_until(lambda: issuer.hits > hits, what="the key set is asked for")
        assert ingress.stop() == 0
        assert waits.result(30) == 401


def test_keys_stay_while_the_url_is_down(ingress_with, issuer, run, sign):
    ingress = ingress_with(jwks=issuer.url)
    issuer.stop()
    ingress.send_signal(signal.SIGHUP)
    wait_until(lambda: ingress.metric(FAILURES) >= 1, what="a failure is counted")
    assert status(ingress, run, sign(RSA, "rsa")) == 201
    assert "its keys stay as they were" in ingress.log
    began = time.monotonic()
    assert status(ingress, run, sign(RSA, "unknown")) == 401
    assert time.monotonic() - began < 3  # nobody waits for what fails


BAD_ANSWERS = {
    "an error": (500, {}, b"{}"),
    "not there": (404, {}, key_set({"rsa": RSA_2})),
    "a redirection": (302, {"Location": "/keys2"}, b""),
    "no JSON": (200, {}, b"<html>"),
    "cut off": (200, {}, key_set({"rsa": RSA_2})[:-5]),
    "no keys": (200, {}, b'{"keys": []}'),
    "another document": (200, {}, b'{"issuer": "x"}'),
    "too large": (200, {}, key_set({"rsa": RSA_2}) + b" " * 300_000),
    "too many keys": (200, {}, key_set({f"rsa-{n}": RSA_2 for n in range(257)})),
    "twice the same member": (200, {}, b'{"keys": [], "keys": []}'),
    "compressed": (200, {"Content-Encoding": "gzip"}, b"\x1f\x8b\x08\x00\x00\x00\x00\x00"),
}


def test_an_answer_that_is_no_key_set_changes_nothing(ingress_with, issuer, run, sign):
    ingress = ingress_with(jwks=issuer.url)
    for name, answer in BAD_ANSWERS.items():
        issuer.answer = answer
        failures = ingress.metric(FAILURES)
        ingress.send_signal(signal.SIGHUP)
        wait_until(lambda n=failures: ingress.metric(FAILURES) > n, what=f"a failure is counted: {name}")
        assert (status(ingress, run, sign(RSA, "rsa")), name) == (201, name)
        assert (status(ingress, run, sign(RSA_2, "rsa")), name) == (401, name)
    issuer.answer = (200, {}, key_set({"rsa": RSA_2}))
    wait_until(lambda: status(ingress, run, sign(RSA_2, "rsa")) == 201, 60, "the next good answer counts")


def test_an_ingress_without_its_first_key_set_is_not_ready_until_it_comes(ingress_with, issuer, run, sign):
    issuer.answer = (503, {}, b"")
    ingress = ingress_with(jwks=issuer.url, ready=False)

    def reason():
        try:
            return requests.get(f"{ingress.admin_url}/readyz", timeout=5).text
        except requests.ConnectionError:
            return None

    wait_until(lambda: reason() == f"no key set from {issuer.url} yet\n", what="the reason is told")
    with pytest.raises(requests.ConnectionError):
        requests.get(ingress.url, timeout=5)
    issuer.answer = None
    ingress.wait_until_ready(60)
    assert status(ingress, run, sign(RSA, "rsa")) == 201


def test_a_worker_without_its_first_key_set_leaves_commands_where_they_are(
    workers, topics, issuer, run, tokens
):
    issuer.answer = (503, {}, b"")
    worker = workers.start(**topics.environment, GOLD_LABEL_TOKEN_JWKS=issuer.url)
    sender = topics.sender()
    record = command(run)
    token = tokens.sign(tokens.env["WORKER_AUDIENCE"], key=RSA, kid="rsa", algorithm="RS256")
    sender.send(record, token=token, correlation_id="early")
    wait_until(lambda: issuer.hits > 1, what="the key set is asked for again")
    assert topics.lag() == 1
    answer = requests.get(f"{worker.admin_url}/readyz", timeout=5)
    assert (answer.status_code, answer.text) == (503, f"no key set from {issuer.url} yet\n")
    issuer.answer = None
    worker.wait_until_ready(60)
    assert topics.results.result("early").result["outcome"] == "CREATED"


def test_a_worker_that_waits_for_its_keys_stops_when_told(workers, topics, issuer):
    issuer.answer = (503, {}, b"")
    worker = workers.start(**topics.environment, GOLD_LABEL_TOKEN_JWKS=issuer.url)
    wait_until(lambda: issuer.hits > 0, what="the key set is asked for")
    assert worker.stop() == 0


def test_a_new_key_costs_no_rejection_by_a_worker(workers, topics, issuer, run, tokens):
    worker = workers.start(**topics.environment, GOLD_LABEL_TOKEN_JWKS=issuer.url).wait_until_ready()
    sender = topics.sender(token=None)

    def outcome(key, kid):
        token = tokens.sign(tokens.env["WORKER_AUDIENCE"], key=key, kid=kid, algorithm=algorithm_of(key))
        return topics.ask(command(run), sender, token=token).result["outcome"]

    assert outcome(RSA, "rsa") == "CREATED"
    issuer.keys = {"new": EC_2}
    assert outcome(EC_2, "new") == "CREATED"
    assert outcome(RSA, "rsa") == "REJECTED"  # withdrawn
    assert outcome(EC_2, "unknown") == "REJECTED"
    assert worker.metric("gold_label_token_keys") == 3


# ---- https ----


def test_certificates_are_checked(ingress_with, tmp_path, run, sign):
    good, other = Certificate(tmp_path, "good"), Certificate(tmp_path, "other", host="other.example")
    with Issuer({"rsa": RSA}, tls=good.files) as issuer, Issuer({"rsa": RSA}, tls=other.files) as impostor:
        ingress = ingress_with(jwks=issuer.url, jwks_ca=good.file)
        assert status(ingress, run, sign(RSA, "rsa")) == 201
        for refused in (
            ingress_with(jwks=issuer.url, ready=False),  # its signer is not known
            ingress_with(jwks=impostor.url, jwks_ca=other.file, ready=False),  # its name is another
        ):
            wait_until(lambda it=refused: "cannot be fetched" in it.log, what="a failure is logged")
            assert not refused.is_ready()
        assert (issuer.hits, impostor.hits) == (1, 0)
