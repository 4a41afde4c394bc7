"""An issuer of tokens: key pairs, and an HTTP server of its key set that can be made to misbehave."""

import base64
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm


def rsa_key(bits=2048):
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def ec_key(curve=ec.SECP256R1):
    return ec.generate_private_key(curve())


def algorithm_of(key):
    return "HS256" if isinstance(key, bytes) else "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"


def jwk(key, kid, **members):
    """The public half as a JSON Web Key; of bytes the secret."""
    if isinstance(key, bytes):
        made = {"kty": "oct", "k": base64.urlsafe_b64encode(key).rstrip(b"=").decode()}
    else:
        kind = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
        made = json.loads(kind.to_jwk(key.public_key()))
        made.pop("key_ops", None)
    return made | {"kid": kid} | members


def key_set(keys):
    return json.dumps({"keys": [jwk(key, kid) for kid, key in keys.items()]}).encode()


class Issuer:
    """Serves the key set of `keys` (key by kid) until the end of the `with` block."""

    def __init__(self, keys=None, tls=None):
        self.keys = keys if keys is not None else {}
        self.answer = None  # (status, headers, body) in place of the key set; other paths still have that
        self.headers = {}  # of the key set
        self.hold = threading.Event()  # answers wait for it
        self.hold.set()
        self.hits = 0
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.server.daemon_threads = True
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"http{'s' if tls else ''}://localhost:{self.server.server_address[1]}/keys"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})

    def handler(self):
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.hits += 1
                issuer.hold.wait(60)
                answer = issuer.answer if self.path == "/keys" else None
                status, headers, body = answer or (200, issuer.headers, key_set(issuer.keys))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.hold.set()
        self.stop()

    def stop(self):
        """Nothing listens any more."""
        if self.thread.is_alive():
            self.server.shutdown()
            self.thread.join()
            self.server.server_close()
