"""HTTPS by the ingress itself: the same promises as over plain HTTP, and the certificate's own."""

import os
import shutil
import signal
import ssl
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from support.api import TEXT, Api
from support.certificates import Certificate, TlsConnection
from support.issuer import ec_key, rsa_key
from support.raw_http import BODY, Connection, chunked, fill, request
from support.system import PROGRAMS
from support.waiting import wait_until
from support.workers import Ingress, Workers

BODY_MAX = 768 * 1024


def session(certificate):
    it = requests.Session()
    it.trust_env = False  # REQUESTS_CA_BUNDLE would come before `verify`
    it.verify = str(certificate.file)
    return it


def start(workers, certificate, **environment):
    """A ready ingress that serves HTTPS; `api` of it trusts the certificate."""
    files = {
        "GOLD_LABEL_HTTP_TLS_CERTIFICATE": str(certificate.file),
        "GOLD_LABEL_HTTP_TLS_KEY": str(certificate.key_file),
    }
    ingress = workers.start(Ingress, **files, **environment).wait_until_ready()
    ingress.url = ingress.url.replace("http:", "https:")
    ingress.api = Api(ingress.url, None)
    ingress.api.session = session(certificate)
    return ingress


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return Certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def ingress(system, certificate):
    with Workers(system) as workers:
        yield start(workers, certificate)


@pytest.fixture
def connect(ingress, certificate):
    opened = []

    def connect(context=None):
        opened.append(TlsConnection(ingress.url, context or certificate.context()))
        return opened[-1]

    yield connect
    for one in opened:
        one.socket.close()


@pytest.fixture
def filled(ingress, run, tokens):
    return lambda template: fill(template, ingress.url, run, tokens.user())


def test_a_label_is_stored_over_tls(ingress, run, tokens, system):
    answer = ingress.api.post(run, token=tokens.user())
    assert (answer.status_code, answer.json()["text_value"]) == (201, TEXT["text_value"])
    assert system.count(run) == 1


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=str)
def test_tls_1_2_and_1_3_are_spoken(version, certificate, connect, filled):
    context = certificate.context()
    context.minimum_version = context.maximum_version = version
    connection = connect(context)
    connection.send(filled(request()))
    assert connection.answer().status == 202


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1], ids=str)
def test_older_versions_are_refused(version, certificate, connect):
    context = certificate.context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        context.minimum_version = context.maximum_version = version
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        connect(context)


def test_weak_key_exchange_is_refused_by_default(tmp_path, workers):
    certificate = Certificate(tmp_path, key=rsa_key())
    ingress = start(workers, certificate)
    context = certificate.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-GCM-SHA256:AES128-SHA")  # RSA key exchange: no forward secrecy
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        TlsConnection(ingress.url, context)


def test_priorities_are_a_setting(workers, certificate):
    ingress = start(workers, certificate, GOLD_LABEL_HTTP_TLS_PRIORITIES="NORMAL:-VERS-ALL:+VERS-TLS1.3")
    context = certificate.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        TlsConnection(ingress.url, context)
    with TlsConnection(ingress.url, certificate.context()) as connection:
        assert connection.socket.version() == "TLSv1.3"


def test_a_client_that_offers_http_2_gets_http_1_1(certificate, connect):
    context = certificate.context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    assert connect(context).socket.selected_alpn_protocol() == "http/1.1"


def test_a_plain_http_client_is_closed_without_an_answer(ingress, filled):
    with Connection(ingress.url) as connection:
        connection.send(filled(request()))
        assert b"HTTP/" not in connection.received
        while connection._receive():  # perhaps an alert
            assert b"HTTP/" not in connection.received


def test_a_connection_is_kept_for_many_requests(connect, filled):
    connection = connect()
    for n in range(50):
        connection.send(filled(request(f"Idempotency-Key: k{n}")))
        answer = connection.answer()
        assert (answer.status, answer.closes) == (202, False)


