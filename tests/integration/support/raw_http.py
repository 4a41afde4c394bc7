"""HTTP by bytes: requests exactly as a test writes them, and answers as they come, over one connection.

with Connection(url) as connection:
    connection.send(fill(request("X: y"), ...))
    answer = connection.answer()
"""

import json
import re
import socket
from dataclasses import dataclass, field
from urllib.parse import urlsplit

DEADLINE_S = 20
BODY = b'{"output_resource_name":"raw","text_value":"good"}'


class Ended(Exception):
    """The connection was closed before an answer was whole."""


@dataclass
class Answer:
    status: int
    version: str
    headers: list[tuple[str, str]]
    body: bytes
    interim: list[int] = field(default_factory=list)  # 1xx that came before it

    def values(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name):
        """The one value of that header; None without one."""
        found = self.values(name)
        assert len(found) <= 1, f"{name} came {len(found)} times"
        return found[0] if found else None

    @property
    def json(self):
        assert self.header("Content-Type") == "application/json"
        return json.loads(self.body)

    @property
    def code(self):
        """The stable word of an error; None where the body is no error of ours."""
        is_ours = self.status >= 400 and self.header("Content-Type") == "application/json"
        return self.json["code"] if is_ours else None

    @property
    def closes(self):
        return (self.header("Connection") or "").lower() == "close"


class Connection:
    def __init__(self, url, deadline_s=DEADLINE_S, receive_buffer=0, segment=0, source=None):
        """`segment`: the most bytes of a packet, as on a real network: the other side's buffers follow.
        `source`: the address to come from."""
        where = urlsplit(url)
        self.socket = socket.socket(socket.AF_INET6 if ":" in where.hostname else socket.AF_INET)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if segment:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, segment)
        if source:
            self.socket.bind((source, 0))
        self.socket.settimeout(deadline_s)
        self.socket.connect((where.hostname, where.port))
        self.received = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, content):
        self.socket.sendall(content)

    def send_what_is_taken(self, content):
        """As `send`, for a server that may have closed already."""
        try:
            self.socket.sendall(content)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def end_sending(self):
        self.socket.shutdown(socket.SHUT_WR)

    def answer(self, to_head=False):
        """The next final answer. `to_head`: it answers HEAD and has no body. Raises Ended."""
        interim = []
        while True:
            version, status, headers = self._head()
            if status >= 200:
                break
            interim.append(status)
        answer = Answer(status, version, headers, b"", interim)
        length = int(answer.header("Content-Length") or 0)
        if not to_head and status not in (204, 304):
            answer.body = self._take(lambda: len(self.received) >= length and length)
        return answer

    def answers(self):
        """All that come until the connection is closed."""
        found = []
        while True:
            try:
                found.append(self.answer())
            except Ended:
                return found

    def is_closed(self):
        """Waits for the end; False when bytes come instead."""
        return not self.received and not self._receive()

    def _head(self):
        def ends():
            at = self.received.find(b"\r\n\r\n")
            return at + 4 if at >= 0 else None

        lines = self._take(ends).decode("latin-1").split("\r\n")
        match = re.fullmatch(r"HTTP/(1\.[01]) ([1-5]\d\d) ([ -~]*)", lines[0])
        assert match, f"no status line: {lines[0]!r}"
        headers = [tuple(line.split(": ", 1)) for line in lines[1:-2]]
        assert all(len(pair) == 2 for pair in headers), lines
        return match[1], int(match[2]), headers

    def _take(self, length):
        """The first bytes, as soon as length() tells how many."""
        while (n := length()) is None or n is False:
            if not self._receive():
                raise Ended(self.received)
        taken, self.received = self.received[:n], self.received[n:]
        return taken

    def _receive(self):
        try:
            more = self.socket.recv(65536)
        except ConnectionResetError:
            more = b""
        self.received += more
        return bool(more)


# ---- requests; fill() puts run, token and host in ----

PATH = b"/v1/run/@RUN@/gold-labels"
GOOD = (
    "Host: @HOST@",
    "Authorization: Bearer @TOKEN@",
    "Content-Type: application/json",
    "Prefer: respond-async",
)


def request(*extra, line="POST @PATH@ HTTP/1.1", body=BODY, length=True, without=(), end="\r\n"):
    """A good request with a Content-Length, but for what is said. `without`: names of headers to leave out.
    Text is latin-1; `body` is bytes; `end` is that of every line."""
    headers = [header for header in GOOD if header.split(":")[0] not in without]
    headers += [f"Content-Length: {len(body)}"] if length else []
    head = "".join(part + end for part in (line, *headers, *extra, ""))
    return head.encode("latin-1") + body


def chunked(*extra, body=None, **options):
    """A good request in chunks; `body`: as it goes over the wire."""
    wire = chunk(BODY[:7]) + chunk(BODY[7:]) + b"0\r\n\r\n" if body is None else body
    return request("Transfer-Encoding: chunked", *extra, body=wire, length=False, **options)


def chunk(content):
    return f"{len(content):x}\r\n".encode() + content + b"\r\n"


def fill(template, url, run, token):
    for name, value in (
        (b"@PATH@", PATH),
        (b"@RUN@", run.encode()),
        (b"@TOKEN@", token.encode()),
        (b"@HOST@", urlsplit(url).netloc.encode()),
    ):
        template = template.replace(name, value)
    return template
