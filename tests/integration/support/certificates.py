"""Certificates for localhost, and HTTP by bytes over TLS."""

import datetime
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from support.issuer import ec_key
from support.raw_http import Connection


class Certificate:
    """A self-signed one of `host`, and its key, as PEM files in `folder`. Valid for `days` from now on."""

    def __init__(self, folder, name="server", key=None, days=1, host="localhost"):
        self.folder = Path(folder)
        self.file, self.key_file = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        self.name, self.host = name, host
        self.write(key, days)

    def write(self, key=None, days=1):
        """A new one in the same files."""
        key = key or ec_key()
        now = datetime.datetime.now(datetime.UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)])
        names = [x509.DNSName(self.host)]
        if self.host == "localhost":
            names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=2))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        self.key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return self

    @property
    def files(self):
        return self.file, self.key_file

    @property
    def der(self):
        return self.certificate.public_bytes(serialization.Encoding.DER)

    def context(self):
        """Of a client that trusts this one only."""
        return ssl.create_default_context(cafile=self.file)


class TlsConnection(Connection):
    def __init__(self, url, context, **options):
        super().__init__(url, **options)
        try:
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        except BaseException:
            self.socket.close()
            raise