def test_what_was_read_behind_a_waiting_request_is_answered_after_it(connect, filled, held_table):
    """All in one record: the rest of it is in the buffers of TLS, and no event comes for it any more."""
    slow = request("Prefer: wait=1", without=["Prefer"])
    connection = connect()
    connection.send(filled(slow + request() * 20 + slow + request()))
    answers = [connection.answer() for _ in range(23)]
    assert [answer.status for answer in answers] == [202] * 23
    assert [n for n, answer in enumerate(answers) if answer.header("Preference-Applied") == "wait=1"] == [
        0,
        21,
    ]


def test_more_than_a_buffer_of_pipelined_requests_is_answered(connect, filled):
    sent = filled(b"".join(request(f"Idempotency-Key: k{n}") for n in range(300)))
    connection = connect()
    connection.send(sent)
    assert [connection.answer().status for _ in range(300)] == [202] * 300


def padded(size):
    return BODY[:-1] + b" " * (size - len(BODY)) + b"}"


@pytest.mark.parametrize("piece", [BODY_MAX, 16384, 1000])
def test_the_largest_body_is_taken_in_records_of_any_size(piece, connect, filled):
    content = filled(request(body=padded(BODY_MAX)))
    connection = connect()
    for _ in range(2):
        for at in range(0, len(content), piece):
            connection.send(content[at : at + piece])
        assert connection.answer().status == 202


def test_a_body_in_chunks_is_taken(connect, filled):
    connection = connect()
    connection.send(filled(chunked()))
    assert connection.answer().status == 202


def test_a_client_that_is_refused_early_reads_why(ingress, run, tokens):
    """It is still sending."""
    for token, status, code in ((tokens.user(), 413, "body_too_large"), ("x", 401, "unauthenticated")):
        answer = ingress.api.post(run, padded(BODY_MAX + 1), token=token)
        assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    "template",
    [
        request("Content-Length: 3"),
        chunked("Content-Length: 3"),
        request("Host: b"),
        request("X : y"),
        request("Authorization: Bearer x"),
        request("X: a\0b"),
    ],
)
def test_framing_is_judged_as_without_tls(template, connect, filled):
    connection = connect()
    connection.send(filled(template))
    answer = connection.answer()
    assert (answer.status, answer.code) == (400, "bad_request")
    assert answer.closes and connection.is_closed()


def test_slow_handshakes_hold_nobody_up(ingress, certificate, connect, filled):
    begun = [Connection(ingress.url) for _ in range(30)]
    for n, one in enumerate(begun):
        one.send(client_hello(certificate)[: 1 + 5 * n])
    connection = connect()
    for _ in range(20):
        connection.send(filled(request()))
        assert connection.answer().status == 202
    for one in begun:
        one.socket.close()


def client_hello(certificate):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = certificate.context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def test_who_is_too_slow_is_closed_without_plain_text(workers, certificate, run, tokens):
    """Over plain HTTP it would be told a 408; here that would be no record of TLS."""
    ingress = start(workers, certificate, GOLD_LABEL_HTTP_REQUEST_MS="1000")
    with Connection(ingress.url) as shy, TlsConnection(ingress.url, certificate.context()) as slow:
        shy.send(client_hello(certificate)[:100])
        slow.send(fill(request(), ingress.url, run, tokens.user())[:-1])
        assert slow.is_closed()
        assert shy.is_closed()


def test_one_connection_too_many_is_closed_without_plain_text(workers, certificate):
    ingress = start(workers, certificate, GOLD_LABEL_HTTP_CONNECTIONS="1")
    with TlsConnection(ingress.url, certificate.context()), Connection(ingress.url) as second:
        assert second.is_closed()


def test_many_clients_at_once_are_answered(ingress, certificate, run, tokens):
    token = tokens.user()

    def several(_):
        with session(certificate) as own:
            api = Api(ingress.url, token)
            api.session = own
            return [api.post(run, Prefer="wait=20").status_code for _ in range(5)]

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(several, range(20))) == [[201] * 5] * 20


