"""Many connections that are busy at the same moment."""

import json
import socket
from urllib.parse import urlsplit

CONNECTIONS = 300
ROUNDS = 8
DEADLINE_S = 20


def request_bytes(url, run, token):
    body = json.dumps({"output_resource_name": "summary", "text_value": "good"}).encode()
    head = (
        f"POST /v1/run/{run}/gold-labels HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nPrefer: wait=15\r\n\r\n"
    )
    return head.encode() + body


def read_answer(connection):
    """The status of one answer, read to its end."""
    text = b""
    while b"\r\n\r\n" not in text:
        text += connection.recv(65536)
    head, _, body = text.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)
    return int(head.split()[1])


def test_no_request_stands_still_when_hundreds_come_at_once(system, run, api):
    where = urlsplit(api.url)
    request = request_bytes(api.url, run, api.token)
    connections = [
        socket.create_connection((where.hostname, where.port), DEADLINE_S) for _ in range(CONNECTIONS)
    ]
    try:
        for _ in range(ROUNDS):
            for connection in connections:
                connection.sendall(request)
            assert {read_answer(connection) for connection in connections} == {201}
    finally:
        for connection in connections:
            connection.close()
    assert (
        system.query("SELECT count(*) FROM gold_label WHERE run_id = %s", run)[0][0] == CONNECTIONS * ROUNDS
    )
