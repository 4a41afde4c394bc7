"""deploy/nginx/gold-label.conf in a real nginx before the ingress; only addresses and paths are put in."""

import json
import os
import re
import signal
import socket
import subprocess
import threading
from pathlib import Path

import pytest
import yaml
from support.certificates import Certificate, TlsConnection
from support.http_cases import Commands
from support.proxy import Proxy
from support.raw_http import BODY, chunked, fill, request
from support.system import ROOT, free_port
from support.waiting import wait_until
from support.workers import Ingress, Process

CONFIGURATION = ROOT / "deploy" / "nginx" / "gold-label.conf"
BODY_MAX = 768 * 1024

# What is needed around the file, as distributions have it.
AROUND = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
{user}
events {{ worker_connections 512; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/gold-label.conf;
}}
"""


def replaced(text, changes):
    for before, after in changes.items():
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    return text


class Nginx:
    """Passes on to `port` of loopback."""

    def __init__(self, folder, port):
        self.folder = Path(folder)
        self.certificate = Certificate(folder)
        listen = free_port()
        self.url = f"https://127.0.0.1:{listen}"
        changes = {
            "listen 443 ssl": f"listen 127.0.0.1:{listen} ssl",
            "    listen [::]:443 ssl http2;\n": "",
            "server 127.0.0.1:8080 ": f"server 127.0.0.1:{port} ",
            "/etc/gold-label/tls/fullchain.pem": str(self.certificate.file),
            "/etc/gold-label/tls/key.pem": str(self.certificate.key_file),
        }
        (self.folder / "gold-label.conf").write_text(replaced(CONFIGURATION.read_text(), changes))
        user = "user root;" if os.geteuid() == 0 else ""
        main = self.folder / "nginx.conf"
        main.write_text(AROUND.format(folder=self.folder, user=user))
        with (self.folder / "output").open("wb") as out:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "nginx", "-p", self.folder, "-c", main],
                env=os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin"},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until(self.is_listening, what=f"nginx listens; see {self.folder}")
        except BaseException:
            self.end()
            raise

    def is_listening(self):
        assert self.process.poll() is None, (self.folder / "output").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", int(self.url.rsplit(":", 1)[1]))) == 0

    def end(self):
        self.process.kill()
        self.process.wait()

    def connect(self):
        return TlsConnection(self.url, self.certificate.context())

    def ask(self, path, *options, version="2", body=None):
        """One request by curl. Its answer."""
        command = ["curl", "-sS", "-i", "--max-time", "60", "--cacert", self.certificate.file]
        command += ["--http2" if version == "2" else "--http1.1", *options, f"{self.url}{path}"]
        command += ["--data-binary", "@-"] if body is not None else []
        done = subprocess.run(command, input=body, capture_output=True, timeout=90)
        assert done.returncode == 0, done.stderr
        return Reply(done.stdout)

    def post(self, run, token, *options, body=BODY, **more):
        headers = ["Content-Type: application/json", *([f"Authorization: Bearer {token}"] if token else [])]
        said = [word for header in headers for word in ("-H", header)]
        return self.ask(f"/v1/run/{run}/gold-labels", *said, *options, body=body, **more)


class Reply:
    def __init__(self, output):
        while re.match(rb"HTTP/\S+ 1\d\d", output):
            output = output.partition(b"\r\n\r\n")[2]
        head, _, self.body = output.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        self.version, status = first.split(" ")[:2]
        self.status = int(status)
        self.headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}

    @property
    def code(self):
        assert self.headers["content-type"] == "application/json"
        error = json.loads(self.body)
        assert error.keys() == {"error", "code"}
        return error["code"]


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    started = []

    def start(port):
        started.append(Nginx(tmp_path_factory.mktemp("nginx"), port))
        return started[-1]

    yield start
    for one in started:
        one.end()


@pytest.fixture(scope="module")
def proxy(system):
    """Between nginx and the ingress: it counts connections."""
    return Proxy(int(system.env["INGRESS_URL"].rsplit(":", 1)[1]))


@pytest.fixture(scope="module")
def nginx(start, proxy):
    return start(proxy.port)


@pytest.fixture
def token(tokens):
    return tokens.user()


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_a_label_is_stored_through_nginx(version, nginx, run, token, system):
    answer = nginx.post(run, token, version=version)
    assert (answer.version, answer.status) == (f"HTTP/{version}", 201)
    assert answer.headers["location"] == f"/v1/run/{run}/gold-label/{json.loads(answer.body)['id']}"
    assert system.count(run) == 1


@pytest.mark.parametrize("version", ["--tlsv1.2", "--tlsv1.3"])
def test_tls_1_2_and_1_3_are_spoken(version, nginx):
    maximum = ["--tls-max", version.removeprefix("--tlsv")]
    assert nginx.ask("/openapi.yaml", version, *maximum).status == 200


def test_tls_1_1_is_refused(nginx):
    with pytest.raises(AssertionError, match=r"alert protocol version|unsupported protocol"):
        nginx.ask("/", "--tlsv1.1", "--tls-max", "1.1", "--ciphers", "ALL:@SECLEVEL=0")


@pytest.mark.parametrize("version", ["1.1", "2"])
@pytest.mark.parametrize(
    ("status", "code", "options", "body"),
    [
        (401, "unauthenticated", ["-H", "Authorization:"], BODY),
        (405, "method_not_allowed", ["-X", "DELETE"], BODY),
        (405, "method_not_allowed", ["-X", "TRACE"], None),  # by nginx
        (413, "body_too_large", [], b" " * (BODY_MAX + 1)),  # by nginx
        (413, "value_too_large", [], b'{"output_resource_name":"x","text_value":"%s"}' % (b"x" * 524289)),
        (415, "unsupported_media_type", ["-H", "Content-Type: text/plain"], BODY),
        (431, None, ["-H", f"X: {'x' * 17000}"], BODY),
    ],
)
def test_refusals_are_json(status, code, options, body, version, nginx, run, token):
    said = ["-H", f"Authorization: Bearer {token}", "-H", "Content-Type: application/json"]
    said = [] if status in (401, 415) else said
    if status == 415:
        said = ["-H", f"Authorization: Bearer {token}"]
    answer = nginx.ask(f"/v1/run/{run}/gold-labels", *said, *options, body=body, version=version)
    assert answer.status == status
    assert answer.code == (code or answer.code)


def large_headers(count):
    return [word for n in range(count) for word in ("-H", f"X{n}: {'x' * 15000}")]


def test_a_very_large_head_is_json(nginx, run, token):
    answer = nginx.post(run, token, *large_headers(4), version="1.1")
    assert (answer.status, answer.code) == (431, "headers_too_large")


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_a_head_that_only_nginx_would_take_is_refused(version, nginx, run, token):
    """libmicrohttpd does that, with a body of its own."""
    assert nginx.post(run, token, *large_headers(2), version=version).status == 431


def test_a_very_large_head_of_http_2_ends_its_stream(nginx, run, token):
    with pytest.raises(AssertionError, match="was not closed cleanly"):
        nginx.post(run, token, *large_headers(4))


def test_a_request_line_that_is_too_long_is_json(nginx):
    answer = nginx.ask("/" + "x" * 30000, version="1.1")
    assert (answer.status, answer.code) == (414, "bad_request")


@pytest.mark.parametrize(
    ("template", "status", "code"),
    [
        (request(line="POST @PATH@ HTTP/2.0"), 505, "http_version_not_supported"),
        (request("Transfer-Encoding: gzip", length=False), 501, "unknown_transfer_coding"),
    ],
)
def test_what_nginx_refuses_itself_has_the_word_of_the_ingress(template, status, code, nginx, run, token):
    with nginx.connect() as connection:
        connection.send_what_is_taken(fill(template, nginx.url, run, token))
        answer = connection.answer()
    assert (answer.status, answer.code) == (status, code)


def test_every_word_of_nginx_is_in_the_api():
    text = CONFIGURATION.read_text()
    (words,) = re.findall(r"^map \$status \$gold_label_code \{\n(.*?)^\}", text, re.M | re.S)
    codes = [line.split()[1].rstrip(";") for line in words.splitlines()]
    codes += re.findall(r'"code":"(\w+)"', text)
    api = yaml.safe_load((ROOT / "schemas" / "openapi.yaml").read_text())
    assert len(codes) > 5
    assert set(codes) <= set(api["components"]["schemas"]["ErrorCode"]["enum"])


def test_the_largest_body_passes(nginx, run, token):
    body = BODY[:-1] + b" " * (BODY_MAX - len(BODY)) + b"}"
    assert nginx.post(run, token, "-H", "Expect: 100-continue", body=body).status == 201


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz", "/.nginx-error"])
def test_what_is_for_operators_is_not_there(path, nginx):
    answer = nginx.ask(path)
    assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize(
    "template",
    [
        request("Content-Length: 3"),
        chunked("Content-Length: 3"),
        request("Transfer-Encoding: chunked, identity", length=False),
        request("Host: b"),
        request("Content-Length : 3", length=False),
        request("X: a\0b"),
        request("Authorization: Bearer x"),
        request(line="POST @PATH@ HTTP/1.1 x"),
        chunked(body=b"zz\r\n"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(template, nginx, run, token, system):
    with Commands(system.env["KAFKA_BROKERS"]) as commands, nginx.connect() as connection:
        before = commands.count()
        connection.send_what_is_taken(fill(template + request(), nginx.url, run, token))
        answers = connection.answers()
        assert answers[0].status in (400, 501)
        assert answers[0].code
        assert len(answers) == 1
        assert commands.count() == before


def test_a_header_name_that_could_be_taken_for_another_does_not_come_through(start, run, token):
    dropped = ["X-Forwarded-For: 1.2.3.4", "Forwarded: for=1.2.3.4", "X-Real-IP: 1.2.3.4"]
    dropped += ["X-Forwarded-Proto: http", "X-Forwarded-Host: evil", "Content_Length: 3", "Host_: evil"]
    with Backend() as backend:
        nginx = start(backend.port)
        said = [word for header in dropped for word in ("-H", header)]
        nginx.post(run, token, *said)
    (head,) = backend.heads
    names = {line.split(b":")[0].lower() for line in head.split(b"\r\n")[1:] if line}
    assert names == {b"host", b"content-length", b"user-agent", b"accept", b"content-type", b"authorization"}
    assert f"Host: {nginx.url.removeprefix('https://')}".encode() in head


class Backend:
    """Takes requests, and closes the connection instead of an answer."""

    def __enter__(self):
        self.heads = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += client.recv(65536)
                self.heads.append(head.partition(b"\r\n\r\n")[0])


def test_a_label_that_may_have_been_taken_is_not_sent_again(start, run, token):
    with Backend() as backend:
        answer = start(backend.port).post(run, token)
        assert (answer.status, answer.code) == (504, "outcome_unknown")
        assert len(backend.heads) == 1


def test_connections_to_the_ingress_are_kept(nginx, proxy, run, token):
    assert nginx.post(run, token).status == 201
    before = len(proxy.links)
    for _ in range(10):
        assert nginx.post(run, token).status == 201
    assert len(proxy.links) == before


def test_a_client_may_wait_30_seconds_for_its_label(nginx, run, token, held_table):
    answer = nginx.post(run, token, "-H", "Prefer: wait=30")
    assert (answer.status, answer.headers["preference-applied"]) == (202, "wait=30")


def test_a_stopped_worker_is_a_202(nginx, run, token, system):
    system.call("stop", "worker")
    try:
        answer = nginx.post(run, token, "-H", "Prefer: wait=1")
        assert (answer.status, json.loads(answer.body)["status"]) == (202, "accepted")
    finally:
        system.call("start", "worker")
    wait_until(lambda: system.count(run) == 1, 60, "the label is stored")


def test_an_ingress_that_restarts_is_a_503_until_it_is_back(start, workers, run, token):
    ingress = workers.start(Ingress).wait_until_ready()
    port = ingress.url.rsplit(":", 1)[1]
    nginx = start(int(port))
    assert nginx.post(run, token).status == 201
    assert ingress.stop() == 0
    answer = nginx.post(run, token)
    assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "unavailable", "1")

    class Again(Process):
        def __init__(self, state, environment):
            super().__init__("ingress", state, environment)

    workers.start(Again, GOLD_LABEL_HTTP_PORT=port, GOLD_LABEL_INGRESS_NAME=port).wait_until_ready()
    assert nginx.post(run, token).status == 201


def test_an_ingress_that_dies_leaves_an_unknown_outcome(start, workers, run, token, held_table):
    ingress = workers.start(Ingress).wait_until_ready()
    nginx = start(int(ingress.url.rsplit(":", 1)[1]))
    with nginx.connect() as connection:
        waits = request("Prefer: wait=30", without=["Prefer"])
        connection.send(fill(waits, nginx.url, run, token))
        wait_until(lambda: ingress.metric("gold_label_ingress_pending") == 1, what="it waits")
        ingress.send_signal(signal.SIGKILL)
        answer = connection.answer()
    assert (answer.status, answer.code) == (504, "outcome_unknown")