def shown(ingress, certificate):
    """The certificate that a new client sees."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with TlsConnection(ingress.url, context) as connection:
        return connection.socket.getpeercert(binary_form=True)


def test_a_renewed_certificate_is_shown_after_sighup(workers, tmp_path, run, tokens):
    certificate = Certificate(tmp_path)
    ingress = start(workers, certificate)
    before = certificate.der
    assert shown(ingress, certificate) == before
    with TlsConnection(ingress.url, certificate.context()) as old:
        certificate.write(key=rsa_key())  # another kind of key, too
        assert shown(ingress, certificate) == before
        ingress.send_signal(signal.SIGHUP)
        wait_until(lambda: shown(ingress, certificate) == certificate.der, what="the new one is shown")
        old.send(fill(request(), ingress.url, run, tokens.user()))
        assert old.answer().status == 202
    assert ingress.api.post(run, token=tokens.user()).status_code == 201


def test_a_certificate_that_is_not_in_order_changes_nothing(workers, tmp_path, run, tokens):
    certificate = Certificate(tmp_path)
    before = certificate.der
    ingress = start(workers, certificate)
    shutil.copy(Certificate(tmp_path, "other").key_file, certificate.key_file)
    ingress.send_signal(signal.SIGHUP)
    wait_until(lambda: "stays as it was" in ingress.log, what="it is loud")
    assert f"{certificate.key_file}: is not the key of the certificate in" in ingress.log
    assert shown(ingress, certificate) == before
    assert ingress.api.post(run, token=tokens.user()).status_code == 201


def test_a_stop_answers_what_waits(workers, certificate, run, tokens, held_table):
    ingress = start(workers, certificate)
    with TlsConnection(ingress.url, certificate.context()) as connection:
        slow = request("Prefer: wait=30", without=["Prefer"])
        connection.send(fill(slow, ingress.url, run, tokens.user()))
        wait_until(lambda: ingress.metric("gold_label_ingress_pending") == 1, what="it waits")
        ingress.send_signal(signal.SIGTERM)
        assert connection.answer().status == 202
        assert connection.is_closed()
    assert ingress.wait() == 0


# ---- settings ----


def encrypted(key):
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"x"),
    )


CERTIFICATE, KEY = "GOLD_LABEL_HTTP_TLS_CERTIFICATE", "GOLD_LABEL_HTTP_TLS_KEY"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({KEY: None}, "[http] tls_key: required where tls_certificate is set"),
        ({CERTIFICATE: None}, "[http] tls_certificate: required where tls_key is set"),
        ({CERTIFICATE: "missing"}, "missing: No such file"),
        ({KEY: "missing"}, "missing: No such file"),
        ({CERTIFICATE: "server.key"}, "server.key: not a chain of certificates in PEM"),
        ({KEY: "server.pem"}, "server.pem: not a private key in PEM"),
        ({KEY: "other.key"}, "other.key: is not the key of the certificate in"),
        ({KEY: "encrypted.key"}, "encrypted.key: is encrypted"),
        ({KEY: "empty"}, "empty: not a private key in PEM"),
        ({CERTIFICATE: "unsorted.pem"}, "unsorted.pem: not a chain of certificates in PEM"),
        ({"GOLD_LABEL_HTTP_TLS_PRIORITIES": "NORMAL:+NONSENSE"}, "tls_priorities = NORMAL:+NONSENSE: "),
    ],
)
def test_a_bad_setting_is_a_fault_that_names_the_file(change, fault, system, tmp_path):
    good, other = Certificate(tmp_path), Certificate(tmp_path, "other")
    (tmp_path / "encrypted.key").write_bytes(encrypted(ec_key()))
    (tmp_path / "unsorted.pem").write_bytes(good.file.read_bytes() + other.file.read_bytes())
    (tmp_path / "empty").touch()
    settings = {CERTIFICATE: good.file.name, KEY: good.key_file.name} | change
    files = {name: str(tmp_path / value) for name, value in settings.items() if value and "PRIO" not in name}
    rest = {name: value for name, value in settings.items() if "PRIO" in name}
    done = subprocess.run(
        [PROGRAMS / "gold-label-ingress", "--config", system.state / "ingress.ini"],
        env=os.environ | files | rest,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert fault in done.stderr
    assert "PRIVATE KEY" not in done.stderr
