"""A TCP proxy that can become a black hole: connections stay open, and nothing comes through any more."""

import contextlib
import socket
import threading


class Link:
    """One connection of a client, and ours to the server."""

    def __init__(self, client, server):
        self.client, self.server = client, server
        self.asks = self.answers = server is not None  # whether bytes are passed on; otherwise they vanish
        self.requests = {}  # for a proxy that knows what it passes on


class Proxy:
    """Listens on `port` of loopback and passes on to `server_port` of loopback."""

    def __init__(self, server_port):
        self.server_port = server_port
        self.is_open = True
        self.links = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self.listener.accept()
                with contextlib.suppress(OSError):  # the server is away: so is this client
                    self.link(client)

    def link(self, client):
        server = None
        if self.is_open:
            try:
                server = socket.create_connection(("127.0.0.1", self.server_port))
            except OSError:
                client.close()
                raise
        link = Link(client, server)
        self.links.append(link)
        threading.Thread(target=self.pump, args=(link, "asks"), daemon=True).start()
        if server:
            threading.Thread(target=self.pump, args=(link, "answers"), daemon=True).start()

    def pump(self, link, direction):
        source, sink = (link.client, link.server) if direction == "asks" else (link.server, link.client)
        with contextlib.suppress(OSError):  # reset: an end as any other
            while data := source.recv(65536):
                if getattr(link, direction):
                    sink.sendall(data)
        with contextlib.suppress(OSError):
            if getattr(link, direction):
                sink.shutdown(socket.SHUT_WR)

    # ---- faults ----

    def swallow(self):
        """What is there becomes a black hole, and so does what comes."""
        self.is_open = False
        for link in self.links:
            link.asks = link.answers = False

    def swallow_answers(self):
        """The server still gets what is sent to it; its answers vanish."""
        for link in self.links:
            link.answers = False

    def reopen(self):
        """New connections come through again; those that never reached the server end, others stay dead."""
        self.is_open = True
        for link in self.links:
            if not link.server:
                link.client.close()

    def cut(self):
        """The clients see the end of their connections. The server sees nothing."""
        for link in self.links:
            link.asks = link.answers = False
            with contextlib.suppress(OSError):
                link.client.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.listener.close()
        for link in self.links:
            for end in filter(None, (link.client, link.server)):
                end.close()
