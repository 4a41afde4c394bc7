"""A proxy that knows where Kafka's requests and answers begin: it can lose those of one kind, and all
that comes after them on their connections, as a broker does that freezes at the worst of moments.

    proxy = KafkaProxy(system)
    workers.start(**proxy.environment)
    with proxy.losing("answers", END_TRANSACTION) as lost:
        wait_until(lost.is_set)

Or it says something else than the broker did.
"""

import contextlib
import socket
import struct
import threading

from support.proxy import Proxy

METADATA, OFFSET_FETCH, FIND_COORDINATOR, END_TRANSACTION = 3, 9, 10, 26  # keys of Kafka's protocol
NOT_COORDINATOR = 16
HOST = "127.0.0.1"


class KafkaProxy(Proxy):
    """In front of a system of one broker."""

    def __init__(self, system):
        super().__init__(int(system.env["KAFKA_BROKERS"].split(":")[1]))
        self.losses = None
        self.lost = threading.Event()
        self.changes = []

    @property
    def environment(self):
        return {"GOLD_LABEL_KAFKA_BROKERS": f"{HOST}:{self.port}"}

    @contextlib.contextmanager
    def losing(self, direction, key):
        """Requests of this kind (`asks`), or their answers (`answers`). Gives the event of the first loss."""
        self.lost.clear()
        self.losses = direction, key
        yield self.lost
        self.losses = None

    def refuse_offsets(self, error):
        """The next question for committed offsets has this for an answer (OffsetFetch, version 7)."""
        no_tags, throttle_ms, no_topics = b"\0", struct.pack(">i", 0), b"\1"
        body = no_tags + throttle_ms + no_topics + struct.pack(">h", error) + no_tags
        self.changes.append((OFFSET_FETCH, body))

    def changed(self, key, frame):
        for change in self.changes:
            if change[0] == key:
                self.changes.remove(change)
                correlation = frame[4:8]
                return struct.pack(">i", len(correlation + change[1])) + correlation + change[1]
        return frame

    def pump(self, link, direction):
        source, sink = (link.client, link.server) if direction == "asks" else (link.server, link.client)
        with contextlib.suppress(OSError):
            while frame := read_frame(source):
                key = key_of(link, direction, frame)
                if (direction, key) == self.losses:
                    link.asks = link.answers = False
                    self.lost.set()
                if direction == "answers" and key in (METADATA, FIND_COORDINATOR):
                    frame = self.instead_of_broker(frame)
                if direction == "answers":
                    frame = self.changed(key, frame)
                if getattr(link, direction):
                    sink.sendall(frame)
        with contextlib.suppress(OSError):
            if getattr(link, direction):
                sink.shutdown(socket.SHUT_WR)

    def instead_of_broker(self, frame):
        """Clients go where an answer says that the broker is: here."""
        host = HOST.encode()
        return frame.replace(host + struct.pack(">i", self.server_port), host + struct.pack(">i", self.port))


def read_frame(source):
    """A length and so many bytes; nothing at the end."""
    head = source.recv(4, socket.MSG_WAITALL)
    if len(head) < 4:
        return b""
    return head + source.recv(struct.unpack(">i", head)[0], socket.MSG_WAITALL)


def key_of(link, direction, frame):
    if direction == "answers":
        return link.requests.pop(struct.unpack(">i", frame[4:8])[0], None)
    key, _version, correlation = struct.unpack(">hhi", frame[4:12])
    link.requests[correlation] = key  # until it is answered
    return key
