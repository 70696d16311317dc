"""An authority, and servers with certificates of it: good ones and bad ones."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Pair = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _made(
    text: str, *, by: Pair | None, days: int = 90, authority: bool = False
) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(text))
        .issuer_name(_name(text) if by is None else by[0].subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=400))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(text)]), False)
    )
    return builder.sign(key if by is None else by[1], hashes.SHA256()), key


class Authority:
    """Signs certificates by way of an intermediate one, as public ones do."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._root = _made("A test authority", by=None, authority=True)
        self._between = _made("Its deputy", by=self._root, authority=True)
        self.file = folder / "authorities.pem"
        self.file.write_bytes(_pem(self._root[0]))

    def context(
        self,
        host: str = "localhost",
        *,
        days: int = 90,
        alone: bool = False,
        by_itself: bool = False,
    ) -> ssl.SSLContext:
        """Return a server's TLS with a certificate; `alone`: without its chain."""
        certificate, key = _made(
            host, by=None if by_itself else self._between, days=days
        )
        path = self._folder / "server.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + _pem(certificate)
            + (b"" if alone else _pem(self._between[0]))
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


class Site(BaseHTTPRequestHandler):
    """Answers as our server does; subclasses misbehave."""

    def do_GET(self) -> None:
        """Answer the look at the address."""
        self.say(200, b"service")

    def do_POST(self) -> None:
        """Answer a call."""
        self.taken()
        self.say(200, b"<serverVersionResult>x</serverVersionResult>")

    def taken(self) -> int:
        """Read the body; return its length."""
        return len(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def say(self, status: int, body: bytes, **headers: str) -> None:
        """Answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(site: type[Site], context: ssl.SSLContext | None) -> Iterator[int]:
    """Serve on a port, with TLS or without, and yield the port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), site)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
